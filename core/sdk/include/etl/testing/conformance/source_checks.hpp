/// \file
/// Checks of sources.
#pragma once

#include <etl/partition.hpp>
#include <etl/testing/conformance/filter_checks.hpp>

#include <set>

namespace etl::inline v1::conformance {
namespace detail {

/// A source instance with its schema and partitions.
class PlannedSource {
 public:
  explicit PlannedSource(const Probe& probe) : PlannedSource(probe, probe.place()) {}
  PlannedSource(const Probe& probe, const Place& place) : instance(probe, place) {
    OwnedSchema out;
    const Result asked = call(table().schema, instance.self(), out.out());
    require_ok(asked, "schema()");
    schema = taken(out.get(), "schema()");
    plan();
  }
  [[nodiscard]] const etl_source& table() const { return *instance.stage().source; }
  /// The first few partitions, which the checks read.
  [[nodiscard]] std::vector<Partition> some() const {
    constexpr std::size_t most = 4;
    return {partitions.begin(),
            partitions.begin() + static_cast<std::ptrdiff_t>(std::min(most, partitions.size()))};
  }

  Instance instance;
  Schema schema;
  std::vector<Partition> partitions;

 private:
  void plan() {
    const auto add = [](void* ctx, const etl_partition* partition) {
      static_cast<PlannedSource*>(ctx)->partitions.push_back(from_abi(*partition));
    };
    const Result planned = call(table().plan, instance.self(), add, this);
    require_ok(planned, "plan()");
  }
};

/// The stream of one partition.
class SourceRun {
 public:
  SourceRun(PlannedSource& source, const Partition& partition,
            const etl_predicate* predicate = nullptr)
      : source_(source), id_(partition.id) {
    Partition lent = partition;  // borrowed for the call, overwritten afterwards
    const etl_partition abi = to_abi(lent);
    opened = call(source.table().read, source.instance.self(), &abi, predicate, task.abi(),
                  stream_.out());
    for (std::string* text : {&lent.id, &lent.uri, &lent.scope.column}) {
      std::ranges::fill(*text, '#');
    }
  }
  /// Opens a replay() of `records`.
  SourceRun(PlannedSource& source, const Partition& partition, const std::vector<etl_str>& records)
      : source_(source), id_(partition.id) {
    const etl_partition abi = to_abi(partition);
    opened = call(source.table().replay, source.instance.self(), &abi, records.data(),
                  records.size(), task.abi(), stream_.out());
  }

  void require_open() const {
    require(opened.code == ETL_OK, title() + " cannot be opened: " + opened.text());
    require(stream_ && stream_->get_next != nullptr && stream_->get_schema != nullptr,
            title() + " returned no stream");
  }
  /// Reads the next batch; an empty one is the end. Returns false if get_next() returned an errno.
  bool next(OwnedArray& batch) {
    batch.reset();
    *batch.out() = {};
    return stream_.get()->get_next(stream_.get(), batch.out()) == 0;
  }
  /// Reads all rows. Fails the check if the source fails or its counts do not add up.
  Strings rows() {
    require_open();
    Strings all;
    OwnedArray batch;
    while (true) {
      require(next(batch), title() + " failed: " + reason());
      if (!batch) break;
      Strings some = taken_rows(batch.get(), source_.schema, title());
      std::ranges::move(some, std::back_inserter(all));
    }
    release();
    require_counts(static_cast<std::int64_t>(all.size()));
    return all;
  }
  void release() {
    if (!stream_) return;
    require(released(stream_.get()),
            title() + ": release() of the stream did not set release to NULL");
  }
  [[nodiscard]] Schema stream_schema() {
    OwnedSchema out;
    require(stream_.get()->get_schema(stream_.get(), out.out()) == 0,
            title() + ": get_schema() of the stream failed");
    return taken(out.get(), "the stream's get_schema()");
  }
  /// The error that the source reported.
  [[nodiscard]] std::string reason() const {
    if (!task.failed) return "an errno without a call of task->fail()";
    return code_text(task.failed->code) + ": " + bounded_text(task.failed->message);
  }
  [[nodiscard]] std::string title() const { return "partition \"" + id_ + "\""; }

  /// Fails unless the records that the source counted are those emitted, rejected or dropped.
  void require_counts(std::int64_t emitted, const std::string& when = {}) const {
    require(!task.unexplained, title() + " rejected a record without a reason");
    require(!task.counted || task.read == emitted + task.rejected + task.dropped,
            title() + when + " counted " + std::to_string(task.read) +
                " records read, but emitted " + std::to_string(emitted) + ", rejected " +
                std::to_string(task.rejected) + " and dropped " + std::to_string(task.dropped));
  }

