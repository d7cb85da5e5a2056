/// \file
/// Parts of URLs. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace http {

/// Returns `scheme://host:port` of an http or https URL in lower case, always with a port: the same
/// text for every spelling of a server.
[[nodiscard]] std::string server_of(std::string_view url);

/// Returns the URL without user and password, for messages and files. Shows nothing but the scheme
/// of a URL that has an '@' where it is not known which part is the password.
[[nodiscard]] std::string redact_url(std::string_view url);

/// The same without the query, which may hold a signature: for URLs that a server has made.
[[nodiscard]] std::string redact_target(std::string_view url);

/// Returns the absolute URL of `location`, which the response to `from` gave as the target of a
/// redirect. Blanks in it are encoded, as all clients do. On the server of `asked`, the URL that
/// was asked for, the target keeps its user and password. Returns an empty text if it is not a URL.
[[nodiscard]] std::string redirect_target(const std::string& asked, const std::string& from,
                                          const std::string& location);

}  // namespace http
