#include "core/runtime/schedule/scheduler.hpp"

#include "core/runtime/base/clock.hpp"
#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace etl::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_backoff{60'000};
/// A server may ask for any wait; more than this is taken as a mistake.
constexpr milliseconds longest_retry_after{3'600'000};

}  // namespace

Scheduler::Scheduler(const Graph& graph, std::vector<Job> jobs, SchedulerSettings settings,
                     Cancellation& cancellation, Log& log, Progress& progress)
    : graph_(graph),
      settings_(std::move(settings)),
      cancellation_(cancellation),
      log_(log),
      progress_(progress),
      random_(std::random_device{}()),
      stages_(graph.nodes().size()),
      peaks_(graph.nodes().size()),
      wake_(cancellation, [this] {
        const std::scoped_lock lock(mutex_);
        changed_.notify_all();
      }) {
  for (Job& job : jobs) {
    JobState& state = jobs_.emplace_back();
    state.job = std::move(job);
    state.failed = state.job.failed;
    state.rows_counted.resize(graph.nodes().size());
    ready_.emplace(Clock::time_point{}, jobs_.size() - 1);
  }
  unfinished_ = jobs_.size();
}

// ---- handing out -------------------------------------------------------------------------------

std::optional<AttemptRequest> Scheduler::next() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (cancellation_.requested() || stopping_ || unfinished_ == 0) return std::nullopt;
    if (ready_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = ready_.begin();
    if (first->first <= Clock::now()) {
      const std::size_t job = first->second;
      ready_.erase(first);
      return begin(job);
    }
    const Clock::time_point until = first->first;
    changed_.wait_until(lock, until);
  }
}

std::optional<AttemptRequest> Scheduler::next_ahead(std::size_t others) {
  const std::scoped_lock lock(mutex_);
  if (cancellation_.requested() || stopping_ || ready_.size() <= others) return std::nullopt;
  const auto first = ready_.begin();
  const std::size_t job = first->second;
  if (first->first > Clock::now() || jobs_[job].alone) return std::nullopt;
  ready_.erase(first);
  return begin(job);
}

AttemptRequest Scheduler::begin(std::size_t number) {
  JobState& job = jobs_[number];
  ++job.attempts;
  progress_.begin(job.job.partition->id);
  AttemptRequest request{number,       job.job.source, *job.job.partition, job.job.sinks,
                         job.attempts, now_us(),       job.alone,          ready_.empty()};
  job.in_hand_since = request.started_at;
  request.replay = job.job.replay;
  if (settings_.rejects != nullptr) settings_.rejects->prepare(graph_, request);
  return request;
}

void Scheduler::put_back(const AttemptRequest& request) {
  progress_.end(request.partition.id);
  {
    const std::scoped_lock lock(mutex_);
    --jobs_[request.job].attempts;
    jobs_[request.job].in_hand_since = 0;
  }
  requeue(request.job, milliseconds{0});
}

std::vector<Scheduler::InHand> Scheduler::in_hand() const {
  const std::scoped_lock lock(mutex_);
  std::vector<InHand> list;
  for (const JobState& job : jobs_) {
    if (job.in_hand_since == 0) continue;
    list.push_back(
        {job.job.source, job.job.partition->id, job.job.sinks, job.attempts, job.in_hand_since});
  }
  return list;
}

void Scheduler::isolate(const AttemptRequest& request) {
  const std::scoped_lock lock(mutex_);
  jobs_[request.job].alone = true;
}

// ---- the end of an attempt ---------------------------------------------------------------------

bool Scheduler::complete(const AttemptRequest& request, AttemptResult result) {
  JobState& job = jobs_[request.job];
  progress_.end(request.partition.id);
  {
    const std::scoped_lock lock(mutex_);
    job.in_hand_since = 0;
    count_stages(job, result);
    downloaded_ += result.downloaded;
    decoded_ += result.decoded;
  }
  if (!result.rejects.empty()) {
    log_.write(LogLevel::warn, graph_[request.source].name,
               fmt::format("{}: {}", request.partition.id, result.rejects));
  }
  if (settings_.rejects != nullptr) settings_.rejects->over(graph_, request, result);
  Retry retry;
  for (const NodeIndex sink : request.sinks) settle(request, sink, result.outcomes[sink], retry);
  job.job.sinks = std::move(retry.sinks);
  if (job.job.sinks.empty()) {
    const bool settled = !job.interrupted;
    finish(job);
    return settled;
  }
  if (retry.blameless) {
    const std::scoped_lock lock(mutex_);
    --job.attempts;
  }
  requeue(request.job, retry.delay);
  return false;
}

