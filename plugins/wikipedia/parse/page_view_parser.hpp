/// \file
/// Parsing of decoded text into page views, block by block.
#pragma once

#include "plugins/wikipedia/parse/domain_code.hpp"
#include "plugins/wikipedia/parse/page_view_line.hpp"

#include <etl/context.hpp>
#include <etl/partition.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wikipedia {

/// Treatment of lines with invalid UTF-8.
enum class InvalidUtf8 { replace, reject };

/// A row of page views without its code.
struct PageViewRow {
  const char* title;  ///< `title_slack` bytes after its end are readable
  std::uint32_t title_size;
  std::int64_t views;
  std::int64_t response_bytes;
};
inline constexpr std::size_t title_slack = 32;

/// Consecutive rows with the same domain code.
struct CodeRun {
  std::string code;
  std::string_view project;  ///< a constant, as in DomainCode
  std::string_view access;   ///< likewise
  std::size_t first_row;
};

/// The rows of one block that pass the predicate. Borrowed: valid until the next call of the
/// parser.
struct PageViewBlock {
  std::vector<CodeRun> runs;
  std::vector<PageViewRow> rows;

  /// Returns the number of rows of runs[run].
  [[nodiscard]] std::size_t rows_in(std::size_t run) const {
    const std::size_t end = run + 1 < runs.size() ? runs[run + 1].first_row : rows.size();
    return end - runs[run].first_row;
  }
};

/// Parses a stream of bytes as lines of an hour file. The division of the stream into blocks does
/// not affect rows, counts or rejects. The predicate only drops rows: a malformed line is rejected
/// whatever its code.
///
/// Lines end at 0x0A only, since titles may contain U+0085, U+2028 and the like. The last line
/// needs no end. A byte order mark at the start of a line is skipped. Malformed lines go to
/// Task::reject() with reason (`reason::*`), raw bytes (the first 1 KiB of a line that is too
/// long), line and offset. Counts go to Task::read() and Task::dropped() once per block. Memory is
/// bounded by a block and 64 KiB.
///
/// The predicate may be on domain_code, language, project or access; one on another column is
/// ignored, as a source may. It is evaluated once per run of equal codes, since the files are
/// sorted by code.
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

  /// Returns room for the next Settings::block_size bytes of the stream.
  [[nodiscard]] std::span<char> space();
  /// Parses the lines completed by the first `size` bytes of space(). REQUIRES: a call of space().
  const PageViewBlock& parse(std::size_t size);
  /// Parses the rest at the end of the stream.
  const PageViewBlock& finish();

  /// A rejected line: why, and its first bytes.
  struct Rejected {
    std::string_view why;
    std::string start;
  };
  /// Returns the first line if all lines so far were rejected; nothing if one was good or there is
  /// none.
  [[nodiscard]] std::optional<Rejected> nothing_but_rejects() const {
    return rejected_ != 0 && rejected_ == lines_ ? std::optional(first_reject_) : std::nullopt;
  }

  /// Returns the number of bytes held, except for rare lines.
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
  void reject(std::string_view why, std::string_view raw, std::int64_t offset);

  Settings settings_;
  etl::Predicate predicate_;
  Tested tested_ = Tested::nothing;
  etl::Task task_;

  std::vector<char> buffer_;
  char* const front_;  // start of a block: the rest of the previous one, then space()
  const char* rest_;   // the line that has not ended yet
  std::size_t rest_size_ = 0;
  std::unique_ptr<std::uint32_t[]>
      ends_;                       // offsets of line ends; room for a block of line feeds only
  std::int64_t front_offset_ = 0;  // of front_ in the stream
  std::int64_t lines_ = 0;         // including the one being parsed
  std::int64_t lines_reported_ = 0;
  std::int64_t dropped_ = 0;
  std::int64_t rejected_ = 0;
  Rejected first_reject_;
  const char* lines_end_ = nullptr;  // of this block
  bool utf8_checked_ = false;        // from the current line to lines_end_
  bool careful_ = false;             // the block has a NUL, or invalid UTF-8 where checked

  bool too_long_ = false;  // skipping the rest of a line that is too long
  std::string long_line_;  // its first bytes
  std::int64_t long_offset_ = 0;

  // The code of the last valid line, and values derived from it.
  std::string code_;             // followed by a space
  std::uint64_t code_word_ = 1;  // its first eight bytes under the mask; initially never matches
  std::uint64_t code_mask_ = 0;
  std::string code_text_;  // as UTF-8
  DomainCode parts_{};     // of code_text_
  bool wanted_ = false;
  bool run_open_ = false;  // block_.runs ends with this code

  PageViewBlock block_;
  std::deque<std::string> titles_;  // those that differ from the text
};

}  // namespace wikipedia
