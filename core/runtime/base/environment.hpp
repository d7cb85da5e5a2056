/// \file
/// What the surrounding system tells a process: variables, its program, host name and time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace etl::runtime {

/// Looks up an environment variable: environment_variable(), or a stand-in for it in tests.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The value of a variable of this process, or nothing if it is not set.
[[nodiscard]] std::optional<std::string> environment_variable(const std::string& name);

/// The path of this program, also where /proc is not mounted (chroot, build sandboxes).
[[nodiscard]] std::filesystem::path executable_path();

/// The host name of this machine; "unknown" if the system does not report one.
[[nodiscard]] std::string host_name();

/// Microseconds since 1970-01-01 UTC, the ledger's unit.
[[nodiscard]] inline std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace etl::runtime
