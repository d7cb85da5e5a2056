/// \file
/// Runs something in a child process, so that a crash, an exit or a hang of it is a result.
///
/// The child is a fork: it sees all that this process has in memory, and nothing that it changes
/// there comes back. It has one thread, the one that called; so call this from a process whose
/// other threads hold no lock that the body needs. It dies with its parent.
#pragma once

#include <etl/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace etl {
inline namespace v1 {
namespace conformance {

/// How a child process ended, and what is left of it.
struct ChildEnd {
  enum class How {
    returned,  ///< the body came to its end
    threw,     ///< the body threw; `error` says what
    exited,    ///< something called exit(); `number` is the code
    killed,    ///< `number` is the signal
    too_long,  ///< it was killed because its time was over
    stopped    ///< it was killed because `stop` said so
  };
  How how = How::returned;
  int number = 0;
  std::string answer;  ///< what the body said, also up to a crash
  std::string output;  ///< what it wrote to stdout and stderr, cut to its last 64 KiB
  std::string error;

  /// "was killed by signal 11 (Segmentation fault)": the rest of a sentence.
  [[nodiscard]] std::string text() const {
    switch (how) {
      case How::returned:
        return "came to its end";
      case How::threw:
        return "threw: " + error;
      case How::exited:
        return "ended the process with exit code " + std::to_string(number);
      case How::killed:
        return "was killed by signal " + std::to_string(number) + " (" + ::strsignal(number) + ")";
      case How::too_long:
        return "did not end in time";
      case How::stopped:
        break;
    }
    return "was stopped";
  }
};

/// What the body of a child says to its parent; each call is there at once, whatever comes next.
using Say = std::function<void(std::string_view)>;

namespace detail {

/// Two ends of a pipe, closed with it.
struct Pipe {
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw Error::transient(std::string("pipe: ") + std::strerror(errno));
    }
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  std::array<int, 2> ends{-1, -1};
};

inline void write_whole(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Ends an answer; told from what a body says by its NUL characters.
inline constexpr std::string_view returned_mark{"\0returned\0", 10};
inline constexpr std::string_view threw_mark{"\0threw\0", 7};

[[noreturn]] inline void be_the_child(const std::function<void(const Say&)>& body, int answer,
                                      int output) {
  ::setpgid(0, 0);  // Ctrl-C is the parent's
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  try {
    body([answer](std::string_view text) { write_whole(answer, text); });
    write_whole(answer, returned_mark);
  } catch (const std::exception& error) {
    write_whole(answer, std::string(threw_mark) + error.what());
  } catch (...) {
    write_whole(answer, std::string(threw_mark) + "something that is no std::exception");
  }
  std::fflush(nullptr);
  ::_exit(0);
}

enum class Arrived { something, nothing, end };

/// Takes what has come by now; waits up to `patience` for the first of it.
inline Arrived take_answer(int pipe, std::chrono::milliseconds patience, std::string& into) {
  pollfd ready{pipe, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return Arrived::nothing;
  std::array<char, 4096> part{};
  const ssize_t count = ::read(pipe, part.data(), part.size());
  if (count == 0) return Arrived::end;
  if (count < 0) return errno == EINTR ? Arrived::nothing : Arrived::end;
  into.append(part.data(), static_cast<std::size_t>(count));
  return Arrived::something;
}

/// Whether it has ended; it stays a zombie, so that nobody else gets its number.
inline bool has_ended(pid_t child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == child;
}

inline std::string tail_of(std::FILE* file) {
  constexpr long most = 64L << 10;
  std::fseek(file, 0, SEEK_END);
  const long size = std::ftell(file);
  std::fseek(file, size > most ? size - most : 0, SEEK_SET);
  std::string text(static_cast<std::size_t>(std::min(size, most)), '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  return text;
}

/// Reads how it went from the exit status and the end of the answer, which it takes off.
inline void conclude(ChildEnd& end, int status) {
  const std::size_t threw = end.answer.rfind(threw_mark);
  if (WIFSIGNALED(status)) {
    end.how = ChildEnd::How::killed;
    end.number = WTERMSIG(status);
  } else if (end.answer.ends_with(returned_mark)) {
    end.how = ChildEnd::How::returned;
    end.answer.resize(end.answer.size() - returned_mark.size());
  } else if (threw != std::string::npos) {
    end.how = ChildEnd::How::threw;
    end.error = end.answer.substr(threw + threw_mark.size());
    end.answer.resize(threw);
  } else {
    end.how = ChildEnd::How::exited;
    end.number = WEXITSTATUS(status);
  }
}

}  // namespace detail

/// Runs `body` in a child process of its own group, until it ends, `limit` is over or `stop` (asked
/// some times a second) says so. What it starts and leaves behind in its group is killed, too.
/// Throws Error (transient) when there can be no child.
[[nodiscard]] inline ChildEnd run_in_child(const std::function<void(const Say&)>& body,
                                           std::chrono::milliseconds limit,
                                           const std::function<bool()>& stop = {}) {
  using Clock = std::chrono::steady_clock;
  detail::Pipe pipe;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(std::tmpfile(), std::fclose);
  if (output == nullptr) throw Error::transient(std::string("tmpfile: ") + std::strerror(errno));
  std::fflush(nullptr);  // else the child has it in its buffers as well
  const pid_t child = ::fork();
  if (child < 0) throw Error::transient(std::string("fork: ") + std::strerror(errno));
  if (child == 0) detail::be_the_child(body, pipe.ends[1], ::fileno(output.get()));
  ::setpgid(child, child);  // whoever comes first
  pipe.close(1);

  ChildEnd end;
  const auto deadline = Clock::now() + limit;
  constexpr std::chrono::milliseconds step{20};
  bool open = true;
  std::optional<ChildEnd::How> ended_here;
  while (!detail::has_ended(child)) {
    if (!open) ::usleep(1000);
    else open = detail::take_answer(pipe.ends[0], step, end.answer) != detail::Arrived::end;
    if (ended_here) continue;
    if (Clock::now() >= deadline) ended_here = ChildEnd::How::too_long;
    else if (stop && stop()) ended_here = ChildEnd::How::stopped;
    if (ended_here) ::kill(-child, SIGKILL);
  }
  ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  while (open &&
         detail::take_answer(pipe.ends[0], step, end.answer) == detail::Arrived::something) {
  }
  detail::conclude(end, status);
  if (ended_here && end.how == ChildEnd::How::killed) end.how = *ended_here;
  end.output = detail::tail_of(output.get());
  return end;
}

}  // namespace conformance
}  // namespace v1
}  // namespace etl
