/// \file
/// Lines on a terminal that are drawn again in their place.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace etl::runtime {

/// Whether this stream (1 or 2) is a terminal that understands colours and cursor movement: $TERM
/// is set, and not "dumb".
[[nodiscard]] bool on_terminal(int descriptor);

/// Without a known size, lines are neither cut nor left out.
struct TerminalSize {
  std::size_t columns = std::numeric_limits<std::size_t>::max();
  std::size_t rows = std::numeric_limits<std::size_t>::max();
};

/// The current size of the terminal of this stream; it changes with its window. Where the terminal
/// does not tell, $COLUMNS and $LINES.
[[nodiscard]] TerminalSize terminal_size(int descriptor);

/// Returns the start of a printable text that fits into so many columns.
[[nodiscard]] std::string cut(const std::string& text, std::size_t columns);

/// The last lines of a terminal. The functions return the text to print; the size is that of the
/// moment. Not thread-safe.
class RedrawnLines {
 public:
  /// Erases what was drawn before.
  [[nodiscard]] std::string erase(TerminalSize size);
  /// Replaces what was drawn before by these printable lines. Cuts them so that none wraps, and
  /// leaves out those that do not fit on the screen, where no cursor movement reaches them.
  [[nodiscard]] std::string replace(const std::vector<std::string>& lines, TerminalSize size);

 private:
  std::vector<std::size_t> widths_;  ///< of the lines drawn, in columns
};

}  // namespace etl::runtime
