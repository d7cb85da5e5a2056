#include "core/app/inspect/machine.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/text_format.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>

namespace etl::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// Variables for plugins, terminal and language, proxies, temporary files and preloaded libraries.
constexpr std::array variables{"ETL_PLUGIN_PATH", "NO_COLOR",    "TERM",        "LANG",
                               "LC_ALL",          "LC_CTYPE",    "TZ",          "http_proxy",
                               "HTTP_PROXY",      "https_proxy", "HTTPS_PROXY", "all_proxy",
                               "ALL_PROXY",       "no_proxy",    "NO_PROXY",    "TMPDIR",
                               "LD_LIBRARY_PATH", "LD_PRELOAD"};

/// With a lower limit, a run with many workers and transfers may fail to open files.
constexpr rlim_t few_files = 256;
/// With less free space, data that waits for its commit in temporary files may not fit.
constexpr std::uintmax_t little_room = std::uintmax_t{64} << 20;

ordered_json limit_json(rlim_t limit) {
  return limit == RLIM_INFINITY ? ordered_json() : ordered_json(limit);
}

std::optional<std::int64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::int64_t number = 0;  // "max" is not a number and means no limit
  return file >> number ? std::optional(number) : std::nullopt;
}

/// The lowest limit of this process's control group and its parents. For version 1, which few
/// systems still have, the limit of the outermost group.
std::optional<std::int64_t> memory_limit() {
  const fs::path root = "/sys/fs/cgroup";
  std::optional<std::int64_t> lowest;
  const auto take = [&](const fs::path& path) {
    const auto limit = number_in(path);
    if (limit && (!lowest || *limit < *lowest)) lowest = limit;
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::/")) continue;
    for (fs::path group = line.substr(4); !group.empty(); group = group.parent_path())
      take(root / group / "memory.max");
  }
  take(root / "memory.max");
  take(root / "memory" / "memory.limit_in_bytes");
  // Version 1 has a huge number if there is no limit.
  constexpr std::int64_t no_limit = std::int64_t{1} << 60;
  return lowest && *lowest < no_limit ? lowest : std::nullopt;
}

int cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
}

std::string bytes_text(const ordered_json& bytes, const char* otherwise) {
  return bytes.is_null() ? otherwise : runtime::human_bytes(bytes.get<double>());
}

std::string number_text(const ordered_json& number) {
  return number.is_null() ? "no limit" : std::to_string(number.get<std::uint64_t>());
}

}  // namespace

ordered_json environment_json() {
  ordered_json found = ordered_json::object();
  for (const char* name : variables) {
    if (const auto value = runtime::environment_variable(name)) found[name] = *value;
  }
  return found;
}

ordered_json machine_json() {
  ordered_json machine;
  utsname system{};
  ::uname(&system);
  machine["system"] = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  machine["cores"] = cores();
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  machine["open_files"] = {{"soft", limit_json(files.rlim_cur)},
                           {"hard", limit_json(files.rlim_max)}};
  machine["memory_bytes"] =
      static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  const auto limit = memory_limit();
  machine["memory_limit_bytes"] = limit ? ordered_json(*limit) : ordered_json();
  std::error_code none;
  const fs::path folder = fs::temp_directory_path(none);
  machine["temporary_folder"] = none ? ordered_json() : ordered_json(folder.string());
  const fs::space_info room = fs::space(folder, none);
  machine["temporary_free_bytes"] = none || ::access(folder.c_str(), W_OK | X_OK) != 0
                                        ? ordered_json()
                                        : ordered_json(room.available);
  return machine;
}

std::vector<std::vector<std::string>> machine_table(const ordered_json& machine) {
  const ordered_json& files = machine["open_files"];
  return {{"  system", machine["system"]},
          {"  cores", fmt::format("{} usable", machine["cores"].get<int>())},
          {"  memory", bytes_text(machine["memory_bytes"], "unknown")},
          {"  memory limit", bytes_text(machine["memory_limit_bytes"], "none")},
          {"  open files",
           fmt::format("{}, at most {}", number_text(files["soft"]), number_text(files["hard"]))},
          {"  temporary files",
           machine["temporary_folder"].is_null()
               ? "no folder"
               : fmt::format("{}, free: {}", machine["temporary_folder"].get<std::string>(),
                             bytes_text(machine["temporary_free_bytes"], "cannot be written"))}};
}

std::vector<std::string> machine_problems(const ordered_json& machine) {
  std::vector<std::string> problems;
  const ordered_json& files = machine["open_files"]["soft"];
  if (!files.is_null() && files.get<rlim_t>() < few_files) {
    problems.push_back(
        fmt::format("only {} files can be open at once: raise the limit with ulimit -n 1024",
                    files.get<rlim_t>()));
  }
  const ordered_json& room = machine["temporary_free_bytes"];
  const std::string folder = machine["temporary_folder"].is_null()
                                 ? "$TMPDIR"
                                 : machine["temporary_folder"].get<std::string>();
  if (room.is_null()) {
    problems.push_back(folder + ": not a writable folder for temporary files: set TMPDIR to one");
  } else if (room.get<std::uintmax_t>() < little_room) {
    problems.push_back(
        fmt::format("{}: only {} free for temporary files: free some space, or set TMPDIR", folder,
                    runtime::human_bytes(room.get<double>())));
  }
  return problems;
}

}  // namespace etl::app
