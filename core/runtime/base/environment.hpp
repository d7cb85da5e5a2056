/// \file
/// Environment variables, and the program itself.
#pragma once

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

}  // namespace etl::runtime
