#include "core/runtime/base/redactor.hpp"

#include "core/runtime/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace etl::runtime {
namespace {

constexpr std::size_t shortest_secret = 4;
constexpr std::string_view stars = "***";
constexpr auto npos = std::string_view::npos;

/// Percent-encodes `text`; `digits` formats an escape as "%{:02X}" or "%{:02x}".
template <class Digits>
std::string percent_encoded(std::string_view text, Digits digits) {
  std::string out;
  for (const char c : text) {
    if (is_letter_or_digit(c) || std::string_view("-._~").find(c) != npos) out += c;
    else out += digits(static_cast<unsigned char>(c));
  }
  return out;
}

std::optional<unsigned char> hexadecimal(std::string_view two) {
  unsigned value = 0;
  const auto [end, failure] = std::from_chars(two.data(), two.data() + two.size(), value, 16);
  if (two.size() != 2 || end != two.data() + 2 || failure != std::errc()) return std::nullopt;
  return static_cast<unsigned char>(value);
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (; !text.empty(); text.remove_prefix(1)) {
    const auto byte = text.front() == '%' ? hexadecimal(text.substr(1, 2)) : std::nullopt;
    out += byte ? static_cast<char>(*byte) : text.front();
    if (byte) text.remove_prefix(2);
  }
  return out;
}

std::string without_backslashes(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    out += text[at];
  }
  return out;
}

bool is_word(char c) { return is_letter_or_digit(c) || c == '_'; }

/// The position of a password in a text: [begin, end).
struct Span {
  std::size_t begin = npos, end = npos;
};

/// How to read a text: in a connection string a blank may be part of a password.
enum class Context { prose, connection_string };

/// Returns whether the text after a ':' is the port of a URL.
bool begins_with_port(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  return end == text.size() || text[end] == '/';
}

/// Finds the password in the URL whose "://" is at `at`: between the first ':' and the last '@'
/// before the path. As in libpq, '?' and '#' end nothing there; this errs on the side of concealing
/// too much. It does so also for a password with a slash, which is a mistake in the URL: then the
/// '@' comes later, and what follows the ':' is not a port.
std::optional<Span> password_of_url(std::string_view text, std::size_t at, Context context) {
  const std::size_t begin = at + 3;
  const std::string_view blanks = context == Context::prose ? " \t\r\n" : "";
  const std::string_view url =
      text.substr(begin, std::min(text.find_first_of(blanks, begin), text.size()) - begin);
  const std::size_t colon = url.find(':');
  std::size_t host = url.substr(0, url.find('/')).rfind('@');
  if (host == npos && colon < url.find('/') && !begins_with_port(url.substr(colon + 1)))
    host = url.rfind('@');
  if (host == npos || colon == npos || colon + 1 >= host) return std::nullopt;
  return Span{begin + colon + 1, begin + host};
}

/// Finds VALUE, without quotes, in the `password = VALUE` whose "=" is at `at`.
std::optional<Span> value_of_key(std::string_view text, std::size_t at) {
  static constexpr std::array<std::string_view, 4> keys = {"password", "passwd", "pwd",
                                                           "sslpassword"};
  const std::size_t key_end = text.find_last_not_of(" \t", at == 0 ? npos : at - 1) + 1;
  if (at == 0 || key_end == 0) return std::nullopt;
  std::size_t key_begin = key_end;
  while (key_begin > 0 && is_word(text[key_begin - 1])) --key_begin;
  const std::string_view key = text.substr(key_begin, key_end - key_begin);
  const bool known = std::ranges::any_of(
      keys, [&](std::string_view one) { return std::ranges::equal(one, key, {}, {}, lower); });
  if (!known) return std::nullopt;

  std::size_t begin = text.find_first_not_of(" \t", at + 1);
  if (begin == npos) return std::nullopt;
  const char quote = text[begin] == '\'' || text[begin] == '"' ? text[begin] : '\0';
  if (quote != '\0') ++begin;
  const bool query = key_begin > 0 && (text[key_begin - 1] == '?' || text[key_begin - 1] == '&');
  const std::string_view ends = query ? "& \t\r\n" : " \t\r\n";
  std::size_t end = begin;
  while (end < text.size() && (quote != '\0' ? text[end] != quote : ends.find(text[end]) == npos)) {
    end += text[end] == '\\' && end + 1 < text.size() ? 2U : 1U;
  }
  if (begin == end) return std::nullopt;
  return Span{begin, end};
}

/// Finds the next recognizable password at or after `from`.
std::optional<Span> next_password(std::string_view text, std::size_t from, Context context) {
  for (std::size_t at = text.find_first_of(":=", from); at != npos;
       at = text.find_first_of(":=", at + 1)) {
    std::optional<Span> password;
    if (text[at] == '=') password = value_of_key(text, at);
    else if (text.substr(at, 3) == "://") password = password_of_url(text, at, context);
    if (password) return password;
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> passwords_in(std::string_view text) {
  std::vector<std::string> found;
  const auto next = [&](std::size_t from) {
    return next_password(text, from, Context::connection_string);
  };
  for (auto password = next(0); password; password = next(password->end)) {
    const std::string_view written = text.substr(password->begin, password->end - password->begin);
    found.emplace_back(written);
    for (std::string meant : {percent_decoded(written), without_backslashes(written)}) {
      if (std::ranges::find(found, meant) == found.end()) found.push_back(std::move(meant));
    }
  }
  return found;
}

void Redactor::add(const std::string& secret) {
  const MutexLock lock(mutex_);
  add_forms(secret);
  for (const std::string& password : passwords_in(secret)) add_forms(password);
  std::ranges::sort(secrets_, [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

void Redactor::add_forms(const std::string& secret) {
  const auto upper_case = [](unsigned char byte) { return fmt::format("%{:02X}", byte); };
  const auto lower_case = [](unsigned char byte) { return fmt::format("%{:02x}", byte); };
  const std::string plain = percent_decoded(secret);
  if (secret.size() < shortest_secret) return;
  for (const std::string& form :
       {secret, plain, percent_encoded(plain, upper_case), percent_encoded(plain, lower_case),
        percent_encoded(secret, upper_case), percent_encoded(secret, lower_case)}) {
    if (form.size() < shortest_secret) continue;
    if (std::ranges::find(secrets_, form) == secrets_.end()) secrets_.push_back(form);
  }
}

std::string Redactor::conceal(std::string_view text) const {
  std::string out(text);
  {
    const MutexLock lock(mutex_);
    for (const std::string& secret : secrets_) out = replaced(std::move(out), secret, stars);
  }
  std::size_t from = 0;
  while (const auto password = next_password(out, from, Context::prose)) {
    out.replace(password->begin, password->end - password->begin, stars);
    from = password->begin + stars.size();
  }
  return out;
}

}  // namespace etl::runtime
