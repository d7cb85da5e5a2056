/// \file
/// A source: plans partitions and reads them as streams of batches.
#pragma once

#include "core/runtime/plugin/stage.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

class SourceStage : public Stage {
 public:
  using Stage::Stage;

  [[nodiscard]] Schema schema() const;
  [[nodiscard]] std::vector<Partition> plan() const;
  /// Announces the partitions that will be read, in this order.
  void expect(const std::vector<std::string>& ids) const;
  /// Whether read() would find the partition's data, or an error to report. Never waits. After
  /// false, StageServices::wake is called when the answer may have changed.
  [[nodiscard]] bool ready(std::string_view id) const;
  /// The partition is settled in all its sinks.
  void finish(std::string_view id) const;
  /// The stream reports a failure to `task` before it returns an errno.
  [[nodiscard]] detail::OwnedStream read(const Partition& partition, const etl_predicate* predicate,
                                         const etl_task* task) const;
  [[nodiscard]] bool can_replay() const { return table().source->replay != nullptr; }
  /// Reads `records` instead of the partition. They, and what they refer to, must outlive the
  /// stream. REQUIRES: can_replay().
  [[nodiscard]] detail::OwnedStream replay(const Partition& partition,
                                           std::span<const std::string_view> records,
                                           const etl_task* task) const;

 private:
  [[nodiscard]] detail::OwnedStream require_readable(detail::OwnedStream stream) const;
};

}  // namespace etl::runtime
