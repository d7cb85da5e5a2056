/// \file
/// Proxies, which libcurl takes from environment variables.
#pragma once

#include <string>
#include <string_view>

namespace http {

/// Names the proxy for `url`, without user and password: `the proxy 10.0.0.1:3128 (http_proxy)`. To
/// be called only if libcurl uses one, since it also knows no_proxy.
[[nodiscard]] std::string name_proxy(std::string_view url);

/// Returns libcurl's text about a failure without the values of the proxy variables, which may hold
/// a password: libcurl shows one that it cannot parse.
[[nodiscard]] std::string without_proxies(std::string_view text, std::string_view url);

}  // namespace http
