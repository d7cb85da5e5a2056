/// \file
/// Building blocks for the checks of sinks: a target, loads into it, and its contents.
#pragma once

#include <etl/detail/split.hpp>
#include <etl/ledger.hpp>
#include <etl/testing/conformance/child_process.hpp>
#include <etl/testing/conformance/instance.hpp>

namespace etl::inline v1::conformance::detail {

constexpr std::int64_t sink_rows = 1000;

/// Whether check() takes these columns.
inline Result sink_takes(const Instance& sink, const Schema& schema) {
  const OwnedSchema given = exported(schema);
  const Result result = call(sink.stage().sink->check, sink.self(), given.get());
  require(given->release != nullptr, "check() released the schema that it borrowed");
  return result;
}

/// The input columns of the sink: as given, or those of all types that it accepts.
inline std::vector<InputColumn> sink_columns(const Probe& probe, const Instance& sink) {
  std::vector<InputColumn> columns = columns_for(probe.subject);
  if (sink_takes(sink, schema_of(columns))) return columns;
  std::erase_if(columns, [&](const InputColumn& column) {
    return !sink_takes(sink, Schema({column.field}));
  });
  if (columns.empty() || !sink_takes(sink, schema_of(columns))) {
    throw Skip("check() refuses the kit's columns: list suitable ones in the check file");
  }
  return columns;
}

/// A sink instance with one target.
class SinkSession {
 public:
  explicit SinkSession(const Probe& probe) : SinkSession(probe, probe.place()) {}
  SinkSession(const Probe& probe, const Place& at)
      : place(at), instance(probe, at), columns(sink_columns(probe, instance)) {}

  [[nodiscard]] const etl_sink& table() const { return *instance.stage().sink; }
  [[nodiscard]] bool transactional() const {
    return (instance.stage().flags & ETL_STAGE_TRANSACTIONAL) != 0;
  }
  [[nodiscard]] Schema schema() const { return schema_of(columns); }
  [[nodiscard]] Input input(const std::string& partition) const {
    return Input(columns, partition);
  }

  [[nodiscard]] Result try_prepare() const {
    if (table().prepare == nullptr) return {};
    const OwnedSchema given = exported(schema());
    return call(table().prepare, instance.self(), given.get());
  }
  void prepare() const { require_ok(try_prepare(), "prepare()"); }
  [[nodiscard]] std::vector<LedgerRecord> committed(std::string_view pipeline) const {
    std::vector<LedgerRecord> records;
    const auto add = [](void* ctx, const etl_ledger_record* record) {
      static_cast<std::vector<LedgerRecord>*>(ctx)->push_back(from_abi(*record));
    };
    require_ok(call(table().committed, instance.self(), to_abi(pipeline), to_abi(sink_name), add,
                    &records),
               "committed()");
    return records;
  }
  [[nodiscard]] std::vector<LedgerRecord> committed() const { return committed(place.id); }
  /// One line per record, such as `one done 1000`.
  [[nodiscard]] Strings ledger() const {
    Strings lines;
    if (!transactional()) return lines;
    for (const LedgerRecord& record : committed()) {
      lines.push_back(record.partition + " " + std::string(state_name(record.state)) + " " +
                      std::to_string(record.rows_written));
    }
    std::ranges::sort(lines);
    return lines;
  }
  [[nodiscard]] Result record(const LedgerRecord& record) const {
    const etl_ledger_record abi = to_abi(record);
    return call(table().record, instance.self(), &abi);
  }
  [[nodiscard]] WriteRequest request(const Partition& partition, bool reload = false) const {
    return {place.id, source_name, sink_name, run_, partition, reload};
  }
  [[nodiscard]] LedgerRecord record_of(const std::string& partition, std::int64_t rows,
                                       State state = State::done) const {
    LedgerRecord record;
    record.state = state;
    record.pipeline = place.id;
    record.source = source_name;
    record.sink = sink_name;
    record.partition = partition;
    record.rows_read = rows + 7;
    record.rows_filtered = 4;
    record.rows_rejected = 3;
    record.rows_written = rows;
    record.source_uri = "check:" + partition;
    record.source_bytes = 1000;
    record.definition = "source:0123;sink:4567";
    record.run_id = run_;
    record.attempts = 2;
    if (state != State::done) record.error = "no 'luck'\nat all";
    record.started_at = 1'700'000'000'000'000;
    record.finished_at = 1'700'000'060'000'000;
    return record;
  }

  const Place place;
  Instance instance;
  std::vector<InputColumn> columns;

