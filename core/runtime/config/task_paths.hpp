/// \file
/// A database for every task: `{task}` in a path of a sink.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// What stands for the number of the task.
inline constexpr std::string_view task_placeholder = "{task}";

/// Whether a path differs from task to task.
[[nodiscard]] bool is_per_task(std::string_view path);

/// The path with `word`, the number of a task for instance, in every place.
[[nodiscard]] std::string with_task(std::string_view path, std::string_view word);

/// The tasks whose path is there, ascending: what with_task() makes of their numbers exists.
/// `path` is absolute.
[[nodiscard]] std::vector<std::int64_t> tasks_found(const std::string& path);

}  // namespace etl::runtime
