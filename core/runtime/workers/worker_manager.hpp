/// \file
/// One worker process, as the runner sees it.
#pragma once

#include "core/runtime/schedule/scheduler.hpp"
#include "core/runtime/workers/process_executor.hpp"
#include "core/runtime/workers/run_board.hpp"
#include "core/runtime/workers/worker_process.hpp"
#include "core/runtime/workers/workforce.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace etl::runtime {

/// The runner's side of one worker process: hands it attempts, listens to it, and starts another
/// when it dies. Works on the thread that calls run().
class WorkerManager {
 public:
  /// Worker number `number` of the run. All arguments must outlive it.
  WorkerManager(const Pipeline& pipeline, Scheduler& scheduler, const AttemptSettings& settings,
                const ProcessSettings& processes, RunBoard& board, Workforce& workforce,
                std::size_t number, Cancellation& cancellation, Log& log);

  /// Makes attempts until the scheduler has no more, or this worker gives up.
  void run();
  /// The largest resident set of its processes so far, in bytes.
  [[nodiscard]] std::int64_t resident_bytes() const { return resident_; }

 private:
  /// An attempt that the worker has not finished.
  struct Outstanding {
    AttemptRequest request;
    bool awaited = false;  ///< the worker's source fetches it
    bool begun = false;
    bool read = false;
  };

  WorkerSetup make_setup(const Pipeline& pipeline, std::size_t number) const;
  void hand_out(AttemptRequest request);
  void look_ahead();
  bool start_worker();
  void do_without(const Error& error);
  void start_again(const Error& error);
  void put_back_all();
  [[nodiscard]] Error ended_at_once();

  void serve();
  void handle(WorkerReport report);
  void handle_log(const WorkerLogLine& line);
  void handle_awaited(Outstanding& attempt);
  void handle_begun(Outstanding& attempt);
  void handle_done(const AttemptDone& done);
  std::deque<Outstanding>::iterator find(std::size_t job);
  void update_row_counts();

  void cancel_worker();
  void kill_if_overdue();
  bool begins_in_time(std::int64_t now);
  void end_worker();
  void forget_worker();

  void worker_died();
  [[nodiscard]] std::optional<std::size_t> culprit() const;
  [[nodiscard]] StageError crash_error(std::optional<std::size_t> activity,
                                       std::string description) const;
  void settle_outstanding(std::optional<std::size_t> activity, const StageError& error);
  void fail(const AttemptRequest& request, const StageError& error);
  void fail_all(const StageError& error);

  const Graph& graph_;
  Scheduler& scheduler_;
  const AttemptSettings& settings_;
  const ProcessSettings& processes_;
  const int board_descriptor_;
  WorkerBoard& board_;
  Workforce& workforce_;
  Cancellation& cancellation_;
  Log& log_;
  const WorkerSetup setup_;

  std::unique_ptr<WorkerProcess> worker_;
  std::deque<Outstanding> outstanding_;
  /// When the worker last got something to do, or reported what it does.
  std::int64_t active_at_ = 0;
  std::deque<std::string> log_lines_;  ///< the last of the worker
  std::optional<WorkerRefused> refusal_;
  bool served_ = false;                 ///< the process has begun an attempt
  bool gave_up_ = false;                ///< other workers do this one's share
  int starts_ = 0;                      ///< processes in a row that could not begin an attempt
  std::optional<std::size_t> overdue_;  ///< the activity it was killed for
  bool never_began_ = false;            ///< it was killed because it did not begin an attempt
  bool cancel_sent_ = false;
  std::int64_t kill_at_ = 0;  ///< after a cancellation
  std::int64_t rows_read_ = 0;
  std::int64_t rows_written_ = 0;
  std::int64_t process_resident_ = 0;
  std::int64_t resident_ = 0;
};

}  // namespace etl::runtime
