#include "core/runtime/config/diagnostics.hpp"

#include "core/runtime/base/utf8.hpp"

#include <etl/detail/split.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <tuple>

namespace etl::runtime {
namespace {

constexpr std::size_t max_excerpts = 100;
constexpr std::size_t tab_stop = 4;
constexpr std::size_t max_width = 110;     // columns of an excerpt
constexpr std::size_t surroundings = 200;  // characters considered on either side
constexpr std::size_t lead_in = 40;        // columns shown before the position

}  // namespace

/// Owns a file's text. Lines end at LF or CRLF; a byte order mark is not part of the first line.
/// Not thread-safe.
class SourceText {
 public:
  explicit SourceText(std::string text);
  SourceText(const SourceText&) = delete;
  SourceText& operator=(const SourceText&) = delete;

  /// The line without its line end; empty if there is no such line.
  [[nodiscard]] std::string_view line(std::size_t number) const;

  /// Shows these characters as `***` from now on.
  void conceal(const Position& secret);

  /// The source line and carets under `position`. Tabs are expanded, and a long line is cut to the
  /// part around the position.
  struct Excerpt {
    std::string line, carets;
  };
  [[nodiscard]] Excerpt excerpt(const Position& position) const;

 private:
  struct Columns {
    std::size_t first, end;
  };
  struct Cell {
    std::string text;
    std::size_t width;
  };
  [[nodiscard]] std::vector<Cell> cells(std::size_t number, std::size_t skipped,
                                        std::size_t limit) const;

