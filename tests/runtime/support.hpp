/// \file
/// Support for tests of the runtime: pipelines of probe stages, and a watchdog.
#pragma once

#include "core/runtime/base/log.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/run/runner.hpp"
#include "store.hpp"
#include "tests/support/files.hpp"
#include "tests/support/wait.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace runtime_test {

using TempFolder = etl_test::TemporaryFolder;
using etl_test::read_text;
using etl_test::wait_until;

/// Aborts the process and prints the test's name unless destroyed in time, so that a deadlock is
/// reported as a failure.
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

/// Path of a plugin of tests/fixtures/plugins: NAME/NAME.so.
[[nodiscard]] std::filesystem::path test_plugin(const std::string& name);

/// Has the stages of the probe, which is linked into this binary, and of the plugin `careless`.
[[nodiscard]] const etl::runtime::StageRegistry& test_registry();

/// The store named by `store = "@"` in a pipeline of this test; "@2" names another one.
[[nodiscard]] probe::Store& store(const std::string& suffix = "");

/// Runs a pipeline in this process. `@` in its text stands for the test's name, `%` for its folder.
class Bench {
 public:
  explicit Bench(const std::string& stages, const std::string& run = "",
                 const std::string& retry_delay = "1ms");

  /// Throws if the pipeline has mistakes.
  [[nodiscard]] etl::runtime::Pipeline& pipeline();
  [[nodiscard]] const etl::runtime::Graph& graph() { return *pipeline().graph; }
  [[nodiscard]] etl::runtime::NodeIndex node(std::string_view name);
  /// The diagnostics, one per line: "error: message | hint".
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