  Result opened;
  MockTask task;

 private:
  PlannedSource& source_;
  std::string id_;
  OwnedStream stream_;
};

inline Strings read_all(PlannedSource& source, const Partition& partition) {
  return SourceRun(source, partition).rows();
}

inline void require_rows_equal(const Strings& expected, const Strings& found,
                               const Partition& partition, const std::string& when) {
  require(expected == found, "partition \"" + partition.id + "\" has different rows " + when +
                                 ": " + difference(expected, found));
}

/// Skips the check if there is nothing to read.
inline void require_partitions(const PlannedSource& source) {
  if (source.partitions.empty()) {
    throw Skip("the source plans no partitions: choose options with which it has some");
  }
}

inline std::string value_of(const Scope& scope) {
  const auto* number = std::get_if<std::int64_t>(&scope.value);
  return number != nullptr ? std::to_string(*number) : std::get<std::string>(scope.value);
}

inline std::string shown(const Partition& partition) {
  return partition.id + " (" + partition.uri + ", " + std::to_string(partition.bytes) +
         " bytes, scope \"" + partition.scope.column + "\" " + value_of(partition.scope) + ")";
}

inline void check_source_schema(const Probe& probe) {
  const PlannedSource source(probe);
  const etl_stage& stage = probe.stage();
  for (std::size_t i = 0; i < stage.column_count; ++i) {
    const auto found = source.schema.find(to_view(stage.columns[i].name));
    const std::string_view declared = to_view(stage.columns[i].type);
    if (!found || !type_from(declared)) continue;
    const Type type = source.schema[*found].type;
    require(type_name(type) == declared || (is_text(type) && is_text(*type_from(declared))),
            "column \"" + source.schema[*found].name + "\" is declared as " +
                std::string(declared) + ", but schema() says " + std::string(type_name(type)));
  }
  OwnedSchema again;
  const Result asked = call(source.table().schema, source.instance.self(), again.out());
  require(asked.code == ETL_OK && taken(again.get(), "schema()") == source.schema,
          "schema() returned different columns the second time");
}

inline void require_sound_plan(const PlannedSource& source) {
  std::set<std::string> ids;
  for (const Partition& partition : source.partitions) {
    require(!partition.id.empty(), "plan() returned a partition with an empty id");
    require(is_utf8(partition.id) && is_utf8(partition.uri),
            "plan() returned an id or URI that is not UTF-8");
    require(ids.insert(partition.id).second,
            "plan() returned the partition \"" + partition.id + "\" twice");
    require(partition.bytes >= -1, "partition \"" + partition.id + "\" has a negative size");
    if (partition.scope.column.empty()) continue;
    require(source.schema.find(partition.scope.column).has_value(),
            "partition \"" + partition.id + "\" has its scope in the column \"" +
                partition.scope.column + "\", which schema() lacks");
  }
}

inline void check_source_plan(const Probe& probe) {
  const Place place = probe.place();
  const PlannedSource once(probe, place);
  require_sound_plan(once);
  const PlannedSource again(probe, place);
  Strings first, second;
  for (const Partition& partition : once.partitions) first.push_back(shown(partition));
  for (const Partition& partition : again.partitions) second.push_back(shown(partition));
  require(first == second,
          "a second plan() returned different partitions: " + difference(first, second));
}

inline void check_source_read(const Probe& probe) {
  PlannedSource source(probe);
  require_partitions(source);
  for (const Partition& partition : source.some()) {
    SourceRun run(source, partition);
    run.require_open();
    require(run.stream_schema() == source.schema,
            run.title() + ": the columns of the stream differ from schema()");
    static_cast<void>(run.rows());
  }
}

inline void check_source_twice(const Probe& probe) {
  const Place place = probe.place();
  PlannedSource source(probe, place);
  require_partitions(source);
  PlannedSource other(probe, place);
  for (const Partition& partition : source.some()) {
    const Strings once = read_all(source, partition);
    require_rows_equal(once, read_all(source, partition), partition, "when read again");
    require_rows_equal(once, read_all(other, partition), partition,
                       "when read by another instance");
  }
}

inline void check_source_scope(const Probe& probe) {
  PlannedSource source(probe);
  require_partitions(source);
  std::set<std::string> taken_values;
  for (const Partition& partition : source.some()) {
    if (partition.scope.column.empty()) throw Skip("the partitions have no scope");
    const std::string value = value_of(partition.scope);
    require(taken_values.insert(partition.scope.column + "=" + value).second,
            "two partitions have the scope " + value + ": a reload of one would delete the other");
    const std::size_t column = source.schema.at(partition.scope.column);
    SourceRun run(source, partition);
    run.require_open();
    OwnedArray array;
    while (run.next(array) && array) {
      const Batch batch(array.get(), std::make_shared<const Schema>(source.schema));
      for (std::size_t row = 0; row < batch.rows(); ++row) {
        require(testing::cell(batch, column, row) == value,
                run.title() + " has a row with " + partition.scope.column + " = " +
                    testing::cell(batch, column, row) + ", which is not its scope " + value);
      }
    }
  }
}

/// A predicate on one column; which values it keeps depends on nothing but the value.
struct TextTest {
  explicit TextTest(std::string name, unsigned which) : column(std::move(name)), mode(which) {
    abi.struct_size = sizeof(abi);
    abi.column = to_abi(column);
    abi.ctx = this;
    abi.keep = [](void* ctx, etl_str value) {
      return static_cast<const TextTest*>(ctx)->keeps(to_view(value)) ? 1 : 0;
    };
  }
  [[nodiscard]] bool keeps(std::string_view value) const {
    if (mode != 2) return mode == 1;
    unsigned sum = 0;
    for (const char c : value) sum = sum * 31 + static_cast<unsigned char>(c);
    return sum % 2 == 0;
  }
  std::string column;
  unsigned mode;  ///< 0 = nothing, 1 = everything, 2 = about half
  etl_predicate abi{};
};

/// Reads a partition and returns the rows that pass `test`.
inline Strings kept_rows(PlannedSource& source, const Partition& partition,
                         const etl_predicate* given, const TextTest& test) {
  SourceRun run(source, partition, given);
  run.require_open();
  const std::size_t column = source.schema.at(test.column);
  Strings kept;
  OwnedArray array;
  std::int64_t emitted = 0;
  while (true) {
    require(run.next(array), run.title() + " failed with a predicate: " + run.reason());
    if (!array) break;
    Strings rows = shown_rows(array.get(), source.schema, run.title());
    emitted += static_cast<std::int64_t>(rows.size());
    const Batch batch(array.get(), std::make_shared<const Schema>(source.schema));
    const auto texts = batch.column<std::string_view>(column);
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (!texts.null(row) && test.keeps(texts[row])) kept.push_back(std::move(rows[row]));
    }
  }
  run.release();
  run.require_counts(emitted, " with a predicate");
  require(run.task.dropped == 0 || run.task.counted,
          run.title() + " counted dropped rows, but not the rows read");
  return kept;
}

inline void check_source_predicate(const Probe& probe) {
  PlannedSource source(probe);
  require_partitions(source);
  bool tried = false;
  for (const Field& field : source.schema) {
    if (!is_text(field.type)) continue;
    tried = true;
    for (const unsigned mode : {0U, 1U, 2U}) {
      const TextTest test(field.name, mode);
      for (const Partition& partition : source.some()) {
        require_rows_equal(kept_rows(source, partition, nullptr, test),
                           kept_rows(source, partition, &test.abi, test), partition,
                           "with a predicate on \"" + field.name + "\"");
      }
    }
  }
  if (!tried) throw Skip("the source has no text column");
}

inline void check_source_early(const Probe& probe) {
  PlannedSource source(probe);
  require_partitions(source);
  const Partition& partition = source.partitions.front();
  const Strings expected = read_all(source, partition);
  SourceRun(source, partition).release();
  SourceRun run(source, partition);
  run.require_open();
  OwnedArray batch;
  require(run.next(batch), run.title() + " failed: " + run.reason());
  run.release();
  // Arrow arrays stay valid after their stream is released.
  const Strings first = batch ? taken_rows(batch.get(), source.schema, run.title()) : Strings();
  require(
      first.size() <= expected.size() && std::equal(first.begin(), first.end(), expected.begin()),
      run.title() + ": the batch changed when its stream was released");
  require_rows_equal(expected, read_all(source, partition), partition,
                     "after a stream was released early");
}

inline void check_source_at_once(const Probe& probe) {
  const Place place = probe.place();
  PlannedSource source(probe, place);
  require_partitions(source);
  PlannedSource other(probe, place);
  const std::vector<Partition> partitions = source.some();
  std::vector<Strings> expected;
  expected.reserve(partitions.size());
  for (const Partition& partition : partitions) expected.push_back(read_all(source, partition));
  std::vector<std::function<void()>> readers;
  for (PlannedSource* which : {&source, &source, &other}) {
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      readers.push_back([&, which, i] {
        require_rows_equal(expected[i], read_all(*which, partitions[i]), partitions[i],
                           "while others are being read");
      });
    }
  }
  at_once(readers);
}

