/// \file
/// A file's text by line, and the excerpt shown with a diagnostic.
#pragma once

#include "core/runtime/config/diagnostics.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// Owns a file's text. Lines end at LF or CRLF; a byte order mark is not part of the first line.
/// Not thread-safe.
class SourceText {
 public:
  explicit SourceText(std::string text);
  SourceText(const SourceText&) = delete;
  SourceText& operator=(const SourceText&) = delete;

  /// The line without its line end; empty if there is no such line.
  [[nodiscard]] std::string_view line(std::size_t number) const;
  [[nodiscard]] std::size_t line_count() const { return lines_.size(); }

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

}  // namespace etl::runtime
