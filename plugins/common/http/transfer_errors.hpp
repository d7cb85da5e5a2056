/// \file
/// Classification of download failures. Pure functions; any thread.
#pragma once

#include <etl/error.hpp>

#include <curl/curl.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace http {

/// The progress of a download when it failed.
struct Progress {
  std::int64_t got = 0;
  std::int64_t expected = -1;  ///< -1 = unknown
};

/// A row of the table of HTTP statuses; the first match counts.
struct StatusRule {
  long first;
  long last;
  etl::Code code;
  std::string_view meaning;
};
/// A row of the table of libcurl codes.
struct CurlRule {
  CURLcode code;
  const char* name;
  etl::Code meaning;
};
/// The tables, for a test that compares them with the documentation.
[[nodiscard]] std::span<const StatusRule> http_rules();
[[nodiscard]] std::span<const CurlRule> libcurl_rules();

/// Describes an unexpected HTTP status. `url` is shown unchanged.
[[nodiscard]] etl::Error http_error(std::string_view url, long status, Progress progress);

/// Describes a failure of libcurl. `detail` is its text for this failure, possibly empty.
[[nodiscard]] etl::Error curl_error(std::string_view url, CURLcode code, std::string_view detail,
                                    Progress progress);

/// Describes an inconsistent or stalled response; transient.
[[nodiscard]] etl::Error transfer_error(std::string_view url, std::string_view what,
                                        Progress progress);

}  // namespace http
