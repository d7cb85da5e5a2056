/// \file
/// A sink, and its transaction for one partition.
#pragma once

#include "core/runtime/plugin/stage.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// The table, file or whatever else a sink writes to.
struct SinkTarget {
  std::string name;
  std::string ddl;  ///< statements that create what is missing; empty: nothing is
};

class SinkStage : public Stage {
 public:
  using Stage::Stage;

  /// Whether the sink keeps a ledger in its own transactions.
  [[nodiscard]] bool transactional() const {
    return (table().flags & ETL_STAGE_TRANSACTIONAL) != 0;
  }
  void check(const Schema& schema) const;
  /// Looks at the target without changing it; nothing if the sink does not describe it.
  [[nodiscard]] std::optional<SinkTarget> inspect(const Schema& schema) const;
  void prepare(const Schema& schema) const;
  /// Names what a writer locks, so that sinks which share it take turns; empty: not shared.
  [[nodiscard]] std::string_view resource() const;

  /// The ledger's records of this pipeline and sink; none if it keeps no ledger.
  [[nodiscard]] std::vector<LedgerRecord> committed(std::string_view pipeline) const;
  void record(const LedgerRecord& record) const;
  [[nodiscard]] bool can_forget() const {
    return transactional() && table().sink->forget != nullptr;
  }
  /// Returns the number of rows deleted. REQUIRES: can_forget().
  [[nodiscard]] std::int64_t forget(const ForgetRequest& request, const Schema& schema) const;

  [[nodiscard]] bool has_heartbeat() const;
  /// REQUIRES: has_heartbeat().
  void heartbeat(const Heartbeat& beat) const;
  /// Partitions that runs have in progress; none without heartbeats.
  [[nodiscard]] std::vector<RunningRecord> running(std::string_view pipeline) const;

  [[nodiscard]] bool can_merge() const { return transactional() && table().sink->merge != nullptr; }
  /// Copies partitions from the target of `from`, a stage of the same plugin; returns the number
  /// of rows. REQUIRES: can_merge().
  [[nodiscard]] std::int64_t merge(const SinkStage& from, const MergeRequest& request,
                                   const Schema& schema) const;
};

/// A transaction for one partition; used by one thread at a time. Rolls back unless committed.
class SinkWriter {
 public:
  SinkWriter(const SinkStage& stage, const WriteRequest& request, const Schema& schema);
  ~SinkWriter();
  SinkWriter(const SinkWriter&) = delete;
  SinkWriter& operator=(const SinkWriter&) = delete;

  void write(Batch batch);
  void commit(const LedgerRecord& record);

 private:
  const SinkStage& stage_;
  void* writer_ = nullptr;
};

}  // namespace etl::runtime
