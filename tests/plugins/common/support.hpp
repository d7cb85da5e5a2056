/// \file
/// Helpers for tests of plugins: a recording task, options, files, gzip, the oracle.
#pragma once

#include <etl/plugin.hpp>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace test {

struct Reject {
  std::string reason;
  std::string raw;
  std::int64_t line;
  std::int64_t offset;
  bool operator==(const Reject&) const = default;
};

/// Records the calls of a task. Not movable, because task() points to it.
class RecordingTask {
 public:
  RecordingTask();
  RecordingTask(const RecordingTask&) = delete;
  RecordingTask& operator=(const RecordingTask&) = delete;

  [[nodiscard]] etl::Task task() const { return etl::Task(&abi_); }

  std::int64_t read = 0;
  std::int64_t dropped = 0;
  std::int64_t downloaded = 0;
  std::int64_t decoded = 0;
  int reports = 0;  ///< calls of count()
  std::vector<Reject> rejects;
  int cancel_after = -1;  ///< cancelled() returns true after this many calls; -1 = never

 private:
  etl_task abi_{};
};

/// A context that discards messages.
[[nodiscard]] etl::Context quiet_context();

/// Option values as the host passes them: the defaults of the stage, overridden by set().
class OptionValues {
 public:
  using Value = std::variant<bool, std::int64_t, std::string, etl::Strings>;

  template <class Stage>
  static OptionValues of() {
    return OptionValues(Stage::options);
  }
  explicit OptionValues(std::span<const etl_option_spec> specs);

  /// Strings, paths and URLs are text; integers, times (microseconds) and durations are int64.
  OptionValues& set(std::string_view name, Value value);
  /// Valid until the next set() or the end of this object.
  [[nodiscard]] etl::Options options();

 private:
  std::span<const etl_option_spec> specs_;
  std::map<std::string, Value, std::less<>> values_;
  std::vector<etl_option> abi_;
  std::deque<std::vector<etl_str>> lists_;
};

/// Returns microseconds since 1970, as OptionValues takes them.
[[nodiscard]] std::int64_t utc(int year, unsigned month, unsigned day, int hour = 0,
                               int minute = 0);

/// A temporary folder, deleted by the destructor.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes a file, creating its folders; returns its path.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string file_bytes(const std::filesystem::path& path);
/// Compresses `text` to one gzip member.
[[nodiscard]] std::string gzip(std::string_view text);
[[nodiscard]] std::string hex(std::string_view bytes);

/// Runs reference.py and returns the lines of its output. Fails the test if it fails.
[[nodiscard]] std::vector<std::string> reference(const std::vector<std::string>& arguments);

/// The error that `body` throws; code -1 if it throws none.
struct Thrown {
  int code = -1;
  std::string message;
  std::string option;
};
template <class Body>
Thrown thrown_by(Body&& body) {
  try {
    body();
  } catch (const etl::Error& error) {
    return {static_cast<int>(error.code()), error.message(), error.option()};
  }
  return {};
}

}  // namespace test
