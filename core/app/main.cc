/// \file
/// `etl`: from the command line to a verb, and from what is thrown to an exit code.
#include "core/app/arguments.hpp"
#include "core/app/exit_codes.hpp"
#include "core/app/signals.hpp"
#include "core/app/verbs.hpp"

#include <malloc.h>
#include <etl/error.hpp>

namespace {

using namespace etl;       // NOLINT(google-build-using-namespace): the whole file is glue
using namespace etl::app;  // NOLINT(google-build-using-namespace)

int call(const Session& session) {
  switch (session.arguments.verb) {
    case Verb::run:
      return app::run(session);
    case Verb::plan:
      return app::plan(session);
    case Verb::validate:
      return app::validate(session);
    case Verb::preview:
      return app::preview(session);
    case Verb::plugins:
      return app::plugins(session);
    case Verb::describe:
      return app::describe(session);
  }
  return exit_internal;
}

int exit_code(const Error& error, const runtime::Cancellation& cancellation) {
  if (cancellation.requested()) return exit_signal + cancellation.reason();
  switch (error.code()) {
    case Code::config:
      return exit_config;
    case Code::internal:
      return exit_internal;
    default:
      return exit_failed;
  }
}

/// Batches are made by one thread and freed by another. Left alone, malloc learns to keep such
/// large blocks on its heaps, which then grow with the number of partitions; mapped, they go back
/// to the system one by one.
void keep_memory_flat() {
  constexpr int mapped_from_bytes = 256 << 10;
  mallopt(M_MMAP_THRESHOLD, mapped_from_bytes);
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory_flat();
  const ParseResult parsed = parse_arguments(argc, argv);
  if (!parsed.arguments) return parsed.exit_code;
  runtime::Cancellation cancellation;
  const SignalWatch signals(cancellation);
  runtime::Log log(parsed.arguments->log_level, parsed.arguments->log_format, colour_on(2));
  try {
    return call({*parsed.arguments, log, cancellation});
  } catch (const Error& error) {
    log.error(error.message());
    return exit_code(error, cancellation);
  } catch (const std::exception& error) {
    log.error(std::string("internal error: ") + error.what());
    return exit_internal;
  }
}