inline void require_reported(const SourceRun& run, int code) {
  require(run.task.failed.has_value(),
          run.title() + ": get_next() returned an errno without a call of task->fail()");
  require(run.task.failed->code == code,
          run.title() + " failed with " + run.reason() + "; " + "expected " + code_text(code));
}

/// Whether the stream ends within a second of being cancelled, normally or with ETL_CANCELLED.
inline bool ends_in_time(PlannedSource& source, const Partition& partition, bool after_a_batch) {
  SourceRun run(source, partition);
  run.require_open();
  OwnedArray batch;
  if (after_a_batch && (!run.next(batch) || !batch)) return true;
  run.task.cancel();
  source.instance.host().cancel();
  const auto begin = std::chrono::steady_clock::now();
  bool more = true;
  while (more && std::chrono::steady_clock::now() - begin < std::chrono::seconds(1)) {
    const bool well = run.next(batch);
    if (!well) require_reported(run, ETL_CANCELLED);
    more = well && static_cast<bool>(batch);
  }
  batch.reset();
  run.release();
  return std::chrono::steady_clock::now() - begin < std::chrono::seconds(1);
}

inline void check_source_cancel(const Probe& probe) {
  for (const bool after_a_batch : {false, true}) {
    bool in_time = false;
    for (int tries = 0; tries < 3 && !in_time; ++tries) {  // a busy machine may be slow once
      const Place place = probe.place();
      PlannedSource source(probe, place);
      require_partitions(source);
      in_time = ends_in_time(source, source.partitions.front(), after_a_batch);
    }
    require(in_time, std::string("cancelled ") + (after_a_batch ? "after" : "before") +
                         " the first batch, the stream went on for more than a second: poll "
                         "task->cancelled() while reading");
  }
}

