/// \file
/// What the host does for a stage: logging, cancellation, counting, keeping rejects.
#pragma once

#include <etl/error.hpp>

#include <string_view>

namespace etl {
inline namespace v1 {

/// Services of the host for one stage, valid as long as the stage. Cheap to copy, usable from any
/// thread.
class Context {
 public:
  explicit Context(const etl_host* host) : host_(host) {}

  void debug(std::string_view text) const { log(ETL_DEBUG, text); }
  void info(std::string_view text) const { log(ETL_INFO, text); }
  void warn(std::string_view text) const { log(ETL_WARN, text); }

  /// True once the run is to stop: give up waiting and throw Error::cancelled().
  [[nodiscard]] bool cancelled() const { return host_->cancelled(host_->ctx) != 0; }

 private:
  void log(std::uint32_t level, std::string_view text) const {
    host_->log(host_->ctx, level, detail::to_abi(text));
  }
  const etl_host* host_;
};

/// Services of the host for one attempt at one partition. Cheap to copy; used by one thread at a
/// time, while the reader or filter it was given to lives.
class Task {
 public:
  explicit Task(const etl_task* task) : task_(task) {}

  /// Records seen, malformed ones included. A source that reports this is held to it:
  /// read = emitted + rejected + dropped. One that never calls it is taken to have read just those.
  void read(std::int64_t rows) const { task_->count(task_->ctx, ETL_ROWS_READ, rows); }
  /// Rows left out because of the predicate.
  void dropped(std::int64_t rows) const { task_->count(task_->ctx, ETL_ROWS_DROPPED, rows); }
  /// Bytes that came over the network for this partition.
  void downloaded(std::int64_t bytes) const {
    task_->count(task_->ctx, ETL_BYTES_DOWNLOADED, bytes);
  }
  /// Bytes of decoded input.
  void decoded(std::int64_t bytes) const { task_->count(task_->ctx, ETL_BYTES_DECODED, bytes); }

  /// Hands a malformed record to the host, which counts and keeps it. `reason` is a short fixed
  /// phrase
  /// ("3 fields, not 4"); `raw` the record without its terminator; `line` counts from 1 (0 =
  /// unknown); `offset` is in the decoded input (-1 = unknown).
  void reject(std::string_view reason, std::string_view raw, std::int64_t line = 0,
              std::int64_t offset = -1) const {
    const etl_reject reject{sizeof(etl_reject), line, offset, detail::to_abi(reason),
                            detail::to_abi(raw)};
    task_->reject(task_->ctx, &reject);
  }

  [[nodiscard]] bool cancelled() const { return task_->cancelled(task_->ctx) != 0; }

 private:
  const etl_task* task_;
};

}  // namespace v1
}  // namespace etl
