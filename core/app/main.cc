/// \file
/// The composition root of `etl`: parses the command line, runs the verb and turns what it throws
/// into a message and an exit code.
#include "core/app/cli/command_line.hpp"
#include "core/app/cli/session.hpp"
#include "core/app/cli/signals.hpp"
#include "core/app/verbs/verbs.hpp"
#include "core/runtime/base/units.hpp"
#include "core/runtime/workers/worker.hpp"

#include <etl/error.hpp>

#include <malloc.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

using namespace etl;       // NOLINT(google-build-using-namespace): the whole file is glue
using namespace etl::app;  // NOLINT(google-build-using-namespace)

/// Batches are made by one thread and freed by another. By default malloc learns to keep such large
/// blocks on its heaps, which then grow with the number of partitions; mapped blocks go back to the
/// system one by one.
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

int exit_code(const Verb& verb, const Session& session, const Error& error) {
  if (session.cancellation.requested()) return session.signal_exit_code();
  switch (error.code()) {
    case Code::transient:
      return verb.transient_exit_code();
    case Code::config:
      return exit_config;
    case Code::internal:
      return exit_internal;
    default:
      return exit_failed;
  }
}

/// With --format json, stdout gets one document even if the verb ends without a result.
void report(const Session& session, const Error& error) {
  const std::string message = session.conceal(error.message());
  const bool stopped = session.cancellation.requested();
  if (stopped) session.log.warn(message);
  else session.log.error(message);
  if (!session.json()) return;
  try {
    print_json(
        {{"error",
          {{"code", code_name(stopped ? Code::cancelled : error.code())}, {"message", message}}}});
  } catch (const Error&) {
    // stdout takes nothing; the message is on stderr.
  }
}

void report(const Session& session, const runtime::Diagnostics& diagnostics) {
  session.require_not_stopped();
  const nlohmann::json list = session.diagnostics_json(diagnostics);
  session.show_diagnostics(list, session.diagnostics_text(diagnostics));
  if (session.json()) print_json({{"diagnostics", list}});
}

int run_verb(Verb& verb, const Session& session) {
  try {
    return verb.run(session);
  } catch (const InvalidPipeline& invalid) {
    report(session, *invalid.diagnostics);
    return exit_config;
  }
}

int descriptor(std::string_view text) {
  return static_cast<int>(runtime::whole_number(text).value_or(-1));
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory_flat();
  // A worker process takes its orders from the runner, not from a command line.
  if (argc == 4 && std::string_view(argv[1]) == runtime::worker_flag)
    return runtime::serve_runner(descriptor(argv[2]), descriptor(argv[3]));
  const VerbList verbs = all_verbs();
  const ParsedCommandLine parsed = parse_command_line(verbs, argc, argv);
  if (parsed.verb == nullptr) return parsed.exit_code;
  Verb& verb = *parsed.verb;
  runtime::Cancellation cancellation;
  const SignalWatch signals(cancellation);
  runtime::Log log(verb.common.log_level, verb.common.log_format, colour_on(2));
  const Session session{verb.common, log, cancellation};
  const auto fail = [&](const Error& error) {
    report(session, error);
    return exit_code(verb, session, error);
  };
  try {
    return run_verb(verb, session);
  } catch (const Error& error) {
    return fail(error);
  } catch (const std::exception& error) {
    return fail(Error(Code::internal, std::string("internal error: ") + error.what()));
  }
}
