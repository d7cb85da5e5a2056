#include "core/app/inspect/plugin_examination.hpp"

#include "core/app/inspect/child_process.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/describe/stage_description.hpp"
#include "core/runtime/plugin/plugin_loader.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>
#include <span>

namespace etl::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Loading takes milliseconds; what has not ended by then never will.
constexpr std::chrono::seconds patience{10};

using Handle = std::unique_ptr<void, int (*)(void*)>;

/// A library that is loaded already; no other code runs.
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

/// What a loaded library was linked with, by its own dynamic section.
json libraries_of(const fs::path& file, const std::set<std::string>& ours) {
  json found = json::array();
  const Handle library = loaded(file.string());
  const link_map* map = map_of(library);
  if (map == nullptr) return found;
  const char* names = nullptr;
  for (const ElfW(Dyn)* entry = map->l_ld; entry->d_tag != DT_NULL; ++entry) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the dynamic linker has put an address there
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
    found.push_back(
        {{"name", name}, {"file", failure ? path : real.string()}, {"ours", ours.contains(path)}});
  }
  return found;
}

/// The dynamic linker that the runner itself was started by.
std::string dynamic_linker() {
  std::string path;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        for (const ElfW(Phdr) & part : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
          if (part.p_type != PT_INTERP) continue;
          // NOLINTNEXTLINE(performance-no-int-to-ptr): where the program lies, and where in it
          const auto* name = reinterpret_cast<const char*>(info->dlpi_addr + part.p_vaddr);
          *static_cast<std::string*>(out) = name;
        }
        return 1;  // the first is the program
      },
      &path);
  return path;
}

/// dlopen names the first library that it does not find. The dynamic linker lists all when it is
/// asked to trace, as ldd asks it, and runs nothing of the file.
std::vector<std::string> libraries_not_found(const fs::path& file) {
  std::vector<std::string> names;
  const std::string linker = dynamic_linker();
  if (linker.empty()) return names;
  const std::string path = fs::absolute(file).string();
  const std::string list = run_in_child(
                               [&](const Say&) {
                                 ::setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
                                 ::execl(linker.c_str(), linker.c_str(), path.c_str(), nullptr);
                               },
                               patience)
                               .output;
  constexpr std::string_view mark = " => not found";
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find('\n', at), list.size());
    const std::string_view line = std::string_view(list).substr(at, end - at);
    if (line.ends_with(mark)) {
      const std::size_t begin = line.find_first_not_of(" \t");
      names.emplace_back(line.substr(begin, line.size() - mark.size() - begin));
    }
    at = end + 1;
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// In the child.
json examine(const fs::path& file) {
  const std::set<std::string> ours = loaded_files();
  try {
    const runtime::LoadedPlugin plugin = runtime::load_plugin(file);
    json stages = json::array();
    for (const etl_stage* stage : std::span(plugin.table->stages, plugin.table->stage_count))
      stages.push_back(runtime::describe_json({stage, plugin, ""}));
    return {{"stages", stages}, {"libraries", libraries_of(plugin.path, ours)}};
  } catch (const Error& error) {
    return {{"refusal", error.message()}};
  }
}

/// The end of what a child wrote, as part of a sentence: a sanitizer's report has many lines.
std::string last_words(const std::string& output) {
  constexpr std::size_t most = 500;
  const bool cut = output.size() > most;
  return (cut ? "... " : "") +
         runtime::printable(std::string_view(output).substr(cut ? output.size() - most : 0), " / ");
}

/// How a child ended that did not say what it found.
std::string ended_badly(const fs::path& file, const ChildEnd& end) {
  const std::string how = end.how == ChildEnd::How::too_long
                              ? fmt::format("did not end within {} s", patience.count())
                              : end.text();
  const std::string said = last_words(end.output);
  return fmt::format(
      "{}: loading it {}; its static constructors, or those of a library it needs, run then{}; "
      "repair them, or take the file out of the folders of plugins",
      file.string(), how, said.empty() ? "" : fmt::format(" (they wrote: {})", said));
}

}  // namespace

PluginExamination examine_plugin(const fs::path& file, const runtime::Cancellation& cancellation) {
  const ChildEnd end = run_in_child(
      [&](const Say& say) {
        say(examine(file).dump(-1, ' ', false, json::error_handler_t::replace));
      },
      patience, [&] { return cancellation.requested(); });
  if (end.how == ChildEnd::How::stopped) throw Error::cancelled();
  PluginExamination found{file, "", json::array(), {}, {}};
  const json answer =
      end.how == ChildEnd::How::returned ? json::parse(end.answer, nullptr, false) : json();
  if (!answer.is_object()) {
    found.refusal = ended_badly(file, end);
    return found;
  }
  if (!answer.contains("refusal")) {
    found.stages = answer["stages"];
    for (const json& library : answer["libraries"])
      found.libraries.push_back({library["name"], library["file"], library["ours"]});
    return found;
  }
  found.refusal = answer["refusal"];
  try {
    runtime::require_private(file);
  } catch (const Error&) {
    return found;  // nobody looks further into what others can write
  }
  found.not_found = libraries_not_found(file);
  if (found.not_found.size() > 1) {
    found.refusal += fmt::format("; missing in all: {}", fmt::join(found.not_found, ", "));
  }
  return found;
}

}  // namespace etl::app
