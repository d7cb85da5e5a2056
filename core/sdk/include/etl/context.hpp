/// \file
/// Host services for a stage: logging, cancellation, counting, rejects.
#pragma once

#include <etl/error.hpp>

#include <string_view>
#include <utility>

namespace etl::inline v1 {

/// Host services for one stage, valid as long as the stage. Cheap to copy; any thread may use it.
class Context {
 public:
  explicit Context(const etl_host* host) : host_(host) {}

  void debug(std::string_view text) const { log(ETL_DEBUG, text); }
  void info(std::string_view text) const { log(ETL_INFO, text); }
  void warn(std::string_view text) const { log(ETL_WARN, text); }

  /// Whether the run is stopping: then stop waiting and throw Error::cancelled().
  [[nodiscard]] bool cancelled() const { return host_->cancelled(host_->ctx) != 0; }

  /// Whether the run loads again what is done (--reload): then do not use copies of earlier input
  /// without asking whether it has changed.
  [[nodiscard]] bool reloads() const { return host_->extension(host_->ctx, ETL_RELOAD) != nullptr; }

  /// Reports that the stage's ready() may answer differently now. Call it without holding a lock
  /// that ready() takes.
  void wake() const { host_->wake(host_->ctx); }

  /// Limits across all processes of the run; nullptr if the run is a single process.
  [[nodiscard]] const etl_slots* slots() const {
    return static_cast<const etl_slots*>(host_->extension(host_->ctx, ETL_SLOTS));
  }

  /// Whether partitions will be read. If not (etl test, graph, plan, status), a source does not
  /// demand what only reading needs.
  [[nodiscard]] bool reads() const {
    return host_->extension(host_->ctx, ETL_READS_NOTHING) == nullptr;
  }

 private:
  friend class HeldMemory;
  void log(std::uint32_t level, std::string_view text) const {
    host_->log(host_->ctx, level, detail::to_abi(text));
  }
  const etl_host* host_;
};

/// Reports the bytes that a stage holds outside batches (caches, transfer buffers); the host counts
/// them towards run.memory_limit. Move-only; used by one thread at a time; must not outlive the
/// stage.
class HeldMemory {
 public:
  HeldMemory() = default;
  HeldMemory(const Context& context, std::int64_t bytes) : host_(context.host_) { change(bytes); }
  ~HeldMemory() { change(-bytes_); }
  HeldMemory(HeldMemory&& other) noexcept
      : host_(other.host_), bytes_(std::exchange(other.bytes_, 0)) {}
  HeldMemory& operator=(HeldMemory&& other) noexcept {
    std::swap(host_, other.host_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  /// Sets the number of bytes held now.
  void set(std::int64_t bytes) { change(bytes - bytes_); }

 private:
  void change(std::int64_t by) {
    if (host_ == nullptr || by == 0) return;
    host_->memory(host_->ctx, by);
    bytes_ += by;
  }
  const etl_host* host_ = nullptr;
  std::int64_t bytes_ = 0;
};

/// Host services for one attempt at a partition. Cheap to copy; used by one thread at a time; valid
/// as long as the reader or filter it was passed to.
class Task {
 public:
  explicit Task(const etl_task* task) : task_(task) {}

  /// Counts records seen, malformed ones included. If a source reports it, the host checks that
  /// read = emitted + rejected + dropped; otherwise the host takes that sum as read.
  void read(std::int64_t rows) const { task_->count(task_->ctx, ETL_ROWS_READ, rows); }
  /// Counts rows left out because of the predicate.
  void dropped(std::int64_t rows) const { task_->count(task_->ctx, ETL_ROWS_DROPPED, rows); }
  /// Counts bytes received over the network for this partition.
  void downloaded(std::int64_t bytes) const {
    task_->count(task_->ctx, ETL_BYTES_DOWNLOADED, bytes);
  }
  /// Counts bytes of decoded input.
  void decoded(std::int64_t bytes) const { task_->count(task_->ctx, ETL_BYTES_DECODED, bytes); }

  /// Rejects a malformed record; the host counts and stores it. `reason` is a short fixed phrase
  /// ("too few fields"); `raw` is the record without its terminator; `line` counts from 1 (0 =
  /// unknown); `offset` is the byte offset in the decoded input (-1 = unknown).
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

}  // namespace etl::inline v1
