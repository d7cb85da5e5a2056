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

/// Makes the attempts with at most so many workers; returns how many there were. Sets `failure` if
/// the system did not allow all of the threads.
std::size_t run_with(std::size_t readers, const Graph& graph, Scheduler& scheduler,
                     AttemptSettings settings, Cancellation& cancellation, std::string& failure) {
  settings.readers = readers;
  std::vector<std::thread> workers;
  std::unique_ptr<AttemptRunner> runner;
  try {
    runner = std::make_unique<AttemptRunner>(graph, std::move(settings), cancellation);
    for (std::size_t i = 0; i < readers; ++i)
      workers.emplace_back([&] { work(graph, scheduler, *runner); });
  } catch (const std::system_error& error) {
    failure = error.code().message();
  }
  for (std::thread& worker : workers) worker.join();
  return workers.size();
}

}  // namespace

void run_in_threads(const Graph& graph, Scheduler& scheduler, const AttemptSettings& settings,
                    Cancellation& cancellation, Log& log) {
  std::string failure;
  std::size_t workers = 0;
  // With fewer workers there are fewer writers, too.
  for (std::size_t readers = settings.readers; workers == 0 && readers > 0; readers /= 2)
    workers = run_with(readers, graph, scheduler, settings, cancellation, failure);
  if (workers == 0) throw Error::transient("cannot start the threads of the run: " + failure);
  if (workers == settings.readers) return;
  log.warn(fmt::format("ran with {} of {}, because no more threads could be started: {}", workers,
                       counted(static_cast<std::int64_t>(settings.readers), "worker"), failure));
}

}  // namespace etl::runtime
