/// \file
/// Option tables of fictional stages, with options of every type.
#pragma once

#include <etl/options.hpp>

#include <limits>
#include <map>
#include <span>
#include <string_view>

namespace config_test {

inline constexpr auto pages_options = etl::options(
    etl::required<etl::Time>("start", "The first hour."),
    etl::optional<etl::Time>("end", "", "The hour behind the last.").operational(),
    etl::optional<etl::Strings>("columns", "[\"hour\", \"title\"]", "Columns in the order wanted.")
        .one_of("hour|title|views|domain_code"),
    etl::optional<std::int64_t>("connections", "2", "Requests at once.")
        .between(1, 3)
        .operational(),
    etl::optional<double>("share", "1", "Share of the rows to keep."),
    etl::optional<etl::Duration>("timeout", "\"30s\"", "How long to wait.")
        .between(1000, 3'600'000)
        .operational(),
    etl::optional<etl::Bytes>("chunk", "\"1MiB\"", "Bytes read at once.").between(1024, 1 << 30),
    etl::optional<bool>("keep_files", "false", "Keep what was fetched.").operational(),
    etl::optional<etl::Path>("cache_dir", "", "Where files are kept."),
    etl::optional<etl::Url>("base_url", "\"https://example.org/pages\"", "Where the files are."),
    etl::optional<std::string>("contact", "\"\"", "A mail address or URL.").operational());

inline constexpr auto totals_options = etl::options(
    etl::optional<etl::StringMap>("combine", "", "How to add to a column.").one_of("sum|min|max"),
    etl::optional<etl::StringMap>("headers", "", "Sent with each request.").secret());

inline constexpr auto language_options =
    etl::options(etl::optional<etl::Strings>("languages", "[]", "Languages to keep."),
                 etl::optional<etl::Strings>("codes", "[]", "Exact domain codes to keep."),
                 etl::optional<etl::Strings>("access", "[]", "Kinds of access to keep.")
                     .one_of("desktop|mobile"),
                 etl::optional<std::string>("column", "\"domain_code\"", "The column to look at."));

inline constexpr auto sqlite_options =
    etl::options(etl::required<etl::Path>("path", "The database file."),
                 etl::required<std::string>("table", "The table to write to."),
                 etl::optional<std::string>("mode", "\"append\"", "What happens to earlier rows.")
                     .one_of("append|upsert"),
                 etl::optional<etl::Strings>("key", "[]", "Columns of the primary key."));

inline constexpr auto postgres_options = etl::options(
    etl::required<std::string>("dsn", "Connection URI.").secret().operational(),
    etl::optional<std::string>("pin", "", "A second secret.").secret(),
    etl::optional<std::int64_t>("door", "", "A number that is secret.").secret().between(0, 9),
    etl::required<std::string>("table", "The table to write to."));

inline constexpr auto broken_options = etl::options(
    etl::optional<std::int64_t>("speed", "\"fast\"", "How fast."),
    etl::optional<std::string>("colour", "red", "Which colour."),
    etl::optional<std::int64_t>("depth", "7", "How deep.").between(8, 9),
    etl::OptionSpec{{{"shape", 5}, {"Of a later etl.", 15}, {"1", 1}, {}, 99, 0, 0, 0}});

inline std::span<const etl_option_spec> table_of(std::string_view plugin) {
  static const std::map<std::string_view, std::span<const etl_option_spec>> tables{
      {"pages", pages_options},
      {"language", language_options},
      {"sqlite", sqlite_options},
      {"postgres", postgres_options},
      {"broken", broken_options},
      {"totals", totals_options},
      {"bare", {}}};
  const auto found = tables.find(plugin);
  return found == tables.end() ? std::span<const etl_option_spec>{} : found->second;
}

}  // namespace config_test
