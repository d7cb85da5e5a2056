#include "plugins/wikipedia/pageviews_source.hpp"

#include "plugins/common/http/cached_file.hpp"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>

namespace wikipedia {
namespace {

constexpr std::int64_t wikimedia_connections = 3;

etl::Schema make_schema(const etl::Strings& names) {
  std::vector<etl::Field> fields;
  for (const std::string& name : names) {
    const auto* info = std::ranges::find(column_table, name, &ColumnInfo::name);
    if (info == column_table.end()) {
      throw etl::Error::config("unknown column \"" + name + "\"").about("columns");
    }
    if (std::ranges::find(fields, name, &etl::Field::name) != fields.end()) {
      throw etl::Error::config("column \"" + name + "\" is listed twice").about("columns");
    }
    fields.push_back({name, info->type, false});
  }
  if (fields.empty()) throw etl::Error::config("the list of columns is empty").about("columns");
  return etl::Schema(std::move(fields));
}

/// Returns the absolute path in an environment variable; XDG ignores relative ones.
std::optional<std::filesystem::path> path_from(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text != '/') return std::nullopt;
  return text;
}

std::filesystem::path default_cache() {
  const std::filesystem::path below = std::filesystem::path("etl") / "pageviews";
  if (const auto cache = path_from("XDG_CACHE_HOME")) return *cache / below;
  if (const auto home = path_from("HOME")) return *home / ".cache" / below;
  // Not in /tmp, where other users could place files for us to load.
  throw etl::Error::config("no folder for downloads, since HOME is not set: give cache_dir")
      .about("cache_dir");
}

/// Throws if `contact` cannot be sent in a header, or is required but missing.
std::string checked_contact(std::string contact, bool required) {
  const auto is_blank = [](char c) { return c == ' '; };
  if (std::ranges::any_of(contact, [](unsigned char c) { return c < ' ' || c == 0x7F; })) {
    throw etl::Error::config("contact contains a control character").about("contact");
  }
  if (std::ranges::all_of(contact, is_blank)) contact.clear();
  if (contact.empty() && required) {
    throw etl::Error::config(
        "Wikimedia's servers block anonymous clients: give a mail address or URL as contact")
        .about("contact");
  }
  return contact;
}

/// Returns the option `ca_file`, checked; empty if it is not given.
std::string ca_file(const etl::Options& options) {
  const auto file = options.find<etl::Path>("ca_file");
  if (!file) return {};
  if (::access(file->text.c_str(), R_OK) == 0) return file->text;
  throw etl::Error::config("cannot read " + file->text + ": " +
                           std::generic_category().message(errno))
      .about("ca_file");
}

std::string user_agent(const std::string& contact) {
  std::string text = "etl-wikipedia/1.0";
  if (!contact.empty()) text += " (" + contact + ")";
  return text + " libcurl/" + curl_version_info(CURLVERSION_NOW)->version;
}

http::FetchOptions fetch_options(const etl::Options& options, const BaseUrl& base, bool reads) {
  http::FetchOptions fetch;
  fetch.user_agent =
      user_agent(checked_contact(options.get<std::string>("contact"), base.wikimedia() && reads));
  const auto connections = options.get<std::int64_t>("connections");
  if (base.wikimedia() && connections > wikimedia_connections) {
    throw etl::Error::config("Wikimedia's servers allow 3 connections, not " +
                             std::to_string(connections))
        .about("connections");
  }
  fetch.connections = static_cast<int>(connections);
  const auto cache = options.find<etl::Path>("cache_dir");
  if (!base.local() && reads) {
    fetch.cache_dir = cache ? std::filesystem::path(cache->text) : default_cache();
    const std::string why = http::why_not_private(fetch.cache_dir);
    if (!why.empty()) throw etl::Error::config(why).about("cache_dir");
  }
  fetch.keep_files = options.get<bool>("keep_files");
  fetch.connect_timeout = options.get<etl::Duration>("connect_timeout");
  fetch.stall_timeout = options.get<etl::Duration>("stall_timeout");
  fetch.retry_after_limit = options.get<etl::Duration>("retry_after_limit");
  fetch.authorities = http::Authorities::from(ca_file(options));
  return fetch;
}

std::int64_t seconds(Hour hour) {
  return std::chrono::sys_seconds(hour).time_since_epoch().count();
}

std::int64_t size_of(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  return error ? -1 : static_cast<std::int64_t>(size);
}

Hour checked_hour(const std::string& id) {
  if (const auto hour = hour_of(id)) return *hour;
  throw etl::Error::permanent("\"" + id +
                              "\" is not a partition of page views (pageviews-YYYYMMDD-HH0000)");
}

}  // namespace

