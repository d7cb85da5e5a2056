#include "core/runtime/run/runner.hpp"

#include "core/runtime/pipeline/left_behind.hpp"
#include "core/runtime/pipeline/lost_target.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/run/thread_executor.hpp"
#include "core/runtime/schedule/heartbeats.hpp"
#include "core/runtime/schedule/scheduler.hpp"
#include "core/runtime/workers/process_executor.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>
#include <thread>

namespace etl::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds cancellation_poll{20};

class Run {
 public:
  Run(const Pipeline& pipeline, Preflight preflight, const RunRequest& request,
      Cancellation& cancellation, Log& log)
      : pipeline_(pipeline),
        graph_(*pipeline.graph),
        file_(pipeline.file),
        request_(request),
        cancellation_(cancellation),
        log_(log),
        faults_(request.faults),
        retry_{file_.run.retries, file_.run.retry_delay},
        summary_(new_summary(pipeline)),
        preflight_(std::move(preflight)) {}

  Summary run() {
    const auto begun = std::chrono::steady_clock::now();
    open_rejects();
    plan();
    read_missing_ledgers();
    // The tasks of an array would all report the same partitions.
    if (!request_.selection.share) find_left_behind();
    select(planned_, request_.selection);
    if (rejects_) rejects_->recover(ledgers());
    std::vector<PartitionJob> jobs = choose_jobs();
    if (!cancellation_.requested()) prepare_sinks(jobs);
    if (!jobs.empty() && !cancellation_.requested()) execute(std::move(jobs));
    if (rejects_) {
      rejects_->finish_run(ledgers());
      rejects_->add_failures(summary_);
    }
    finish(std::chrono::steady_clock::now() - begun);
    return std::move(summary_);
  }

 private:
  /// Why a sink cannot be used.
  struct Down {
    StageError error;
    std::int64_t attempts;
  };

  /// Before the run moves data, so that an unwritable path is reported at once.
  void open_rejects() {
    if (!file_.run.rejects) return;
    try {
      rejects_.emplace(*file_.run.rejects, RunIdentity{file_.name, summary_.run_id}, file_.path,
                       log_);
    } catch (const Error& error) {
      const Position& at = file_.run.rejects_position;
      throw Error::config(fmt::format("{}:{}:{}: \"rejects\" in [run]: {}", at.file, at.line,
                                      at.column, error.message()));
    }
  }

  [[nodiscard]] CommittedAttempts ledgers() const { return {graph_, file_.name, log_}; }

  /// Calls `body` and retries transient failures as a partition would be retried. Returns the last
  /// failure; nothing when it succeeded or the run is to stop.
  template <class Body>
  std::optional<Down> with_retries(const std::string& what, Body&& body) {
    for (std::int64_t attempt = 1; !cancellation_.requested(); ++attempt) {
      try {
        body();
        return std::nullopt;
      } catch (const StageError& error) {
        if (error.code() == Code::config) throw;
        if (cancellation_.requested()) return std::nullopt;
        if (!retry_.allows(error, attempt)) return Down{error, attempt};
        const milliseconds backoff = retry_.backoff(error, attempt);
        log_.warn(fmt::format("{}: {}", what, retry_.describe(error, attempt, backoff)));
        pause(backoff);
      }
    }
    return std::nullopt;
  }

  /// When `body` fails for good, the partitions fail for this sink; other sinks go on.
  template <class Body>
  void per_sink(const char* what, NodeIndex sink, Body&& body) {
    if (down_.contains(sink)) return;
    const auto down = with_retries(fmt::format("{}: {}", graph_[sink].stage->title(), what), body);
    if (!down) return;
    log_.error(down->error.message());
    down_.emplace(sink, *down);
  }

  /// A source that cannot list its partitions ends the run: there is nothing to do or to report.
  void plan() {
    const auto down = with_retries("planning", [&] { planned_ = plan_partitions(graph_); });
    if (down) throw StageError(down->error);
  }