 private:
  static constexpr const char* source_name = "source";
  static constexpr const char* sink_name = "sink";
  std::string run_ = "run-" + std::to_string(::getpid());  // each process is a run
};

/// One partition's transaction. Overwrites what open() borrowed after the call.
class SinkRun {
 public:
  SinkRun(const SinkSession& session, const Partition& partition, bool reload = false)
      : session_(session), partition_(partition.id) {
    WriteRequest lent = session.request(partition, reload);
    const etl_partition abi_partition = to_abi(lent.partition);
    const etl_write_request abi = to_abi(lent, abi_partition);
    const OwnedSchema given = exported(session.schema());
    opened = call(session.table().open, session.instance.self(), &abi, given.get(), &writer_);
    for (std::string* text : {&lent.pipeline, &lent.source, &lent.sink, &lent.run_id,
                              &lent.partition.id, &lent.partition.uri}) {
      std::ranges::fill(*text, '#');
    }
  }
  ~SinkRun() { close(); }
  SinkRun(const SinkRun&) = delete;
  SinkRun& operator=(const SinkRun&) = delete;

  void require_open() const {
    require(opened.code == ETL_OK,
            "open() of partition \"" + partition_ + "\" failed: " + opened.text());
  }
  Result write(Batch batch, std::function<void()> on_release = {}) {
    ArrowArray array = releases_.watch(std::move(batch), std::move(on_release));
    return call(session_.table().write, writer_, &array);
  }
  Result write(std::vector<Batch> batches) {
    for (Batch& batch : batches) {
      rows_ += static_cast<std::int64_t>(batch.rows());
      if (const Result result = write(std::move(batch)); !result) return result;
    }
    return {};
  }
  Result commit() {
    const LedgerRecord record = session_.record_of(partition_, rows_);
    const etl_ledger_record abi = to_abi(record);
    return call(session_.table().commit, writer_, &abi);
  }
  void close() {
    if (opened && !closed_) session_.table().close(writer_);
    closed_ = true;
  }
  void require_released_once() const { releases_.require_once("the sink"); }

  Result opened;

 private:
  const SinkSession& session_;
  std::string partition_;
  Releases releases_;
  void* writer_ = nullptr;
  std::int64_t rows_ = 0;
  bool closed_ = false;
};

/// A partition to load, and how.
struct Load {
  std::string partition = "one";
  std::int64_t rows = sink_rows;
  std::vector<std::int64_t> sizes = {100};
  Layout layout = Layout::plain;
  bool reload = false;
};

/// Opens, writes and commits; retries transient errors, as the runner does.
inline Result try_load(const SinkSession& session, const Load& load) {
  constexpr int most_tries = 20;
  const Input input = session.input(load.partition);
  Result result;
  for (int tries = 0; tries < most_tries; ++tries) {
    SinkRun run(session, input.partition(), load.reload);
    result = run.opened;
    if (result) result = run.write(input.batches(load.rows, load.sizes, load.layout));
    if (result) result = run.commit();
    if (result.code != ETL_TRANSIENT) return result;
    run.close();
    ::usleep(250'000);
  }
  return result;
}
inline void load(const SinkSession& session, const Load& load) {
  const Result result = try_load(session, load);
  require(result.code == ETL_OK,
          "loading the partition \"" + load.partition + "\" failed: " + result.text());
}

/// The contents of a target: its rows, if there is a command to print them, and its ledger.
struct Held {
  Shown rows;
  Strings ledger;
  bool operator==(const Held&) const = default;
};

inline bool can_see(const Probe& probe) { return !probe.subject.dump.empty(); }

inline Shown dumped(const Probe& probe, const Place& place) {
  return can_see(probe) ? shell(place, probe.subject.dump) : Shown{true, {}};
}

inline Held held(const Probe& probe, const SinkSession& session) {
  return {dumped(probe, session.place), session.ledger()};
}

/// Skips the check unless the effect of the sink can be seen.
inline void require_visible(const Probe& probe, const SinkSession& session) {
  if (can_see(probe) || session.transactional()) return;
  throw Skip(
      "the sink keeps no ledger, and there is no command `dump` to print its rows: add one to the "
      "check file");
}

/// Skips the check unless the rows can be seen.
inline void require_dump(const Probe& probe) {
  if (can_see(probe)) return;
  throw Skip("there is no command `dump` to print the sink's rows: add one to the check file");
}

inline Strings lines(const std::string& text) {
  const auto parts = split(text, '\n');
  return {parts.begin(), parts.end()};
}

inline void require_held(const Held& expected, const Held& found, const std::string& when) {
  require(expected.ledger == found.ledger,
          when + " the ledger differs: " + difference(expected.ledger, found.ledger));
  require(found.rows.ok || !expected.rows.ok, when + " the command `dump` failed");
  require(expected.rows == found.rows,
          when + " the rows in the target differ: " +
              difference(lines(expected.rows.text), lines(found.rows.text)));
}

/// The contents of a new target after these loads, one after the other.
inline Held clean(const Probe& probe, const std::vector<Load>& loads) {
  const SinkSession session(probe);
  require_visible(probe, session);
  session.prepare();
  for (const Load& one : loads) load(session, one);
  Held all = held(probe, session);
  require(all.rows.ok, "the command `dump` failed after a load: " + all.rows.text);
  return all;
}

}  // namespace etl::inline v1::conformance::detail
