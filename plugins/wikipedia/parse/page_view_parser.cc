#include "plugins/wikipedia/parse/page_view_parser.hpp"

#include "plugins/common/text/utf8.hpp"
#include "plugins/wikipedia/parse/line_scanner.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

namespace wikipedia {
namespace {

constexpr std::size_t word_size = sizeof(std::uint64_t);
/// Readable bytes before the first line and after the last, for loads of whole words.
constexpr std::size_t front_slack = 64;
constexpr std::size_t back_slack = 64;
static_assert(title_slack <= back_slack);
/// Sizes of the part after code and space: that of "t 1 0", and one that is sure to have a title.
constexpr std::size_t shortest_rest = 5;
constexpr std::size_t surely_with_title = word_size + 1;
/// Bytes reported of a line that is too long.
constexpr std::size_t long_line_kept = 1024;
/// Bytes kept of the first rejected line.
constexpr std::size_t first_reject_kept = 60;
/// U+FEFF. Windows writes it at the start of a text; it remains in the middle where such texts are
/// joined. It does not belong to the code that follows.
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Size of the byte order marks at the start of a line.
std::size_t size_of_marks(std::string_view line) {
  std::size_t size = 0;
  while (line.substr(size).starts_with(byte_order_mark)) size += byte_order_mark.size();
  return size;
}

/// Loads eight bytes, the first in the lowest position.
std::uint64_t load_word(const char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

constexpr std::uint64_t high_bits = 0x8080808080808080U;  // of every byte

constexpr std::uint64_t of_each_byte(unsigned char byte) { return 0x0101010101010101U * byte; }

/// Returns the high bit of every byte of `word` that is not a digit.
std::uint64_t other_than_digits(std::uint64_t word) {
  const std::uint64_t nibbles = word ^ of_each_byte('0');  // a digit becomes 0 to 9
  return (((nibbles & ~high_bits) + of_each_byte(0x7F - 9)) | nibbles) & high_bits;
}

/// Returns the high bit of every byte of `word` that is a space.
std::uint64_t spaces(std::uint64_t word) {
  const std::uint64_t differences = word ^ of_each_byte(' ');
  return ~(((differences & ~high_bits) + ~high_bits) | differences) & high_bits;
}

/// Recognizes the usual last eight bytes of a line: a space, one to five digits, a space, a zero.
class UsualEnd {
 public:
  explicit UsualEnd(std::uint64_t word)
      : zero_follows_(word >> 48U == (std::uint64_t{'0'} << 8U | ' ')),
        views_(word << 16U),
        others_(other_than_digits(views_)) {}

  /// Returns whether they are as usual. Compares masks, which is faster than locating the space.
  [[nodiscard]] bool found() const {
    const std::uint64_t blanks = spaces(views_);
    const bool digit_at_end = others_ >> 63U == 0;
    return zero_follows_ && digit_at_end && blanks > (others_ ^ blanks);
  }
  /// REQUIRES: found(), as for size() and views().
  [[nodiscard]] unsigned digits() const {
    return static_cast<unsigned>(std::countl_zero(others_)) / 8;
  }
  [[nodiscard]] std::size_t size() const { return digits() + 3; }
  [[nodiscard]] std::int64_t views() const { return number_at_end(views_, digits()); }

 private:
  /// Returns the value of the last `digits` bytes of `word`.
  static std::int64_t number_at_end(std::uint64_t word, unsigned digits) {
    // Shifting by whole bytes inserts zero bytes, which count as leading zeros.
    const unsigned unused = 64 - 8 * digits;
    std::uint64_t value = ((word ^ of_each_byte('0')) >> unused) << unused;
    value = (value * 10 + (value >> 8)) & 0x00FF00FF00FF00FFU;      // pairs
    value = (value * 100 + (value >> 16)) & 0x0000FFFF0000FFFFU;    // fours
    value = (value * 10000 + (value >> 32)) & 0x00000000FFFFFFFFU;  // all
    return static_cast<std::int64_t>(value);
  }

  bool zero_follows_;
  std::uint64_t views_;   // in the high bytes
  std::uint64_t others_;  // marks the bytes that are not digits
};

}  // namespace

PageViewParser::PageViewParser(Settings settings, etl::Predicate predicate, etl::Task task)
    : settings_(settings),
      predicate_(predicate),
      task_(task),
      buffer_(front_slack + max_line + 1 + settings.block_size + back_slack),
      front_(buffer_.data() + front_slack),
      rest_(front_),
      ends_(std::make_unique_for_overwrite<std::uint32_t[]>(settings.block_size + newline_slack)) {
  if (!predicate_) return;
  const std::string_view column = predicate_.column();
  if (column == "domain_code") tested_ = Tested::code;
  else if (column == "language") tested_ = Tested::language;
  else if (column == "project") tested_ = Tested::project;
  else if (column == "access") tested_ = Tested::access;
}

std::span<char> PageViewParser::space() {
  begin_block();
  return {front_ + rest_size_, settings_.block_size};
}

const PageViewBlock& PageViewParser::parse(std::size_t size) {
  const char* const fresh = front_ + rest_size_;
  std::span<const std::uint32_t> ends(ends_.get(), find_newlines(fresh, size, ends_.get()));
  const char* begin = front_;
  if (too_long_ && !ends.empty()) {
    end_long_line();
    begin = fresh + ends.front() + 1;
    ends = ends.subspan(1);
  }
  if (!ends.empty()) begin_lines(begin, fresh + ends.back());
  for (const std::uint32_t newline : ends) {
    const char* const end = fresh + newline;
    ++lines_;
    if (careful_ || !parse_usual_line(begin, end)) parse_any_line(begin, end);
    begin = end + 1;
  }
  end_block(begin, fresh + size);
  return block_;
}

const PageViewBlock& PageViewParser::finish() {
  begin_block();
  if (too_long_) {
    end_long_line();
  } else if (rest_size_ != 0) {
    begin_lines(front_, front_ + rest_size_);
    ++lines_;
    parse_any_line(front_, front_ + rest_size_);
  }
  end_block(front_ + rest_size_, front_ + rest_size_);
  return block_;
}

std::size_t PageViewParser::memory() const {
  return buffer_.capacity() + settings_.block_size * sizeof(ends_[0]) +
         block_.rows.capacity() * sizeof(PageViewRow);
}

void PageViewParser::begin_block() {
  block_.runs.clear();
  block_.rows.clear();
  titles_.clear();
  run_open_ = false;
  front_offset_ += rest_ - front_;
  std::memmove(front_, rest_, rest_size_);
  rest_ = front_;
}

/// Checks the whole block for rare bytes, so that lines need no check of their own.
void PageViewParser::begin_lines(const char* begin, const char* end) {
  lines_end_ = end;
  careful_ = std::memchr(begin, '\0', static_cast<std::size_t>(end - begin)) != nullptr;
  utf8_checked_ = false;
  if (settings_.invalid_utf8 == InvalidUtf8::reject) check_utf8(begin);
}

/// Delayed until the first row that is kept, since replacing bytes of dropped rows is useless.
void PageViewParser::check_utf8(const char* begin) {
  utf8_checked_ = true;
  if (!text::valid_utf8({begin, static_cast<std::size_t>(lines_end_ - begin)})) careful_ = true;
}

/// Remembers the unfinished line, which begin_block() moves to the front, or skips it if it is too
/// long already, to bound memory; reports the counts.
void PageViewParser::end_block(const char* rest, const char* end) {
  // Without the marks, a line is too long or not wherever its blocks begin.
  rest_ = rest + size_of_marks({rest, static_cast<std::size_t>(end - rest)});
  rest_size_ = static_cast<std::size_t>(end - rest_);
  if (!too_long_ && rest_size_ > max_line + 1) {  // + 1: a CR
    too_long_ = true;
    long_line_.assign(rest_, long_line_kept);
    long_offset_ = front_offset_ + (rest_ - front_);
  }
  if (too_long_) {
    rest_ = end;
    rest_size_ = 0;
  }
  task_.read(lines_ - std::exchange(lines_reported_, lines_));
  if (dropped_ != 0) task_.dropped(std::exchange(dropped_, 0));
}

void PageViewParser::end_long_line() {
  too_long_ = false;
  ++lines_;
  reject(reason::too_long, long_line_, long_offset_);
}

void PageViewParser::reject(std::string_view why, std::string_view raw, std::int64_t offset) {
  if (rejected_++ == 0) first_reject_ = {why, std::string(raw.substr(0, first_reject_kept))};
  task_.reject(why, raw, lines_, offset);
}

/// Parses a line with the previous line's code and few views, as nearly all lines are. Returns
/// false without effect for any other line. Does not read the titles of dropped rows.
bool PageViewParser::parse_usual_line(const char* begin, const char* end) {
  const auto size = static_cast<std::size_t>(end - begin);
  if (size < code_.size() + shortest_rest || size > max_line || !same_code(begin)) return false;
  const UsualEnd ending(load_word(end - word_size));
  if (!ending.found()) return false;
  if (size < code_.size() + surely_with_title && size <= code_.size() + ending.size()) return false;

  if (!wanted_) {
    ++dropped_;
    return true;
  }
  const char* const title = begin + code_.size();
  if (!utf8_checked_) check_utf8(begin);
  if (careful_ || *title == '"') return false;
  add_row({title, static_cast<std::size_t>(end - title) - ending.size()}, ending.views(), 0);
  return true;
}

void PageViewParser::parse_any_line(const char* begin, const char* end) {
  std::string_view line = without_cr({begin, static_cast<std::size_t>(end - begin)});
  begin += size_of_marks(line);
  line.remove_prefix(size_of_marks(line));
  PageViewLine fields;
  std::string_view why = split_line(line, fields);
  const bool comes_first =
      why == reason::too_long || why == reason::empty_line || why == reason::nul;
  if (settings_.invalid_utf8 == InvalidUtf8::reject && careful_ && !comes_first &&
      !text::valid_utf8(line)) {
    why = reason::invalid_utf8;
  }
  if (!why.empty()) {
    const std::string_view raw = why == reason::too_long ? line.substr(0, long_line_kept) : line;
    reject(why, raw, front_offset_ + (begin - front_));
    return;
  }

  if (code_.empty() || fields.code != std::string_view(code_).substr(0, code_.size() - 1)) {
    change_code(fields.code);
  }
  if (!wanted_) {
    ++dropped_;
    return;
  }
  if (!utf8_checked_) check_utf8(begin);
  std::optional<std::string> title = unquote_title(fields.title);
  if (careful_ && !text::valid_utf8(title ? *title : fields.title)) {
    title = text::replace_invalid_utf8(title ? *title : fields.title);
  }
  if (title) {
    const std::size_t size = title->size();
    title->append(title_slack, '\0');
    titles_.push_back(*std::move(title));
    fields.title = std::string_view(titles_.back()).substr(0, size);
  }
  add_row(fields.title, fields.views, fields.response_bytes);
}

bool PageViewParser::same_code(const char* line) const {
  if ((load_word(line) & code_mask_) != code_word_) return false;
  return code_.size() <= word_size ||
         std::memcmp(line + word_size, code_.data() + word_size, code_.size() - word_size) == 0;
}

void PageViewParser::change_code(std::string_view code) {
  code_ = code;
  code_ += ' ';
  std::array<char, word_size> start{};
  std::memcpy(start.data(), code_.data(), std::min(code_.size(), word_size));
  code_word_ = load_word(start.data());
  code_mask_ =
      code_.size() >= word_size ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * code_.size())) - 1;
  code_text_ = !text::valid_utf8(code) ? text::replace_invalid_utf8(code) : std::string(code);
  parts_ = parse_domain_code(code_text_);
  wanted_ = test_code();
  run_open_ = false;
}

bool PageViewParser::test_code() const {
  switch (tested_) {
    case Tested::nothing:
      return true;
    case Tested::code:
      return predicate_.keeps(code_text_);
    case Tested::language:
      return predicate_.keeps(parts_.language);
    case Tested::project:
      return predicate_.keeps(parts_.project);
    case Tested::access:
      return predicate_.keeps(parts_.access);
  }
  return true;
}

void PageViewParser::add_row(std::string_view title, std::int64_t views,
                             std::int64_t response_bytes) {
  if (!run_open_) {
    block_.runs.push_back({code_text_, parts_.project, parts_.access, block_.rows.size()});
    run_open_ = true;
  }
  block_.rows.push_back(
      {title.data(), static_cast<std::uint32_t>(title.size()), views, response_bytes});
}

}  // namespace wikipedia
