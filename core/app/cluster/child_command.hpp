/// \file
/// Runs another program and keeps what it says.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace etl::app {

struct CommandResult {
  int code = 0;          ///< the exit code, or 128 + the signal that ended it
  std::string out, err;  ///< whole, without the last line break
};

/// Runs `command` (a program of PATH and its arguments) to its end, with nothing on stdin and
/// signals as they come by default. Throws Error (permanent) when it cannot be started.
[[nodiscard]] CommandResult run_command(const std::vector<std::string>& command);

/// A program that runs beside this one, and is ended by the destructor.
class Child {
 public:
  /// As run_command(), without waiting.
  explicit Child(const std::vector<std::string>& command);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// What came of it; nothing while it runs.
  std::optional<CommandResult> poll();
  /// Asks it and what it started to end (SIGTERM), kills it when it does not, and waits.
  void end();

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out_, err_;
  int pid_ = -1;
  std::optional<CommandResult> result_;
};

/// The same; a failure is thrown as Error (transient) with what the program said.
std::string require_command(const std::vector<std::string>& command);

/// A word as a POSIX shell reads it back.
[[nodiscard]] std::string shell_quoted(const std::string& word);
/// All of them, with blanks between.
[[nodiscard]] std::string shell_quoted(const std::vector<std::string>& words);

}  // namespace etl::app
