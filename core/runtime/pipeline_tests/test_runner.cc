#include "core/runtime/pipeline_tests/test_runner.hpp"

#include "core/runtime/attempt/partition_flow.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"
#include "core/runtime/pipeline_tests/row_diff.hpp"

#include <etl/detail/split.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <vector>

namespace etl::runtime {
namespace {

constexpr std::size_t max_rejects_shown = 5;

/// The rows and rejects that the inputs gave.
struct Result {
  std::map<NodeIndex, std::vector<Row>> rows;
  std::map<std::string, std::int64_t> rejects;   // by reason
  std::map<std::string, std::int64_t> filtered;  // of filters only, by reason
  std::vector<std::string> shown;                // the first rejects
  std::optional<Error> failure;
};

std::string indented(std::string_view text) {
  std::string out;
  for (const std::string_view line : detail::split(text, '\n')) out.append("\n  ").append(line);
  return out;
}

class TestRun {
 public:
  TestRun(const Pipeline& pipeline, const PipelineTest& test, const Cancellation& cancellation)
      : graph_(*pipeline.graph), test_(test), cancellation_(cancellation) {}

  TestOutcome run() {
    const auto start = std::chrono::steady_clock::now();
    const Result plain = read(false, nullptr);
    check(plain);
    if (!plain.failure) compare_pushed(plain, read(true, &plain));
    outcome_.took = std::chrono::steady_clock::now() - start;
    return std::move(outcome_);
  }

 private:
  // ---- reading ---------------------------------------------------------------------------------

  /// With `pushdown`, `plain` has the rows that sources gave without it; they replace the sources.
  Result read(bool pushdown, const Result* plain) const {
    Result result;
    for (const TestInput& input : test_.inputs) {
      try {
        read(input, pushdown, plain, result);
      } catch (const Error& error) {
        if (error.code() == Code::cancelled) throw;
        result.failure = error;
        return result;
      }
    }
    return result;
  }

  void read(const TestInput& input, bool pushdown, const Result* plain, Result& result) const {
    FlowSettings settings;
    settings.pushdown = pushdown;
    settings.max_rejects = std::numeric_limits<std::int64_t>::max();
    settings.on_reject = [&](NodeIndex node, const etl_reject& reject) {
      take_reject(node, reject, result);
    };
    const std::vector<NodeIndex> targets = targets_of(input, pushdown);
    PartitionFlow flow(graph_, input.node, targets, std::move(settings), cancellation_);
    const PartitionFlow::Deliver deliver = [&](NodeIndex target, const Batch& batch) {
      std::vector<Row>& rows = result.rows[target];
      for (std::size_t row = 0; row < batch.rows(); ++row) rows.push_back(row_of(batch, row));
      return true;
    };
    if (input.raw && plain == nullptr) {
      const Replay replay{{test_.partition, {}}, input.records, {}};
      flow.run(replay.original, deliver, &replay);
    } else {
      std::vector<Batch> batches;
      batches.push_back(batch_for(input, plain));
      flow.run_on(std::move(batches), deliver);
    }
    for (const NodeIndex target : targets) {
      if (graph_[target].kind == Kind::sink) (void)flow.counts_for(target);
    }
  }

  [[nodiscard]] Batch batch_for(const TestInput& input, const Result* plain) const {
    const auto schema = std::make_shared<const Schema>(graph_[input.node].out);
    if (!input.raw) return batch_of(schema, input.rows.rows);
    std::vector<PartialRow> rows;
    const auto given = plain->rows.find(input.node);
    if (given != plain->rows.end()) {
      for (const Row& row : given->second) rows.emplace_back(row.begin(), row.end());
    }
    return batch_of(schema, rows);
  }