inline void check_source_unknown(const Probe& probe) {
  PlannedSource source(probe);
  SourceRun run(source, {.id = "no such partition", .uri = "nowhere:"});
  const std::string title = "reading a partition that was never planned";
  if (run.opened.code != ETL_OK) {
    require(!run.opened.message().empty(), title + " failed without a message");
    return;
  }
  run.require_open();
  OwnedArray batch;
  while (run.next(batch)) {
    require(static_cast<bool>(batch), title + " succeeded: it would be committed as empty");
  }
  require(run.task.failed.has_value(), title + " failed without a call of task->fail()");
  require(!bounded_text(run.task.failed->message).empty(), title + " failed without a message");
}

inline void check_source_expect(const Probe& probe) {
  const Place place = probe.place();
  PlannedSource source(probe, place);
  require_partitions(source);
  const etl_source& table = source.table();
  if (table.expect == nullptr && table.finish == nullptr) {
    throw Skip("the source has neither expect() nor finish()");
  }
  PlannedSource other(probe, place);
  const std::vector<Partition> partitions = source.some();
  std::vector<etl_str> ids;
  ids.reserve(partitions.size());
  for (const Partition& partition : partitions) ids.push_back(to_abi(partition.id));
  if (table.expect != nullptr) {
    require_ok(call(table.expect, source.instance.self(), ids.data(), ids.size()), "expect()");
  }
  for (const Partition& partition : partitions) {
    require_rows_equal(read_all(other, partition), read_all(source, partition), partition,
                       "after expect()");
    if (table.finish != nullptr) table.finish(source.instance.self(), to_abi(partition.id));
  }
}

/// Fails the check if ready() waits or gives another answer than 0 or 1.
inline bool asked_ready(PlannedSource& source, const Partition& partition) {
  const std::string title = "ready() of partition \"" + partition.id + "\"";
  int answer = -1;
  bool in_time = false;
  for (int tries = 0; tries < 3 && !in_time; ++tries) {  // a busy machine may be slow once
    const auto begin = std::chrono::steady_clock::now();
    answer = source.table().ready(source.instance.self(), to_abi(partition.id));
    in_time = std::chrono::steady_clock::now() - begin < std::chrono::seconds(1);
  }
  require(in_time, title + " took longer than a second: it must not wait");
  require(answer == 0 || answer == 1, title + " returned " + std::to_string(answer));
  return answer == 1;
}

