/// \file
/// Runs a function in a child process, so that a crash, an exit or a hang becomes a result.
///
/// The child is a fork: it sees the memory of this process, but its changes are lost. It has only
/// the calling thread, so no other thread may hold a lock that the function needs. The child dies
/// with its parent.
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

namespace etl::inline v1::conformance {

/// How a child process ended, and its output.
struct ChildEnd {
  enum class How {
    returned,  ///< the body returned
    threw,     ///< the body threw; `error` is the message
    exited,    ///< the process called exit(); `number` is the code
    killed,    ///< `number` is the signal
    too_long,  ///< killed at its time limit
    stopped    ///< killed because `stop` returned true
  };
  How how = How::returned;
  int number = 0;
  std::string answer;  ///< everything passed to Say, even before a crash
  std::string output;  ///< the last 64 KiB of stdout and stderr
  std::string error;

  /// "was killed by signal 11 (Segmentation fault)", to end a sentence.
  [[nodiscard]] std::string text() const {
    switch (how) {
      case How::returned:
        return "returned";
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

/// Sends text from the child to its parent; it arrives even if the child crashes afterwards.
using Say = std::function<void(std::string_view)>;

namespace detail {

/// A pipe that closes both ends when destroyed.
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

/// Marks the end of an answer; NUL characters set it apart from the text.
inline constexpr std::string_view returned_mark{"\0returned\0", 10};
inline constexpr std::string_view threw_mark{"\0threw\0", 7};

[[noreturn]] inline void be_the_child(const std::function<void(const Say&)>& body, int answer,
                                      int output) {
  ::setpgid(0, 0);  // Ctrl-C goes to the parent only
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
    write_whole(answer, std::string(threw_mark) + "an exception that is not a std::exception");
  }
  std::fflush(nullptr);
  ::_exit(0);
}

enum class Arrived { something, nothing, end };

/// Appends what has arrived to `into`; waits up to `patience` if there is nothing.
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

/// Whether the child has ended. It stays a zombie, so that its process id is not reused.
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

/// Fills in how the child ended and removes the mark from its answer.
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

/// Runs `body` in a child process with its own process group until it ends, `limit` has passed or
/// `stop` (polled several times per second) returns true. Then kills the whole group. Throws Error
/// (transient) if no child process can be made.
[[nodiscard]] inline ChildEnd run_in_child(const std::function<void(const Say&)>& body,
                                           std::chrono::milliseconds limit,
                                           const std::function<bool()>& stop = {}) {
  using Clock = std::chrono::steady_clock;
  detail::Pipe pipe;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(std::tmpfile(), std::fclose);
  if (output == nullptr) throw Error::transient(std::string("tmpfile: ") + std::strerror(errno));
  std::fflush(nullptr);  // else the child would write the buffered output again
  const pid_t child = ::fork();
  if (child < 0) throw Error::transient(std::string("fork: ") + std::strerror(errno));
  if (child == 0) detail::be_the_child(body, pipe.ends[1], ::fileno(output.get()));
  ::setpgid(child, child);  // in both processes: either may run first
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

}  // namespace etl::inline v1::conformance
