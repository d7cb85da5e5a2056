#include "plugins/postgres/connection/dsn.hpp"

#include <etl/error.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace postgres {
namespace {

// How a secret is written: plainly, in a URI, in key=value pairs.
enum class Spelling { plain, percent, backslash };

// The number of bytes that encode `byte` at the start of `text`; 0 if another is there.
std::size_t byte_size(std::string_view text, char byte, Spelling spelling) {
  static constexpr std::string_view upper = "0123456789ABCDEF";
  static constexpr std::string_view lower = "0123456789abcdef";
  const auto is_digit = [](char c, unsigned value) {
    return c == upper[value] || c == lower[value];
  };
  const auto value = static_cast<unsigned char>(byte);
  if (spelling == Spelling::percent && text.size() >= 3 && text[0] == '%' &&
      is_digit(text[1], value >> 4U) && is_digit(text[2], value & 15U)) {
    return 3;
  }
  if (spelling == Spelling::backslash && text.size() >= 2 && text[0] == '\\' && text[1] == byte)
    return 2;
  return !text.empty() && text[0] == byte ? 1 : 0;
}

// The number of bytes that encode `secret` at the start of `text`; 0 if it is not there.
std::size_t match_size(std::string_view text, std::string_view secret, Spelling spelling) {
  std::size_t at = 0;
  for (const char byte : secret) {
    const std::size_t size = byte_size(text.substr(at), byte, spelling);
    if (size == 0) return 0;
    at += size;
  }
  return at;
}

bool is_uri(std::string_view text) {
  return text.starts_with("postgres://") || text.starts_with("postgresql://");
}

etl::Error unreadable(std::string_view how) {
  return etl::Error::config("the dsn cannot be parsed as " + std::string(how) +
                            " (details are not shown: they may contain part of the password)")
      .about("dsn");
}

// libpq ends user and password at the first '@', and the authority at the first '/'. A password with
// one of them unencoded would end up in host, port or database, which messages name.
void check_uri(std::string_view text) {
  text.remove_prefix(text.find("://") + 3);
  text = text.substr(0, text.find('?'));
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return;
  if (text.find('@', at + 1) != std::string_view::npos || text.find('/') < at) {
    throw unreadable("a URI: write '@' and '/' in a user, password or database as %40 and %2F");
  }
}

void check_port(std::string_view port) {
  if (port.find_first_not_of("0123456789,") != std::string_view::npos) {
    throw unreadable("a connection string: the port is not a number");
  }
}

}  // namespace

void Redactor::add(std::string secret) {
  constexpr std::size_t shortest = 4;
  if (secret.size() < shortest || std::ranges::find(secrets_, secret) != secrets_.end()) return;
  secrets_.push_back(std::move(secret));
  std::ranges::sort(secrets_, [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Redactor::scrub(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t size = 0;
    for (const std::string& secret : secrets_) {
      for (const Spelling spelling : {Spelling::plain, Spelling::percent, Spelling::backslash}) {
        size = std::max(size, match_size(text, secret, spelling));
      }
    }
    if (size == 0) out += text[0];
    else out += "***";
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

Dsn::Dsn(std::string text) : text_(std::move(text)) {
  if (text_.find('\0') != std::string::npos) throw unreadable("text: it has a NUL byte");
  if (const char* password = std::getenv("PGPASSWORD")) redactor_.add(password);
  if (text_.empty()) return;

  const std::string_view how = is_uri(text_) ? "a URI" : "key=value pairs or a postgresql:// URI";
  char* reason = nullptr;  // quotes the dsn: freed unread
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(text_.c_str(), &reason), &PQconninfoFree);
  PQfreemem(reason);
  if (!options) throw unreadable(how);
  if (is_uri(text_)) check_uri(text_);
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "password" || keyword == "sslpassword") redactor_.add(option->val);
    if (keyword == "port") check_port(option->val);
  }
}

}  // namespace postgres
