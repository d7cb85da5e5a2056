#include "core/runtime/plugin/older_tables.hpp"

#include <span>

namespace etl::runtime {
namespace {

/// Copies the extended table to `place` and points `table` to it.
template <class Table>
void take(const Table*& table, Table& place) {
  if (table == nullptr) return;
  place = whole(table);
  table = &place;
}

}  // namespace

WholePlugin::Stage::Stage(const etl_stage& given) : stage(whole(&given)) {
  take(stage.source, source);
  take(stage.filter, filter);
  take(stage.sink, sink);
}

WholePlugin::WholePlugin(const etl_plugin& given) : plugin_(whole(&given)) {
  for (const etl_stage* stage : std::span(plugin_.stages, plugin_.stage_count)) {
    stages_.push_back(std::make_unique<Stage>(*stage));
    list_.push_back(&stages_.back()->stage);
  }
  plugin_.stages = list_.data();
}

}  // namespace etl::runtime
