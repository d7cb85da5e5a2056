#include "plugins/common/sql/timestamp_text.hpp"

#include <charconv>
#include <chrono>

namespace sql {
namespace {

constexpr std::int64_t first_second = -62167219200;  // 0000-01-01 00:00:00
constexpr std::int64_t last_second = 253402300799;   // 9999-12-31 23:59:59
constexpr std::int64_t micros_per_second = 1000000;

char* put(char* out, unsigned value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + digits;
}

/// Takes exactly `digits` digits and the character `after` (0 = none) off the front of `text`.
bool take(std::string_view& text, std::size_t digits, char after, int& value) {
  const std::size_t size = digits + (after != 0 ? 1 : 0);
  if (text.size() < size || (after != 0 && text[digits] != after)) return false;
  for (const char digit : text.substr(0, digits)) {
    if (digit < '0' || digit > '9') return false;
  }
  std::from_chars(text.data(), text.data() + digits, value);
  text.remove_prefix(size);
  return true;
}

}  // namespace

std::optional<TimestampText> timestamp_text(std::int64_t seconds, std::int32_t micros,
                                            Fraction fraction) {
  using namespace std::chrono;
  if (seconds < first_second || seconds > last_second) return std::nullopt;
  const sys_seconds time{std::chrono::seconds(seconds)};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const auto second = static_cast<unsigned>((time - day).count());

  TimestampText text;
  char* out = text.bytes.data();
  out = put(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  *out++ = '-';
  out = put(out, static_cast<unsigned>(date.month()), 2);
  *out++ = '-';
  out = put(out, static_cast<unsigned>(date.day()), 2);
  *out++ = ' ';
  out = put(out, second / 3600, 2);
  *out++ = ':';
  out = put(out, second / 60 % 60, 2);
  *out++ = ':';
  out = put(out, second % 60, 2);
  if (micros != 0 || fraction == Fraction::always) {
    *out++ = '.';
    out = put(out, static_cast<unsigned>(micros), 6);
  }
  text.size = static_cast<std::size_t>(out - text.bytes.data());
  return text;
}

std::optional<TimestampText> timestamp_text_us(std::int64_t micros, Fraction fraction) {
  std::int64_t seconds = micros / micros_per_second;
  std::int64_t rest = micros % micros_per_second;
  if (rest < 0) {  // division rounds toward zero
    rest += micros_per_second;
    --seconds;
  }
  return timestamp_text(seconds, static_cast<std::int32_t>(rest), fraction);
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  using namespace std::chrono;
  int year_number = 0, month_number = 0, day_number = 0, hour = 0, minute = 0, second = 0,
      micros = 0;
  const bool fraction = text.size() > 19;
  const bool shaped = take(text, 4, '-', year_number) && take(text, 2, '-', month_number) &&
                      take(text, 2, ' ', day_number) && take(text, 2, ':', hour) &&
                      take(text, 2, ':', minute) && take(text, 2, fraction ? '.' : '\0', second) &&
                      (!fraction || take(text, 6, '\0', micros)) && text.empty();
  const year_month_day date(year(year_number), month(static_cast<unsigned>(month_number)),
                            day(static_cast<unsigned>(day_number)));
  if (!shaped || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::int64_t days_before = sys_days(date).time_since_epoch().count();
  return ((days_before * 24 + hour) * 60 + minute) * 60 * micros_per_second +
         second * micros_per_second + micros;
}

}  // namespace sql
