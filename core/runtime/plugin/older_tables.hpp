/// \file
/// Structs of plugins, extended to this host's size. A plugin built against an earlier minor passes
/// shorter structs; their missing fields read as zero, that is, as optional functions left out. So
/// no other code has to look at struct_size.
#pragma once

#include <etl/abi.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace etl::runtime {

/// The smallest size a plugin may give: that of version 1.0, or of the minor that added the struct.
template <class Struct>
inline constexpr std::size_t first_size = 0;
template <>
inline constexpr std::size_t first_size<etl_error> = ETL_ERROR_SIZE_1_0;
template <>
inline constexpr std::size_t first_size<etl_reject> = ETL_REJECT_SIZE_1_0;
template <>
inline constexpr std::size_t first_size<etl_partition> = ETL_PARTITION_SIZE_1_0;
template <>
inline constexpr std::size_t first_size<etl_ledger_record> = ETL_LEDGER_RECORD_SIZE_1_0;
template <>
inline constexpr std::size_t first_size<etl_running_record> = ETL_RUNNING_RECORD_SIZE_1_0;
template <>
inline constexpr std::size_t first_size<etl_source> = ETL_SOURCE_SIZE_1_0;
template <>
inline constexpr std::size_t first_size<etl_filter> = ETL_FILTER_SIZE_1_0;
template <>
inline constexpr std::size_t first_size<etl_sink> = ETL_SINK_SIZE_1_0;
template <>
inline constexpr std::size_t first_size<etl_stage> = ETL_STAGE_SIZE_1_0;
template <>
inline constexpr std::size_t first_size<etl_plugin> = ETL_PLUGIN_SIZE_1_0;

/// Copies `given`, reading nothing behind its struct_size, but at least its first_size.
template <class Struct>
[[nodiscard]] Struct whole(const Struct* given) {
  static_assert(first_size<Struct> != 0, "not a struct that plugins pass");
  Struct out{};
  std::memcpy(static_cast<void*>(&out), given,
              std::clamp<std::size_t>(given->struct_size, first_size<Struct>, sizeof(Struct)));
  return out;
}

/// A plugin's whole table, extended. Neither copied nor moved: plugin() points into it.
class WholePlugin {
 public:
  /// REQUIRES: every struct of `given` has at least its first_size.
  explicit WholePlugin(const etl_plugin& given) : plugin_(whole(&given)) {
    for (const etl_stage* stage : std::span(plugin_.stages, plugin_.stage_count)) {
      stages_.push_back(std::make_unique<Stage>(*stage));
      list_.push_back(&stages_.back()->stage);
    }
    plugin_.stages = list_.data();
  }
  WholePlugin(const WholePlugin&) = delete;
  WholePlugin& operator=(const WholePlugin&) = delete;

  [[nodiscard]] const etl_plugin& plugin() const { return plugin_; }

 private:
  struct Stage {
    explicit Stage(const etl_stage& given) : stage(whole(&given)) {
      take(stage.source, source);
      take(stage.filter, filter);
      take(stage.sink, sink);
    }
    /// Copies the extended table to `place` and points `table` to it.
    template <class Table>
    static void take(const Table*& table, Table& place) {
      if (table == nullptr) return;
      place = whole(table);
      table = &place;
    }
    etl_stage stage;
    etl_source source{};
    etl_filter filter{};
    etl_sink sink{};
  };

  etl_plugin plugin_;
  std::vector<std::unique_ptr<Stage>> stages_;
  std::vector<const etl_stage*> list_;
};

}  // namespace etl::runtime
