/// \file
/// Rules for the URLs and redirects of a download.
#pragma once

#include <string_view>

namespace http {

/// Returns whether `url` is an http or https URL.
[[nodiscard]] bool is_web_url(std::string_view url);

/// Limit on redirects in one download.
constexpr int max_redirects = 5;

/// Throws a permanent etl::Error if the redirect from `from` to `to`, both absolute, is not
/// allowed. An empty `to` stands for a target that is not a URL. Only http and https are followed,
/// and never from https to http, where the file could be replaced on the way.
/// CURLOPT_REDIR_PROTOCOLS cannot express the latter for a chain http - https - http, so transfers
/// follow redirects themselves. `followed` is the number of earlier redirects.
void check_redirect(std::string_view from, std::string_view to, int followed);

}  // namespace http
