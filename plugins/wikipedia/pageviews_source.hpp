/// \file
/// The source `wikipedia_pageviews`: Wikimedia's hourly page view files.
#pragma once

#include "plugins/common/http/fetcher.hpp"
#include "plugins/wikipedia/base_url.hpp"
#include "plugins/wikipedia/hours.hpp"
#include "plugins/wikipedia/page_view_reader.hpp"
#include "plugins/wikipedia/parse/page_view_parser.hpp"
#include "plugins/wikipedia/replay_reader.hpp"

#include <etl/plugin.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wikipedia {

/// Each partition is an hour file, and its id is the stem of the file name:
/// `pageviews-20160827-210000` for the views from 20:00 to 21:00 UTC (see hours.hpp). Its URL is
/// `BASE/2016/2016-08/ID.gz`.
///
/// - `hour`, `start`, `end` refer to the hour in which the views happened, UTC; times are rounded
///   down to the hour. Exactly two of `start`, `end`, `hours` are given.
/// - Remote files are cached on disk (see http::Fetcher); those of a `file` URL are read in place.
/// - An absent file is reported as missing and retried by the next run, since files appear some
///   hours late. With `missing = "fail"` it fails the partition.
/// - A damaged gzip file is a transient error if it was downloaded, a permanent one if it is local.
/// - Malformed lines are rejected one by one (see page_view_line.hpp), whatever the predicate.
/// - Wikimedia's servers block anonymous clients and allow three connections, so for them `contact`
///   is required, and more than three `connections` or plain http are refused.
///
/// All options but `columns` and `invalid_utf8` do not affect the data of an hour and are therefore
/// operational: the ledger stays valid when `end` moves on.
///
/// Threads: call plan() once, first; the other members may then be called from any thread.
class PageviewsSource {
 public:
  static constexpr auto name = "wikipedia_pageviews";
  static constexpr auto summary = "Page views of Wikimedia's wikis, one partition per hour.";
  static constexpr auto options = etl::options(
      etl::optional<etl::Time>("start", "", "First hour to load (UTC).").operational(),
      etl::optional<etl::Time>("end", "", "Hour to stop before; with start or hours.")
          .operational(),
      etl::optional<std::int64_t>("hours", "", "Number of hours; with start or end.")
          .between(1, 1'000'000)
          .operational(),
      etl::optional<etl::Url>("base_url", "\"https://dumps.wikimedia.org/other/pageviews\"",
                              "Folder that contains the years: an https, http or file URL.")
          .operational(),
      etl::optional<std::string>(
          "contact", "\"\"",
          "Your mail address or URL, sent in the User-Agent; required by Wikimedia's servers.")
          .operational(),
      etl::optional<std::int64_t>("connections", "2",
                                  "Limit on concurrent downloads of the run; Wikimedia allows 3.")
          .between(1, 64)
          .operational(),
      etl::optional<etl::Duration>(
          "retry_after_limit", "\"1h\"",
          "Longest wait that a server may ask for; after that the partition fails, and the next "
          "run tries again.")
          .between(0, 2'592'000'000)
          .operational(),
      etl::optional<etl::Path>("ca_file", "",
                               "Certificates (PEM) of authorities to trust in addition; default "
                               "$CURL_CA_BUNDLE or $SSL_CERT_FILE, and $SSL_CERT_DIR.")
          .operational(),
      etl::optional<etl::Path>("cache_dir", "",
                               "Folder for downloads until they are loaded; default "
                               "$XDG_CACHE_HOME/etl/pageviews, or ~/.cache/etl/pageviews.")
          .operational(),
      etl::optional<bool>("keep_files", "false", "Keep downloads after they are loaded.")
          .operational(),
      etl::optional<std::string>("missing", "\"report\"",
                                 "Report an absent file as missing, or fail its partition.")
          .one_of("report|fail")
          .operational(),
      etl::optional<etl::Duration>("connect_timeout", "\"10s\"",
                                   "Give up connecting after this long.")
          .between(1, 3'600'000)
          .operational(),
      etl::optional<etl::Duration>("stall_timeout", "\"60s\"",
                                   "Give up a download after this long without data.")
          .between(1, 86'400'000)
          .operational(),
      etl::optional<etl::Strings>("columns", R"(["hour", "domain_code", "title", "views"])",
                                  "The columns, in this order.")
          .one_of("hour|domain_code|language|project|access|title|views|response_bytes"),
      etl::optional<std::string>("invalid_utf8", "\"replace\"",
                                 "Replace invalid UTF-8 with U+FFFD, or reject the line.")
          .one_of("replace|reject"));
  static constexpr auto columns = etl::columns(
      etl::column("hour", "timestamp[s]", "Start of the hour in which the views happened, UTC."),
      etl::column("domain_code", "utf8",
                  "The wiki, as in the file: \"fr\", \"fr.m\", \"fr.d\", \"commons.m\"."),
      etl::column("language", "utf8", "First label of the domain code."),
      etl::column("project", "utf8",
                  "wikipedia, wiktionary, wikidata, ...; \"unknown\" for an unknown code."),
      etl::column("access", "utf8", "desktop or mobile (site, app and zero)."),
      etl::column("title", "utf8",
                  "Title of the page as requested, with underscores; redirects are not followed."),
      etl::column("views", "int64", "Number of views."),
      etl::column("response_bytes", "int64", "Last field of the line; 0 in all known files."));

  /// Throws etl::Error (config) naming the option. Connects to nothing.
  PageviewsSource(const etl::Options& given, const etl::Context& context);

  [[nodiscard]] etl::Schema schema() const { return *schema_; }
  [[nodiscard]] std::vector<etl::Partition> plan() const;
  [[nodiscard]] PageViewReader read(const etl::Partition& partition,
                                    const etl::Predicate& predicate, const etl::Task& task);
  /// Reads repaired lines of the partition's hour, without a predicate.
  [[nodiscard]] ReplayReader replay(const etl::Partition& partition,
                                    std::vector<std::string_view> records,
                                    const etl::Task& task) const;
  void expect(const std::vector<std::string>& ids);
  [[nodiscard]] bool ready(std::string_view id);
  void finish(std::string_view id);

 private:
  [[nodiscard]] PageViewParser::Settings parsing() const;
  [[nodiscard]] http::Remote remote(std::string_view id, Hour hour) const;
  [[nodiscard]] HourFile locate(const std::string& id, Hour hour, const etl::Task& task);

  etl::Context context_;
  BaseUrl base_;
  HourRange range_;
  bool missing_fails_;
  InvalidUtf8 invalid_utf8_;
  std::shared_ptr<const etl::Schema> schema_;
  bool has_hour_ = false;
  std::unique_ptr<http::Fetcher> fetcher_;  // null for a local base
};

}  // namespace wikipedia
