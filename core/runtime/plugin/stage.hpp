/// \file
/// Instances of stages, with C++ on this side of the boundary: what fails is thrown as StageError.
#pragma once

#include "core/runtime/base/cancellation.hpp"
#include "core/runtime/base/memory_account.hpp"
#include "core/runtime/plugin/stage_kind.hpp"

#include <etl/abi.h>
#include <etl/batch.hpp>
#include <etl/ledger.hpp>
#include <etl/partition.hpp>
#include <etl/running.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace etl::runtime {

/// Where a stage's log lines go.
using StageLog =
    std::function<void(const std::string& stage, std::uint32_t level, std::string_view text)>;

/// What the host does for a stage. All of it must live longer than the stage.
struct StageServices {
  Cancellation& cancellation;
  StageLog log;
  const etl_slots* slots = nullptr;  ///< none where the run is one process
  MemoryAccount* memory = nullptr;   ///< of the run
};

/// An Error with the stage it comes from: `source "pageviews": ...`.
class StageError : public Error {
 public:
  StageError(Error error, const std::string& title, std::string stage)
      : Error(std::move(error).with(title)), stage_(std::move(stage)) {}
  /// One that was told in another process: its message has the title already.
  [[nodiscard]] static StageError whole(Error error, std::string stage) {
    return {std::move(error), std::move(stage)};
  }
  /// The stage's name in the pipeline; empty when the failure is no stage's.
  [[nodiscard]] const std::string& stage() const { return stage_; }
  /// The same stage's failure, of another kind and with more behind its message.
  [[nodiscard]] StageError retold(Code code, const std::string& more) const {
    return {Error(code, message() + more), stage_};
  }

 private:
  StageError(Error error, std::string stage) : Error(std::move(error)), stage_(std::move(stage)) {}
  std::string stage_;
};

/// A stage made from a plugin's table. Neither copied nor moved: the plugin holds a pointer to
/// `host_`.
class Stage {
 public:
  Stage(const etl_stage* table, Kind kind, std::string name, std::span<const etl_option> options,
        const StageServices& services);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const etl_stage& table() const { return *table_; }
  /// `source "pageviews"`
  [[nodiscard]] std::string title() const;
  /// What the stage and the batches on their way to or from it hold.
  [[nodiscard]] MemoryAccount& memory() const { return memory_; }

  // Source.
  [[nodiscard]] Schema source_schema() const;
  [[nodiscard]] std::vector<Partition> plan() const;
  void expect(const std::vector<std::string>& ids) const;
  void finish(std::string_view id) const;
  /// The stream tells `task` what went wrong before it returns an errno.
  [[nodiscard]] detail::OwnedStream read(const Partition& partition, const etl_predicate* predicate,
                                         const etl_task* task) const;
  [[nodiscard]] bool can_replay() const { return table_->source->replay != nullptr; }
  /// `records` and what they refer to live until the stream is released. REQUIRES: can_replay().
  [[nodiscard]] detail::OwnedStream replay(const Partition& partition,
                                           std::span<const std::string_view> records,
                                           const etl_task* task) const;

  // Filter.
  [[nodiscard]] Schema filter_schema(const Schema& in) const;
  [[nodiscard]] std::optional<etl_predicate> predicate(const Schema& in) const;

  // Sink.
  [[nodiscard]] bool transactional() const {
    return (table_->flags & ETL_STAGE_TRANSACTIONAL) != 0;
  }
  void check(const Schema& schema) const;
  /// Name and statements; nothing when the sink does not say.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> inspect(
      const Schema& schema) const;
  void prepare(const Schema& schema) const;
  [[nodiscard]] std::vector<LedgerRecord> committed(std::string_view pipeline) const;
  void record(const LedgerRecord& record) const;
  /// What a writer locks, so that sinks which share it take turns; empty when it is this sink's
  /// own.
  [[nodiscard]] std::string_view resource() const;
  [[nodiscard]] bool can_forget() const {
    return transactional() && table_->sink->forget != nullptr;
  }
  /// The number of rows deleted. REQUIRES: can_forget().
  [[nodiscard]] std::int64_t forget(const ForgetRequest& request, const Schema& schema) const;
  [[nodiscard]] bool has_heartbeat() const;
  /// REQUIRES: has_heartbeat().
  void heartbeat(const Heartbeat& beat) const;
  /// What runs have in hand; nothing where the sink does not keep it.
  [[nodiscard]] std::vector<RunningRecord> running(std::string_view pipeline) const;
  [[nodiscard]] bool can_merge() const;
  /// Copies partitions out of the target of `from`, a stage of the same plugin; the number of rows.
  /// REQUIRES: can_merge().
  [[nodiscard]] std::int64_t merge(const Stage& from, const MergeRequest& request,
                                   const Schema& schema) const;

  /// The failure as this stage's.
  [[nodiscard]] StageError failure(Error error) const { return {std::move(error), title(), name_}; }
  /// Throws StageError when `code` is not ETL_OK.
  void require(int code, const etl_error& error) const;
  /// What a plugin told of a failure, also where it did so carelessly.
  [[nodiscard]] static Error told(int code, const etl_error& error);
  /// A batch that this stage gave (moved). Throws StageError when it is none of this schema.
  [[nodiscard]] Batch accept(ArrowArray* array, std::shared_ptr<const Schema> schema) const;
  [[nodiscard]] void* self() const { return self_; }

 private:
  [[nodiscard]] Schema given(const detail::OwnedSchema& schema) const;

  const etl_stage* table_;
  Kind kind_;
  std::string name_;
  StageServices services_;
  mutable MemoryAccount memory_;
  etl_host host_{};
  void* self_ = nullptr;
};

/// A filter at work on one partition; used by one thread at a time.
class FilterRun {
 public:
  FilterRun(const Stage& stage, const Schema& in, const Schema& out, const etl_task* task);
  ~FilterRun();
  FilterRun(const FilterRun&) = delete;
  FilterRun& operator=(const FilterRun&) = delete;

  /// Takes the batch and calls `emit` for what comes out.
  void apply(Batch batch, const std::function<void(Batch)>& emit);
  void finish(const std::function<void(Batch)>& emit);

 private:
  const Stage& stage_;
  std::shared_ptr<const Schema> out_;
  void* state_ = nullptr;
};

/// A sink's transaction for one partition; used by one thread at a time. Rolls back unless
/// committed.
class SinkWriter {
 public:
  SinkWriter(const Stage& stage, const WriteRequest& request, const Schema& schema);
  ~SinkWriter();
  SinkWriter(const SinkWriter&) = delete;
  SinkWriter& operator=(const SinkWriter&) = delete;

  void write(Batch batch);
  void commit(const LedgerRecord& record);

 private:
  const Stage& stage_;
  void* writer_ = nullptr;
};

}  // namespace etl::runtime