/// Time counts whatever became of the attempt; rows count once, with the attempt that committed.
void Scheduler::count_stages(JobState& job, const AttemptResult& result) {
  const bool committed = std::any_of(
      result.outcomes.begin(), result.outcomes.end(),
      [](const auto& outcome) { return outcome.second.kind == Outcome::Kind::committed; });
  for (NodeIndex node = 0; node < stages_.size(); ++node) {
    StageCounts counts = result.stages[node];
    const bool counts_rows = committed && !job.rows_counted[node] &&
                             (counts.rows_in != 0 || counts.rows_out != 0 || counts.rejected != 0);
    if (counts_rows) job.rows_counted[node] = true;
    else counts = {0, 0, 0, counts.busy};
    stages_[node] += counts;
    peaks_[node] = std::max(peaks_[node], result.peaks[node]);
  }
}

void Scheduler::committed(JobState& job, NodeIndex sink, const RowCounts& rows) {
  const std::scoped_lock lock(mutex_);
  job.committed = true;
  ++sinks_[sink].partitions.done;
  sinks_[sink].rows += rows;
  if (std::exchange(job.read_counted, true)) return;
  read_once_.read += rows.read;
  read_once_.rejected += rows.rejected;
}

void Scheduler::settle(const AttemptRequest& request, NodeIndex sink, const Outcome& outcome,
                       Retry& retry) {
  JobState& job = jobs_[request.job];
  switch (outcome.kind) {
    case Outcome::Kind::committed:
      committed(job, sink, outcome.rows);
      return;
    case Outcome::Kind::lost: {
      log_.info(fmt::format("{} into \"{}\": another run committed it meanwhile",
                            request.partition.id, graph_[sink].name));
      const std::scoped_lock lock(mutex_);
      ++sinks_[sink].partitions.skipped;
      return;
    }
    case Outcome::Kind::put_off:
      if (cancellation_.requested()) job.interrupted = true;
      else retry.sinks.push_back(sink);
      return;
    case Outcome::Kind::failed:
      break;
  }
  retry.blameless = false;
  const StageError& error = *outcome.error;
  switch (error.code()) {
    case Code::cancelled:
      if (cancellation_.requested()) job.interrupted = true;
      else
        give_up(request, sink,
                StageError(Error(Code::internal, error.cause() + ", though nobody asked it to"),
                           error.origin()),
                State::failed);
      return;
    case Code::missing:
      give_up(request, sink, error, State::missing);
      return;
    case Code::transient:
      if (request.number <= settings_.retries && !cancellation_.requested()) {
        retry.delay = std::max({retry.delay, backoff(request.number),
                                std::min(error.retry_after(), longest_retry_after)});
        log_.warn(fmt::format("{} into \"{}\": attempt {} of {}: {}", request.partition.id,
                              graph_[sink].name, request.number, settings_.retries + 1,
                              error.message()));
        retry.sinks.push_back(sink);
        return;
      }
      [[fallthrough]];
    default:
      give_up(request, sink, error, State::failed);
  }
}