  /// Ends early when the run is to stop.
  void pause(milliseconds delay) const {
    const auto until = std::chrono::steady_clock::now() + delay;
    while (!cancellation_.requested() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(cancellation_poll);
    }
  }

  void read_missing_ledgers() {
    for (const TargetState& target : preflight_.targets) {
      if (!target.unreachable) continue;
      const NodeIndex sink = target.sink;
      per_sink("reading the ledger", sink, [&] {
        preflight_.ledger.load(graph_, sink, file_.name);
        require_target(graph_, sink, file_.name);
      });
      if (request_.reload) continue;
      if (auto changed = changed_definition(graph_, sink, preflight_.ledger))
        throw Error::config(fmt::format("{}; {}", *changed, changed_definition_remedy));
    }
  }

  void find_left_behind() {
    for (const NodeIndex sink : graph_.of_kind(Kind::sink)) {
      for (LedgerRecord& record : left_behind(graph_, sink, preflight_.ledger, planned_)) {
        summary_.left_behind.push_back({record.source, record.partition, record.sink, "",
                                        record.attempts, log_.redactor().conceal(record.error)});
      }
    }
  }

  [[nodiscard]] bool is_done(NodeIndex sink, const PlannedPartition& planned) const {
    return preflight_.ledger.done(sink, graph_[planned.source].name, planned.partition.id) !=
           nullptr;
  }

  std::vector<PartitionJob> choose_jobs() {
    std::vector<PartitionJob> jobs;
    summary_.partitions.total = static_cast<std::int64_t>(planned_.size());
    for (const PlannedPartition& planned : planned_) {
      PartitionJob job{planned.source, &planned.partition, {}};
      for (const NodeIndex sink : graph_.sinks_of(planned.source)) {
        PartitionCounts& counts = summary_of(sink).partitions;
        ++counts.total;
        if (!request_.reload && is_done(sink, planned)) ++counts.skipped;
        else job.sinks.push_back(sink);
      }
      if (job.sinks.empty()) ++summary_.partitions.skipped;
      else jobs.push_back(std::move(job));
    }
    return jobs;
  }

  SinkSummary& summary_of(NodeIndex sink) {
    for (SinkSummary& summary : summary_.sinks) {
      if (summary.name == graph_[sink].name) return summary;
    }
    throw Error(Code::internal, "no summary for sink " + graph_[sink].name);
  }

  void prepare_sinks(std::vector<PartitionJob>& jobs) {
    std::set<NodeIndex> needed;
    for (const PartitionJob& job : jobs) needed.insert(job.sinks.begin(), job.sinks.end());
    for (const NodeIndex sink : needed) {
      per_sink("preparing the target", sink, [&] { graph_.sink(sink).prepare(graph_[sink].in); });
    }
    if (cancellation_.requested()) return;
    for (const auto& [sink, down] : down_) fail_partitions(sink, down, jobs);
    std::erase_if(jobs, [&](const PartitionJob& job) {
      if (job.sinks.empty()) ++summary_.partitions.failed;
      return job.sinks.empty();
    });
    if (!down_.empty() && file_.run.on_failure == OnFailure::stop) jobs.clear();
  }

  void fail_partitions(NodeIndex sink, const Down& down, std::vector<PartitionJob>& jobs) {
    const std::string error = kept_message(down.error, log_);
    for (PartitionJob& job : jobs) {
      if (std::erase(job.sinks, sink) == 0) continue;
      job.failed = true;
      ++summary_of(sink).partitions.failed;
      summary_.failures.push_back({graph_[job.source].name, job.partition->id, graph_[sink].name,
                                   down.error.stage(), down.attempts, error,
                                   down.error.code() == Code::transient});
    }
  }

  /// Lets sources fetch ahead. One that fails to do so is read all the same.
  void announce(const std::vector<PartitionJob>& jobs) {
    for (const NodeIndex source : graph_.of_kind(Kind::source)) {
      std::vector<std::string> ids;
      for (const PartitionJob& job : jobs) {
        if (job.source == source) ids.push_back(job.partition->id);
      }
      try {
        graph_.source(source).expect(ids);
      } catch (const StageError& error) {
        if (!cancellation_.requested()) log_.warn("not fetched ahead: " + error.message());
      }
    }
  }

