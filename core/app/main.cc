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

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

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

/// Where a thread runs out of memory, ends the process with a message instead of an abort. That is
/// safe at any moment: what is committed stays, and the next run loads the rest. Allocates nothing.
[[noreturn]] void on_terminate() {
  try {
    if (std::current_exception() != nullptr) throw;
  } catch (const std::bad_alloc&) {
    constexpr std::string_view message =
        "etl: out of memory; what is committed stays, and the next run loads the rest\n";
    (void)!::write(STDERR_FILENO, message.data(), message.size());
    ::_exit(exit_failed);
  } catch (...) {  // NOLINT(bugprone-empty-catch): the library's handler shows it
  }
  __gnu_cxx::__verbose_terminate_handler();
  std::abort();
}

/// Occupies the standard descriptors that are closed. The next file or socket would get their
/// numbers, and what is printed would end up in it.
void open_standard_descriptors() {
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(standard, F_GETFD) != -1) continue;
    // Takes the lowest free number, which is this one. Without /dev/null any file does that refuses
    // to be written.
    if (::open("/dev/null", O_RDWR) < 0) (void)!::open("/", O_RDONLY | O_DIRECTORY);
  }
}

std::string_view code_name(Code code) {
  constexpr std::array names{"ok",      "config",    "transient", "permanent",
                             "missing", "cancelled", "conflict",  "internal"};  // by etl_code
  return names.at(static_cast<std::size_t>(code));
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
  open_standard_descriptors();
  keep_memory_flat();
  // A worker process takes its orders from the runner, not from a command line.
  if (argc == 4 && std::string_view(argv[1]) == runtime::worker_flag)
    return runtime::serve_runner(descriptor(argv[2]), descriptor(argv[3]));
  std::set_terminate(on_terminate);
  const VerbList verbs = all_verbs();
  const ParsedCommandLine parsed = parse_command_line(verbs, argc, argv);
  if (parsed.verb == nullptr) return parsed.exit_code;
  Verb& verb = *parsed.verb;
  runtime::Cancellation cancellation;
  runtime::Log log(verb.common.log_level, verb.common.log_format, colour_on(2));
  const Session session{verb.common, log, cancellation};
  const auto fail = [&](const Error& error) {
    report(session, error);
    return exit_code(verb, session, error);
  };
  try {
    const SignalWatch signals(cancellation);
    return run_verb(verb, session);
  } catch (const Error& error) {
    return fail(error);
  } catch (const std::bad_alloc&) {
    return fail(Error::transient("out of memory"));
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again)
      return fail(Error(Code::internal, std::string("internal error: ") + error.what()));
    return fail(Error::transient("cannot start a thread: " + error.code().message()));
  } catch (const std::exception& error) {
    return fail(Error(Code::internal, std::string("internal error: ") + error.what()));
  }
}
