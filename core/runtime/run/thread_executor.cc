#include "core/runtime/run/thread_executor.hpp"

#include "core/runtime/base/text_format.hpp"

#include <fmt/format.h>

#include <system_error>
#include <thread>

namespace etl::runtime {
namespace {

void work(const Graph& graph, Scheduler& scheduler, AttemptRunner& runner) {
  while (const std::optional<AttemptRequest> request = scheduler.next()) {
    runner.run(*request, [&graph, &scheduler, request = *request](const AttemptResult& result) {
      if (scheduler.complete(request, result))
        graph.source(request.source).finish(request.partition.id);
    });
  }
}

}  // namespace

void run_in_threads(const Graph& graph, Scheduler& scheduler, const AttemptSettings& settings,
                    Cancellation& cancellation, Log& log) {
  std::vector<std::thread> workers;
  std::string failure;
  {
    std::unique_ptr<AttemptRunner> runner;
    try {
      runner = std::make_unique<AttemptRunner>(graph, settings, cancellation);
      for (std::size_t i = 0; i < settings.readers; ++i)
        workers.emplace_back([&] { work(graph, scheduler, *runner); });
    } catch (const std::system_error& error) {
      failure = error.code().message();
    }
    for (std::thread& worker : workers) worker.join();
  }
  if (failure.empty()) return;
  if (workers.empty()) throw Error::transient("cannot start the threads of the run: " + failure);
  log.warn(fmt::format("ran with {} of {}, because no more threads could be started: {}",
                       workers.size(),
                       counted(static_cast<std::int64_t>(settings.readers), "worker"), failure));
}

}  // namespace etl::runtime