  void execute(std::vector<PartitionJob> jobs) {
    const bool in_threads = file_.run.executor == Executor::threads;
    if (in_threads) announce(jobs);
    const std::size_t partitions_to_do = jobs.size();
    const RunIdentity run{file_.name, summary_.run_id};
    Progress progress(request_.progress, log_);
    const AttemptSettings settings = settings_for(run, jobs.size(), progress);
    Scheduler scheduler(graph_, std::move(jobs),
                        {run, retry_, file_.run.on_failure == OnFailure::stop,
                         rejects_ ? &*rejects_ : nullptr, in_threads, settings.time_limit},
                        cancellation_, log_, progress);
    progress.start(partitions_to_do);
    std::optional<Heartbeats> heartbeats(std::in_place, graph_, scheduler, run, share(), log_);
    if (in_threads) {
      run_in_threads(graph_, scheduler, settings, cancellation_, log_);
    } else {
      workers_resident_ = run_in_processes(pipeline_, scheduler, settings,
                                           {request_.worker_program, request_.faults, log_.level()},
                                           cancellation_, log_);
    }
    heartbeats.reset();
    progress.stop();
    scheduler.log_rejects();
    scheduler.add_to(summary_);
  }

  [[nodiscard]] std::string share() const {
    const auto& share = request_.selection.share;
    return share ? fmt::format("{}/{}", share->index, share->count) : "";
  }

  AttemptSettings settings_for(const RunIdentity& run, std::size_t partitions, Progress& progress) {
    AttemptSettings settings = attempt_settings(pipeline_, run);
    settings.readers = reader_count(pipeline_, partitions);
    settings.reload = request_.reload;
    settings.faults = &faults_;
    settings.rejects = rejects_ ? &rejects_->spools() : nullptr;
    settings.on_read = [&progress](std::int64_t rows) { progress.rows(rows); };
    settings.on_written = [&progress](std::int64_t rows) { progress.written(rows); };
    return settings;
  }

  void finish(std::chrono::steady_clock::duration elapsed) {
    summary_.elapsed_seconds = std::chrono::duration<double>(elapsed).count();
    summary_.peak_memory_bytes = peak_resident_bytes() + workers_resident_;
    summary_.conclude(cancellation_.requested());
  }

  const Pipeline& pipeline_;
  const Graph& graph_;
  const PipelineFile& file_;
  const RunRequest& request_;
  Cancellation& cancellation_;
  Log& log_;
  FaultPlan faults_;
  const RetryPolicy retry_;
  std::int64_t workers_resident_ = 0;
  Summary summary_;
  std::vector<PlannedPartition> planned_;
  Preflight preflight_;
  std::map<NodeIndex, Down> down_;
  std::optional<RejectStore> rejects_;
};

}  // namespace

std::string new_run_id() {
  std::random_device random;
  const std::time_t seconds = std::time(nullptr);
  return fmt::format("{:%Y%m%dT%H%M%SZ}-{:08x}", fmt::gmtime(seconds), random());
}

Summary new_summary(const Pipeline& pipeline) {
  const Graph& graph = *pipeline.graph;
  Summary summary;
  summary.pipeline = pipeline.file.name;
  summary.run_id = new_run_id();
  summary.delivery = graph.exactly_once() ? "exactly-once" : "at-least-once";
  for (const Node& node : graph.nodes()) {
    summary.stages.push_back(
        {node.name, std::string(kind_name(node.kind)), node.entry->stage->name, {}, 0});
  }
  for (const NodeIndex sink : graph.of_kind(Kind::sink))
    summary.sinks.push_back({graph[sink].name, {}, {}});
  return summary;
}

Summary run_pipeline(const Pipeline& pipeline, Preflight preflight, const RunRequest& request,
                     Cancellation& cancellation, Log& log) {
  return Run(pipeline, std::move(preflight), request, cancellation, log).run();
}

}  // namespace etl::runtime
