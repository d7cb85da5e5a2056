#include "core/runtime/workers/process_executor.hpp"

#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/workers/run_board.hpp"
#include "core/runtime/workers/worker_process.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <thread>

namespace etl::runtime {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

/// How often a worker is looked at that says nothing.
constexpr milliseconds look_every{50};
/// What a worker gets to obey before it is killed: it notices by itself that it is to stop, or that
/// an attempt takes too long, unless a plugin is stuck.
constexpr milliseconds patience{5000};
constexpr milliseconds late_patience{1000};
constexpr std::size_t most_unread = 2;       ///< attempts handed to a worker and not read yet
constexpr std::size_t most_outstanding = 4;  ///< and not finished
constexpr std::size_t last_lines = 5;

/// Looks after one worker process at a time, on a thread of its own; starts another when it ends.
class WorkerManager {
 public:
  WorkerManager(const Pipeline& pipeline, Scheduler& scheduler, const AttemptSettings& settings,
                const ProcessSettings& processes, RunBoard& board, std::size_t number,
                Cancellation& cancellation, Log& log)
      : graph_(*pipeline.graph),
        scheduler_(scheduler),
        settings_(settings),
        processes_(processes),
        descriptor_(board.descriptor()),
        board_(board.worker(number)),
        cancellation_(cancellation),
        log_(log),
        setup_(make_setup(pipeline, number)) {}

  void run() {
    while (true) {
      if (outstanding_.empty()) {
        std::optional<AttemptRequest> request = scheduler_.next();
        if (!request) break;
        give(std::move(*request));
      }
      look_ahead();
      serve();
    }
    end_worker();
  }

  [[nodiscard]] std::int64_t resident() const { return resident_; }

 private:
  struct Outstanding {
    AttemptRequest request;
    std::int64_t first_at = Deadline::now_ms();  ///< since when nothing is before it
    bool begun = false;
    bool read = false;
  };

