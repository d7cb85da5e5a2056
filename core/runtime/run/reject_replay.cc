#include "core/runtime/run/reject_replay.hpp"

#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/run/runner.hpp"
#include "core/runtime/run/thread_executor.hpp"
#include "core/runtime/schedule/scheduler.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <span>

namespace etl::runtime {
namespace {

constexpr std::string_view replay_mark = "+replay-";

/// A repaired record and its line in the file.
struct Repaired {
  std::string line, record;
};

class ReplayRun {
 public:
  ReplayRun(const Pipeline& pipeline, const RejectPath& path, Cancellation& cancellation, Log& log)
      : pipeline_(pipeline),
        graph_(*pipeline.graph),
        path_(path),
        cancellation_(cancellation),
        log_(log) {
    report_.summary = new_summary(pipeline);
  }

  ReplayReport run() {
    require_ledgers();
    const RunIdentity run{pipeline_.file.name, report_.summary.run_id};
    RejectStore store(path_, run, pipeline_.file.path, log_);
    store.recover(ledgers());
    require_published(store);
    read_entries();
    choose_records();
    if (!cancellation_.requested()) load(store);
    store.finish_run(ledgers());
    store.add_failures(report_.summary);
    count_loaded();
    report_.summary.conclude(cancellation_.requested());
    return std::move(report_);
  }

 private:
  struct Replayed {
    NodeIndex source;
    Partition partition;
    std::shared_ptr<const Replay> replay;
  };

  [[nodiscard]] CommittedAttempts ledgers() const { return {graph_, pipeline_.file.name, log_}; }

  void require_ledgers() const {
    for (const NodeIndex sink : graph_.of_kind(Kind::sink)) {
      require_one_database(pipeline_, sink);
      if (graph_.sink(sink).transactional()) continue;
      throw Error::config(
          fmt::format("sink \"{}\" keeps no ledger: replaying into it could write rows twice",
                      graph_[sink].name));
    }
  }

  /// Entries that an earlier replay has loaded, but could not remove, must not be loaded again.
  static void require_published(const RejectStore& store) {
    Summary unpublished;
    store.add_failures(unpublished);
    if (!unpublished.failures.empty()) throw Error::transient(unpublished.failures.front().error);
  }

  // ---- entries ---------------------------------------------------------------------------------

  void read_entries() {
    for (const std::filesystem::path& file : published_files(path_)) {
      const std::string text = read_whole(file);
      read_rejects(text, [&](const RejectRecord& record) { add_entry(file, record); });
    }
  }

  void add_entry(const std::filesystem::path& file, const RejectRecord& record) {
    if (!record.entry) {
      ++report_.unreadable;
      report_.notes.push_back(fmt::format("{}:{}: {}", file.string(), record.number, record.error));
      return;
    }
    const RejectEntry& entry = *record.entry;
    if (entry.key.pipeline != pipeline_.file.name) {
      ++report_.of_others;
      return;
    }
    if (entry.stage != entry.key.source) {
      ++report_.of_filters;
      report_.notes.push_back(
          fmt::format("{}:{}: rejected by filter \"{}\": only rows of sources can be replayed",
                      file.string(), record.number, entry.stage));
      return;
    }
    (void)source_of(entry.key);
    groups_[entry.key].push_back({std::string(record.line), entry.raw});
  }

  [[nodiscard]] NodeIndex source_of(const RejectKey& key) const {
    const std::optional<NodeIndex> source = graph_.find(Kind::source, key.source);
    if (!source) {
      throw Error::config(
          fmt::format("{} has rejects of source \"{}\", which pipeline \"{}\" does not have",
                      path_.path.string(), key.source, key.pipeline));
    }
    if (graph_.source(*source).can_replay()) return *source;
    throw Error::config(fmt::format("source \"{}\" ({}) cannot replay records", key.source,
                                    graph_[*source].entry->stage->name));
  }

  /// The partition as the source plans it now, or by its id alone if it no longer does.
  Partition original(NodeIndex source, const std::string& id) {
    if (!planned_.contains(source)) {
      for (Partition& partition : graph_.source(source).plan())
        planned_[source].emplace(partition.id, std::move(partition));
    }
    const auto at = planned_[source].find(id);
    return at == planned_[source].end() ? Partition{id, {}} : at->second;
  }

  // ---- readable records ------------------------------------------------------------------------

  void choose_records() {
    for (const auto& [key, entries] : groups_) {
      if (cancellation_.requested()) return;
      const NodeIndex source = source_of(key);
      const std::string id = key.partition.substr(0, key.partition.find(replay_mark));
      auto replay = std::make_shared<Replay>();
      replay->original = original(source, id);
      try {
        choose(source, replay->original, entries, *replay);
      } catch (const StageError& error) {
        if (error.code() == Code::cancelled) return;
        report_.summary.failures.push_back(
            {key.source, key.partition, "", error.stage(), 1, error.message()});
        continue;
      }
      if (!replay->records.empty()) add_partition(source, std::move(replay));
    }
  }

  /// Adds the readable records to `chosen`. Tries them in halves, because most of them are readable
  /// or most are not.
  void choose(NodeIndex source, const Partition& partition, std::span<const Repaired> entries,
              Replay& chosen) {
    if (entries.empty()) return;
    Replay tried{partition, {}, {}};
    for (const Repaired& each : entries) {
      tried.records.push_back(each.record);
      tried.lines.push_back(each.line);
    }
    if (all_readable(source, tried)) {
      chosen.records.insert(chosen.records.end(), tried.records.begin(), tried.records.end());
      chosen.lines.insert(chosen.lines.end(), tried.lines.begin(), tried.lines.end());
    } else if (entries.size() == 1) {
      ++report_.malformed;
    } else {
      choose(source, partition, entries.first(entries.size() / 2), chosen);
      choose(source, partition, entries.subspan(entries.size() / 2), chosen);
    }
  }

