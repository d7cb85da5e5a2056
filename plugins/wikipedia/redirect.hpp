/// \file
/// Which URLs a download goes to, and which redirects it follows.
#pragma once

#include <string_view>

namespace wikipedia {

/// Is it http or https?
[[nodiscard]] bool is_web_url(std::string_view url);

/// Most redirects from one URL to the next that one download follows.
constexpr int max_redirects = 5;

/// Throws a permanent etl::Error if an answer of `from` must not send us to `to`: only http and
/// https are followed, and never from https back to http, where anybody on the way could put
/// another file in place. libcurl's own CURLOPT_REDIR_PROTOCOLS cannot say the second for a chain
/// http - https - http, which is why transfers follow redirects themselves. `followed` counts those
/// before this one.
void check_redirect(std::string_view from, std::string_view to, int followed);

}  // namespace wikipedia
