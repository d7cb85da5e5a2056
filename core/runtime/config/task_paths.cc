#include "core/runtime/config/task_paths.hpp"

#include "core/runtime/base/text.hpp"
#include "core/runtime/base/units.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace etl::runtime {
namespace {

namespace fs = std::filesystem;

/// Parses a task number as with_task() writes it: without leading zeros.
std::optional<std::int64_t> number(std::string_view text) {
  const auto value = whole_number(text);
  return value && std::to_string(*value) == text ? value : std::nullopt;
}

}  // namespace

bool is_per_task(std::string_view path) {
  return path.find(task_placeholder) != std::string_view::npos;
}

std::string with_task(std::string_view path, std::string_view word) {
  return replaced(std::string(path), task_placeholder, word);
}

std::vector<std::int64_t> tasks_found(const std::string& path) {
  const std::size_t at = path.find(task_placeholder);
  if (at == std::string::npos) return {};
  // The first path component that contains {task}.
  const std::size_t begin = path.rfind('/', at) + 1;
  const std::size_t end = std::min(path.find('/', at), path.size());
  const std::string_view part = std::string_view(path).substr(begin, end - begin);
  const std::string_view before = part.substr(0, at - begin);
  std::vector<std::int64_t> tasks;
  std::error_code unreadable;  // a missing folder has no tasks
  for (const auto& entry : fs::directory_iterator(path.substr(0, begin), unreadable)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(before)) continue;
    const std::string_view rest = std::string_view(name).substr(before.size());
    const auto task = number(rest.substr(0, rest.find_first_not_of("0123456789")));
    if (!task || with_task(part, std::to_string(*task)) != name) continue;
    if (fs::exists(with_task(path, std::to_string(*task)), unreadable)) tasks.push_back(*task);
  }
  std::ranges::sort(tasks);
  return tasks;
}

}  // namespace etl::runtime