  std::string text_;
  std::vector<std::string_view> lines_;
  std::map<std::size_t, std::vector<Columns>> concealed_;
};

SourceText::SourceText(std::string text) : text_(std::move(text)) {
  std::string_view rest = text_;
  if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
  lines_ = detail::split(rest, '\n');
  for (std::string_view& line : lines_) {
    if (line.ends_with('\r')) line.remove_suffix(1);
  }
}

std::string_view SourceText::line(std::size_t number) const {
  return number == 0 || number > lines_.size() ? std::string_view{} : lines_[number - 1];
}

void SourceText::conceal(const Position& secret) {
  std::size_t column = secret.column;
  std::size_t left = secret.length;
  for (std::size_t number = secret.line; number != 0 && number <= lines_.size() && left > 0;
       ++number) {
    const std::size_t width = count_characters(line(number));
    const std::size_t end = column + std::min(left, width + 1 - std::min(column, width + 1));
    concealed_[number].push_back({column, end});
    left -= std::min(left, end - column + 1);
    column = 1;
  }
}

/// One cell per character after the first `skipped`, up to `limit`. The first cell of a concealed
/// range shows "***"; its other cells are empty.
std::vector<SourceText::Cell> SourceText::cells(std::size_t number, std::size_t skipped,
                                                std::size_t limit) const {
  std::string_view rest = line(number);
  for (std::size_t i = 0; i < skipped && !rest.empty(); ++i)
    rest.remove_prefix(first_character(rest).bytes);
  std::vector<Cell> cells;
  for (std::size_t at = 0; !rest.empty() && cells.size() < limit;) {
    const Character next = first_character(rest);
    Cell cell{{}, display_width(next.value)};
    if (next.value == U'\t') {
      cell.width = tab_stop - at % tab_stop;
      cell.text.assign(cell.width, ' ');
    } else if (is_control(next.value)) {
      append_character(cell.text, replacement_character);
      cell.width = 1;
    } else {
      append_character(cell.text, next.value);
    }
    at += cell.width;
    cells.push_back(std::move(cell));
    rest.remove_prefix(next.bytes);
  }
  const auto concealed = concealed_.find(number);
  if (concealed == concealed_.end()) return cells;
  for (const Columns& columns : concealed->second) {
    const std::size_t first = std::max(columns.first - 1, skipped);
    const std::size_t end = std::min(columns.end - 1, skipped + cells.size());
    for (std::size_t i = first; i < end; ++i)
      cells[i - skipped] = i == first ? Cell{"***", 3} : Cell{{}, 0};
  }
  return cells;
}

SourceText::Excerpt SourceText::excerpt(const Position& position) const {
  // A line may have millions of characters: consider only those around the position.
  const std::size_t column = std::max<std::size_t>(position.column, 1) - 1;
  const std::size_t skipped = column > surroundings ? column - surroundings : 0;
  const std::vector<Cell> row = cells(position.line, skipped, 2 * surroundings);
  std::size_t begin = std::min(column - skipped, row.size());
  while (begin > 0 && begin < row.size() && row[begin].text.empty()) --begin;  // inside "***"
  const std::size_t end =
      begin + std::min(std::max<std::size_t>(position.length, 1), row.size() - begin);
  const auto width = [&](std::size_t from, std::size_t to) {
    std::size_t sum = 0;
    for (std::size_t i = from; i < to; ++i) sum += row[i].width;
    return sum;
  };

  std::size_t first = 0;
  if (skipped > 0 || width(0, row.size()) > max_width) {
    while (first < begin && width(first, begin) > lead_in) ++first;
  }
  const bool cut = skipped + first > 0;
  Excerpt out;
  if (cut) out.line = "...";
  out.carets.assign((cut ? 3 : 0) + width(first, begin), ' ');
  std::size_t last = first;
  for (std::size_t shown = 0; last < row.size() && shown + row[last].width <= max_width; ++last) {
    out.line += row[last].text;
    shown += row[last].width;
  }
  if (last < row.size()) out.line += "...";
  const std::size_t marked =
      std::max<std::size_t>(width(begin, std::max(begin, std::min(end, last))), 1);
  out.carets += '^' + std::string(marked - 1, '~');
  return out;
}

namespace {

/// ANSI escape sequences, or empty strings.
struct Palette {
  std::string_view bold, error, warning, caret, hint, plain;
};
constexpr Palette no_colour{};
constexpr Palette ansi{"\x1b[1m", "\x1b[1;31m", "\x1b[1;35m", "\x1b[1;32m", "\x1b[36m", "\x1b[0m"};

void write_position(std::string& out, const Position& position) {
  out += position.file;
  if (position.line > 0) out += fmt::format(":{}:{}", position.line, position.column);
  out += ": ";
}

void write_excerpt(std::string& out, const SourceText& source, const Position& position,
                   const Palette& palette) {
  const SourceText::Excerpt excerpt = source.excerpt(position);
  out += fmt::format("{:>5} | {}\n", position.line, excerpt.line);
  out += fmt::format("      | {}{}{}\n", palette.caret, excerpt.carets, palette.plain);
}

}  // namespace

std::string_view severity_name(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

Diagnostics::Diagnostics() = default;
Diagnostics::~Diagnostics() = default;

void Diagnostics::source(const std::string& file, std::string text) {
  sources_.insert_or_assign(printable(file), std::make_unique<SourceText>(std::move(text)));
}

void Diagnostics::conceal(const Position& secret) {
  const auto source = sources_.find(printable(secret.file));
  if (source != sources_.end()) source->second->conceal(secret);
}

void Diagnostics::error(const Position& position, std::string_view message, std::string_view hint) {
  add(Severity::error, position, message, hint);
}

void Diagnostics::warning(const Position& position, std::string_view message,
                          std::string_view hint) {
  add(Severity::warning, position, message, hint);
}

void Diagnostics::add(Severity severity, const Position& position, std::string_view message,
                      std::string_view hint) {
  failed_ = failed_ || severity == Severity::error;
  Diagnostic added{severity, position, printable(message), printable(hint, "\n")};
  added.position.file = printable(position.file);
  all_.push_back(std::move(added));
}

std::vector<const Diagnostic*> Diagnostics::sorted() const {
  std::vector<const Diagnostic*> sorted;
  sorted.reserve(all_.size());
  for (const Diagnostic& one : all_) sorted.push_back(&one);
  std::ranges::stable_sort(sorted, {}, [](const Diagnostic* one) {
    return std::tie(one->position.file, one->position.line, one->position.column);
  });
  return sorted;
}

std::string Diagnostics::text(bool colour) const {
  const Palette& palette = colour ? ansi : no_colour;
  std::string out;
  std::size_t excerpts = 0;
  for (const Diagnostic* one : sorted()) {
    out += palette.bold;
    write_position(out, one->position);
    out += one->severity == Severity::error ? palette.error : palette.warning;
    out += fmt::format("{}: {}{}{}{}\n", severity_name(one->severity), palette.plain, palette.bold,
                       one->message, palette.plain);
    const auto source = sources_.find(one->position.file);
    if (one->position.line > 0 && source != sources_.end() && excerpts++ < max_excerpts) {
      write_excerpt(out, *source->second, one->position, palette);
    }
    if (!one->hint.empty())
      out += fmt::format("  {}hint:{} {}\n", palette.hint, palette.plain, one->hint);
  }
  return out;
}

nlohmann::json Diagnostics::json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const Diagnostic* one : sorted()) {
    list.push_back({{"file", one->position.file},
                    {"line", one->position.line},
                    {"column", one->position.column},
                    {"severity", severity_name(one->severity)},
                    {"message", one->message},
                    {"hint", one->hint}});
  }
  return list;
}

}  // namespace etl::runtime
