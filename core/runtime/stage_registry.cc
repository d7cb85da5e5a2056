#include "core/runtime/stage_registry.hpp"

#include <algorithm>
#include <etl/error.hpp>

namespace etl::runtime {

namespace fs = std::filesystem;

namespace {

/// Throws Error (config) when the folder cannot be read.
std::vector<fs::path> libraries_in(const fs::path& folder) {
  std::vector<fs::path> found;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".so") found.push_back(entry.path());
    }
  } catch (const fs::filesystem_error& error) {
    throw Error::config(folder.string() + ": cannot be read: " + error.code().message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

StageRegistry StageRegistry::scan(const SearchPath& search) {
  StageRegistry registry;
  for (const SearchPath::Directory& directory : search.directories) {
    const std::string label = directory.path.string() + " (" + directory.origin + ")";
    std::error_code unreadable;
    if (!fs::is_directory(directory.path, unreadable)) {
      registry.searched_.push_back(label + ": no such folder");
      continue;
    }
    std::vector<fs::path> found;
    try {
      require_private(directory.path);
      found = libraries_in(directory.path);
    } catch (const Error& error) {
      registry.refusals_.push_back({directory.path, error.message()});
      registry.searched_.push_back(label + ": refused");
      continue;
    }
    std::size_t loaded = 0;
    std::size_t refused = 0;
    for (const fs::path& path : found) {
      LoadedPlugin plugin;
      try {
        plugin = load_plugin(path);
      } catch (const Error& error) {
        registry.refusals_.push_back({path, error.message()});
        ++refused;
        continue;
      }
      registry.add(plugin);
      ++loaded;
    }
    registry.searched_.push_back(label + ": " + std::to_string(loaded) + " loaded, " +
                                 std::to_string(refused) + " refused");
  }
  return registry;
}

void StageRegistry::add(const LoadedPlugin& plugin) {
  for (std::size_t i = 0; i < plugin.table->stage_count; ++i) {
    const etl_stage* stage = plugin.table->stages[i];
    const auto [at, inserted] = stages_.try_emplace(stage->name, StageEntry{stage, plugin});
    // One library found by two ways is one library.
    if (!inserted && at->second.plugin.path != plugin.path) {
      throw Error::config("stage \"" + at->first +
                          "\" is offered by two plugins: " + at->second.plugin.path.string() +
                          " and " + plugin.path.string() + "; remove one of them");
    }
  }
}

const StageEntry* StageRegistry::find(std::string_view name) const {
  const auto at = stages_.find(name);
  return at == stages_.end() ? nullptr : &at->second;
}

std::vector<std::string> StageRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : stages_) names.push_back(name);
  return names;
}

std::string StageRegistry::searched() const {
  std::string text;
  for (const std::string& line : searched_) text += "\n  searched " + line;
  for (const Refusal& refusal : refusals_) text += "\n  refused " + refusal.reason;
  return text;
}

}  // namespace etl::runtime
