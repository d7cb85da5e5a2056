/// \file
/// Checks of filters.
#pragma once

#include <etl/testing/conformance/instance.hpp>

namespace etl::inline v1::conformance {
namespace detail {

/// The answer of schema(): the output columns or an error.
struct FilterSchema {
  Result result;
  Schema out;
};
inline FilterSchema filter_schema(const Instance& filter, const Schema& in) {
  const OwnedSchema given = exported(in);
  OwnedSchema out;
  FilterSchema answer;
  answer.result = call(filter.stage().filter->schema, filter.self(), given.get(), out.out());
  if (answer.result) answer.out = taken(out.get(), "schema()");
  require(given->release != nullptr, "schema() released the schema that it borrowed");
  return answer;
}

/// A partition on its way through a filter. What fails inside emit() is thrown after the call.
class FilterRun {
 public:
  FilterRun(const Instance& filter, const Schema& in, std::size_t emits_allowed = SIZE_MAX)
      : filter_(filter), table_(*filter.stage().filter), emits_allowed_(emits_allowed) {
    FilterSchema answer = filter_schema(filter, in);
    require(answer.result.code == ETL_OK, "schema() refused its input: " + answer.result.text());
    out_ = std::move(answer.out);
    const OwnedSchema given = exported(in);
    require_ok(call(table_.open, filter.self(), given.get(), task.abi(), &state_), "open()");
  }
  ~FilterRun() { close(); }
  FilterRun(const FilterRun&) = delete;
  FilterRun& operator=(const FilterRun&) = delete;

  Result apply(Batch batch, std::function<void()> on_release = {}) {
    ArrowArray array = releases_.watch(std::move(batch), std::move(on_release));
    return heard(call(table_.apply, state_, &array, &emit, this));
  }
  Result finish() {
    if (table_.finish == nullptr) return {};
    return heard(call(table_.finish, state_, &emit, this));
  }
  void close() {
    if (!closed_) table_.close(state_);
    closed_ = true;
  }
  /// Applies all batches, finishes, and returns the rows emitted.
  Strings rows_of(std::vector<Batch> batches) {
    for (Batch& batch : batches) {
      require_ok(apply(std::move(batch)), "apply()");
    }
    require_ok(finish(), "finish()");
    close();
    require(!task.unexplained, "a row was rejected without a reason");
    return rows;
  }
  void require_released_once() const { releases_.require_once("the filter"); }

  Strings rows;
  std::size_t emits = 0;
  MockTask task;

 private:
  static int emit(void* ctx, ArrowArray* batch) {
    auto& run = *static_cast<FilterRun*>(ctx);
    ++run.emits;
    const int failed = run.kept_.run([&] {
      Strings some = taken_rows(batch, run.out_, "the filter");
      std::ranges::move(some, std::back_inserter(run.rows));
    });
    return failed != 0 || run.emits > run.emits_allowed_ ? 1 : 0;
  }
  Result heard(Result result) const {
    kept_.rethrow();
    return result;
  }

