#include "core/runtime/workers/worker.hpp"

#include "core/runtime/attempt/attempt_runner.hpp"
#include "core/runtime/attempt/crash_stack.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/schedule/summary.hpp"
#include "core/runtime/workers/run_board.hpp"
#include "core/runtime/workers/worker_protocol.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

namespace etl::runtime {
namespace {

using nlohmann::json;

constexpr int end_at_once = 1;

/// Where a thread that ends the process says so; set once, before there are other threads.
WorkerBoard* crash_board = nullptr;

void note_end() {
  if (crash_board == nullptr || this_activity == nullptr) return;
  const auto at = this_activity - crash_board->activities.data();
  crash_board->ended_in.store(static_cast<std::int32_t>(at));
}

void on_crash(int signal) {
  note_end();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// A plugin may crash, abort, or call exit(): the board then says which thread it was.
void watch_for_the_end(WorkerBoard& board) {
  crash_board = &board;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    struct sigaction action {};
    action.sa_handler = &on_crash;
    action.sa_flags = static_cast<int>(SA_NODEFER | SA_RESETHAND | SA_ONSTACK);
    sigaction(signal, &action, nullptr);
  }
  std::atexit(&note_end);
}

class Worker {
 public:
  Worker(WorkerChannel channel, const WorkerSetup& setup, int board)
      : channel_(std::move(channel)),
        setup_(setup),
        slots_(board),
        board_(RunBoard::inherited(board, setup.workers)),
        faults_(setup.faults),
        log_(setup.log_level, [this](LogLevel level, std::string_view stage,
                                     const std::string& text) {
          say({{"log", {static_cast<std::uint32_t>(level), stage, text.substr(0, longest_text)}}});
        }) {
    faults_.share(board_.faults());
    watch_for_the_end(mine());
  }

  /// Says "ready", or why it is not.
  bool open() {
    try {
      open_pipeline_again();
      if (const auto& path = pipeline_->file.run.rejects) {
        rejects_ = std::make_unique<RejectSpools>(*path, setup_.run, pipeline_->file.path);
      }
      runner_ = std::make_unique<AttemptRunner>(*pipeline_->graph, settings(), cancellation_);
    } catch (const std::exception& error) {
      say({{"refused", error.what()}});
      return false;
    }
    say({{"ready", true}});
    return true;
  }

  void serve() {
    std::thread reader([this] { read(); });
    while (const std::optional<json> message = channel_.receive()) {
      if (message->contains("end")) {
        {
          const std::scoped_lock lock(mutex_);
          ended_ = true;
        }
        changed_.notify_all();
        reader.join();
        return;
      }
      obey(*message);
    }
    // The runner is gone. Nobody may wait for anything now, a plugin's destructors included.
    ::_exit(end_at_once);
  }

 private:
  static constexpr std::size_t longest_text = std::size_t{64} << 10;

  WorkerBoard& mine() { return board_.worker(setup_.number); }

  void say(const json& message) {
    const std::scoped_lock lock(say_mutex_);
    if (!channel_.send(message)) ::_exit(end_at_once);
  }

  void open_pipeline_again() {
    StageRegistry registry;
    for (const std::filesystem::path& plugin : setup_.plugins) registry.add(load_plugin(plugin));
    Diagnostics diagnostics;
    pipeline_ = open_pipeline({setup_.pipeline, setup_.set, setup_.now, slots_.abi(), setup_.task},
                              registry, cancellation_, log_, diagnostics);
    if (pipeline_ == nullptr) throw Error::config(diagnostics.text(false));
    std::vector<std::string> hashes;
    for (const Node& node : pipeline_->graph->nodes()) hashes.push_back(node.hash);
    if (hashes != setup_.hashes)
      throw Error::config(setup_.pipeline.string() + " has changed since the run began");
  }

  AttemptSettings settings() {
    const RunSettings& run = pipeline_->file.run;
    AttemptSettings settings;
    settings.run = setup_.run;
    settings.memory_limit = setup_.memory_limit;
    settings.reload = setup_.reload;
    settings.pushdown = run.pushdown;
    settings.max_rejects = run.max_rejects;
    settings.time_limit = run.partition_timeout;
    settings.slots = slots_.abi();
    settings.faults = &faults_;
    settings.rejects = rejects_.get();
    settings.on_read = [this](std::int64_t rows) { mine().rows_read += rows; };
    settings.on_written = [this](std::int64_t rows) { mine().rows_written += rows; };
    if (pipeline_->graph->nodes().size() <= WorkerBoard::most_stages)
      settings.activities = mine().activities.data();
    return settings;
  }

  void obey(const json& message) {
    if (message.contains("attempt")) {
      take(request_from(message["attempt"]));
    } else if (message.contains("finish")) {
      const Graph& graph = *pipeline_->graph;
      graph.source(message["finish"][0].get<NodeIndex>())
          .finish(message["finish"][1].get<std::string>());
    } else if (message.contains("cancel")) {
      cancellation_.request(message["cancel"]);
      changed_.notify_all();
    }
  }

  /// What waits here is fetched ahead.
  void take(AttemptRequest request) {
    const NodeIndex source = request.source;
    std::vector<std::string> ids;
    {
      const std::scoped_lock lock(mutex_);
      waiting_.push_back(std::move(request));
      for (const AttemptRequest& each : waiting_) {
        if (each.source == source) ids.push_back(each.partition.id);
      }
    }
    changed_.notify_all();
    try {
      pipeline_->graph->source(source).expect(ids);
    } catch (const StageError& error) {
      if (!cancellation_.requested()) log_.warn("not fetched ahead: " + error.message());
    }
  }

  void read() {
    const CrashStack stack;
    while (const std::optional<AttemptRequest> request = next()) {
      say({{"begun", request->job}});
      runner_->run(*request, [this, job = request->job](const AttemptResult& result) {
        say({{"done", job}, {"result", to_json(result)}, {"resident", peak_resident_bytes()}});
      });
      say({{"read", request->job}});
    }
  }

  std::optional<AttemptRequest> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
    if (waiting_.empty()) return std::nullopt;
    AttemptRequest request = std::move(waiting_.front());
    waiting_.pop_front();
    return request;
  }

  WorkerChannel channel_;
  std::mutex say_mutex_;
  const WorkerSetup setup_;
  RunSlots slots_;
  RunBoard board_;
  FaultPlan faults_;
  Log log_;
  Cancellation cancellation_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<RejectSpools> rejects_;
  std::unique_ptr<AttemptRunner> runner_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<AttemptRequest> waiting_;
  bool ended_ = false;
};

}  // namespace

int serve_runner(int socket, int board) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGPIPE, SIG_IGN);
  WorkerChannel channel(socket);
  const std::optional<json> first = channel.receive();
  if (!first) return end_at_once;
  Worker worker(std::move(channel), setup_from(*first), board);
  if (!worker.open()) return end_at_once;
  worker.serve();
  return 0;
}

}  // namespace etl::runtime
