#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/runtime/base/in_quotes.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/run/reject_replay.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <limits>
#include <map>
#include <system_error>

namespace etl::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using runtime::RejectEntry;

/// What is in the file, as far as it was asked for.
struct Listing {
  std::vector<RejectEntry> entries;  ///< the first of them, when there is a limit
  std::int64_t total = 0;
  std::map<std::pair<std::string, std::string>, std::int64_t> reasons;  ///< by reason and stage
  json unreadable = json::array();
  std::int64_t waiting = 0;  ///< spool files of killed runs
};

bool asked_for(const Arguments& arguments, const RejectEntry& entry) {
  const auto matches = [&](const std::string& glob) {
    return ::fnmatch(glob.c_str(), entry.key.partition.c_str(), 0) == 0;
  };
  return (arguments.reason.empty() || arguments.reason == entry.reason) &&
         (arguments.only.empty() ||
          std::any_of(arguments.only.begin(), arguments.only.end(), matches));
}

std::int64_t waiting_spools(const runtime::RejectPath& path) {
  std::int64_t waiting = 0;
  std::error_code ignored;
  for (const fs::directory_entry& run : fs::directory_iterator(path.spools(), ignored)) {
    if (const auto dead = runtime::SpoolFolder::of_dead_run(run.path()))
      waiting += static_cast<std::int64_t>(dead->files().size());
  }
  return waiting;
}

Listing list(const Arguments& arguments, const runtime::RejectPath& path) {
  Listing found;
  const auto most =
      static_cast<std::size_t>(arguments.limit.value_or(std::numeric_limits<std::int64_t>::max()));
  for (const fs::path& file : runtime::published_files(path)) {
    const std::string text = runtime::read_whole(file);
    runtime::read_rejects(text, [&](runtime::RejectRecord record) {
      if (!record.entry) {
        found.unreadable.push_back(
            {{"file", file.string()}, {"line", record.number}, {"error", record.error}});
        return;
      }
      if (!asked_for(arguments, *record.entry)) return;
      ++found.total;
      ++found.reasons[{record.entry->reason, record.entry->stage}];
      if (found.entries.size() < most) found.entries.push_back(*std::move(record.entry));
    });
  }
  found.waiting = waiting_spools(path);
  return found;
}

/// Most frequent first.
std::vector<std::pair<std::pair<std::string, std::string>, std::int64_t>> sorted(
    const Listing& found) {
  std::vector<std::pair<std::pair<std::string, std::string>, std::int64_t>> reasons(
      found.reasons.begin(), found.reasons.end());
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return reasons;
}

void print_listing(const Listing& found) {
  std::string text = fmt::format("{} rejects\n", runtime::grouped(found.total));
  if (found.total != 0) {
    std::vector<std::vector<std::string>> table{{"rows", "stage", "reason"}};
    for (const auto& [what, rows] : sorted(found))
      table.push_back({runtime::grouped(rows), what.second, what.first});
    text += "\n" + runtime::aligned(table);
  }
  if (!found.entries.empty()) {
    const auto number = [](const std::optional<std::int64_t>& value) {
      return value ? std::to_string(*value) : "-";
    };
    std::vector<std::vector<std::string>> table{
        {"partition", "line", "offset", "stage", "reason", "raw"}};
    for (const RejectEntry& entry : found.entries) {
      table.push_back({entry.key.partition, number(entry.line), number(entry.offset), entry.stage,
                       entry.reason, runtime::in_quotes(entry.raw)});
    }
    text += "\n" + runtime::aligned(table);
  }
  print(text);
}

json to_json(const Listing& found) {
  json reasons = json::array();
  for (const auto& [what, rows] : sorted(found))
    reasons.push_back({{"reason", what.first}, {"stage", what.second}, {"rows", rows}});
  json entries = json::array();
  for (const RejectEntry& entry : found.entries)
    entries.push_back(json::parse(runtime::reject_line(entry)));
  return {{"total", found.total},
          {"by_reason", std::move(reasons)},
          {"entries", std::move(entries)},
          {"unreadable", found.unreadable},
          {"waiting", found.waiting}};
}

int show(const Session& session, const runtime::RejectPath& path) {
  const Listing found = list(session.arguments, path);
  require_not_stopped(session);
  for (const json& line : found.unreadable) {
    session.log.error(fmt::format("{}:{}: {}", line["file"].get<std::string>(),
                                  line["line"].get<std::size_t>(),
                                  line["error"].get<std::string>()));
  }
  if (found.waiting != 0) {
    session.log.warn(fmt::format(
        "the rejects of {} partitions of a run that was killed are not in {} yet: the next run, or "
        "--pipeline with the pipeline's file, puts those in that were committed",
        found.waiting, path.path.string()));
  }
  if (session.arguments.format == Format::json) print_json(to_json(found));
  else print_listing(found);
  return found.unreadable.empty() ? exit_ok : exit_failed;
}

int show_replay(const Session& session, const runtime::ReplayReport& report) {
  for (const std::string& note : report.notes) session.log.warn(note);
  if (session.arguments.format == Format::json) {
    print_json({{"loaded", report.loaded},
                {"malformed", report.malformed},
                {"of_filters", report.of_filters},
                {"of_other_pipelines", report.of_others},
                {"unreadable", report.unreadable},
                {"summary", report.summary.json()}});
  } else {
    std::vector<std::vector<std::string>> table{
        {runtime::grouped(report.loaded), "loaded, and taken out of the file"},
        {runtime::grouped(report.malformed), "still cannot be read"},
        {runtime::grouped(report.of_filters), "rejected by filters: cannot be replayed"},
        {runtime::grouped(report.of_others), "of other pipelines"},
        {runtime::grouped(report.unreadable), "lines that are no entries"}};
    print(runtime::aligned(table) + "\n" + report.summary.text());
  }
  if (report.summary.status == "interrupted") return exit_signal + session.cancellation.reason();
  return report.summary.status == "ok" && report.unreadable == 0 ? exit_ok : exit_failed;
}

/// One file of a folder that a pipeline keeps its rejects in is not to be written by itself.
void require_own_path(const runtime::Pipeline& pipeline, const runtime::RejectPath& path) {
  const auto& own = pipeline.file.run.rejects;
  std::error_code ignored;
  if (own && own->folder && fs::equivalent(own->path, path.path.parent_path(), ignored) &&
      !path.folder)
    throw Error::config(fmt::format("{} is one file of {}: name the folder", path.path.string(),
                                    own->path.string()));
}

}  // namespace

int rejects(const Session& session) {
  const Arguments& arguments = session.arguments;
  std::error_code failure;
  const fs::path absolute = fs::absolute(arguments.files.front(), failure).lexically_normal();
  const runtime::RejectPath path = runtime::RejectPath::of(absolute);
  if (!fs::exists(path.path, failure))
    throw Error::permanent(arguments.files.front().string() + ": there is no such file or folder");
  if (arguments.pipeline.empty()) return show(session, path);
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline(session.open_request(arguments.pipeline), registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline != nullptr) (void)runtime::run_preflight(*pipeline, false, diagnostics);
  if (diagnostics.failed()) return report(session, diagnostics);
  require_own_path(*pipeline, path);
  if (arguments.replay) {
    return show_replay(session,
                       runtime::replay_rejects(*pipeline, path, session.cancellation, session.log));
  }
  runtime::settle_rejects(*pipeline, path, session.log);
  return show(session, path);
}

}  // namespace etl::app
