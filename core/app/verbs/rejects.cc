#include "core/app/cli/verb.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/run/reject_replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <system_error>

namespace etl::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using runtime::RejectEntry;

struct RejectOptions {
  fs::path file;
  std::string reason;  ///< empty = any
  std::vector<std::string> partitions;
  std::optional<std::int64_t> limit;
  fs::path pipeline;  ///< empty = none
  bool replay = false;
};

/// The entries that were asked for.
struct Listing {
  std::vector<RejectEntry> entries;  ///< up to the limit
  std::int64_t total = 0;
  std::map<std::pair<std::string, std::string>, std::int64_t> reasons;  ///< by reason and stage
  json unreadable = json::array();
  std::int64_t others = 0;   ///< entries that were not asked for
  std::int64_t waiting = 0;  ///< spool files of killed runs
};

bool matches(const RejectOptions& options, const RejectEntry& entry) {
  return (options.reason.empty() || options.reason == entry.reason) &&
         runtime::selected({options.partitions, {}}, entry.key.partition);
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

Listing list(const RejectOptions& options, const runtime::RejectPath& path) {
  Listing found;
  const auto most =
      static_cast<std::size_t>(options.limit.value_or(std::numeric_limits<std::int64_t>::max()));
  for (const fs::path& file : runtime::published_files(path)) {
    const std::string text = runtime::read_whole(file);
    runtime::read_rejects(text, [&](runtime::RejectRecord record) {
      if (!record.entry) {
        found.unreadable.push_back(
            {{"file", file.string()}, {"line", record.number}, {"error", record.error}});
        return;
      }
      if (!matches(options, *record.entry)) {
        ++found.others;
        return;
      }
      ++found.total;
      ++found.reasons[{record.entry->reason, record.entry->stage}];
      if (found.entries.size() < most) found.entries.push_back(*std::move(record.entry));
    });
  }
  found.waiting = waiting_spools(path);
  return found;
}

/// Throws Error (permanent) if the path holds no rejects at all, or none that was asked for: a
/// typing error must not look like success. An empty file was made for rejects, and is right.
void require_some(const RejectOptions& options, const runtime::RejectPath& path,
                  const Listing& found) {
  if (found.total != 0 || !found.unreadable.empty() || found.waiting != 0) return;
  if (found.others != 0) {
    throw Error::permanent(
        fmt::format("{}: none of {} matches --reason and --partition; without them, all are listed",
                    options.file.string(), runtime::counted(found.others, "reject")));
  }
  if (path.folder && runtime::published_files(path).empty()) {
    throw Error::permanent(options.file.string() +
                           ": holds no rejects (no *.jsonl); give the path in run.rejects");
  }
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
  std::string text = runtime::counted(found.total, "reject") + "\n";
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

int show(const Session& session, const RejectOptions& options, const runtime::RejectPath& path) {
  const Listing found = list(options, path);
  session.require_not_stopped();
  require_some(options, path, found);
  for (const json& line : found.unreadable) {
    session.log.error(fmt::format("{}:{}: {}", line["file"].get<std::string>(),
                                  line["line"].get<std::size_t>(),
                                  line["error"].get<std::string>()));
  }
  if (found.waiting != 0) {
    session.log.warn(fmt::format(
        "the rejects of {} of a killed run are not in {} yet: the next run, or --pipeline with the "
        "pipeline file, publishes the committed ones",
        runtime::counted(found.waiting, "partition"), path.path.string()));
  }
  if (session.json()) print_json(to_json(found));
  else print_listing(found);
  return found.unreadable.empty() ? exit_ok : exit_failed;
}

int show_replay(const Session& session, const runtime::ReplayReport& report) {
  for (const std::string& note : report.notes) session.log.warn(note);
  if (session.json()) {
    print_json({{"loaded", report.loaded},
                {"malformed", report.malformed},
                {"of_filters", report.of_filters},
                {"of_other_pipelines", report.of_others},
                {"unreadable", report.unreadable},
                {"summary", report.summary.json()}});
  } else {
    std::vector<std::vector<std::string>> table{
        {runtime::grouped(report.loaded), "loaded and removed from the file"},
        {runtime::grouped(report.malformed), "still malformed"},
        {runtime::grouped(report.of_filters), "rejected by filters: cannot be replayed"},
        {runtime::grouped(report.of_others), "of other pipelines"},
        {runtime::grouped(report.unreadable), "lines that are not entries"}};
    print(runtime::aligned(table) + "\n" + report.summary.text());
  }
  if (report.summary.status == "interrupted") return session.signal_exit_code();
  return report.summary.status == "ok" && report.unreadable == 0 ? exit_ok : exit_failed;
}

/// Throws if the path is one file of the folder in which the pipeline keeps its rejects.
void require_own_path(const runtime::Pipeline& pipeline, const runtime::RejectPath& path) {
  const auto& own = pipeline.file.run.rejects;
  std::error_code ignored;
  if (own && own->folder && fs::equivalent(own->path, path.path.parent_path(), ignored) &&
      !path.folder)
    throw Error::config(fmt::format("{} is one file of {}: give the folder", path.path.string(),
                                    own->path.string()));
}

class Rejects : public Verb {
 public:
  Rejects() : Verb("rejects", "List rejected rows, or load them once they are repaired") {}

  void declare(Options& options) override {
    options.value("FILE", options_.file, "The file or folder that run.rejects names").required =
        true;
    common.declare_format(options);
    options.value("--reason", options_.reason, "Only rejects with this reason");
    options.value("--partition", options_.partitions,
                  "Only rejects of partitions whose id matches this glob (repeatable)");
    options.number("--limit", options_.limit, partition_range, "Show only the first N");
    options.value("--pipeline", options_.pipeline,
                  "Pipeline file (TOML) that the rejects come from");
    options.flag("--replay", options_.replay,
                 "Load the records that can be read now, and remove them from FILE");
    common.declare_set(options);
  }

  std::string misuse() const override {
    return options_.replay && options_.pipeline.empty() ? "--replay requires --pipeline" : "";
  }

  int run(const Session& session) override {
    std::error_code failure;
    const auto path =
        runtime::RejectPath::of(fs::absolute(options_.file, failure).lexically_normal());
    if (!fs::exists(path.path, failure))
      throw Error::permanent(options_.file.string() + ": no such file or folder");
    if (options_.pipeline.empty()) return show(session, options_, path);
    const OpenedPipeline pipeline = session.open_to_look(options_.pipeline);
    (void)pipeline.run_preflight(false);
    require_own_path(*pipeline, path);
    if (options_.replay) {
      return show_replay(
          session, runtime::replay_rejects(*pipeline, path, session.cancellation, session.log));
    }
    runtime::settle_rejects(*pipeline, path, session.log);
    return show(session, options_, path);
  }

 private:
  RejectOptions options_;
};

}  // namespace

std::unique_ptr<Verb> rejects_verb() { return std::make_unique<Rejects>(); }

}  // namespace etl::app
