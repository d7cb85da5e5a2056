/// \file
/// `etl`: from the command line to a verb, and from what is thrown to an exit code.
#include "core/app/cli/arguments.hpp"
#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/app/cli/signals.hpp"
#include "core/runtime/workers/worker.hpp"

#include <etl/error.hpp>

#include <malloc.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace etl;       // NOLINT(google-build-using-namespace): the whole file is glue
using namespace etl::app;  // NOLINT(google-build-using-namespace)

int call(const Session& session) {
  switch (session.arguments.verb) {
    case Verb::run:
      return app::run(session);
    case Verb::submit:
      return app::submit(session);
    case Verb::status:
      return app::status(session);
    case Verb::plan:
      return app::plan(session);
    case Verb::validate:
      return app::validate(session);
    case Verb::merge:
      return app::merge(session);
    case Verb::state:
      return app::state(session);
    case Verb::preview:
      return app::preview(session);
    case Verb::graph:
      return app::graph(session);
    case Verb::plugins:
      return app::plugins(session);
    case Verb::describe:
      return app::describe(session);
    case Verb::check:
      return app::check(session);
    case Verb::doctor:
      return app::doctor(session);
    case Verb::schema:
      return app::schema(session);
    case Verb::test:
      return app::test(session);
    case Verb::new_plugin:
      return app::new_plugin(session);
    case Verb::new_pipeline:
      return app::new_pipeline(session);
    case Verb::rejects:
      return app::rejects(session);
  }
  return exit_internal;
}

int exit_code(const Session& session, const Error& error) {
  if (session.cancellation.requested()) return exit_signal + session.cancellation.reason();
  switch (error.code()) {
    case Code::transient:
      return session.arguments.task.empty() ? exit_failed : exit_retry;
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

std::string_view code_name(Code code) {
  switch (code) {
    case Code::config:
      return "config";
    case Code::transient:
      return "transient";
    case Code::permanent:
      return "permanent";
    case Code::missing:
      return "missing";
    case Code::cancelled:
      return "cancelled";
    case Code::conflict:
      return "conflict";
    case Code::internal:
      break;
  }
  return "internal";
}

/// Who asked for JSON finds one document on stdout, also when a verb ended without a result.
int fail(const Session& session, const Error& error) {
  const std::string message = session.log.redactor().conceal(error.message());
  const bool stopped = session.cancellation.requested();
  if (stopped) session.log.warn(message);
  else session.log.error(message);
  if (session.arguments.format == Format::json) {
    try {
      print_json({{"error",
                   {{"code", code_name(stopped ? Code::cancelled : error.code())},
                    {"message", message}}}});
    } catch (const Error&) {
      // stdout takes nothing: stderr has been told why.
    }
  }
  return exit_code(session, error);
}

/// None where it is no number: using it then fails.
int descriptor(std::string_view text) {
  int number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory_flat();
  // Before anything else: a worker gets its orders from the runner and not from a command line.
  if (argc == 4 && std::string_view(argv[1]) == runtime::worker_flag)
    return runtime::serve_runner(descriptor(argv[2]), descriptor(argv[3]));
  const ParseResult parsed = parse_arguments(argc, argv);
  if (!parsed.arguments) return parsed.exit_code;
  runtime::Cancellation cancellation;
  const SignalWatch signals(cancellation);
  runtime::Log log(parsed.arguments->log_level, parsed.arguments->log_format, colour_on(2));
  const Session session{*parsed.arguments, log, cancellation};
  try {
    return call(session);
  } catch (const Error& error) {
    return fail(session, error);
  } catch (const std::exception& error) {
    return fail(session, Error(Code::internal, std::string("internal error: ") + error.what()));
  }
}