PageviewsSource::PageviewsSource(const etl::Options& given, const etl::Context& context)
    : context_(context),
      base_(given.get<etl::Url>("base_url").text),
      range_(resolve_hours(given.find<etl::Time>("start"), given.find<etl::Time>("end"),
                           given.find<std::int64_t>("hours"))),
      missing_fails_(given.get<std::string>("missing") == "fail"),
      invalid_utf8_(given.get<std::string>("invalid_utf8") == "reject" ? InvalidUtf8::reject
                                                                       : InvalidUtf8::replace),
      schema_(std::make_shared<const etl::Schema>(make_schema(given.get<etl::Strings>("columns")))),
      has_hour_(schema_->find("hour").has_value()) {
  http::FetchOptions fetch = fetch_options(given, base_, context.reads());
  fetch.ask_again = context.reloads();
  if (!base_.local()) fetcher_ = std::make_unique<http::Fetcher>(std::move(fetch), context);
}

std::vector<etl::Partition> PageviewsSource::plan() const {
  // Otherwise a mistyped folder would yield a long list of missing hours.
  std::error_code error;
  if (base_.local() && !std::filesystem::is_directory(base_.folder(), error)) {
    throw etl::Error::config("no such folder: " + base_.folder().string()).about("base_url");
  }
  std::vector<etl::Partition> partitions;
  partitions.reserve(static_cast<std::size_t>((range_.last - range_.first).count()));
  for (Hour hour = range_.first; hour < range_.last; hour += std::chrono::hours(1)) {
    const std::string file = relative_path(hour);
    etl::Partition& partition = partitions.emplace_back();
    partition.id = partition_id(hour);
    partition.uri = base_.shown(file);
    if (base_.local()) partition.bytes = size_of(base_.folder() / file);
    if (has_hour_) partition.scope = {"hour", seconds(hour)};
  }
  return partitions;
}

http::Remote PageviewsSource::remote(std::string_view id, Hour hour) const {
  return {std::string(id) + ".gz", base_.url(relative_path(hour))};
}

HourFile PageviewsSource::locate(const std::string& id, Hour hour, const etl::Task& task) {
  HourFile file;
  file.hour_seconds = seconds(hour);
  file.shown = base_.shown(relative_path(hour));
  if (base_.local()) {
    file.path = base_.folder() / relative_path(hour);
    file.shown = file.path.string();
    return file;
  }
  const http::Remote wanted = remote(id, hour);
  http::Fetched fetched = fetcher_->get(wanted, [&task] { return task.cancelled(); });
  task.downloaded(fetched.downloaded);
  file.path = fetched.path;
  file.fetched = std::move(fetched.file);
  file.on_verified = [this, name = wanted.name] { fetcher_->verified(name); };
  file.on_corrupt = [this, name = wanted.name] { fetcher_->corrupt(name); };
  return file;
}

PageViewReader PageviewsSource::read(const etl::Partition& partition,
                                     const etl::Predicate& predicate, const etl::Task& task) {
  const Hour hour = checked_hour(partition.id);
  try {
    return PageViewReader(locate(partition.id, hour, task), schema_, parsing(), predicate, task,
                          etl::HeldMemory(context_, 0));
  } catch (const etl::Error& error) {
    if (error.code() == etl::Code::missing && missing_fails_) {
      throw etl::Error::permanent(error.message());
    }
    throw;
  }
}

PageViewParser::Settings PageviewsSource::parsing() const {
  PageViewParser::Settings settings;
  settings.invalid_utf8 = invalid_utf8_;
  return settings;
}

ReplayReader PageviewsSource::replay(const etl::Partition& partition,
                                     std::vector<std::string_view> records,
                                     const etl::Task& task) const {
  return {
      std::move(records),          seconds(checked_hour(partition.id)), schema_, parsing(), task,
      etl::HeldMemory(context_, 0)};
}

void PageviewsSource::expect(const std::vector<std::string>& ids) {
  if (!fetcher_) return;
  std::vector<http::Remote> next;
  next.reserve(ids.size());
  for (const std::string& id : ids) next.push_back(remote(id, checked_hour(id)));
  fetcher_->expect(std::move(next));
}

bool PageviewsSource::ready(std::string_view id) {
  return !fetcher_ || fetcher_->ready(remote(id, checked_hour(std::string(id))));
}

void PageviewsSource::finish(std::string_view id) {
  if (fetcher_) fetcher_->finish(std::string(id) + ".gz");
}

}  // namespace wikipedia
