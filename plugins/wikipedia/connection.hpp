/// \file
/// What is left in a connection when an answer is complete.
#pragma once

#include <curl/curl.h>

namespace wikipedia {

/// True if the server has sent more than the answer whose transfer by `handle` has just ended, by
/// the length which the answer announced. Call before the handle leaves its multi handle.
///
/// On an idle HTTP/1.1 connection nothing may come but its end. libcurl (seen with 7.88) uses one
/// that holds bytes nevertheless, and takes them for the beginning of the next answer; so this also
/// shuts the connection down if anything is there, after which libcurl drops it. Under TLS the
/// bytes may be a goodbye as well: then it is shut down too, but false is returned. Bytes that come
/// later, or that libcurl has read and thrown away with the last of the answer (it drops the
/// connection then), are not noticed: HTTP has no way to.
[[nodiscard]] bool has_leftovers(CURL* handle);

}  // namespace wikipedia
