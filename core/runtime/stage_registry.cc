#include "core/runtime/stage_registry.hpp"

#include <algorithm>
#include <etl/error.hpp>

namespace etl::runtime {

namespace fs = std::filesystem;

namespace {

std::vector<fs::path> libraries_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".so") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

StageRegistry StageRegistry::scan(const SearchPath& search) {
  StageRegistry registry;
  for (const SearchPath::Directory& directory : search.directories) {
    const std::string label = directory.path.string() + " (" + directory.origin + ")";
    if (!fs::is_directory(directory.path)) {
      registry.searched_.push_back(label + ": no such folder");
      continue;
    }
    try {
      require_private(directory.path);
    } catch (const Error& error) {
      registry.refusals_.push_back({directory.path, error.message()});
      registry.searched_.push_back(label + ": refused, others can write it");
      continue;
    }
    std::size_t loaded = 0;
    std::size_t refused = 0;
    for (const fs::path& path : libraries_in(directory.path)) {
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