  const Instance& filter_;
  const etl_filter& table_;
  std::size_t emits_allowed_;
  Schema out_;
  void* state_ = nullptr;
  bool closed_ = false;
  Releases releases_;
  Callback kept_;
};

constexpr std::int64_t some_rows = 1000, many_rows = 10'000, huge_rows = 200'000;

inline Strings filtered(const Instance& filter, const Input& input, std::int64_t rows,
                        const std::vector<std::int64_t>& sizes, Layout layout = Layout::plain) {
  FilterRun run(filter, input.schema());
  return run.rows_of(input.batches(rows, sizes, layout));
}

inline void require_same(const Strings& expected, const Strings& found, const std::string& when) {
  require(expected == found, when + " different rows were emitted: " + difference(expected, found));
}

inline void check_filter_schema(const Probe& probe) {
  const Instance filter(probe);
  const Schema in = schema_of(columns_for(probe.subject));
  const FilterSchema once = filter_schema(filter, in);
  const FilterSchema again = filter_schema(filter, in);
  require(once.result.code == ETL_OK, "schema() refused the columns " + in.names() + ": " +
                                          once.result.text() +
                                          " (list suitable columns in the check file)");
  require(again.result.code == ETL_OK && once.out == again.out,
          "schema() returned different columns the second time");
}

inline void check_filter_rows(const Probe& probe) {
  const Instance filter(probe);
  filtered(filter, Input(columns_for(probe.subject)), some_rows, {100});
}

/// Fails unless the filter refuses these columns by name or processes them.
inline void try_columns(const Instance& filter, std::vector<InputColumn> columns,
                        const std::string& column, const std::string& change) {
  const Input input(std::move(columns));
  const FilterSchema answer = filter_schema(filter, input.schema());
  const std::string title = "schema() with column \"" + column + "\" " + change;
  if (answer.result) {
    FilterRun run(filter, input.schema());
    const Result applied = run.apply(input.batch(0, 10));
    require(applied.code == ETL_OK,
            title + " succeeded, but then apply() failed: " + applied.text());
    return;
  }
  require(answer.result.code == ETL_CONFIG,
          title + " failed with " + answer.result.text() + "; unsuitable columns are ETL_CONFIG");
  require(answer.result.message().find(column) != std::string::npos,
          title + " was refused without naming the column: " + answer.result.message());
}

inline void check_filter_refuses(const Probe& probe) {
  const Instance filter(probe);
  const std::vector<InputColumn> columns = columns_for(probe.subject);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string name = columns[i].field.name;
    std::vector<InputColumn> changed = columns;
    changed[i].values.clear();
    changed[i].scope = false;
    changed[i].field.type = is_text(columns[i].field.type) ? Type::boolean : Type::utf8;
    try_columns(filter, changed, name, "of another type");
    changed[i] = columns[i];
    changed[i].field.name = "another_" + std::to_string(i);
    try_columns(filter, changed, name, "missing");
  }
}

inline void check_filter_empty(const Probe& probe) {
  const Instance filter(probe);
  const Input input(columns_for(probe.subject));
  const Strings without = filtered(filter, input, 0, {1});
  FilterRun run(filter, input.schema());
  std::vector<Batch> empty;
  empty.push_back(input.batch(0, 0));
  require_same(without, run.rows_of(std::move(empty)), "of a batch without rows");
}

inline void check_filter_borders(const Probe& probe) {
  const Instance filter(probe);
  const Input input(columns_for(probe.subject));
  const Strings whole = filtered(filter, input, many_rows, {many_rows});
  require_same(whole, filtered(filter, input, many_rows, {1}),
               "in batches of 1 row instead of " + std::to_string(many_rows));
  require_same(whole, filtered(filter, input, many_rows, {1, 7, 1000}),
               "in batches of various sizes");
}

inline void check_filter_sliced(const Probe& probe) {
  const Instance filter(probe);
  const Input input(columns_for(probe.subject));
  const Strings plain = filtered(filter, input, some_rows, {100});
  require_same(plain, filtered(filter, input, some_rows, {100}, Layout::sliced),
               "of batches with an offset");
  require_same(plain, filtered(filter, input, some_rows, {100}, Layout::sliced_columns),
               "of columns with an offset");
}

inline void check_filter_nulls(const Probe& probe) {
  const Instance filter(probe);
  std::vector<InputColumn> columns = columns_for(probe.subject);
  for (InputColumn& column : columns) column.field.nullable = true;
  const Input input(columns);
  const FilterSchema answer = filter_schema(filter, input.schema());
  if (!answer.result) {
    throw Skip("schema() refuses nullable columns: " + answer.result.text());
  }
  require_same(filtered(filter, input, some_rows, {some_rows}),
               filtered(filter, input, some_rows, {some_rows}, Layout::uncounted),
               "of uncounted nulls");
}

inline void check_filter_huge(const Probe& probe) {
  const Instance filter(probe);
  const Input input(columns_for(probe.subject));
  require_same(filtered(filter, input, huge_rows, {5000}),
               filtered(filter, input, huge_rows, {huge_rows}),
               "of one batch of " + std::to_string(huge_rows) + " rows");
}

inline void check_filter_releases(const Probe& probe) {
  const Instance filter(probe);
  const Input input(columns_for(probe.subject));
  FilterRun whole(filter, input.schema());
  whole.rows_of(input.batches(some_rows, {1, 100, 0}));
  whole.require_released_once();
  FilterRun left(filter, input.schema());  // closed early, as when another stage fails
  static_cast<void>(left.apply(input.batch(0, 100)));
  left.close();
  left.require_released_once();
}

inline void check_filter_again(const Probe& probe) {
  const Instance filter(probe);
  const Input input(columns_for(probe.subject));
  const Strings first = filtered(filter, input, some_rows, {100});
  require_same(first, filtered(filter, input, some_rows, {100}), "of a second, equal partition");
}

inline void check_filter_stop(const Probe& probe) {
  const Instance filter(probe);
  const Input input(columns_for(probe.subject));
  FilterRun run(filter, input.schema(), 0);
  Result result;
  for (std::int64_t first = 0; first < many_rows && run.emits == 0; first += 100) {
    result = run.apply(input.batch(first, 100));
  }
  if (run.emits == 0) result = run.finish();
  if (run.emits == 0) throw Skip("the filter passes no rows");
  require(result.code == ETL_CANCELLED, "emit() asked to stop, but the filter returned " +
                                            code_text(result.code) + ", not ETL_CANCELLED");
  require(run.emits == 1, "emit() asked to stop, but was called again");
  run.close();
  run.require_released_once();
}

inline void check_filter_instances(const Probe& probe) {
  const Place place = probe.place();
  const Place other = probe.place();
  const Instance filter(probe, place);
  const Input input(columns_for(probe.subject));
  const Strings expected = filtered(filter, input, many_rows, {100});
  const Instance second(probe, other);
  const auto pass = [&](const Instance& which) {
    return [&] {
      for (int i = 0; i < 3; ++i) {
        require_same(expected, filtered(which, input, many_rows, {100}),
                     "while other partitions were processed");
      }
    };
  };
  at_once({pass(filter), pass(filter), pass(second)});
}

/// Fails unless keep() keeps every text that apply() passes, and agrees with the list of values.
inline void require_predicate_agrees(const Instance& filter, const Input& input,
                                     const etl_predicate& test) {
  const std::string column(to_view(test.column));
  const std::size_t at = input.schema().at(column);
  for (std::int64_t row = 0; row < 64; ++row) {
    const Batch one = input.batch(row, 1);
    const auto texts = one.column<std::string_view>(at);
    if (texts.null(0)) continue;
    const bool kept = test.keep(test.ctx, to_abi(texts[0])) != 0;
    FilterRun run(filter, input.schema());
    std::vector<Batch> batch;
    batch.push_back(input.batch(row, 1));
    const bool passed = !run.rows_of(std::move(batch)).empty();
    require(kept || !passed, "keep() drops a row with \"" + std::string(texts[0]) + "\" in \"" +
                                 column + "\" that apply() passes");
    if (test.value_count == 0) continue;
    const std::span<const etl_str> values(test.values, test.value_count);
    const bool listed =
        std::ranges::any_of(values, [&](etl_str value) { return to_view(value) == texts[0]; });
    require(listed == kept,
            "keep() and the list of values disagree on \"" + std::string(texts[0]) + "\"");
  }
}

inline void check_filter_predicate(const Probe& probe) {
  const Instance filter(probe);
  const etl_filter& table = *filter.stage().filter;
  if (table.predicate == nullptr) throw Skip("the filter offers no predicate");
  const Input input(columns_for(probe.subject));
  const OwnedSchema given = exported(input.schema());
  etl_predicate test{};
  test.struct_size = sizeof(test);
  require_ok(call(table.predicate, filter.self(), given.get(), &test), "predicate()");
  if (test.keep == nullptr) throw Skip("the filter offers no predicate for these columns");
  const auto column = input.schema().find(to_view(test.column));
  require(column && is_text(input.schema()[*column].type),
          "predicate() is about the column \"" + std::string(to_view(test.column)) +
              "\", which is not a text column of the input");
  require_predicate_agrees(filter, input, test);
}

}  // namespace detail

