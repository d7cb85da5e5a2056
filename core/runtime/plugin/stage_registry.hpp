/// \file
/// The stages of all installed plugins, by name.
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
  std::string origin;  ///< part of the search path that it was found by; empty: none
};

/// A library or folder that was found but not used.
struct RefusedLibrary {
  std::filesystem::path path;
  std::string reason;
};

/// Every *.so in a folder, sorted. Throws Error (config) if the folder cannot be read.
[[nodiscard]] std::vector<std::filesystem::path> libraries_in(const std::filesystem::path& folder);

/// The message about a stage that two libraries offer, with both files and a remedy. Typical for an
/// author who has installed a plugin and points --plugin-dir to a newer build of it.
[[nodiscard]] std::string duplicate_stage(const std::string& stage,
                                          const std::filesystem::path& first,
                                          const std::string& first_origin,
                                          const std::filesystem::path& second,
                                          const std::string& second_origin);

/// The installed stages. A library that lists its stages (see stage_names.hpp) is loaded when one
/// of them is requested, so a pipeline pays only for the plugins that it names. Listing all stages,
/// or requesting an unknown one, loads all libraries.
///
/// Movable. Members may be called from any thread.
class StageRegistry {
 public:
  StageRegistry();
  StageRegistry(StageRegistry&&) noexcept;
  StageRegistry& operator=(StageRegistry&&) noexcept;
  ~StageRegistry();

  /// Examines every *.so in the search path. Skips folders that do not exist and records libraries
  /// that are refused. Throws Error (config) if two libraries offer a stage of the same name, see
  /// duplicate_stage().
  static StageRegistry scan(const SearchPath& search);

  void add(const LoadedPlugin& plugin);

  /// nullptr if there is no such stage or its library is refused. Valid as long as the registry.
  [[nodiscard]] const StageEntry* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] const std::map<std::string, StageEntry, std::less<>>& stages() const;
  [[nodiscard]] const std::vector<RefusedLibrary>& refused() const;
  /// Lists the folders searched and their contents, for a message about an unknown stage.
  [[nodiscard]] std::string searched() const;

 private:
  struct Contents;
  std::unique_ptr<Contents> contents_;  // const members load libraries, too
};

}  // namespace etl::runtime
