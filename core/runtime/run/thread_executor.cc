#include "core/runtime/run/thread_executor.hpp"

#include <fmt/format.h>

#include <system_error>
#include <thread>

namespace etl::runtime {
namespace {

void work(const Graph& graph, Scheduler& scheduler, AttemptRunner& runner) {
  while (const std::optional<AttemptRequest> request = scheduler.next()) {
    runner.run(*request, [&graph, &scheduler, request = *request](AttemptResult result) {
      if (scheduler.complete(request, std::move(result)))
        graph.source(request.source).finish(request.partition.id);
    });
  }
}

}  // namespace

void run_in_threads(const Graph& graph, Scheduler& scheduler, const AttemptSettings& settings,
                    Cancellation& cancellation, Log& log) {
  std::vector<std::thread> workers;
  std::string refused;
  {
    std::unique_ptr<AttemptRunner> runner;
    try {
      runner = std::make_unique<AttemptRunner>(graph, settings, cancellation);
      for (std::size_t i = 0; i < settings.readers; ++i)
        workers.emplace_back([&] { work(graph, scheduler, *runner); });
    } catch (const std::system_error& error) {
      refused = error.code().message();
    }
    for (std::thread& worker : workers) worker.join();
  }
  if (refused.empty()) return;
  if (workers.empty()) throw Error::transient("cannot start the threads of the run: " + refused);
  log.warn(fmt::format("{} of {} workers were there, for more threads could not be started: {}",
                       workers.size(), settings.readers, refused));
}

}  // namespace etl::runtime
