/// \file
/// Detection of bytes left in a connection after a complete response.
#pragma once

#include <curl/curl.h>

namespace http {

/// Returns whether the server sent bytes beyond the announced length of the response that `handle`
/// has just received. Call before the handle leaves its multi handle.
///
/// An idle HTTP/1.1 connection may carry nothing but its end. libcurl (seen with 7.88) reuses one
/// with unread bytes and parses them as the next response, so this function also shuts such a
/// connection down, which makes libcurl drop it. Under TLS the bytes may be a close notification:
/// the connection is shut down, but the result is false. Bytes that arrive later go unnoticed, and
/// so do those that libcurl read and discarded with the end of the response (it then drops the
/// connection itself).
[[nodiscard]] bool has_leftovers(CURL* handle);

}  // namespace http
