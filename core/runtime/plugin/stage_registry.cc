#include "core/runtime/plugin/stage_registry.hpp"

#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/base/mutex.hpp"
#include "core/runtime/plugin/stage_names.hpp"

#include <etl/error.hpp>

#include <set>
#include <span>

namespace etl::runtime {

namespace fs = std::filesystem;

std::vector<fs::path> libraries_in(const fs::path& folder) {
  std::error_code failure;
  std::vector<fs::path> found = files_in(folder, ".so", failure);
  if (failure) throw Error::config(folder.string() + ": cannot be read: " + failure.message());
  return found;
}

/// The registry's data, and how it is filled.
struct StageRegistry::Contents {
  /// A folder of the search path.
  struct Folder {
    std::string origin;
    std::string label;
    std::string note;  ///< why it was not searched; empty: it was
    std::size_t loaded = 0;
    std::size_t refused = 0;
  };
  /// A library that is loaded when one of its stages is requested.
  struct Waiting {
    fs::path path;  ///< as it was found
    std::size_t folder;
  };

  void examine(const fs::path& path, std::size_t folder) ETL_REQUIRES(mutex);
  void load(const fs::path& path, std::size_t folder) ETL_REQUIRES(mutex);
  void load_waiting(const Waiting& library) ETL_REQUIRES(mutex);
  void load_all() ETL_REQUIRES(mutex);
  void add(const LoadedPlugin& plugin, const std::string& origin) ETL_REQUIRES(mutex);