  /// The stages whose rows the test checks, or every sink if it checks no rows. Without pushdown
  /// also a source that reads records: its rows replace it in the second pass, where only filters
  /// may read from it.
  [[nodiscard]] std::vector<NodeIndex> targets_of(const TestInput& input, bool pushdown) const {
    std::vector<NodeIndex> targets;
    for (const TestOutput& output : test_.outputs) {
      if (output.node != input.node && graph_.reaches(input.node, output.node))
        targets.push_back(output.node);
    }
    if (test_.outputs.empty()) {
      for (const NodeIndex sink : graph_.of_kind(Kind::sink)) {
        if (graph_.reaches(input.node, sink)) targets.push_back(sink);
      }
    }
    if (input.raw && !pushdown) targets.push_back(input.node);
    return targets;
  }

  void take_reject(NodeIndex node, const etl_reject& reject, Result& result) const {
    const std::string reason(detail::to_view(reject.reason));
    ++result.rejects[reason];
    if (graph_[node].kind == Kind::filter) ++result.filtered[reason];
    if (result.shown.size() < max_rejects_shown) {
      result.shown.push_back(fmt::format("{}: {}: {}", graph_[node].stage->title(),
                                         printable(reason),
                                         in_quotes(detail::to_view(reject.raw))));
    }
  }

  // ---- comparing -------------------------------------------------------------------------------

  void fail(const Position& position, const std::string& what, nlohmann::json difference) {
    outcome_.passed = false;
    // The message may contain text from a plugin.
    outcome_.message +=
        printable(fmt::format("{}{}:{}:{}: {}", outcome_.message.empty() ? "" : "\n", position.file,
                              position.line, position.column, what),
                  "\n");
    difference["line"] = difference.value("line", position.line);
    difference["column"] = difference.value("column", position.column);
    outcome_.differences.push_back(std::move(difference));
  }

  void check(const Result& result) {
    if (test_.error) return check_error(result);
    if (result.failure) {
      return fail(test_.position, "it failed: " + result.failure->message() + which_partition(),
                  {{"kind", "error"}, {"got", result.failure->message()}});
    }
    for (const TestOutput& output : test_.outputs) check_output(output, result);
    check_rejects(result);
  }

  /// A hint for sources that need to know the partition to read a record.
  [[nodiscard]] std::string which_partition() const {
    const bool raw =
        std::ranges::any_of(test_.inputs, [](const TestInput& input) { return input.raw; });
    if (!raw || !test_.partition.empty()) return {};
    return "\n  the test does not say which partition the records belong to: add partition = "
           "\"...\"";
  }

  void check_error(const Result& result) {
    const std::string expected = "expected an error with " + in_quotes(*test_.error) + ", ";
    if (!result.failure) {
      return fail(test_.error_position, expected + "but there was none",
                  {{"kind", "error"}, {"expected", *test_.error}});
    }
    const std::string& message = result.failure->message();
    if (message.find(*test_.error) != std::string::npos) return;
    fail(test_.error_position, expected + "but got: " + message,
         {{"kind", "error"}, {"expected", *test_.error}, {"got", message}});
  }

  static std::span<const Row> rows_at(NodeIndex node, const Result& result) {
    const auto at = result.rows.find(node);
    return at == result.rows.end() ? std::span<const Row>() : at->second;
  }

  void check_output(const TestOutput& output, const Result& result) {
    const std::span<const Row> got = rows_at(output.node, result);
    const Schema& schema = graph_[output.node].columns();
    if (output.rows) {
      report_diff(output.rows->position, "outputs", output.node,
                  compare_rows(*output.rows, got, schema), output.rows->rows.size(), got.size());
    }
    if (output.every) {
      report_diff(output.every->position, "every", output.node,
                  compare_every(*output.every, got, schema), got.size(), got.size());
    }
    if (output.count && static_cast<std::size_t>(*output.count) != got.size()) {
      fail(output.count_position,
           fmt::format("counts.{}: expected {}, got {}", graph_[output.node].name, *output.count,
                       got.size()),
           {{"kind", "count"},
            {"stage", graph_[output.node].name},
            {"expected", *output.count},
            {"got", got.size()}});
    }
  }