  bool all_readable(NodeIndex source, const Replay& replay) {
    FlowSettings settings;
    settings.max_rejects = std::numeric_limits<std::int64_t>::max();
    PartitionFlow flow(graph_, source, {source}, std::move(settings), cancellation_);
    flow.run(
        replay.original, [](NodeIndex, const Batch&) { return true; }, &replay);
    return flow.stages()[source].rejected == 0;
  }

  /// The identity is that of the entries: their place, the run that rejected them, and the repaired
  /// text. Equal records of two places, or of two runs, are two records.
  void add_partition(NodeIndex source, std::shared_ptr<Replay> replay) {
    std::string identity;
    for (const std::string& line : replay->lines)
      identity += fmt::format("{}:", line.size()) + line;
    std::int64_t bytes = 0;
    for (const std::string& record : replay->records)
      bytes += static_cast<std::int64_t>(record.size());
    const Partition& original = replay->original;
    partitions_.push_back({source,
                           {fmt::format("{}{}{:016x}", original.id, replay_mark,
                                        XXH3_64bits(identity.data(), identity.size())),
                            original.uri,
                            bytes,
                            {}},
                           std::move(replay)});
  }

  // ---- loading ---------------------------------------------------------------------------------

  void load(RejectStore& store) {
    LedgerView ledger;
    for (const NodeIndex sink : graph_.of_kind(Kind::sink))
      ledger.load(graph_, sink, pipeline_.file.name);
    std::vector<PartitionJob> jobs;
    std::set<NodeIndex> needed;
    for (Replayed& each : partitions_) {
      number_equal(ledger, each);
      PartitionJob job{each.source, &each.partition, lacking(ledger, each)};
      job.replay = each.replay;
      needed.insert(job.sinks.begin(), job.sinks.end());
      ++report_.summary.partitions.total;
      if (!job.sinks.empty()) {
        jobs.push_back(std::move(job));
      } else {  // by a replay that was killed
        ++report_.summary.partitions.skipped;
        store.remove(each.replay->lines);
      }
    }
    for (const NodeIndex sink : needed) graph_.sink(sink).prepare(graph_[sink].in);
    if (!jobs.empty()) execute(std::move(jobs), store);
  }

  [[nodiscard]] std::vector<NodeIndex> lacking(const LedgerView& ledger,
                                               const Replayed& replayed) const {
    std::vector<NodeIndex> sinks = graph_.sinks_of(replayed.source);
    std::erase_if(sinks, [&](NodeIndex sink) {
      return ledger.done(sink, graph_[replayed.source].name, replayed.partition.id) != nullptr;
    });
    return sinks;
  }

  /// Records whose source does not say where they are cannot be told apart from equal ones that
  /// were loaded before. Entries leave the file once they are loaded, so these are others.
  void number_equal(const LedgerView& ledger, Replayed& replayed) const {
    const auto& lines = replayed.replay->lines;
    const bool placed = std::ranges::all_of(lines, [](const std::string& line) {
      const RejectEntry entry = parse_reject(line);
      return entry.line || entry.offset;
    });
    const std::string id = replayed.partition.id;
    for (int number = 2; !placed && lacking(ledger, replayed).empty(); ++number)
      replayed.partition.id = fmt::format("{}-{}", id, number);
  }

  void execute(std::vector<PartitionJob> jobs, RejectStore& store) {
    const RunSettings& run = pipeline_.file.run;
    Progress progress(ProgressMode::off, log_);
    AttemptSettings settings =
        attempt_settings(pipeline_, {pipeline_.file.name, report_.summary.run_id});
    settings.readers = reader_count(pipeline_, jobs.size());
    settings.rejects = &store.spools();
    Scheduler scheduler(
        graph_, std::move(jobs),
        {settings.run, {run.retries, run.retry_delay}, run.on_failure == OnFailure::stop, &store},
        cancellation_, log_, progress);
    run_in_threads(graph_, scheduler, settings, cancellation_, log_);
    scheduler.log_rejects();
    scheduler.add_to(report_.summary);
  }

  // ---- the report ------------------------------------------------------------------------------

  /// Lines that are no longer in the file have been loaded.
  void count_loaded() {
    std::map<std::string, std::int64_t, std::less<>> there;
    for (const std::filesystem::path& file : published_files(path_)) {
      const std::string text = read_whole(file);
      each_line(text, [&](std::string_view line) { ++there[std::string(line)]; });
    }
    for (const Replayed& each : partitions_) {
      for (const std::string& line : each.replay->lines) {
        const auto at = there.find(line);
        if (at == there.end() || at->second == 0) ++report_.loaded;
        else --at->second;
      }
    }
  }

  const Pipeline& pipeline_;
  const Graph& graph_;
  const RejectPath& path_;
  Cancellation& cancellation_;
  Log& log_;
  ReplayReport report_;
  std::map<RejectKey, std::vector<Repaired>> groups_;
  std::map<NodeIndex, std::map<std::string, Partition>> planned_;
  std::vector<Replayed> partitions_;
};

}  // namespace

ReplayReport replay_rejects(const Pipeline& pipeline, const RejectPath& path,
                            Cancellation& cancellation, Log& log) {
  return ReplayRun(pipeline, path, cancellation, log).run();
}

void settle_rejects(const Pipeline& pipeline, const RejectPath& path, Log& log) {
  RejectStore store(path, {pipeline.file.name, new_run_id()}, pipeline.file.path, log);
  store.recover({*pipeline.graph, pipeline.file.name, log});
}

}  // namespace etl::runtime
