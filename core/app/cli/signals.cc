#include "core/app/cli/signals.hpp"

#include "core/app/cli/session.hpp"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

namespace etl::app {
namespace {

/// Ends the watching thread.
constexpr int end_signal = SIGUSR1;

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, end_signal}) sigaddset(&set, signal);
  return set;
}

}  // namespace

SignalWatch::SignalWatch(runtime::Cancellation& cancellation) {
  const sigset_t set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // writing to a closed connection returns an error instead
  thread_ = std::thread([&cancellation, set] {
    for (int signal = 0; sigwait(&set, &signal) == 0 && signal != end_signal;) {
      if (cancellation.requested()) ::_exit(exit_signal + signal);
      cancellation.request(signal);
    }
  });
}

SignalWatch::~SignalWatch() {
  pthread_kill(thread_.native_handle(), end_signal);
  thread_.join();
}

}  // namespace etl::app
