#include "core/runtime/workers/worker.hpp"

#include "core/runtime/attempt/activity.hpp"
#include "core/runtime/attempt/attempt_runner.hpp"
#include "core/runtime/base/mutex.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/schedule/ready_queue.hpp"
#include "core/runtime/schedule/summary.hpp"
#include "core/runtime/workers/run_board.hpp"
#include "core/runtime/workers/worker_protocol.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <new>
#include <set>
#include <system_error>
#include <thread>

namespace etl::runtime {
namespace {

constexpr int exit_at_once = 1;

/// Where a thread that ends the process records itself; set once, before other threads start.
WorkerBoard* crash_board = nullptr;

void record_end() {
  if (crash_board == nullptr || this_activity == nullptr) return;
  const auto at = this_activity - crash_board->activities.data();
  crash_board->ended_in.store(static_cast<std::int32_t>(at));
}

void on_crash(int signal) {
  record_end();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// Makes the board show which thread ended the process: a plugin may crash, abort, or call exit().
void record_unexpected_end(WorkerBoard& board) {
  crash_board = &board;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    struct sigaction action {};
    action.sa_handler = &on_crash;
    action.sa_flags = static_cast<int>(SA_NODEFER | SA_RESETHAND | SA_ONSTACK);
    sigaction(signal, &action, nullptr);
  }
  std::atexit(&record_end);
}

class Worker {
 public:
  Worker(WorkerChannel channel, const WorkerSetup& setup, int board)
      : channel_(std::move(channel)),
        setup_(setup),
        slots_(board),
        board_(RunBoard::inherited(board, setup.workers)),
        faults_(setup.faults),
        log_(setup.log_level,
             [this](LogLevel level, std::string_view stage, const std::string& text) {
               send(WorkerLogLine{level, std::string(stage), text.substr(0, max_text)});
             }) {
    faults_.share(board_.faults());
    record_unexpected_end(mine());
  }

  /// Makes the stages; returns false, and tells the runner why, when that fails.
  bool open() {
    try {
      open_pipeline_again();
      if (const auto& path = pipeline_->file.run.rejects) {
        rejects_ = std::make_unique<RejectSpools>(*path, setup_.run, pipeline_->file.path);
      }
      const AttemptSettings attempts = settings();
      runner_ = std::make_unique<AttemptRunner>(*pipeline_->graph, attempts, cancellation_);
      make_queue(attempts.time_limit);
      reader_ = std::thread([this] { read_partitions(); });
      return true;
    } catch (const Error& error) {
      send(WorkerRefused{error.message(), error.code() == Code::transient});
    } catch (const std::system_error& error) {  // no more threads
      send(WorkerRefused{error.what(), true});
    } catch (const std::bad_alloc&) {
      send(WorkerRefused{"out of memory", true});
    } catch (const std::exception& error) {
      send(WorkerRefused{error.what()});
    }
    return false;
  }

  void serve() {
    while (std::optional<WorkerOrder> order = channel_.receive()) {
      if (std::holds_alternative<EndWorker>(*order)) {
        queue_->close();
        reader_.join();
        return;
      }
      handle(std::move(*order));
    }
    // The runner is gone. Nothing may wait for anything now, not even a plugin's destructors.
    ::_exit(exit_at_once);
  }

 private:
  static constexpr std::size_t max_text = std::size_t{64} << 10;

  WorkerBoard& mine() { return board_.worker(setup_.number); }

  void send(const WorkerReport& report) ETL_EXCLUDES(send_mutex_) {
    const MutexLock lock(send_mutex_);
    if (!channel_.send(report)) ::_exit(exit_at_once);
  }

  void open_pipeline_again() {
    StageRegistry registry;
    for (const std::filesystem::path& plugin : setup_.plugins) registry.add(load_plugin(plugin));
    Diagnostics diagnostics;
    pipeline_ = open_pipeline(
        {setup_.pipeline, setup_.set, setup_.now, slots_.abi(), setup_.reload, setup_.task},
        registry, cancellation_, log_, diagnostics);
    if (pipeline_ == nullptr) throw Error::config(diagnostics.text(false));
    std::vector<std::string> hashes;
    for (const Node& node : pipeline_->graph->nodes()) hashes.push_back(node.hash);
    if (hashes != setup_.hashes)
      throw Error::config(setup_.pipeline.string() + " has changed since the run began");
  }

