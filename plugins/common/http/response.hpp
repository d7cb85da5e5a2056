/// \file
/// The headers of an HTTP response that matter to a download.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http {

/// The value of a Content-Range header (RFC 9110, 14.4). -1 = not given.
struct ContentRange {
  std::int64_t first = -1;
  std::int64_t last = -1;
  std::int64_t total = -1;
};

/// Parses a Content-Range; nothing unless it is in bytes.
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view value);

/// Chooses the validator for If-Range: a strong ETag, else Last-Modified if it is at least a second
/// older than `date`, so that a second change within its second cannot go unnoticed (RFC 9110,
/// 8.8.2.2 and 13.1.5). Empty = the content cannot be resumed. A weak ETag rules out the date as
/// well: it says that the server does not distinguish such contents.
[[nodiscard]] std::string choose_validator(const std::string& etag,
                                           const std::string& last_modified,
                                           const std::string& date);

/// The response to the last request of a handle. A plain value.
struct Response {
  long status = 0;
  std::int64_t length = -1;  ///< of this body; -1 = not given
  std::optional<ContentRange> range;
  std::string etag;
  std::string last_modified;
  std::string date;
  std::string content_type;
  std::string location;                      ///< as given, perhaps relative; empty = none
  std::chrono::milliseconds retry_after{0};  ///< 0 = not given
};

/// Reads the response from the handle, during or after the transfer.
[[nodiscard]] Response read_response(CURL* handle);

}  // namespace http
