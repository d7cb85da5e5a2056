#include "core/runtime/pipeline_tests/row_diff.hpp"

#include "core/runtime/base/text_format.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace etl::runtime {
namespace {

using nlohmann::json;

constexpr std::size_t max_compared = 4'000'000;  // pairs of rows
constexpr std::size_t max_reordered = 1000;      // rows
constexpr std::size_t max_shown = 40;            // rows of a table
constexpr std::size_t context = 1;               // equal rows before and after a difference

/// Aligns rows by their longest common subsequence.
class Alignment {
 public:
  Alignment(std::span<const PartialRow> expected, std::span<const Row> got)
      : expected_(expected), got_(got) {}

  std::vector<RowStep> steps() {
    std::size_t head = 0;
    while (head < std::min(expected_.size(), got_.size()) && fits(expected_[head], got_[head]))
      ++head;
    for (std::size_t i = 0; i < head; ++i) steps_.push_back({i, i, true});
    std::size_t tail = 0;
    while (head + tail < std::min(expected_.size(), got_.size()) &&
           fits(expected_[expected_.size() - 1 - tail], got_[got_.size() - 1 - tail]))
      ++tail;
    middle(head, expected_.size() - tail, got_.size() - tail);
    for (std::size_t i = tail; i > 0; --i)
      steps_.push_back({expected_.size() - i, got_.size() - i, true});
    return std::move(steps_);
  }

 private:
  void middle(std::size_t first, std::size_t expected_end, std::size_t got_end) {
    const std::size_t height = expected_end - first;
    const std::size_t width = got_end - first;
    if (height * width > max_compared) return gap(first, expected_end, first, got_end);
    // lengths[i][j]: length of the longest common subsequence of the rows from i and from j on.
    std::vector<std::vector<std::uint32_t>> lengths(height + 1,
                                                    std::vector<std::uint32_t>(width + 1));
    for (std::size_t i = height; i-- > 0;) {
      for (std::size_t j = width; j-- > 0;) {
        lengths[i][j] = fits(expected_[first + i], got_[first + j])
                            ? lengths[i + 1][j + 1] + 1
                            : std::max(lengths[i + 1][j], lengths[i][j + 1]);
      }
    }
    std::size_t i = 0;
    std::size_t j = 0;
    std::size_t gap_i = 0;
    std::size_t gap_j = 0;
    while (i < height && j < width) {
      if (fits(expected_[first + i], got_[first + j])) {
        gap(first + gap_i, first + i, first + gap_j, first + j);
        steps_.push_back({first + i, first + j, true});
        gap_i = ++i;
        gap_j = ++j;
      } else if (lengths[i + 1][j] >= lengths[i][j + 1]) {
        ++i;
      } else {
        ++j;
      }
    }
    gap(first + gap_i, expected_end, first + gap_j, got_end);
  }

  /// Pairs rows without a counterpart in order, then adds the rest.
  void gap(std::size_t i, std::size_t i_end, std::size_t j, std::size_t j_end) {
    while (i < i_end || j < j_end) {
      RowStep& step = steps_.emplace_back();
      if (i < i_end) step.expected = i++;
      if (j < j_end) step.got = j++;
      step.equal = step.expected && step.got && fits(expected_[*step.expected], got_[*step.got]);
    }
  }

  std::span<const PartialRow> expected_;
  std::span<const Row> got_;
  std::vector<RowStep> steps_;
};

/// Whether the rows are equal except for their order.
bool only_order(std::span<const PartialRow> expected, std::span<const Row> got) {
  if (expected.size() != got.size() || got.size() > max_reordered) return false;
  std::vector<bool> used(got.size());
  return std::ranges::all_of(expected, [&](const PartialRow& row) {
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (used[i] || !fits(row, got[i])) continue;
      used[i] = true;
      return true;
    }
    return false;
  });
}

/// `1`, `1 and 2`, `1, 2 and 4 more`
std::string numbers(const std::vector<std::size_t>& rows) {
  std::string text = fmt::to_string(rows.front());
  if (rows.size() == 2) return text + fmt::format(" and {}", rows[1]);
  if (rows.size() > 2) return text + fmt::format(", {} and {} more", rows[1], rows.size() - 2);
  return text;
}

class DiffWriter {
 public:
  DiffWriter(const TestRows& expected, std::span<const Row> got, const Schema& schema, bool every)
      : expected_(expected), got_(got), schema_(schema), every_(every) {
    for (std::size_t column = 0; column < schema.size(); ++column) {
      const bool expects = std::ranges::any_of(
          expected.rows, [&](const PartialRow& row) { return row[column].has_value(); });
      if (expects || expected.rows.empty()) columns_.push_back(column);
    }
  }

  RowDiff write(const std::vector<RowStep>& steps) {
    for (const RowStep& step : steps) note(step);
    if (changed_.empty() && missing_.empty() && extra_.empty()) return {};
    summarize();
    show(steps);
    return std::move(diff_);
  }

 private:
  [[nodiscard]] std::size_t expected_row(const RowStep& step) const {
    return every_ ? 0 : *step.expected;
  }