  AttemptSettings settings() {
    AttemptSettings settings = attempt_settings(*pipeline_, setup_.run);
    settings.memory_limit = setup_.memory_limit;
    settings.reload = setup_.reload;
    settings.slots = slots_.abi();
    settings.faults = &faults_;
    settings.rejects = rejects_.get();
    settings.on_read = [this](std::int64_t rows) { mine().rows_read += rows; };
    settings.on_written = [this](std::int64_t rows) { mine().rows_written += rows; };
    if (pipeline_->graph->nodes().size() <= WorkerBoard::max_stages)
      settings.activities = mine().activities.data();
    return settings;
  }

  void handle(WorkerOrder order) {
    std::visit(Handle{[&](AttemptRequest& request) { enqueue(std::move(request)); },
                      [&](const FinishPartition& partition) {
                        pipeline_->graph->source(partition.source).finish(partition.id);
                      },
                      [&](const CancelAttempts& cancel) {
                        cancellation_.request(cancel.reason);
                        pipeline_->graph->wakes().notify();
                      },
                      [](const WorkerSetup&) {},  // only ever the first message
                      [](const EndWorker&) {}},   // ends serve()
               order);
  }

  /// Queues an attempt, and has its source fetch ahead what is queued.
  void enqueue(AttemptRequest given) {
    const NodeIndex source = given.source;
    std::vector<std::string> ids;
    {
      const MutexLock lock(mutex_);
      const auto [at, fresh] = requests_.insert_or_assign(given.job, std::move(given));
      const AttemptRequest& request = at->second;
      queue_->push({request.job, source, request.partition.id, false, false,
                    ReadyQueue::Clock::now()});  // the order of arrival
      for (const auto& [job, each] : requests_) {
        if (each.source == source) ids.push_back(each.partition.id);
      }
    }
    try {
      pipeline_->graph->source(source).expect(ids);
    } catch (const StageError& error) {
      if (!cancellation_.requested()) log_.warn("not fetched ahead: " + error.message());
    }
  }

  void make_queue(std::chrono::milliseconds time_limit) {
    queue_.emplace(
        ReadyQueue::Rules{
            [this](const ReadyQueue::Item& item) { return ready(item); }, {}, time_limit},
        pipeline_->graph->wakes());
  }

  /// Called by the reader's thread. After a cancellation every attempt begins, and ends at once.
  bool ready(const ReadyQueue::Item& item) {
    if (cancellation_.requested() || pipeline_->graph->source(item.source).ready(item.id))
      return true;
    if (awaited_.insert(item.job).second) send(PartitionAwaited{item.job});
    return false;
  }

  void read_partitions() {
    const CrashStack stack;
    while (const auto taken = queue_->take()) {
      const AttemptRequest request = take_request(taken->job);
      awaited_.erase(request.job);
      send(AttemptBegun{request.job});
      runner_->run(request, [this, job = request.job](AttemptResult result) {
        send(AttemptDone{job, std::move(result), peak_resident_bytes()});
      });
      send(PartitionRead{request.job});
    }
  }

  AttemptRequest take_request(std::size_t job) {
    const MutexLock lock(mutex_);
    return std::move(requests_.extract(job).mapped());
  }

  WorkerChannel channel_;
  Mutex send_mutex_;  ///< one message at a time
  const WorkerSetup setup_;
  RunSlots slots_;
  RunBoard board_;
  FaultPlan faults_;
  Log log_;
  Cancellation cancellation_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<RejectSpools> rejects_;
  std::unique_ptr<AttemptRunner> runner_;
  std::thread reader_;

  std::set<std::size_t> awaited_;  ///< jobs reported as such; of the reader's thread

  Mutex mutex_;
  std::map<std::size_t, AttemptRequest> requests_ ETL_GUARDED_BY(mutex_);  ///< queued, by job
  std::optional<ReadyQueue> queue_;  ///< last: it uses the pipeline
};

}  // namespace

int serve_runner(int socket, int board) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGPIPE, SIG_IGN);
  WorkerChannel channel{Descriptor(socket)};
  std::optional<WorkerOrder> first = channel.receive();
  if (!first || !std::holds_alternative<WorkerSetup>(*first)) return exit_at_once;
  Worker worker(std::move(channel), std::get<WorkerSetup>(*first), board);
  if (!worker.open()) return exit_at_once;
  worker.serve();
  return 0;
}

}  // namespace etl::runtime
