#include "plugins/common/http/url.hpp"

#include "plugins/common/http/curl_handle.hpp"

#include <algorithm>
#include <memory>

namespace http {
namespace {

using UrlHandle = std::unique_ptr<CURLU, CurlDelete<curl_url_cleanup>>;
using Text = std::unique_ptr<char, CurlDelete<curl_free>>;

/// Returns a part of the URL; empty if it has none.
std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  const Text owner(text);
  return text;
}

std::string server_of(CURLU* url) {
  std::string server = part_of(url, CURLUPART_SCHEME) + "://" + part_of(url, CURLUPART_HOST) + ":" +
                       part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::ranges::transform(server, server.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return server;
}

/// Returns the parsed URL, or null.
UrlHandle parse(const std::string& url) {
  UrlHandle handle(curl_url());
  if (handle == nullptr) return nullptr;
  if (curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return nullptr;
  return handle;
}

/// Returns whether `authority` ends with something like a port that is none.
bool has_odd_port(std::string_view authority) {
  const std::size_t colon = authority.find_last_of(":]");
  return colon != std::string_view::npos && authority[colon] == ':' &&
         authority.find_first_not_of("0123456789", colon + 1) != std::string_view::npos;
}

}  // namespace

std::string server_of(std::string_view url) {
  const UrlHandle handle = parse(std::string(url));
  // Fetching a URL that libcurl cannot parse reports why; here any text will do.
  return handle == nullptr ? redact_url(url) : server_of(handle.get());
}

std::string redact_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", host), url.size());
  const std::string_view authority = url.substr(host, end - host);
  const std::size_t at = authority.rfind('@');
  const std::string_view place =
      at == std::string_view::npos ? authority : authority.substr(at + 1);
  std::string text(url.substr(0, host));
  // In http://user:pass/word@host the host seems to end before the slash.
  if (has_odd_port(place) && url.find('@', end) != std::string_view::npos) return text + "***";
  return text.append(place).append(url.substr(end));
}

std::string redact_target(std::string_view url) {
  std::string text = redact_url(url);
  const std::size_t query = text.find('?');
  return query == std::string::npos ? text : text.substr(0, query) + "?...";
}

std::string redirect_target(const std::string& asked, const std::string& from,
                            const std::string& location) {
  const UrlHandle origin = parse(asked);
  const UrlHandle target = parse(from);
  constexpr unsigned flags = CURLU_URLENCODE | CURLU_ALLOW_SPACE | CURLU_NON_SUPPORT_SCHEME;
  if (origin == nullptr || target == nullptr) return {};
  // A target with a host has its own user and password, or none.
  if (curl_url_set(target.get(), CURLUPART_URL, location.c_str(), flags) != CURLUE_OK) return {};
  const std::string user = part_of(origin.get(), CURLUPART_USER);
  if (part_of(target.get(), CURLUPART_USER).empty() && !user.empty() &&
      server_of(target.get()) == server_of(origin.get())) {
    const std::string password = part_of(origin.get(), CURLUPART_PASSWORD);
    curl_url_set(target.get(), CURLUPART_USER, user.c_str(), 0);
    curl_url_set(target.get(), CURLUPART_PASSWORD, password.c_str(), 0);
  }
  return part_of(target.get(), CURLUPART_URL, CURLU_NON_SUPPORT_SCHEME);
}

}  // namespace http
