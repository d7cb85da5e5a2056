/// \file
/// A filter, and one at work on a partition.
#pragma once

#include "core/runtime/plugin/stage.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace etl::runtime {

class FilterStage : public Stage {
 public:
  using Stage::Stage;

  /// The columns that leave the filter when `in` arrive.
  [[nodiscard]] Schema schema(const Schema& in) const;
  /// The test that the source in front may apply to its rows.
  [[nodiscard]] std::optional<etl_predicate> predicate(const Schema& in) const;
};

/// A filter's state for one partition; used by one thread at a time.
class FilterRun {
 public:
  FilterRun(const FilterStage& stage, const Schema& in, const Schema& out, const etl_task* task);
  ~FilterRun();
  FilterRun(const FilterRun&) = delete;
  FilterRun& operator=(const FilterRun&) = delete;

  /// Takes the batch and calls `emit` for each batch that comes out.
  void apply(Batch batch, const std::function<void(Batch)>& emit);
  void finish(const std::function<void(Batch)>& emit);

 private:
  struct Emission;
  const FilterStage& stage_;
  std::shared_ptr<const Schema> out_;
  void* state_ = nullptr;
};

}  // namespace etl::runtime