inline void check_source_ready(const Probe& probe) {
  constexpr std::chrono::seconds longest_silence(5);
  const Place place = probe.place();
  PlannedSource source(probe, place);
  require_partitions(source);
  if (source.table().ready == nullptr) throw Skip("the source has no ready()");
  PlannedSource other(probe, place);
  MockHost& host = source.instance.host();
  for (const Partition& partition : source.some()) {
    const std::string title = "ready() of partition \"" + partition.id + "\"";
    const auto end = std::chrono::steady_clock::now() + longest_silence;
    while (true) {
      const std::int64_t seen = host.wakes();
      if (asked_ready(source, partition)) break;
      require(std::chrono::steady_clock::now() < end,
              title + " returned 0 for 5 s, also after calls of wake()");
      require(host.woken(seen, longest_silence),
              title + " returned 0, and no call of wake() followed within 5 s");
    }
    require_rows_equal(read_all(other, partition), read_all(source, partition), partition,
                       "after ready()");
    if (source.table().finish != nullptr)
      source.table().finish(source.instance.self(), to_abi(partition.id));
  }
}

inline void check_source_replay(const Probe& probe) {
  PlannedSource source(probe);
  require_partitions(source);
  if (source.table().replay == nullptr) throw Skip("the source has no replay()");
  const Partition& partition = source.partitions.front();
  require(SourceRun(source, partition, std::vector<etl_str>{}).rows().empty(),
          "replay() of no records returned rows");
  const std::string garbage = "\x01 not a record \xFF";
  const std::vector<etl_str> records = {to_abi(garbage), etl_str{nullptr, 0}, to_abi(garbage)};
  SourceRun run(source, partition, records);
  const Strings rows = run.rows();
  require(static_cast<std::int64_t>(rows.size()) + run.task.rejected == 3,
          "replay() of 3 records returned " + std::to_string(rows.size()) + " rows and " +
              std::to_string(run.task.rejected) + " rejects");
}

inline void check_source_memory(const Probe& probe) {
  PlannedSource source(probe);
  require_partitions(source);
  for (const Partition& partition : source.some()) static_cast<void>(read_all(source, partition));
  SourceRun(source, source.partitions.front()).release();
  source.instance.require_no_memory();
}

}  // namespace detail

inline constexpr Check source_checks[] = {
    {"source.schema", "Returns the same columns twice, and those that it declares.", sources,
     "options.create", &detail::check_source_schema},
    {"source.plan", "Plans the same partitions twice, with unique ids.", sources, "source.schema",
     &detail::check_source_plan},
    {"source.read", "Emits valid batches of its columns, with counts that add up.", sources,
     "source.plan", &detail::check_source_read},
    {"source.twice", "Reads the same rows twice, from one instance and from two.", sources,
     "source.read", &detail::check_source_twice},
    {"source.scope", "Emits only rows in the partition's scope, which no other partition has.",
     sources, "source.twice", &detail::check_source_scope},
    {"source.predicate", "Leaves out only rows that the predicate drops, and counts them.", sources,
     "source.twice", &detail::check_source_predicate},
    {"source.early", "Allows releasing a stream at any time; its batches stay valid.", sources,
     "source.twice", &detail::check_source_early},
    {"source.instances", "Reads several partitions at once, in one instance and in two.", sources,
     "source.twice", &detail::check_source_at_once},
    {"source.cancel", "Stops within a second of being cancelled, with ETL_CANCELLED.", sources,
     "source.twice", &detail::check_source_cancel},
    {"source.unknown", "Fails with a reason for an unknown partition.", sources, "source.plan",
     &detail::check_source_unknown},
    {"source.expect", "Reads the same rows after expect(), and accepts finish().", sources,
     "source.twice", &detail::check_source_expect},
    {"source.ready", "Says without waiting whether data is here, and wakes the host when it comes.",
     sources, "source.twice", &detail::check_source_ready},
    {"source.replay", "Reads repaired records, or rejects them again.", sources, "source.twice",
     &detail::check_source_replay},
    {"source.memory", "Reports 0 bytes of memory once everything is released.", sources,
     "source.twice", &detail::check_source_memory},
};

}  // namespace etl::inline v1::conformance
