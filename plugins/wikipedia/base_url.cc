#include "plugins/wikipedia/base_url.hpp"

#include <etl/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

namespace wikipedia {
namespace {

etl::Error wrong(std::string message) {
  return etl::Error::config("base_url " + std::move(message)).about("base_url");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_wikimedia(std::string_view host) {
  for (const std::string_view domain : {"wikimedia.org", "wikipedia.org"}) {
    if (host == domain) return true;
    if (host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.') return true;
  }
  return false;
}

/// Returns whether `place`, a host with a port or none, has a port from 0 to 65535. Where it has
/// not, a password that was not encoded may have been taken for it.
bool has_good_port(std::string_view place) {
  const std::size_t colon = place.find(':', place.starts_with('[') ? place.find(']') : 0);
  if (colon == std::string_view::npos) return true;
  const std::string_view digits = place.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc{} && end == digits.data() + digits.size();
}

std::optional<int> hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const auto high = at + 2 < text.size() ? hex(text[at + 1]) : std::nullopt;
    const auto low = at + 2 < text.size() ? hex(text[at + 2]) : std::nullopt;
    if (!high || !low || *high * 16 + *low == 0) {
      throw wrong("has a malformed escape: \"" + std::string(text.substr(at, 3)) + "\"");
    }
    out += static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  return out;
}

}  // namespace

BaseUrl::BaseUrl(std::string_view url) {
  const std::size_t colon = url.find("://");
  const std::string scheme = lower(url.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (scheme != "http" && scheme != "https" && scheme != "file") {
    throw wrong("must begin with https://, http:// or file://");
  }
  if (std::ranges::any_of(url, [](unsigned char c) { return c <= ' ' || c == 0x7F; })) {
    throw wrong("contains a space or a control character: write it as %XX");
  }
  if (url.find_first_of("?#") != std::string_view::npos) {
    throw wrong("has a query or fragment; file names are appended to it, so it must be a folder");
  }
  while (url.ends_with('/') && url.size() > colon + 3) url.remove_suffix(1);

  const std::string_view rest = url.substr(std::min(url.size(), colon + 3));
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const std::string_view path = rest.substr(authority.size());
  // Shows nothing of the URL: with a slash in the password, the path holds the rest of it.
  if (path.find('@') != std::string_view::npos) {
    throw wrong("has an \"@\" after the host: write it as %40, and a slash in a password as %2F");
  }
  const std::size_t at = authority.rfind('@');
  const std::string_view place =
      at == std::string_view::npos ? authority : authority.substr(at + 1);
  std::string host =
      lower(place.substr(0, place.starts_with('[') ? place.find(']') : place.find(':')));
  if (host.ends_with('.')) host.pop_back();

  url_ = scheme + "://" + std::string(rest);
  shown_ = scheme + "://" + std::string(place) + std::string(path);
  local_ = scheme == "file";
  if (local_) {
    if (!host.empty() && host != "localhost") {
      throw wrong("names the host \"" + host + "\": a file URL begins with file:///");
    }
    folder_ = path.empty() ? "/" : percent_decoded(path);
    return;
  }
  if (host.empty()) throw wrong("has no host");
  if (!has_good_port(place)) {
    throw wrong(
        "has a port that is not a number up to 65535; write special characters of a "
        "password as %XX");
  }
  wikimedia_ = is_wikimedia(host);
  if (wikimedia_ && scheme == "http") {
    throw wrong("must be https: " + host + " refuses plain http");
  }
}

std::string BaseUrl::url(std::string_view relative) const {
  return url_ + "/" + std::string(relative);
}

std::string BaseUrl::shown(std::string_view relative) const {
  return shown_ + "/" + std::string(relative);
}

}  // namespace wikipedia