inline constexpr Check filter_checks[] = {
    {"filter.schema", "Returns the same output columns twice, and keeps no borrowed data.", filters,
     "options.create", &detail::check_filter_schema},
    {"filter.rows", "Emits valid batches of its output columns.", filters, "filter.schema",
     &detail::check_filter_rows},
    {"filter.again", "Starts every partition with fresh state.", filters, "filter.rows",
     &detail::check_filter_again},
    {"filter.refuses", "Refuses unsuitable columns by name with ETL_CONFIG, or processes them.",
     filters, "filter.rows", &detail::check_filter_refuses},
    {"filter.empty", "Accepts a partition without batches, and a batch without rows.", filters,
     "filter.again", &detail::check_filter_empty},
    {"filter.borders", "Emits the same rows wherever batches begin and end.", filters,
     "filter.again", &detail::check_filter_borders},
    {"filter.sliced", "Respects the offsets of batches and columns.", filters, "filter.again",
     &detail::check_filter_sliced},
    {"filter.nulls", "Accepts nulls in any column, even if they are not counted.", filters,
     "filter.again", &detail::check_filter_nulls},
    {"filter.huge", "Accepts a huge batch.", filters, "filter.borders", &detail::check_filter_huge},
    {"filter.releases", "Releases every batch exactly once.", filters, "filter.rows",
     &detail::check_filter_releases},
    {"filter.stop", "Stops with ETL_CANCELLED when emit() asks for it.", filters, "filter.rows",
     &detail::check_filter_stop},
    {"filter.instances", "Processes several partitions at once, in one instance and in two.",
     filters, "filter.again", &detail::check_filter_instances},
    {"filter.predicate", "Offers a predicate that drops no row which the filter would keep.",
     filters, "filter.rows", &detail::check_filter_predicate},
};

}  // namespace etl::inline v1::conformance
