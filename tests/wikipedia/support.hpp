/// \file
/// What the tests of the plugin share: a host that records, options, files, gzip, the oracle.
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

namespace wikipedia::test {

struct Reject {
  std::string reason;
  std::string raw;
  std::int64_t line;
  std::int64_t offset;
  bool operator==(const Reject&) const = default;
};

/// A task that remembers what it is told. Stays where it is: task() points to it.
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
  int reports = 0;  ///< calls that counted something
  std::vector<Reject> rejects;
  int cancel_after = -1;  ///< cancelled() turns true after so many questions; -1 = never

 private:
  etl_task abi_{};
};

/// A context whose messages go nowhere.
[[nodiscard]] etl::Context quiet_context();

/// Option values as the host would hand them over: the stage's defaults, then what is set.
class OptionValues {
 public:
  using Value = std::variant<bool, std::int64_t, std::string, etl::Strings>;

  template <class Stage>
  static OptionValues of() {
    return OptionValues(Stage::options);
  }
  explicit OptionValues(std::span<const etl_option_spec> specs);

  /// Text is for strings, paths and URLs, int64 for integers, times (microseconds) and durations.
  OptionValues& set(std::string_view name, Value value);
  /// Valid as long as this object, and until the next set().
  [[nodiscard]] etl::Options options();

 private:
  std::span<const etl_option_spec> specs_;
  std::map<std::string, Value, std::less<>> values_;
  std::vector<etl_option> abi_;
  std::deque<std::vector<etl_str>> lists_;
};

/// Microseconds since 1970 of `YYYY-MM-DD` and a time of day, as OptionValues takes them.
[[nodiscard]] std::int64_t utc(int year, unsigned month, unsigned day, int hour = 0,
                               int minute = 0);

/// A folder that goes away with its object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes a file, with the folders above it; its path.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string file_bytes(const std::filesystem::path& path);
/// One gzip member, by zlib.
[[nodiscard]] std::string gzip(std::string_view text);
[[nodiscard]] std::string hex(std::string_view bytes);

/// Runs reference.py; its output, line by line. Fails the test when it fails.
[[nodiscard]] std::vector<std::string> reference(const std::vector<std::string>& arguments);

/// The code and option of what `body` throws; code -1 when it throws nothing.
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

}  // namespace wikipedia::test
