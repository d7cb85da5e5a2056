/// \file
/// What each way a download can fail means for the partition. Pure functions; any thread.
#pragma once

#include <etl/error.hpp>

#include <curl/curl.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace wikipedia {

/// How far a download had come when it failed.
struct Progress {
  std::int64_t got = 0;
  std::int64_t expected = -1;  ///< -1 = unknown
};

/// A row of the table of HTTP statuses; the first that fits counts.
struct StatusRule {
  long first;
  long last;
  etl::Code code;
  std::string_view meaning;
};
/// A row of the table of libcurl's codes.
struct CurlRule {
  CURLcode code;
  const char* name;
  etl::Code meaning;
};
/// Both tables; a test compares wikipedia_pageviews.md with them.
[[nodiscard]] std::span<const StatusRule> http_rules();
[[nodiscard]] std::span<const CurlRule> libcurl_rules();

/// The URL without user name and password, fit for messages and files.
[[nodiscard]] std::string redact_url(std::string_view url);

/// An answer whose status is not the wanted one. `url` is shown as it is.
[[nodiscard]] etl::Error http_error(std::string_view url, long status, Progress progress);

/// libcurl gave up. `detail` is its own text for this failure, may be empty.
[[nodiscard]] etl::Error curl_error(std::string_view url, CURLcode code, std::string_view detail,
                                    Progress progress);

/// An answer that contradicts itself or stops: worth another try.
[[nodiscard]] etl::Error transfer_error(std::string_view url, std::string_view what,
                                        Progress progress);

/// A system call on a file of the cache failed with `number` (an errno).
[[nodiscard]] etl::Error file_error(std::string_view doing, const std::filesystem::path& path,
                                    int number);

}  // namespace wikipedia
