#include "core/app/inspect/plugin_examination.hpp"

#include "core/runtime/base/utf8.hpp"
#include "core/runtime/describe/stage_description.hpp"
#include "core/runtime/plugin/plugin_loader.hpp"

#include <etl/detail/split.hpp>
#include <etl/testing/conformance/child_process.hpp>

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <set>
#include <span>

namespace etl::app {
namespace {

namespace fs = std::filesystem;
using conformance::ChildEnd;
using conformance::run_in_child;
using conformance::Say;
using nlohmann::json;
using nlohmann::ordered_json;

/// Loading takes milliseconds; a library that takes longer than this hangs.
constexpr std::chrono::seconds time_limit{10};

using Handle = std::unique_ptr<void, int (*)(void*)>;

/// A handle of a library that is already loaded; runs no code of it.
Handle loaded(const std::string& name) {
  return {::dlopen(name.c_str(), RTLD_LAZY | RTLD_NOLOAD), ::dlclose};
}

const link_map* map_of(const Handle& library) {
  link_map* map = nullptr;
  return library != nullptr && ::dlinfo(library.get(), RTLD_DI_LINKMAP, &map) == 0 ? map : nullptr;
}

std::set<std::string> loaded_files() {
  std::set<std::string> files;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        static_cast<std::set<std::string>*>(out)->insert(info->dlpi_name);
        return 0;
      },
      &files);
  return files;
}

/// The libraries that a loaded library was linked with, from its dynamic section.
ordered_json libraries_of(const fs::path& file, const std::set<std::string>& ours) {
  ordered_json found = ordered_json::array();
  const Handle library = loaded(file.string());
  const link_map* map = map_of(library);
  if (map == nullptr) return found;
  const char* names = nullptr;
  for (const ElfW(Dyn)* entry = map->l_ld; entry->d_tag != DT_NULL; ++entry) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the dynamic linker has stored an address there
    if (entry->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(entry->d_un.d_ptr);
  }
  for (const ElfW(Dyn)* entry = map->l_ld; entry->d_tag != DT_NULL && names != nullptr; ++entry) {
    if (entry->d_tag != DT_NEEDED) continue;
    const std::string name = names + entry->d_un.d_val;
    const Handle needed = loaded(name);
    const link_map* at = map_of(needed);
    std::error_code failure;
    const std::string path = at == nullptr ? "" : at->l_name;
    const fs::path real = fs::canonical(path, failure);
    found.push_back({{"name", name},
                     {"file", failure ? path : real.string()},
                     {"used_by_etl", ours.contains(path)}});
  }
  return found;
}

/// The path of the dynamic linker that started this program.
std::string dynamic_linker() {
  std::string path;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        for (const ElfW(Phdr) & part : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
          if (part.p_type != PT_INTERP) continue;
          // NOLINTNEXTLINE(performance-no-int-to-ptr): the address of the program plus an offset
          const auto* name = reinterpret_cast<const char*>(info->dlpi_addr + part.p_vaddr);
          *static_cast<std::string*>(out) = name;
        }
        return 1;  // the first entry is the program
      },
      &path);
  return path;
}

/// Lists every missing library, where dlopen names only the first. Uses the trace mode of the
/// dynamic linker, as ldd does, which runs no code of the file.
std::vector<std::string> libraries_not_found(const fs::path& file) {
  std::set<std::string> names;
  const std::string linker = dynamic_linker();
  if (linker.empty()) return {};
  const std::string path = fs::absolute(file).string();
  const std::string list = run_in_child(
                               [&](const Say&) {
                                 ::setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
                                 ::execl(linker.c_str(), linker.c_str(), path.c_str(), nullptr);
                               },
                               time_limit)
                               .output;
  constexpr std::string_view mark = " => not found";
  for (const std::string_view line : detail::split(list, '\n')) {
    if (!line.ends_with(mark)) continue;
    const std::size_t begin = line.find_first_not_of(" \t");
    names.emplace(line.substr(begin, line.size() - mark.size() - begin));
  }
  return {names.begin(), names.end()};
}

/// Runs in the child process: {stages, libraries} or {refused}.
ordered_json examine(const fs::path& file) {
  const std::set<std::string> ours = loaded_files();
  try {
    const runtime::LoadedPlugin plugin = runtime::load_plugin(file);
    json stages = json::array();
    for (const etl_stage* stage : std::span(plugin.table->stages, plugin.table->stage_count))
      stages.push_back(runtime::describe_json({stage, plugin, ""}));
    return {{"stages", stages}, {"libraries", libraries_of(plugin.path, ours)}};
  } catch (const Error& error) {
    return {{"refused", error.message()}};
  }
}

/// The end of a child's output as part of a sentence; a sanitizer's report has many lines.
std::string end_of_output(const std::string& output) {
  constexpr std::size_t most = 500;
  const bool cut = output.size() > most;
  return (cut ? "... " : "") +
         runtime::printable(std::string_view(output).substr(cut ? output.size() - most : 0), " / ");
}

/// The refusal of a plugin whose child process did not finish its examination.
std::string unexpected_end(const fs::path& file, const ChildEnd& end) {
  const std::string how = end.how == ChildEnd::How::too_long
                              ? fmt::format("did not end within {} s", time_limit.count())
                              : end.text();
  const std::string output = end_of_output(end.output);
  return fmt::format(
      "{}: loading it {}; loading runs its static constructors and those of its libraries{}; "
      "fix them, or remove the file from the plugin folders",
      file.string(), how, output.empty() ? "" : fmt::format(" (output: {})", output));
}

}  // namespace

ordered_json examine_plugin(const fs::path& file, const runtime::Cancellation& cancellation) {
  const ChildEnd end = run_in_child(
      [&](const Say& say) {
        say(examine(file).dump(-1, ' ', false, ordered_json::error_handler_t::replace));
      },
      time_limit, [&] { return cancellation.requested(); });
  if (end.how == ChildEnd::How::stopped) throw Error::cancelled();
  ordered_json found = {{"file", file.string()},
                        {"ok", false},
                        {"refused", nullptr},
                        {"stages", ordered_json::array()},
                        {"libraries", ordered_json::array()},
                        {"not_found", ordered_json::array()}};
  ordered_json answer = end.how == ChildEnd::How::returned
                            ? ordered_json::parse(end.answer, nullptr, false)
                            : ordered_json();
  if (!answer.is_object()) answer = {{"refused", unexpected_end(file, end)}};
  found.update(answer);
  found["ok"] = found["refused"].is_null();
  if (found["ok"].get<bool>() || end.how != ChildEnd::How::returned) return found;
  try {
    runtime::require_private(file);
  } catch (const Error&) {
    return found;  // do not examine further what others can write
  }
  const std::vector<std::string> missing = libraries_not_found(file);
  found["not_found"] = missing;
  if (missing.size() > 1) {
    found["refused"] = fmt::format("{}; all missing libraries: {}",
                                   found["refused"].get<std::string>(), fmt::join(missing, ", "));
  }
  return found;
}

}  // namespace etl::app
