#include "core/runtime/workers/process_executor.hpp"

#include "core/runtime/workers/run_board.hpp"
#include "core/runtime/workers/worker_manager.hpp"
#include "core/runtime/workers/workforce.hpp"

#include <deque>
#include <numeric>
#include <system_error>
#include <thread>

namespace etl::runtime {

std::int64_t run_in_processes(const Pipeline& pipeline, Scheduler& scheduler,
                              const AttemptSettings& settings, const ProcessSettings& processes,
                              Cancellation& cancellation, Log& log) {
  RunBoard board(settings.readers);
  Workforce workforce(settings.readers);
  std::deque<WorkerManager> managers;
  for (std::size_t i = 0; i < settings.readers; ++i) {
    managers.emplace_back(pipeline, scheduler, settings, processes, board, workforce, i,
                          cancellation, log);
  }
  std::vector<std::thread> threads;
  threads.reserve(managers.size());
  for (WorkerManager& manager : managers) {
    try {
      threads.emplace_back([&manager] { manager.run(); });
    } catch (const std::system_error& error) {
      if (!workforce.give_up(error.code().message())) manager.run();  // on this thread
    }
  }
  for (std::thread& thread : threads) thread.join();
  workforce.report(log);
  return std::accumulate(
      managers.begin(), managers.end(), std::int64_t{0},
      [](std::int64_t sum, const WorkerManager& each) { return sum + each.resident_bytes(); });
}

}  // namespace etl::runtime