/// Records it where it can be recorded; a ledger that cannot be written loses nothing, for what is
/// not in it is tried again.
void Scheduler::give_up(const AttemptRequest& request, NodeIndex sink, const StageError& error,
                        State state) {
  JobState& job = jobs_[request.job];
  if (cancellation_.requested() && state == State::failed && error.code() == Code::transient) {
    job.interrupted = true;
    return;
  }
  LedgerRecord record = ledger_record(graph_, settings_.run, request, sink, state);
  record.error = presentable(error);
  try {
    graph_.sink(sink).record(record);
  } catch (const Error& failure) {
    log_.warn(fmt::format("{}: not recorded as {}: {}", request.partition.id, state_name(state),
                          failure.message()));
  }
  if (state == State::missing)
    log_.info(fmt::format("{}: missing: {}", request.partition.id, error.message()));
  else
    log_.error(fmt::format("{} into \"{}\" failed: {}", request.partition.id, graph_[sink].name,
                           error.message()));
  const std::scoped_lock lock(mutex_);
  if (state == State::missing) {
    job.missing = true;
    ++sinks_[sink].partitions.missing;
    return;
  }
  job.failed = true;
  ++sinks_[sink].partitions.failed;
  failures_.push_back({graph_[request.source].name, request.partition.id, graph_[sink].name,
                       error.stage(), request.number, record.error,
                       error.code() == Code::transient});
  if (settings_.stop_on_failure) stopping_ = true;
  changed_.notify_all();
}

/// As the ledger and the summary keep it: a database takes no broken UTF-8.
std::string Scheduler::presentable(const Error& error) const {
  return printable(log_.redactor().conceal(error.message()), "\n");
}

void Scheduler::requeue(std::size_t job, milliseconds delay) {
  const std::scoped_lock lock(mutex_);
  ready_.emplace(Clock::now() + delay, job);
  changed_.notify_all();
}

void Scheduler::finish(JobState& job) {
  if (!job.interrupted) {
    progress_.finished();
    if (job.failed) progress_.failed();
  }
  const std::scoped_lock lock(mutex_);
  if (!job.interrupted) {
    if (job.failed) ++partitions_.failed;
    else if (job.missing) ++partitions_.missing;
    else if (job.committed) ++partitions_.done;
    else ++partitions_.skipped;
  }
  --unfinished_;
  changed_.notify_all();
}

milliseconds Scheduler::backoff(std::int64_t attempts) {
  milliseconds delay = settings_.retry_delay;
  for (std::int64_t i = 1; i < attempts && delay < longest_backoff; ++i) delay *= 2;
  delay = std::min(delay, longest_backoff);
  // Jitter, so that workers that failed together do not come back together.
  const std::scoped_lock lock(mutex_);
  return milliseconds(std::uniform_int_distribution<std::int64_t>(delay.count() * 3 / 4,
                                                                  delay.count() * 5 / 4)(random_));
}

// ---- results -----------------------------------------------------------------------------------

void Scheduler::add_to(Summary& summary) const {
  const std::scoped_lock lock(mutex_);
  std::size_t at = 0;
  for (const NodeIndex sink : graph_.of_kind(Kind::sink)) {
    SinkSummary& out = summary.sinks[at++];
    const auto found = sinks_.find(sink);
    if (found == sinks_.end()) continue;
    out.rows += found->second.rows;
    out.partitions.done += found->second.partitions.done;
    out.partitions.skipped += found->second.partitions.skipped;
    out.partitions.failed += found->second.partitions.failed;
    out.partitions.missing += found->second.partitions.missing;
  }
  for (NodeIndex node = 0; node < stages_.size(); ++node) {
    summary.stages[node].counts += stages_[node];
    summary.stages[node].peak_memory_bytes =
        std::max(summary.stages[node].peak_memory_bytes, peaks_[node]);
  }
  for (const auto& [sink, counts] : sinks_) {
    summary.stages[sink].counts.rows_in = counts.rows.written;
    summary.stages[sink].counts.rows_out = counts.rows.written;
  }
  summary.partitions.done += partitions_.done;
  summary.partitions.skipped += partitions_.skipped;
  summary.partitions.failed += partitions_.failed;
  summary.partitions.missing += partitions_.missing;
  summary.bytes_downloaded += downloaded_;
  summary.bytes_decoded += decoded_;
  summary.failures.insert(summary.failures.end(), failures_.begin(), failures_.end());
  if (summary.sinks.size() == 1) {
    summary.rows = summary.sinks.front().rows;
    return;
  }
  summary.rows.read += read_once_.read;
  summary.rows.rejected += read_once_.rejected;
  for (const SinkSummary& sink : summary.sinks) {
    summary.rows.filtered += sink.rows.filtered;
    summary.rows.added += sink.rows.added;
    summary.rows.written += sink.rows.written;
  }
}

}  // namespace etl::runtime
