/// \file
/// What the runner and its worker processes say to each other: one JSON document a message, over a
/// socket that keeps messages apart.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/base/log.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// All that a worker needs to make the same stages and attempts as the runner.
struct WorkerSetup {
  std::size_t number = 0;   ///< of this worker
  std::size_t workers = 1;  ///< of the run
  std::filesystem::path pipeline;
  std::vector<std::string> set;
  std::vector<std::filesystem::path> plugins;  ///< the libraries of its stages
  std::vector<std::string> hashes;             ///< of its nodes: the file may change meanwhile
  std::chrono::sys_time<std::chrono::microseconds> now;  ///< what relative times refer to
  std::int64_t task = 0;                                 ///< what `{task}` becomes
  RunIdentity run;
  std::size_t memory_limit = 0;
  bool reload = false;
  std::vector<std::string> faults;
  LogLevel log_level = LogLevel::info;
};

/// One end of the socket. Reading and writing may happen at once, each in one thread at a time.
class WorkerChannel {
 public:
  /// Takes over the descriptor.
  explicit WorkerChannel(int descriptor) : descriptor_(descriptor) {}
  ~WorkerChannel();
  WorkerChannel(WorkerChannel&& other) noexcept;
  WorkerChannel& operator=(WorkerChannel&& other) noexcept;
  WorkerChannel(const WorkerChannel&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// False when the other end is gone.
  bool send(const nlohmann::json& message) const;
  /// Waits for a message; nothing when the other end is gone.
  [[nodiscard]] std::optional<nlohmann::json> receive() const;

 private:
  int descriptor_;
};

[[nodiscard]] nlohmann::json to_json(const WorkerSetup& setup);
[[nodiscard]] WorkerSetup setup_from(const nlohmann::json& json);
[[nodiscard]] nlohmann::json to_json(const AttemptRequest& request);
[[nodiscard]] AttemptRequest request_from(const nlohmann::json& json);
[[nodiscard]] nlohmann::json to_json(const AttemptResult& result);
[[nodiscard]] AttemptResult result_from(const nlohmann::json& json);

}  // namespace etl::runtime
