#include "core/runtime/base/terminal.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/units.hpp"
#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace etl::runtime {
namespace {

/// `told` by the terminal, else the variable's number, else no limit.
std::size_t extent(unsigned short told, const char* variable) {
  if (told != 0) return told;
  const auto number = whole_number(environment_variable(variable).value_or(""));
  return number.value_or(0) == 0 ? TerminalSize().columns : static_cast<std::size_t>(*number);
}

}  // namespace

bool on_terminal(int descriptor) {
  return ::isatty(descriptor) == 1 && environment_variable("TERM").value_or("dumb") != "dumb";
}

TerminalSize terminal_size(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) size = {};
  return {extent(size.ws_col, "COLUMNS"), extent(size.ws_row, "LINES")};
}

std::string cut(const std::string& text, std::size_t columns) {
  std::size_t width = 0;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const Character next = first_character(std::string_view(text).substr(bytes));
    width += display_width(next.value);
    if (width > columns) break;
    bytes += next.bytes;
  }
  return text.substr(0, bytes);
}

std::string RedrawnLines::erase(TerminalSize size) {
  // In a window that has become narrower, the lines now take several rows each.
  std::size_t rows = 0;
  for (const std::size_t width : widths_)
    rows += width <= size.columns ? 1 : (width - 1) / size.columns + 1;
  widths_.clear();
  std::string text;
  for (; rows > 0; --rows) text += "\x1b[1A\x1b[2K";  // one row up, clear it
  return text;
}

std::string RedrawnLines::replace(const std::vector<std::string>& lines, TerminalSize size) {
  std::string text = erase(size);
  // The cursor waits in the row below the last line, and some terminals wrap a full one.
  const std::size_t columns = std::max<std::size_t>(size.columns, 2) - 1;
  const std::size_t most = std::max<std::size_t>(size.rows, 2) - 1;
  for (std::size_t i = 0; i < std::min(lines.size(), most); ++i) {
    const bool last = i + 1 == most && lines.size() > most;
    const std::string line =
        cut(last ? fmt::format("... and {} more lines", lines.size() - i) : lines[i], columns);
    widths_.push_back(display_width(line));
    text += line + "\n";
  }
  return text;
}

}  // namespace etl::runtime
