/// \file
/// Every stage that the installed plugins offer, by name.
#pragma once

#include "core/runtime/plugin_loader.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// A stage and the library that holds it.
struct StageEntry {
  const etl_stage* stage = nullptr;
  LoadedPlugin plugin;
};

/// A library or folder that was found and not used, and why.
struct Refusal {
  std::filesystem::path path;
  std::string reason;
};

/// The installed stages. Read-only once built; safe to share.
class StageRegistry {
 public:
  /// Loads every *.so of the search path. A folder that does not exist is skipped; a library that
  /// is refused is remembered. Throws Error (config) when two libraries offer a stage of the same
  /// name.
  static StageRegistry scan(const SearchPath& search);

  void add(const LoadedPlugin& plugin);

  /// nullptr when there is no such stage.
  [[nodiscard]] const StageEntry* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] const std::map<std::string, StageEntry, std::less<>>& stages() const {
    return stages_;
  }
  [[nodiscard]] const std::vector<Refusal>& refusals() const { return refusals_; }
  /// Every folder searched and what was found there, for a message about a stage that is not.
  [[nodiscard]] std::string searched() const;

 private:
  std::map<std::string, StageEntry, std::less<>> stages_;
  std::vector<Refusal> refusals_;
  std::vector<std::string> searched_;
};

}  // namespace etl::runtime
