#include "core/runtime/workers/worker_manager.hpp"

#include "core/runtime/base/text_format.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <thread>

namespace etl::runtime {
namespace {

using std::chrono::milliseconds;

/// Polling interval for a silent worker.
constexpr milliseconds poll_interval{50};
/// Time for a worker to obey before it is killed. It notices a cancellation and the time limit by
/// itself, unless a plugin is stuck.
constexpr milliseconds cancel_grace{5000};
constexpr milliseconds overdue_grace{1000};
constexpr std::size_t max_unread = 2;       ///< attempts that a worker could read, and has not
constexpr std::size_t max_outstanding = 4;  ///< attempts that a worker has not finished
/// Attempts whose data a worker waits for, beside those. Few, since no other worker can take them;
/// but enough that some are left to read while downloads stall.
constexpr std::size_t max_awaited = 16;
constexpr std::size_t max_log_lines = 5;  ///< quoted after a crash
/// Processes in a row that may end before they begin an attempt. Where the system has no room for
/// all workers, the others have given up by then, and left theirs to the last.
constexpr int max_starts = 10;
constexpr milliseconds start_pause{100};

bool readable_within(int descriptor, milliseconds time) {
  pollfd ready{descriptor, POLLIN, 0};
  return ::poll(&ready, 1, static_cast<int>(time.count())) > 0;
}

}  // namespace

WorkerManager::WorkerManager(const Pipeline& pipeline, Scheduler& scheduler,
                             const AttemptSettings& settings, const ProcessSettings& processes,
                             RunBoard& board, Workforce& workforce, std::size_t number,
                             Cancellation& cancellation, Log& log)
    : graph_(*pipeline.graph),
      scheduler_(scheduler),
      settings_(settings),
      processes_(processes),
      board_descriptor_(board.descriptor()),
      board_(board.worker(number)),
      workforce_(workforce),
      cancellation_(cancellation),
      log_(log),
      setup_(make_setup(pipeline, number)) {}

void WorkerManager::run() {
  while (!gave_up_) {
    if (outstanding_.empty()) {
      std::optional<AttemptRequest> request = scheduler_.next();
      if (!request) break;
      hand_out(std::move(*request));
    }
    look_ahead();
    serve();
  }
  end_worker();
}

WorkerSetup WorkerManager::make_setup(const Pipeline& pipeline, std::size_t number) const {
  WorkerSetup setup;
  setup.number = number;
  setup.workers = settings_.readers;
  setup.pipeline = pipeline.request.path;
  setup.set = pipeline.request.set;
  setup.now = *pipeline.request.now;
  setup.task = pipeline.request.task.value_or(0);
  setup.run = settings_.run;
  setup.memory_limit = settings_.memory_limit / settings_.readers;
  setup.reload = settings_.reload;
  setup.faults = processes_.faults;
  setup.log_level = processes_.log_level;
  for (const Node& node : graph_.nodes()) {
    setup.hashes.push_back(node.hash);
    const std::filesystem::path& file = node.entry->plugin.path;
    if (std::find(setup.plugins.begin(), setup.plugins.end(), file) == setup.plugins.end())
      setup.plugins.push_back(file);
  }
  return setup;
}

// ---- handing out -------------------------------------------------------------------------------

void WorkerManager::hand_out(AttemptRequest request) {
  if (outstanding_.empty()) active_at_ = monotonic_ms();
  outstanding_.push_back({std::move(request)});
  if (worker_ == nullptr && !start_worker()) return;
  // If the worker has died, serve() first handles what it had sent, and then its death.
  if (!worker_->channel().send(outstanding_.back().request)) worker_->kill();
}

/// Fills the worker's queue, so that it can fetch the next partition while it reads one, and read
/// another while it waits for one.
void WorkerManager::look_ahead() {
  if (worker_ == nullptr || cancel_sent_ || outstanding_.empty()) return;
  std::size_t unread = 0;
  std::size_t awaited = 0;
  for (const Outstanding& each : outstanding_) {
    if (each.request.isolated) return;
    if (each.awaited) ++awaited;
    else if (!each.read) ++unread;
  }
  if (unread >= max_unread || awaited >= max_awaited) return;
  if (outstanding_.size() - awaited >= max_outstanding) return;
  // An idle reader takes what there is; looking ahead must not starve other workers.
  std::optional<AttemptRequest> request =
      scheduler_.next_ahead(unread == 0 ? 0 : settings_.readers);
  if (request) hand_out(std::move(*request));
}

bool WorkerManager::start_worker() {
  board_.ended_in = Activity::none;
  for (Activity& activity : board_.activities) {
    activity.stage = Activity::none;
    activity.partition = -1;
    activity.deadline = 0;
  }
  log_lines_.clear();
  served_ = false;
  try {
    worker_ = std::make_unique<WorkerProcess>(processes_.program, board_descriptor_);
    if (!worker_->channel().send(setup_)) throw ended_at_once();
  } catch (const NoMoreProcesses& error) {
    worker_.reset();
    do_without(error);
    return false;
  } catch (const Error& error) {
    worker_.reset();
    fail_all(StageError(error, {"runner"}));
    return false;
  }
  return true;
}

/// Without room for another process, leaves the partitions to the other workers.
void WorkerManager::do_without(const Error& error) {
  gave_up_ =
      workforce_.give_up(error.message()) || (starts_ + 1 == max_starts && workforce_.end(error));
  if (gave_up_) put_back_all();
  else start_again(error);
}

/// Has the next process make the attempts, which have not begun; they fail if none can.
void WorkerManager::start_again(const Error& error) {
  if (++starts_ == max_starts) {
    starts_ = 0;
    return fail_all(StageError(error, {"runner"}));
  }
  put_back_all();
  std::this_thread::sleep_for(start_pause);
}

void WorkerManager::put_back_all() {
  for (const Outstanding& each : std::exchange(outstanding_, {})) scheduler_.put_back(each.request);
}

Error WorkerManager::ended_at_once() {
  worker_->ends_within(overdue_grace);
  worker_->kill();
  return Error::transient(
      fmt::format("worker process {} {} before it was ready", worker_->pid(), worker_->wait()));
}

// ---- listening ---------------------------------------------------------------------------------

void WorkerManager::serve() {
  if (worker_ == nullptr) return;
  const bool readable = readable_within(worker_->channel().descriptor(), poll_interval);
  update_row_counts();
  if (readable) {
    if (std::optional<WorkerReport> report = worker_->channel().receive())
      handle(std::move(*report));
    else worker_died();
    return;
  }
  if (cancellation_.requested()) cancel_worker();
  kill_if_overdue();
}

void WorkerManager::handle(WorkerReport report) {
  std::visit(Handle{[&](WorkerRefused& refused) { refusal_ = std::move(refused); },
                    [&](const WorkerLogLine& line) { handle_log(line); },
                    [&](const PartitionAwaited& awaited) { handle_awaited(*find(awaited.job)); },
                    [&](const AttemptBegun& begun) { handle_begun(*find(begun.job)); },
                    [&](const PartitionRead& read) {
                      const auto at = find(read.job);
                      if (at != outstanding_.end()) at->read = true;
                    },
                    [&](const AttemptDone& done) { handle_done(done); }},
             report);
}

void WorkerManager::handle_awaited(Outstanding& attempt) {
  active_at_ = monotonic_ms();
  attempt.awaited = true;
  scheduler_.waits(attempt.request);
}

void WorkerManager::handle_begun(Outstanding& attempt) {
  if (std::exchange(attempt.awaited, false)) scheduler_.begins(attempt.request);
  attempt.begun = true;
  served_ = true;
  workforce_.serve();
  starts_ = 0;
}

void WorkerManager::handle_log(const WorkerLogLine& line) {
  log_.write(line.level, line.stage, line.text);
  if (line.level < LogLevel::info) return;
  log_lines_.push_back(line.text);
  if (log_lines_.size() > max_log_lines) log_lines_.pop_front();
}

void WorkerManager::handle_done(const AttemptDone& done) {
  const auto at = find(done.job);
  const AttemptRequest request = std::move(at->request);
  outstanding_.erase(at);
  active_at_ = monotonic_ms();
  process_resident_ = done.resident_bytes;
  if (scheduler_.complete(request, done.result))
    worker_->channel().send(FinishPartition{request.source, request.partition.id});
}

std::deque<WorkerManager::Outstanding>::iterator WorkerManager::find(std::size_t job) {
  return std::find_if(outstanding_.begin(), outstanding_.end(),
                      [&](const Outstanding& each) { return each.request.job == job; });
}

void WorkerManager::update_row_counts() {
  const std::int64_t read = board_.rows_read;
  const std::int64_t written = board_.rows_written;
  settings_.on_read(read - std::exchange(rows_read_, read));
  settings_.on_written(written - std::exchange(rows_written_, written));
}

// ---- stopping ----------------------------------------------------------------------------------

void WorkerManager::cancel_worker() {
  const std::int64_t now = monotonic_ms();
  if (!std::exchange(cancel_sent_, true)) {
    worker_->channel().send(CancelAttempts{cancellation_.reason()});
    kill_at_ = now + cancel_grace.count();
  } else if (now > kill_at_) {
    worker_->kill();  // its open transactions roll back
  }
}

/// A plugin that never checks whether to stop blocks its worker, but must not block the run.
void WorkerManager::kill_if_overdue() {
  const std::int64_t now = monotonic_ms();
  for (std::size_t at = 0; at < graph_.nodes().size() && at < board_.activities.size(); ++at) {
    const std::int64_t deadline = board_.activities[at].deadline;
    if (deadline == 0 || now < deadline + overdue_grace.count()) continue;
    overdue_ = at;
    worker_->kill();
    return;
  }
  if (begins_in_time(now)) return;
  never_began_ = true;
  worker_->kill();
}

/// No thread shows a deadline before its attempt has begun, and a worker that is stuck never begins
/// one. Within the time limit it also begins those that it waits for (ReadyQueue::Rules::patience).
bool WorkerManager::begins_in_time(std::int64_t now) {
  if (settings_.time_limit.count() == 0 || outstanding_.empty()) return true;
  const std::int64_t limit = settings_.time_limit.count() + overdue_grace.count();
  const bool begun = std::any_of(outstanding_.begin(), outstanding_.end(),
                                 [](const Outstanding& each) { return each.begun; });
  if (begun || now < active_at_ + limit) return true;
  // Counts as an attempt, or stuck workers would be replaced for ever.
  outstanding_.front().begun = true;
  return false;
}

void WorkerManager::end_worker() {
  if (worker_ == nullptr) return;
  worker_->channel().send(EndWorker{});
  const std::int64_t until = monotonic_ms() + cancel_grace.count();
  // It may still log while it ends.
  while (monotonic_ms() < until) {
    if (!readable_within(worker_->channel().descriptor(), poll_interval)) continue;
    const std::optional<WorkerReport> report = worker_->channel().receive();
    if (!report) break;
    if (const auto* line = std::get_if<WorkerLogLine>(&*report)) handle_log(*line);
  }
  worker_->ends_within(cancel_grace);
  forget_worker();
}

void WorkerManager::forget_worker() {
  update_row_counts();
  worker_.reset();
  resident_ = std::max(resident_, process_resident_);
}

// ---- the unexpected end ------------------------------------------------------------------------

void WorkerManager::worker_died() {
  const pid_t pid = worker_->pid();
  if (!overdue_) worker_->ends_within(overdue_grace);
  worker_->kill();
  const std::string end = worker_->wait();
  if (cancellation_.requested()) {
    fail_all(StageError(Error::cancelled(), {"runner"}));
  } else if (refusal_ && refusal_->transient) {
    do_without(Error::transient("a worker process cannot start: " + refusal_->reason));
  } else if (refusal_) {
    fail_all(StageError(Error::permanent("a worker process cannot start: " + refusal_->reason),
                        {"runner"}));
  } else if (!served_ && !overdue_ && !never_began_) {
    start_again(
        Error::transient(fmt::format("worker process {} {} before it was ready", pid, end)));
  } else {
    const std::optional<std::size_t> activity = culprit();
    settle_outstanding(activity,
                       crash_error(activity, fmt::format("worker process {} {}", pid, end)));
  }
  refusal_.reset();
  overdue_.reset();
  never_began_ = false;
  forget_worker();
}

/// The activity that the worker died in: the one it recorded itself, or the only one in progress.
std::optional<std::size_t> WorkerManager::culprit() const {
  if (overdue_) return overdue_;
  if (const std::int32_t at = board_.ended_in; at >= 0) return static_cast<std::size_t>(at);
  std::optional<std::size_t> only;
  for (std::size_t at = 0; at < graph_.nodes().size() && at < board_.activities.size(); ++at) {
    if (board_.activities[at].partition < 0) continue;
    if (only) return std::nullopt;
    only = at;
  }
  return only;
}

StageError WorkerManager::crash_error(std::optional<std::size_t> activity,
                                      std::string description) const {
  for (const std::string& line : log_lines_) description += "\n  its log: " + line;
  if (overdue_ || never_began_)
    description = time_limit_exceeded(settings_.time_limit).message() + "; " + description;
  if (!activity) return {Error::transient(description), {"runner"}};
  const std::int32_t shown = board_.activities[*activity].stage;
  const Node& node = graph_[shown >= 0 ? static_cast<std::size_t>(shown) : *activity];
  return node.stage->failure(
      Error::transient(fmt::format("in plugin \"{}\" ({}): {}", node.entry->stage->name,
                                   node.entry->plugin.path.string(), description)));
}

/// Fails the partition of the activity, or all that had begun if it is unknown. The others are
/// attempted again, and that does not count as an attempt.
void WorkerManager::settle_outstanding(std::optional<std::size_t> activity,
                                       const StageError& error) {
  const std::int64_t job = activity ? board_.activities[*activity].partition.load() : -1;
  const std::deque<Outstanding> lost = std::exchange(outstanding_, {});
  for (const Outstanding& each : lost) {
    const bool other = job >= 0 && each.request.job != static_cast<std::size_t>(job);
    if (!each.begun) scheduler_.put_back(each.request);
    else if (other) scheduler_.complete(each.request, deferred_attempt(graph_, each.request));
    else fail(each.request, error);
  }
}

void WorkerManager::fail(const AttemptRequest& request, const StageError& error) {
  scheduler_.isolate(request);
  scheduler_.complete(request, failed_attempt(graph_, request, error));
}

void WorkerManager::fail_all(const StageError& error) {
  const std::deque<Outstanding> lost = std::exchange(outstanding_, {});
  for (const Outstanding& each : lost) fail(each.request, error);
}

}  // namespace etl::runtime
