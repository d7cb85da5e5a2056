/// \file
/// Per-task databases: `{task}` in the path of a sink.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// The placeholder for the task's number.
inline constexpr std::string_view task_placeholder = "{task}";

/// Whether the path contains the placeholder.
[[nodiscard]] bool is_per_task(std::string_view path);

/// Replaces every placeholder with `word`, such as the number of a task.
[[nodiscard]] std::string with_task(std::string_view path, std::string_view word);

/// The numbers, ascending, of the tasks for which with_task() gives an existing path. REQUIRES:
/// `path` is absolute.
[[nodiscard]] std::vector<std::int64_t> tasks_found(const std::string& path);

}  // namespace etl::runtime
