#include "plugins/common/http/redirect.hpp"

#include "plugins/common/http/url.hpp"

#include <etl/error.hpp>

#include <algorithm>
#include <string>

namespace http {
namespace {

/// Returns the scheme in lower case; empty if there is none, since libcurl would guess one.
std::string scheme_of(std::string_view url) {
  const std::size_t end = url.find("://");
  std::string scheme(url.substr(0, end == std::string_view::npos ? 0 : end));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return scheme;
}

}  // namespace

bool is_web_url(std::string_view url) {
  const std::string scheme = scheme_of(url);
  return scheme == "http" || scheme == "https";
}

void check_redirect(std::string_view from, std::string_view to, int followed) {
  if (to.empty()) {
    throw etl::Error::permanent(redact_url(from) + ": redirected to something that is not a URL");
  }
  const auto refuse = [&](const std::string& why) {
    return etl::Error::permanent(redact_url(from) + ": redirected to " + redact_target(to) + ", " +
                                 why);
  };
  if (followed >= max_redirects) {
    throw refuse("which exceeds the limit of " + std::to_string(max_redirects) + " redirects");
  }
  if (!is_web_url(to)) throw refuse("which is neither http nor https");
  if (scheme_of(to) == "http" && scheme_of(from) == "https") {
    throw refuse("which would give up the encryption of https");
  }
}

}  // namespace http
