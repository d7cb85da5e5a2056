#include "plugins/common/http/response.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace http {
namespace {

// Limit on Retry-After: longer than any sensible value, too short to overflow a time.
constexpr std::chrono::hours longest_wait{24 * 30};

bool take(std::string_view& text, std::string_view prefix) {
  const bool fits = text.starts_with(prefix);
  if (fits) text.remove_prefix(prefix.size());
  return fits;
}

bool take_number(std::string_view& text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::string header(CURL* handle, const char* name) {
  curl_header* found = nullptr;
  constexpr int last_request = -1;
  const CURLHcode code = curl_easy_header(handle, name, 0, CURLH_HEADER, last_request, &found);
  return code == CURLHE_OK ? std::string(found->value) : std::string();
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view value) {
  constexpr std::string_view unit = "bytes ";
  if (value.size() < unit.size() || ::strncasecmp(value.data(), unit.data(), unit.size()) != 0) {
    return std::nullopt;
  }
  value.remove_prefix(unit.size());
  ContentRange range;
  if (!take(value, "*")) {
    if (!take_number(value, range.first) || !take(value, "-") || !take_number(value, range.last)) {
      return std::nullopt;
    }
    if (range.last < range.first) return std::nullopt;
  }
  if (!take(value, "/")) return std::nullopt;
  if (!take(value, "*") && !take_number(value, range.total)) return std::nullopt;
  return value.empty() ? std::optional(range) : std::nullopt;
}

std::string choose_validator(const std::string& etag, const std::string& last_modified,
                             const std::string& date) {
  const bool quoted = etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
  if (!etag.empty()) return quoted ? etag : std::string();
  const time_t modified = curl_getdate(last_modified.c_str(), nullptr);
  const time_t answered = curl_getdate(date.c_str(), nullptr);
  return modified >= 0 && answered > modified ? last_modified : std::string();
}

Response read_response(CURL* handle) {
  Response response;
  curl_off_t number = -1;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &response.status);
  if (curl_easy_getinfo(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &number) == CURLE_OK) {
    response.length = number;
  }
  response.range = parse_content_range(header(handle, "Content-Range"));
  response.etag = header(handle, "ETag");
  response.last_modified = header(handle, "Last-Modified");
  response.date = header(handle, "Date");
  response.content_type = header(handle, "Content-Type");
  response.location = header(handle, "Location");
  // In seconds, even if the header has a date.
  if (curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &number) == CURLE_OK && number > 0) {
    constexpr auto longest = std::chrono::duration_cast<std::chrono::seconds>(longest_wait).count();
    response.retry_after = std::chrono::seconds(std::min<curl_off_t>(number, longest));
  }
  return response;
}

}  // namespace http