  Mutex mutex;
  std::map<std::string, StageEntry, std::less<>> stages ETL_GUARDED_BY(mutex);
  /// By the names of their stages.
  std::map<std::string, Waiting, std::less<>> waiting ETL_GUARDED_BY(mutex);
  std::vector<RefusedLibrary> refused ETL_GUARDED_BY(mutex);
  std::vector<Folder> folders ETL_GUARDED_BY(mutex);
};

/// Libraries that list the same stage are loaded at once: one of them may be refused.
void StageRegistry::Contents::examine(const fs::path& path, std::size_t folder) {
  const auto names = stage_names(path);
  if (!names) return load(path, folder);
  for (const std::string& name : *names) {
    if (const auto other = waiting.find(name); other != waiting.end()) {
      std::error_code unreadable;
      if (fs::equivalent(other->second.path, path, unreadable)) continue;
      load_waiting(Waiting(other->second));
    }
    if (stages.contains(name)) return load(path, folder);
  }
  for (const std::string& name : *names) waiting.try_emplace(name, Waiting{path, folder});
}

void StageRegistry::Contents::load(const fs::path& path, std::size_t folder) {
  LoadedPlugin plugin;
  try {
    plugin = load_plugin(path);
  } catch (const Error& error) {
    refused.push_back({path, error.message()});
    ++folders[folder].refused;
    return;
  }
  add(plugin, folders[folder].origin);
  ++folders[folder].loaded;
}

void StageRegistry::Contents::load_waiting(const Waiting& library) {
  std::erase_if(waiting, [&](const auto& each) { return each.second.path == library.path; });
  load(library.path, library.folder);
}

void StageRegistry::Contents::load_all() {
  while (!waiting.empty()) load_waiting(Waiting(waiting.begin()->second));
}

void StageRegistry::Contents::add(const LoadedPlugin& plugin, const std::string& origin) {
  for (const etl_stage* stage : std::span(plugin.table->stages, plugin.table->stage_count)) {
    const auto [at, inserted] = stages.try_emplace(stage->name, StageEntry{stage, plugin, origin});
    // The same library may be found in two ways.
    const StageEntry& first = at->second;
    if (!inserted && first.plugin.path != plugin.path) {
      throw Error::config(
          duplicate_stage(at->first, first.plugin.path, first.origin, plugin.path, origin));
    }
  }
}

std::string duplicate_stage(const std::string& stage, const fs::path& first,
                            const std::string& first_origin, const fs::path& second,
                            const std::string& second_origin) {
  const std::string both = "stage \"" + stage + "\" is offered by two plugins: " + first.string() +
                           (first_origin.empty() ? "" : " (" + first_origin + ")") + " and " +
                           second.string() +
                           (second_origin.empty() ? "" : " (" + second_origin + ")");
  if (first_origin == second_origin) return both + "; remove one of them";
  // The first origin is searched first, so leaving it out selects the second.
  const std::string leave_out = first_origin == "--plugin-dir"
                                    ? "leave --plugin-dir out"
                                    : "take the folder of the first out of " + first_origin;
  return both + "; to use the first, remove the second; to use the second, " + leave_out;
}

StageRegistry::StageRegistry() : contents_(std::make_unique<Contents>()) {}
StageRegistry::StageRegistry(StageRegistry&&) noexcept = default;
StageRegistry& StageRegistry::operator=(StageRegistry&&) noexcept = default;
StageRegistry::~StageRegistry() = default;

StageRegistry StageRegistry::scan(const SearchPath& search) {
  StageRegistry registry;
  Contents& contents = *registry.contents_;
  const MutexLock lock(contents.mutex);
  for (const SearchPath::Directory& directory : search.directories) {
    const std::string label = directory.path.string() + " (" + directory.origin + ")";
    std::error_code unreadable;
    if (!fs::is_directory(directory.path, unreadable)) {
      contents.folders.push_back({directory.origin, label, "no such folder"});
      continue;
    }
    std::vector<fs::path> found;
    try {
      require_private(directory.path);
      found = libraries_in(directory.path);
    } catch (const Error& error) {
      contents.refused.push_back({directory.path, error.message()});
      contents.folders.push_back({directory.origin, label, "refused"});
      continue;
    }
    contents.folders.push_back({directory.origin, label, ""});
    for (const fs::path& path : found) contents.examine(path, contents.folders.size() - 1);
  }
  return registry;
}

void StageRegistry::add(const LoadedPlugin& plugin) {
  const MutexLock lock(contents_->mutex);
  contents_->add(plugin, "");
}

const StageEntry* StageRegistry::find(std::string_view name) const {
  const MutexLock lock(contents_->mutex);
  if (const auto at = contents_->waiting.find(name); at != contents_->waiting.end()) {
    contents_->load_waiting(Contents::Waiting(at->second));
  }
  auto at = contents_->stages.find(name);
  if (at == contents_->stages.end()) {
    contents_->load_all();  // a library may have more stages than it lists; messages name all
    at = contents_->stages.find(name);
  }
  return at == contents_->stages.end() ? nullptr : &at->second;
}

std::vector<std::string> StageRegistry::names() const {
  const MutexLock lock(contents_->mutex);
  std::set<std::string> names;
  for (const auto& [name, entry] : contents_->stages) names.insert(name);
  for (const auto& [name, library] : contents_->waiting) names.insert(name);
  return {names.begin(), names.end()};
}

const std::map<std::string, StageEntry, std::less<>>& StageRegistry::stages() const {
  const MutexLock lock(contents_->mutex);
  contents_->load_all();
  return contents_->stages;
}

const std::vector<RefusedLibrary>& StageRegistry::refused() const {
  const MutexLock lock(contents_->mutex);
  contents_->load_all();
  return contents_->refused;
}

std::string StageRegistry::searched() const {
  const MutexLock lock(contents_->mutex);
  contents_->load_all();
  std::string text;
  for (const Contents::Folder& folder : contents_->folders) {
    text += "\n  searched " + folder.label + ": ";
    text += folder.note.empty() ? std::to_string(folder.loaded) + " loaded, " +
                                      std::to_string(folder.refused) + " refused"
                                : folder.note;
  }
  for (const RefusedLibrary& refusal : contents_->refused) text += "\n  refused " + refusal.reason;
  return text;
}

}  // namespace etl::runtime
