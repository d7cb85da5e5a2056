/// \file
/// Logging to stderr as text or JSON, with secrets concealed.
#pragma once

#include "core/runtime/base/mutex.hpp"
#include "core/runtime/base/redactor.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace etl::runtime {

enum class LogLevel : std::uint32_t { debug = 0, info = 1, warn = 2, error = 3, off = 4 };
enum class LogFormat { text, json };

/// A logger. Thread-safe.
class Log {
 public:
  Log(LogLevel level, LogFormat format, bool colour);
  /// Passes every line to `forward` instead, with secrets concealed, from one thread at a time.
  using Forward = std::function<void(LogLevel, std::string_view stage, const std::string& text)>;
  Log(LogLevel level, Forward forward);
  ~Log();

  /// `stage` may be empty.
  void write(LogLevel level, std::string_view stage, std::string_view text);
  void debug(std::string_view text) { write(LogLevel::debug, {}, text); }
  void info(std::string_view text) { write(LogLevel::info, {}, text); }
  void warn(std::string_view text) { write(LogLevel::warn, {}, text); }
  void error(std::string_view text) { write(LogLevel::error, {}, text); }

  [[nodiscard]] Redactor& redactor() { return redactor_; }
  [[nodiscard]] LogLevel level() const { return level_; }
  [[nodiscard]] bool json() const { return format_ == LogFormat::json; }

  /// Calls `before` and `after` around every line, so that a progress bar can be cleared and
  /// redrawn. Both run under the lock that exclusive() takes.
  void around(std::function<void()> before, std::function<void()> after);
  /// Runs `body` while no line is being written.
  void exclusive(const std::function<void()>& body);

 private:
  LogLevel level_;
  LogFormat format_;
  Redactor redactor_;
  Mutex mutex_;
  std::function<void()> before_ ETL_GUARDED_BY(mutex_);
  std::function<void()> after_ ETL_GUARDED_BY(mutex_);
  std::shared_ptr<spdlog::logger> logger_;
  Forward forward_;
};

}  // namespace etl::runtime
