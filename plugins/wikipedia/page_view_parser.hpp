/// \file
/// From decoded text to page views, block by block.
#pragma once

#include "domain_code.hpp"
#include "page_view_line.hpp"

#include <etl/context.hpp>
#include <etl/partition.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wikipedia {

/// What becomes of a line with bytes that are no UTF-8.
enum class InvalidUtf8 { replace, reject };

/// One page view row, all but the code.
struct PageViewRow {
  const char* title;  ///< `title_slack` bytes may be read behind its end
  std::uint32_t title_size;
  std::int64_t views;
  std::int64_t response_bytes;
};
inline constexpr std::size_t title_slack = 32;

/// Rows that follow each other with one domain code.
struct CodeRun {
  std::string code;
  std::string_view project;  ///< as in DomainCode: a constant
  std::string_view access;   ///< the same
  std::size_t first_row;
};

/// The wanted rows of one block. Borrowed: valid until the parser's next call.
struct PageViewBlock {
  std::vector<CodeRun> runs;
  std::vector<PageViewRow> rows;

  /// Rows of runs[run].
  [[nodiscard]] std::size_t rows_in(std::size_t run) const {
    const std::size_t end = run + 1 < runs.size() ? runs[run + 1].first_row : rows.size();
    return end - runs[run].first_row;
  }
};

/// Reads a stream of bytes as lines of an hour file. Any division of the stream into blocks gives
/// the same rows, counts and rejects, and so does any predicate, but for the rows that it drops: a
/// malformed line is rejected, whatever its code.
///
/// Lines end at 0x0A, and only there: titles may hold U+0085, U+2028 and the like. A last line
/// without an end is a line. Malformed lines go to Task::reject() with reason (`reason::*`), raw
/// bytes (all, but for a line that is too long: its first 1 KiB), line and offset. Counts go to
/// Task::read() and Task::dropped() once a block. Memory is a block and 64 KiB, whatever the lines.
///
/// The predicate may be on domain_code, language, project or access; one on another column is
/// ignored (its rows are all given, as a source may). It is asked once for a run of equal codes:
/// the files are sorted by code.
///
/// Used by one thread at a time.
///
/// ```
/// PageViewParser parser({}, predicate, task);
/// while (const std::size_t size = file.read(parser.space())) use(parser.parse(size));
/// use(parser.finish());
/// ```
class PageViewParser {
 public:
  struct Settings {
    InvalidUtf8 invalid_utf8 = InvalidUtf8::replace;
    std::size_t block_size = std::size_t{128} << 10;
  };

  PageViewParser(Settings settings, etl::Predicate predicate, etl::Task task);
  PageViewParser(const PageViewParser&) = delete;
  PageViewParser& operator=(const PageViewParser&) = delete;

  /// Where the next bytes of the stream go: Settings::block_size of them.
  [[nodiscard]] std::span<char> space();
  /// Parses the lines that the first `size` bytes of space() complete. REQUIRES: a space() before.
  const PageViewBlock& parse(std::size_t size);
  /// Parses what is left at the end of the stream.
  const PageViewBlock& finish();

  /// Bytes that it holds, but for what few lines need.
  [[nodiscard]] std::size_t memory() const;

 private:
  enum class Tested { nothing, code, language, project, access };

  bool parse_usual_line(const char* begin, const char* end);
  void parse_any_line(const char* begin, const char* end);
  void change_code(std::string_view code);
  [[nodiscard]] bool test_code() const;
  [[nodiscard]] bool same_code(const char* line) const;
  void check_utf8(const char* begin);
  void add_row(std::string_view title, std::int64_t views, std::int64_t response_bytes);
  void begin_block();
  void begin_lines(const char* begin, const char* end);
  void end_block(const char* rest, const char* end);
  void end_long_line();

  Settings settings_;
  etl::Predicate predicate_;
  Tested tested_ = Tested::nothing;
  etl::Task task_;

  std::vector<char> buffer_;
  char* const front_;  // where a block begins: with the rest of the one before, then space()
  const char* rest_;   // a line that has not ended yet
  std::size_t rest_size_ = 0;
  std::unique_ptr<std::uint32_t[]>
      ends_;                       // of lines; room for a block of nothing else, rarely used
  std::int64_t front_offset_ = 0;  // of front_ in the stream
  std::int64_t lines_ = 0;         // up to the one being parsed, which it counts
  std::int64_t lines_reported_ = 0;
  std::int64_t dropped_ = 0;
  const char* lines_end_ = nullptr;  // of this block
  bool utf8_checked_ = false;        // from the line being parsed to lines_end_
  bool careful_ = false;             // a NUL is in the block, or invalid UTF-8 in what was checked

  bool too_long_ = false;  // in the middle of a line that is too long, and is left out
  std::string long_line_;  // its first bytes
  std::int64_t long_offset_ = 0;

  // The code of the last good line, and what follows from it.
  std::string code_;             // its bytes, then a space
  std::uint64_t code_word_ = 1;  // the first eight of them, under the mask; these two never match
  std::uint64_t code_mask_ = 0;
  std::string code_text_;  // as UTF-8
  DomainCode parts_{};     // of code_text_
  bool wanted_ = false;
  bool run_open_ = false;  // block_.runs ends with this code

  PageViewBlock block_;
  std::deque<std::string> titles_;  // those that are not as in the text
};

}  // namespace wikipedia
