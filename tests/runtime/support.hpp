/// \file
/// What the tests of the runtime share: folders, pipelines of probe stages, a watchdog.
#pragma once

#include "core/runtime/base/log.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/run/runner.hpp"
#include "store.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace runtime_test {

/// A folder that goes away with its object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// A file with this content.
  std::filesystem::path file(const std::string& name, std::string_view content = {}) const;

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string read_text(const std::filesystem::path& path);

/// Ends the process, with the test's name, when it is not gone in time: a deadlock is a failure
/// that would otherwise never be reported.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::seconds patience = std::chrono::seconds(60));
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable gone_;
  bool over_ = false;
  std::thread thread_;
};

/// Polls until `condition` holds; false when it does not within `patience`.
bool wait_until(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::seconds(30));

/// A file of tests/fixtures/plugins: NAME/NAME.so.
[[nodiscard]] std::filesystem::path test_plugin(const std::string& name);

/// The stages of the probe, linked into this binary, and those of the plugin `careless`.
[[nodiscard]] const etl::runtime::StageRegistry& test_registry();

/// The store that `store = "@"` names in a pipeline of this test; "@2" is another.
[[nodiscard]] probe::Store& store(const std::string& suffix = "");

/// A pipeline in this process. `@` in its text stands for the test's name, `%` for its own folder.
class Bench {
 public:
  explicit Bench(const std::string& stages, const std::string& run = "",
                 const std::string& retry_delay = "1ms");

  /// Fails the test where the pipeline has mistakes.
  [[nodiscard]] etl::runtime::Pipeline& pipeline();
  [[nodiscard]] const etl::runtime::Graph& graph() { return *pipeline().graph; }
  [[nodiscard]] etl::runtime::NodeIndex node(std::string_view name);
  /// What is wrong with it: "error: message | hint", a line each.
  [[nodiscard]] std::string mistakes();

  [[nodiscard]] etl::runtime::Preflight preflight(bool reload = false);
  etl::runtime::Summary run(const etl::runtime::RunRequest& request = {});
  etl::runtime::Summary run(etl::runtime::Preflight preflight,
                            const etl::runtime::RunRequest& request = {});

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

  etl::runtime::Cancellation cancellation;
  etl::runtime::Log log{etl::runtime::LogLevel::off, etl::runtime::LogFormat::text, false};

 private:
  TempFolder folder_;
  etl::runtime::Diagnostics diagnostics_;
  std::unique_ptr<etl::runtime::Pipeline> pipeline_;
};

/// Rows first .. first + count - 1 of one partition of probe_source.
[[nodiscard]] std::vector<probe::Row> rows_of(const std::string& part, std::int64_t count);
/// All rows of partitions p0 .. p(partitions - 1).
[[nodiscard]] std::vector<probe::Row> all_rows(int partitions, std::int64_t count);

}  // namespace runtime_test