  void note(const RowStep& step) {
    if (step.equal) return;
    json difference = {{"kind", step.expected ? step.got ? "changed" : "missing" : "extra"}};
    if (step.got) difference["row"] = *step.got + 1;
    if (step.expected) {
      if (!every_) difference["expected_row"] = *step.expected + 1;
      const Position& position = expected_.positions[expected_row(step)];
      difference["line"] = position.line;
      difference["column"] = position.column;
    }
    if (step.got && step.expected) {
      changed_.push_back(*step.got + 1);
      for (const std::size_t column : columns_differing(step)) {
        const Type type = schema_[column].type;
        difference["values"].push_back(
            {{"column", schema_[column].name},
             {"expected", cell_json(*expected_.rows[expected_row(step)][column], type)},
             {"got", cell_json(got_[*step.got][column], type)}});
      }
    } else if (step.expected) {
      missing_.push_back(*step.expected + 1);
    } else {
      extra_.push_back(*step.got + 1);
    }
    diff_.differences.push_back(std::move(difference));
  }

  [[nodiscard]] std::vector<std::size_t> columns_differing(const RowStep& step) const {
    const PartialRow& row = expected_.rows[expected_row(step)];
    std::vector<std::size_t> differing;
    for (const std::size_t column : columns_) {
      if (row[column] && !same(*row[column], got_[*step.got][column])) differing.push_back(column);
    }
    return differing;
  }

  [[nodiscard]] std::string text_of(const PartialRow& row, std::size_t column) const {
    return row[column] ? cell_text(*row[column], schema_[column].type) : "*";
  }

  void summarize() {
    std::string& text = diff_.summary;
    const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    const auto rows = [](const std::vector<std::size_t>& which, const char* one, const char* many) {
      return fmt::format("row{} {} {}", which.size() == 1 ? "" : "s", numbers(which),
                         which.size() == 1 ? one : many);
    };
    if (!every_ && only_order(expected_.rows, got_)) {
      text = "the same rows in a different order";
      return;
    }
    if (!changed_.empty()) add(rows(changed_, "differs", "differ"));
    if (!missing_.empty()) add("expected " + rows(missing_, "is missing", "are missing"));
    if (!extra_.empty()) add(rows(extra_, "is unexpected", "are unexpected"));
  }

  void show(const std::vector<RowStep>& steps) {
    std::vector<std::vector<std::string>> table(1, {"", ""});
    for (const std::size_t column : columns_) table.front().push_back(schema_[column].name);
    bool gap = false;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (!near_difference(steps, i)) {
        gap = true;
        continue;
      }
      if (std::exchange(gap, false)) table.push_back({"..."});
      if (table.size() > max_shown) {
        table.push_back({"..."});
        break;
      }
      add_lines(steps[i], table);
    }
    diff_.table = aligned(table);
  }

  static bool near_difference(const std::vector<RowStep>& steps, std::size_t at) {
    const std::size_t first = at < context ? 0 : at - context;
    const std::size_t last = std::min(at + context, steps.size() - 1);
    for (std::size_t i = first; i <= last; ++i) {
      if (!steps[i].equal) return true;
    }
    return false;
  }

  void add_lines(const RowStep& step, std::vector<std::vector<std::string>>& table) const {
    if (step.expected && !step.equal) {
      const Position& position = expected_.positions[expected_row(step)];
      std::vector<std::string>& line = table.emplace_back();
      line = {"-", every_ ? "each" : fmt::to_string(*step.expected + 1)};
      for (const std::size_t column : columns_)
        line.push_back(text_of(expected_.rows[expected_row(step)], column));
      line.push_back(fmt::format("{}:{}:{}", position.file, position.line, position.column));
    }
    if (!step.got) return;
    std::vector<std::string>& line = table.emplace_back();
    line = {step.equal ? "=" : "+", fmt::to_string(*step.got + 1)};
    for (const std::size_t column : columns_)
      line.push_back(cell_text(got_[*step.got][column], schema_[column].type));
    if (!step.equal && step.expected) line.push_back(why(step));
  }

  /// Names the columns that differ, and the first differing byte if the texts look the same.
  [[nodiscard]] std::string why(const RowStep& step) const {
    std::string text;
    for (const std::size_t column : columns_differing(step)) {
      text += (text.empty() ? "differs: " : ", ") + schema_[column].name;
      const Cell& expected = *expected_.rows[expected_row(step)][column];
      const Cell& got = got_[*step.got][column];
      const auto* one = std::get_if<std::string>(&expected);
      const auto* other = std::get_if<std::string>(&got);
      if (one == nullptr || other == nullptr ||
          cell_text(expected, Type::utf8) != cell_text(got, Type::utf8))
        continue;
      const auto at = std::ranges::mismatch(*one, *other).in1 - one->begin();
      text += fmt::format(" (from byte {} on)", at + 1);
    }
    return text;
  }

  const TestRows& expected_;
  std::span<const Row> got_;
  const Schema& schema_;
  bool every_;
  std::vector<std::size_t> columns_;
  std::vector<std::size_t> changed_, missing_, extra_;  // from 1
  RowDiff diff_;
};

}  // namespace

bool fits(const PartialRow& expected, const Row& got) {
  for (std::size_t column = 0; column < expected.size(); ++column) {
    if (expected[column] && !same(*expected[column], got[column])) return false;
  }
  return true;
}

std::vector<RowStep> align(std::span<const PartialRow> expected, std::span<const Row> got) {
  return Alignment(expected, got).steps();
}

RowDiff compare_rows(const TestRows& expected, std::span<const Row> got, const Schema& schema) {
  return DiffWriter(expected, got, schema, false).write(align(expected.rows, got));
}

RowDiff compare_every(const TestRows& expected, std::span<const Row> got, const Schema& schema) {
  std::vector<RowStep> steps;
  for (std::size_t i = 0; i < got.size(); ++i)
    steps.push_back({0, i, fits(expected.rows.front(), got[i])});
  return DiffWriter(expected, got, schema, true).write(steps);
}

}  // namespace etl::runtime