  WorkerSetup make_setup(const Pipeline& pipeline, std::size_t number) const {
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

  // ---- handing out -----------------------------------------------------------------------------

  void give(AttemptRequest request) {
    outstanding_.push_back({std::move(request)});
    if (worker_ == nullptr && !start_worker()) return;
    // What a dead worker has said is heard before its end is: serve() comes to that.
    if (!worker_->channel().send({{"attempt", to_json(outstanding_.back().request)}}))
      worker_->kill();
  }

  /// Fills the worker's queue, so that it can fetch the next partition while it reads one.
  void look_ahead() {
    if (worker_ == nullptr || told_to_stop_) return;
    const auto unread = static_cast<std::size_t>(std::count_if(
        outstanding_.begin(), outstanding_.end(), [](const auto& each) { return !each.read; }));
    const bool alone = std::any_of(outstanding_.begin(), outstanding_.end(),
                                   [](const auto& each) { return each.request.alone; });
    if (alone || outstanding_.empty() || outstanding_.size() >= most_outstanding) return;
    if (unread >= most_unread) return;
    // A reader that has nothing takes what there is; looking ahead must not starve other workers.
    std::optional<AttemptRequest> request =
        scheduler_.next_ahead(unread == 0 ? 0 : settings_.readers);
    if (request) give(std::move(*request));
  }

  bool start_worker() {
    board_.ended_in = Activity::none;
    for (Activity& activity : board_.activities) {
      activity.stage = Activity::none;
      activity.partition = -1;
      activity.deadline = 0;
    }
    lines_.clear();
    try {
      worker_ = std::make_unique<WorkerProcess>(processes_.program, descriptor_);
      if (!worker_->channel().send(to_json(setup_))) throw ended_at_once();
    } catch (const Error& error) {
      worker_.reset();
      fail_all(StageError(error, {"runner"}));
      return false;
    }
    return true;
  }

  [[nodiscard]] Error ended_at_once() {
    worker_->ends_within(late_patience);
    worker_->kill();
    return Error::transient(
        fmt::format("worker process {} {} before it began", worker_->pid(), worker_->wait()));
  }

  // ---- listening -------------------------------------------------------------------------------

  void serve() {
    if (worker_ == nullptr) return;
    pollfd ready{worker_->channel().descriptor(), POLLIN, 0};
    const bool spoke = ::poll(&ready, 1, static_cast<int>(look_every.count())) > 0;
    show_rows();
    if (spoke) {
      if (const std::optional<json> message = worker_->channel().receive()) hear(*message);
      else died();
      return;
    }
    if (cancellation_.requested()) stop_worker();
    kill_if_late();
  }

  void hear(const json& message) {
    if (message.contains("log")) {
      hear_log(message["log"]);
    } else if (message.contains("begun")) {
      find(message["begun"])->begun = true;
    } else if (message.contains("read")) {
      if (const auto at = find(message["read"]); at != outstanding_.end()) at->read = true;
    } else if (message.contains("done")) {
      const auto at = find(message["done"]);
      const AttemptRequest request = std::move(at->request);
      outstanding_.erase(at);
      if (!outstanding_.empty()) outstanding_.front().first_at = Deadline::now_ms();
      process_resident_ = message["resident"];
      if (scheduler_.complete(request, result_from(message["result"])))
        worker_->channel().send({{"finish", {request.source, request.partition.id}}});
    } else if (message.contains("refused")) {
      refusal_ = message["refused"].get<std::string>();
    }
  }

  void hear_log(const json& line) {
    const auto level = static_cast<LogLevel>(line[0].get<std::uint32_t>());
    log_.write(level, line[1].get<std::string>(), line[2].get<std::string>());
    if (level < LogLevel::info) return;
    lines_.push_back(line[2]);
    if (lines_.size() > last_lines) lines_.pop_front();
  }

  std::deque<Outstanding>::iterator find(std::size_t job) {
    return std::find_if(outstanding_.begin(), outstanding_.end(),
                        [&](const Outstanding& each) { return each.request.job == job; });
  }

  void show_rows() {
    const std::int64_t read = board_.rows_read;
    const std::int64_t written = board_.rows_written;
    settings_.on_read(read - std::exchange(rows_read_, read));
    settings_.on_written(written - std::exchange(rows_written_, written));
  }

  // ---- stopping --------------------------------------------------------------------------------

  void stop_worker() {
    const std::int64_t now = Deadline::now_ms();
    if (!std::exchange(told_to_stop_, true)) {
      worker_->channel().send({{"cancel", cancellation_.reason()}});
      stop_at_ = now + patience.count();
    } else if (now > stop_at_) {
      worker_->kill();  // what it had open rolls back
    }
  }

  /// A plugin that does not look at the clock is stuck for its worker, and not for the run.
  void kill_if_late() {
    const std::int64_t now = Deadline::now_ms();
    for (std::size_t at = 0; at < graph_.nodes().size() && at < board_.activities.size(); ++at) {
      const std::int64_t deadline = board_.activities[at].deadline;
      if (deadline == 0 || now < deadline + late_patience.count()) continue;
      late_ = at;
      worker_->kill();
      return;
    }
    if (begins_in_time(now)) return;
    never_began_ = true;
    worker_->kill();
  }

  /// No thread shows a deadline before an attempt has begun, and a worker that stands still never
  /// begins one.
  bool begins_in_time(std::int64_t now) {
    if (settings_.time_limit.count() == 0 || outstanding_.empty()) return true;
    Outstanding& first = outstanding_.front();
    const std::int64_t limit = settings_.time_limit.count() + late_patience.count();
    if (first.begun || now < first.first_at + limit) return true;
    first.begun = true;  // it is charged, or a worker that cannot begin would be replaced for ever
    return false;
  }

  void end_worker() {
    if (worker_ == nullptr) return;
    worker_->channel().send({{"end", true}});
    const std::int64_t until = Deadline::now_ms() + patience.count();
    // It may have things to say while it ends.
    while (Deadline::now_ms() < until) {
      pollfd ready{worker_->channel().descriptor(), POLLIN, 0};
      if (::poll(&ready, 1, static_cast<int>(look_every.count())) <= 0) continue;
      const std::optional<json> message = worker_->channel().receive();
      if (!message) break;
      if (message->contains("log")) hear_log((*message)["log"]);
    }
    worker_->ends_within(patience);
    forget_worker();
  }

  void forget_worker() {
    show_rows();
    worker_.reset();
    resident_ = std::max(resident_, process_resident_);
  }

  // ---- the unexpected end ----------------------------------------------------------------------

  /// The activity that the worker ended in: as it said itself, or the only one there was.
  [[nodiscard]] std::optional<std::size_t> culprit() const {
    if (late_) return late_;
    if (const std::int32_t at = board_.ended_in; at >= 0) return static_cast<std::size_t>(at);
    std::optional<std::size_t> only;
    for (std::size_t at = 0; at < graph_.nodes().size() && at < board_.activities.size(); ++at) {
      if (board_.activities[at].partition < 0) continue;
      if (only) return std::nullopt;
      only = at;
    }
    return only;
  }

  void died() {
    const pid_t pid = worker_->pid();
    if (!late_) worker_->ends_within(late_patience);
    worker_->kill();
    const std::string end = worker_->wait();
    if (cancellation_.requested()) {
      fail_all(StageError(Error::cancelled(), {"runner"}));
    } else if (refusal_) {
      fail_all(
          StageError(Error::permanent("a worker process cannot begin: " + *refusal_), {"runner"}));
    } else {
      blame(fmt::format("worker process {} {}", pid, end));
    }
    refusal_.reset();
    late_.reset();
    never_began_ = false;
    forget_worker();
  }

  void blame(std::string what) {
    const std::optional<std::size_t> at = culprit();
    std::int64_t job = -1;
    StageError error(Error::transient(""), {"runner"});
    for (const std::string& line : lines_) what += "\n  its log: " + line;
    if (late_ || never_began_)
      what = time_limit_exceeded(settings_.time_limit).message() + "; " + what;
    if (at) {
      const Activity& activity = board_.activities[*at];
      job = activity.partition;
      const std::int32_t shown = activity.stage;
      const Node& node = graph_[shown >= 0 ? static_cast<std::size_t>(shown) : *at];
      error = node.stage->failure(
          Error::transient(fmt::format("in plugin \"{}\" ({}): {}", node.entry->stage->name,
                                       node.entry->plugin.path.string(), what)));
    } else {
      error = StageError(Error::transient(what), {"runner"});
    }
    std::deque<Outstanding> lost = std::move(outstanding_);
    outstanding_.clear();
    for (const Outstanding& each : lost) {
      if (!each.begun) scheduler_.put_back(each.request);
      else if (job >= 0 && each.request.job != static_cast<std::size_t>(job)) put_off(each.request);
      else fail(each.request, error);
    }
  }

  /// Somebody else's crash: what was not committed is tried again, and it counts for nothing.
  void put_off(const AttemptRequest& request) {
    AttemptResult result =
        failed_attempt(graph_, request, StageError(Error::transient(""), {"runner"}));
    for (auto& [sink, outcome] : result.outcomes) outcome = {Outcome::Kind::put_off, {}, {}};
    scheduler_.complete(request, std::move(result));
  }

  void fail(const AttemptRequest& request, const StageError& error) {
    scheduler_.isolate(request);
    scheduler_.complete(request, failed_attempt(graph_, request, error));
  }

  void fail_all(const StageError& error) {
    std::deque<Outstanding> lost = std::move(outstanding_);
    outstanding_.clear();
    for (const Outstanding& each : lost) fail(each.request, error);
  }

  const Graph& graph_;
  Scheduler& scheduler_;
  const AttemptSettings& settings_;
  const ProcessSettings& processes_;
  const int descriptor_;
  WorkerBoard& board_;
  Cancellation& cancellation_;
  Log& log_;
  const WorkerSetup setup_;

  std::unique_ptr<WorkerProcess> worker_;
  std::deque<Outstanding> outstanding_;
  std::deque<std::string> lines_;  ///< the last of its log
  std::optional<std::string> refusal_;
  std::optional<std::size_t> late_;  ///< the activity it was killed for
  bool never_began_ = false;         ///< it was killed for standing still with an attempt
  bool told_to_stop_ = false;
  std::int64_t stop_at_ = 0;
  std::int64_t rows_read_ = 0;
  std::int64_t rows_written_ = 0;
  std::int64_t process_resident_ = 0;
  std::int64_t resident_ = 0;
};

}  // namespace

std::int64_t run_in_processes(const Pipeline& pipeline, Scheduler& scheduler,
                              const AttemptSettings& settings, const ProcessSettings& processes,
                              Cancellation& cancellation, Log& log) {
  RunBoard board(settings.readers);
  std::deque<WorkerManager> managers;
  for (std::size_t i = 0; i < settings.readers; ++i)
    managers.emplace_back(pipeline, scheduler, settings, processes, board, i, cancellation, log);
  std::vector<std::thread> threads;
  threads.reserve(managers.size());
  for (WorkerManager& manager : managers) threads.emplace_back([&manager] { manager.run(); });
  for (std::thread& thread : threads) thread.join();
  return std::accumulate(
      managers.begin(), managers.end(), std::int64_t{0},
      [](std::int64_t sum, const WorkerManager& manager) { return sum + manager.resident(); });
}

}  // namespace etl::runtime
