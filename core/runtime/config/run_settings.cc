#include "core/runtime/config/run_settings.hpp"

#include "core/runtime/base/utf8.hpp"
#include "core/runtime/config/option_values.hpp"

#include <etl/options.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace etl::runtime {
namespace {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;
constexpr std::int64_t day = std::int64_t{24} * 3600 * 1000;
constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

constexpr auto table = etl::options(
    etl::optional<std::int64_t>("workers", "0", "Partitions processed at once; 0 = one per core.")
        .between(0, 1024),
    etl::optional<std::string>("executor", "\"threads\"", "Run workers as threads or as processes.")
        .one_of("threads|processes"),
    etl::optional<std::int64_t>("retries", "5", "Retries of a partition after a transient error.")
        .between(0, 1000),
    etl::optional<Duration>("retry_delay", "\"500ms\"",
                            "Pause before the first retry; doubled for each further one.")
        .between(0, day),
    etl::optional<std::string>("on_failure", "\"continue\"",
                               "Whether to continue with the other partitions after one fails.")
        .one_of("continue|stop"),
    etl::optional<Bytes>("memory_limit", "\"512MiB\"",
                         "Memory for batches and for the buffers that stages report.")
        .between(mebibyte, no_limit),
    etl::optional<std::int64_t>(
        "max_rejects", "1000",
        "Rejected rows allowed per partition; one more fails it before it commits.")
        .between(0, no_limit),
    etl::optional<Path>("rejects", "\"\"",
                        "File for rejected rows, as JSON lines; a folder, or a path ending in a "
                        "slash, gets one file per partition. Empty = only count them."),
    etl::optional<Duration>("partition_timeout", "\"0s\"",
                            "Time limit of one attempt at a partition, not counting time spent "
                            "waiting for others; 0s = no limit.")
        .between(0, day),
    etl::optional<bool>("pushdown", "true",
                        "Let a source skip rows that the next filter would drop."));

}  // namespace

std::span<const etl_option_spec> run_options() { return table; }

bool is_run_key(std::string_view key) {
  return std::ranges::any_of(
      table, [&](const etl_option_spec& spec) { return etl::detail::to_view(spec.name) == key; });
}

std::string belongs_at_top(std::string_view key) {
  if (key != "name" && key != "description") return {};
  return fmt::format("{} belongs at the top of the file, before the first [table]", in_quotes(key));
}

RunSettings read_run_settings(const RawTable& run, const Position& position,
                              const std::filesystem::path& folder, Diagnostics& diagnostics) {
  const auto elsewhere = [](std::string_view key) -> std::string {
    if (key == "sources" || key == "filters" || key == "sinks")
      return fmt::format("stages are not part of [run]: write [{}.NAME]", key);
    return belongs_at_top(key);
  };
  const OptionOwner owner{"[run]", position, elsewhere};
  // No option of [run] is a time, so `now` does not matter.
  const auto values = check_options(owner, run, table, {folder, {}}, diagnostics);
  if (values == nullptr) return {};
  const etl::Options options(values->values());
  RunSettings settings;
  settings.workers = options.get<std::int64_t>("workers");
  settings.executor =
      options.get<std::string>("executor") == "threads" ? Executor::threads : Executor::processes;
  settings.retries = options.get<std::int64_t>("retries");
  settings.retry_delay = options.get<Duration>("retry_delay");
  settings.on_failure =
      options.get<std::string>("on_failure") == "continue" ? OnFailure::continue_ : OnFailure::stop;
  settings.memory_limit = options.get<Bytes>("memory_limit").count;
  settings.max_rejects = options.get<std::int64_t>("max_rejects");
  settings.partition_timeout = options.get<Duration>("partition_timeout");
  settings.pushdown = options.get<bool>("pushdown");
  if (const std::string rejects = options.get<Path>("rejects").text; !rejects.empty())
    settings.rejects = RejectPath::of(rejects);
  if (const Position* at = values->position("rejects")) settings.rejects_position = *at;
  return settings;
}

}  // namespace etl::runtime