  void report_diff(const Position& position, std::string_view key, NodeIndex node, RowDiff diff,
                   std::size_t expected, std::size_t got) {
    if (diff.summary.empty()) return;
    const std::string counts =
        expected == got ? "" : fmt::format(" (expected {}, got {})", expected, got);
    fail(position,
         fmt::format("{}.{}: {}{}{}", key, graph_[node].name, diff.summary, counts,
                     indented(diff.table)),
         {{"kind", "rows"},
          {"key", key},
          {"stage", graph_[node].name},
          {"rows", std::move(diff.differences)}});
  }

  void check_rejects(const Result& result) {
    std::int64_t total = 0;
    for (const auto& [reason, count] : result.rejects) total += count;
    bool as_expected = total == 0;
    std::string expected = "none";
    if (test_.rejects && test_.rejects->total) {
      as_expected = total == *test_.rejects->total;
      expected = fmt::to_string(*test_.rejects->total);
    } else if (test_.rejects) {
      as_expected = result.rejects == test_.rejects->by_reason;
      expected = listed_rejects(test_.rejects->by_reason);
    }
    if (as_expected) return;
    std::string shown;
    for (const std::string& each : result.shown) shown += each + "\n";
    if (static_cast<std::size_t>(total) > result.shown.size()) shown += "...\n";
    fail(test_.rejects ? test_.rejects->position : test_.position,
         fmt::format("rejects: expected {}, but there {} {}{}", expected,
                     total == 1 ? "was" : "were", listed_rejects(result.rejects), indented(shown)),
         {{"kind", "rejects"}, {"expected", expected}, {"got", result.rejects}});
  }

  static std::string listed_rejects(const std::map<std::string, std::int64_t>& rejects) {
    std::string text;
    for (const auto& [reason, count] : rejects)
      text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", count, printable(reason));
    return text.empty() ? "none" : text;
  }

  /// Pushdown must not change what a filter drops.
  void compare_pushed(const Result& plain, const Result& pushed) {
    const std::string problem =
        "with predicate pushdown (run.pushdown) the result differs: a filter offers a predicate "
        "that it does not apply itself";
    if (pushed.failure) {
      return fail(test_.position, problem + "; it failed: " + pushed.failure->message(),
                  {{"kind", "pushdown"}, {"got", pushed.failure->message()}});
    }
    for (const TestOutput& output : test_.outputs) {
      if (input_of(output.node)) continue;  // with pushdown its rows are not visible
      TestRows expected;
      for (const Row& row : rows_at(output.node, plain)) {
        expected.rows.emplace_back(row.begin(), row.end());
        expected.positions.push_back(test_.position);
      }
      RowDiff diff =
          compare_rows(expected, rows_at(output.node, pushed), graph_[output.node].columns());
      if (diff.summary.empty()) continue;
      fail(test_.position,
           fmt::format("{}\n  {}: {}{}", problem, graph_[output.node].name, diff.summary,
                       indented(diff.table)),
           {{"kind", "pushdown"},
            {"stage", graph_[output.node].name},
            {"rows", std::move(diff.differences)}});
    }
    if (plain.filtered == pushed.filtered) return;
    fail(test_.position,
         fmt::format("{}\n  rejects of filters: {} without, {} with it", problem,
                     listed_rejects(plain.filtered), listed_rejects(pushed.filtered)),
         {{"kind", "pushdown"}, {"expected", plain.filtered}, {"got", pushed.filtered}});
  }

  [[nodiscard]] bool input_of(NodeIndex node) const {
    return std::ranges::any_of(test_.inputs,
                               [&](const TestInput& input) { return input.node == node; });
  }

  const Graph& graph_;
  const PipelineTest& test_;
  const Cancellation& cancellation_;
  TestOutcome outcome_;
};

}  // namespace

TestOutcome run_test(const Pipeline& pipeline, const PipelineTest& test,
                     const Cancellation& cancellation) {
  return TestRun(pipeline, test, cancellation).run();
}

}  // namespace etl::runtime
