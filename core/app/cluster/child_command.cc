#include "core/app/cluster/child_command.hpp"

#include "core/runtime/base/text.hpp"

#include <etl/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>

namespace etl::app {
namespace {

Error cannot_run(const std::string& program, int code) {
  return Error::permanent(fmt::format("cannot run {}: {}{}", program, std::strerror(code),
                                      code == ENOENT ? "; is it installed and in PATH?" : ""));
}

/// Opens an unnamed file for output: unlike a pipe, it never makes the program wait for a reader.
using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
File temporary() {
  File file(std::tmpfile(), std::fclose);
  if (file == nullptr) throw Error::transient(fmt::format("tmpfile: {}", std::strerror(errno)));
  return file;
}

std::string content(std::FILE* file) {
  std::rewind(file);
  std::string text;
  std::array<char, 4096> part{};
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), file))
    text.append(part.data(), size);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

CommandResult result_of(int status, std::FILE* out, std::FILE* err) {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, content(out), content(err)};
}

pid_t start(const std::vector<std::string>& command, int out, int err) {
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  // A process group of its own: Ctrl-C stops etl, which lets the command finish.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int code =
      ::posix_spawnp(&pid, command.front().c_str(), &files, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (code != 0) throw cannot_run(command.front(), code);
  return pid;
}

}  // namespace

CommandResult run_command(const std::vector<std::string>& command) {
  const File out = temporary();
  const File err = temporary();
  const pid_t pid = start(command, ::fileno(out.get()), ::fileno(err.get()));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw cannot_run(command.front(), errno);
  }
  return result_of(status, out.get(), err.get());
}

Child::Child(const std::vector<std::string>& command)
    : out_(temporary()),
      err_(temporary()),
      pid_(start(command, ::fileno(out_.get()), ::fileno(err_.get()))) {}

Child::~Child() { end(); }

std::optional<CommandResult> Child::poll() {
  int status = 0;
  if (!result_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    result_ = result_of(status, out_.get(), err_.get());
  }
  return result_;
}

// Sends SIGTERM twice: GNU parallel stops starting tasks at the first, and ends the running ones at
// the second.
void Child::end() {
  constexpr int requests = 2;
  constexpr int most_waits = 100;
  for (int waits = 0; !poll(); ++waits) {
    if (waits < requests) ::kill(-pid_, SIGTERM);
    if (waits == most_waits) ::kill(-pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::string require_command(const std::vector<std::string>& command) {
  CommandResult result = run_command(command);
  if (result.code == 0) return std::move(result.out);
  const std::string& message = result.err.empty() ? result.out : result.err;
  throw Error::transient(
      fmt::format("{} failed with exit code {}: {}", command.front(), result.code, message));
}

std::string shell_quoted(const std::string& word) {
  constexpr const char* plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:=,@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  return "'" + runtime::replaced(word, "'", "'\\''") + "'";
}

std::string shell_quoted(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_quoted(word);
  return line;
}

}  // namespace etl::app
