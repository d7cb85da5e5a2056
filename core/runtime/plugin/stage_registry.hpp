/// \file
/// Every stage that the installed plugins offer, by name.
#pragma once

#include "core/runtime/plugin/plugin_loader.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// A stage and the library that holds it.
struct StageEntry {
  const etl_stage* stage = nullptr;
  LoadedPlugin plugin;
  std::string origin;  ///< which part of the search path it was found by; empty = none
};

/// A library or folder that was found and not used, and why.
struct Refusal {
  std::filesystem::path path;
  std::string reason;
};

/// Every *.so of a folder, sorted. Throws Error (config) when it cannot be read.
[[nodiscard]] std::vector<std::filesystem::path> libraries_in(const std::filesystem::path& folder);

/// The words for a stage that two libraries offer: both files, and what to do. An author meets them
/// who has installed a plugin and points --plugin-dir to a newer build of it.
[[nodiscard]] std::string clash(const std::string& stage, const std::filesystem::path& first,
                                const std::string& first_origin,
                                const std::filesystem::path& second,
                                const std::string& second_origin);

/// The installed stages. A library that says by itself which stages it has (see stage_names.hpp) is
/// loaded when one of them is asked for: a pipeline pays for what it names. Whoever looks at all
/// stages, or for one that is not there, has all libraries loaded.
///
/// Movable. Members may be called from any thread.
class StageRegistry {
 public:
  StageRegistry();
  StageRegistry(StageRegistry&&) noexcept;
  StageRegistry& operator=(StageRegistry&&) noexcept;
  ~StageRegistry();

  /// Looks at every *.so of the search path. A folder that does not exist is skipped; a library
  /// that is refused is remembered. Throws Error (config), see clash(), when two libraries offer a
  /// stage of the same name.
  static StageRegistry scan(const SearchPath& search);

  void add(const LoadedPlugin& plugin);

  /// nullptr when there is no such stage, or its library is refused. Valid as long as the registry.
  [[nodiscard]] const StageEntry* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] const std::map<std::string, StageEntry, std::less<>>& stages() const;
  [[nodiscard]] const std::vector<Refusal>& refusals() const;
  /// Every folder searched and what was found there, for a message about a stage that is not.
  [[nodiscard]] std::string searched() const;

 private:
  struct Shelf;
  std::unique_ptr<Shelf> shelf_;  // what is loaded later is none of the callers' business
};

}  // namespace etl::runtime
