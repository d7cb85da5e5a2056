#include "core/runtime/workers/worker_process.hpp"

#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/workers/worker.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

namespace etl::runtime {
namespace {

/// The worker's descriptor numbers, which the runner's own must not overlap.
constexpr int socket_at = 3;
constexpr int board_at = 4;
constexpr int first_free = 10;

[[noreturn]] void cannot_start(int code) {
  const std::string text = fmt::format("cannot start a worker process: {}", std::strerror(code));
  constexpr std::array limits{EAGAIN, ENOMEM, EMFILE, ENFILE};
  if (std::ranges::find(limits, code) != limits.end()) throw NoMoreProcesses(Code::transient, text);
  throw Error::transient(text);
}

struct SpawnAttributes {
  SpawnAttributes() {
    posix_spawnattr_init(&value);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&value, &none);
    posix_spawnattr_setpgroup(&value, 0);
    posix_spawnattr_setflags(&value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&value); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  posix_spawnattr_t value{};
};

struct SpawnFiles {
  SpawnFiles() { posix_spawn_file_actions_init(&value); }
  ~SpawnFiles() { posix_spawn_file_actions_destroy(&value); }
  SpawnFiles(const SpawnFiles&) = delete;
  SpawnFiles& operator=(const SpawnFiles&) = delete;
  posix_spawn_file_actions_t value{};
};

/// Both ends of a socket that keeps messages apart.
std::array<Descriptor, 2> socket_ends() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    cannot_start(errno);
  const int room = 1 << 20;
  for (const int end : ends) ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

pid_t spawn(const std::filesystem::path& program, int socket, int board) {
  const Descriptor moved_socket{::fcntl(socket, F_DUPFD_CLOEXEC, first_free)};
  const Descriptor moved_board{::fcntl(board, F_DUPFD_CLOEXEC, first_free)};
  if (moved_socket.get() < 0 || moved_board.get() < 0) cannot_start(errno);
  SpawnFiles files;
  posix_spawn_file_actions_adddup2(&files.value, moved_socket.get(), socket_at);
  posix_spawn_file_actions_adddup2(&files.value, moved_board.get(), board_at);
  const SpawnAttributes attributes;
  std::string name = "etl";
  std::string flag = worker_flag;
  std::string first = std::to_string(socket_at);
  std::string second = std::to_string(board_at);
  std::array<char*, 5> arguments = {name.data(), flag.data(), first.data(), second.data(), nullptr};
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid, program.c_str(), &files.value, &attributes.value,
                                 arguments.data(), environ);
  if (code != 0) cannot_start(code);
  return pid;
}

}  // namespace

WorkerProcess::WorkerProcess(const std::filesystem::path& program, int board) {
  auto [ours, theirs] = socket_ends();
  channel_ = RunnerChannel(std::move(ours));
  pid_ = spawn(program, theirs.get(), board);
}

WorkerProcess::~WorkerProcess() {
  if (waited_ || pid_ < 0) return;
  kill();
  wait();
}

void WorkerProcess::kill() const {
  if (!waited_) ::kill(pid_, SIGKILL);
}

std::string WorkerProcess::wait() {
  while (!waited_) {
    if (::waitpid(pid_, &status_, 0) == pid_ || errno != EINTR) waited_ = true;
  }
  if (WIFSIGNALED(status_)) {
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status_),
                       strsignal(WTERMSIG(status_)));
  }
  return fmt::format("ended with exit code {}", WEXITSTATUS(status_));
}

bool WorkerProcess::ends_within(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!waited_) {
    if (::waitpid(pid_, &status_, WNOHANG) == pid_) waited_ = true;
    else if (std::chrono::steady_clock::now() >= until) return false;
    else std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace etl::runtime
