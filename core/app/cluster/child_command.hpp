/// \file
/// Runs another program and captures its output.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace etl::app {

struct CommandResult {
  int code = 0;          ///< the exit code, or 128 + the signal that ended it
  std::string out, err;  ///< complete, without the last line break
};

/// Runs `command` (a program in PATH and its arguments) to its end, with empty stdin and default
/// signal handling. Throws Error (permanent) if it cannot be started.
[[nodiscard]] CommandResult run_command(const std::vector<std::string>& command);

/// A program that runs beside this one. The destructor ends it.
class Child {
 public:
  /// As run_command(), without waiting.
  explicit Child(const std::vector<std::string>& command);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The result, or nothing while it runs.
  std::optional<CommandResult> poll();
  /// Sends SIGTERM to it and its children, then SIGKILL if needed, and waits for its end.
  void end();

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out_, err_;
  int pid_ = -1;
  std::optional<CommandResult> result_;
};

/// As run_command(), but throws Error (transient) with the program's message if it fails, and
/// returns its output.
std::string require_command(const std::vector<std::string>& command);

/// Quotes a word for a POSIX shell.
[[nodiscard]] std::string shell_quoted(const std::string& word);
/// Quotes words and joins them with blanks.
[[nodiscard]] std::string shell_quoted(const std::vector<std::string>& words);

}  // namespace etl::app
