/// \file
/// Checkpointer: runs checkpoints in the background.
#pragma once

#include "plugins/sqlite/database/database.hpp"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace sqlite {

/// Copies committed pages from the write-ahead log into the file, on a thread and a connection of
/// its own while the next partition is written. SQLite by itself does that at the end of a commit,
/// and all later rows wait for the copy and two syncs.
///
/// The log restarts only if all of it has been copied before a transaction begins, on any
/// connection. So a commit that leaves a long log waits for a copy that blocks other writers. A log
/// that readers still need grows until they end.
///
/// Used by the connection's thread; must not outlive the connection. Does nothing without a log.
class Checkpointer {
 public:
  /// Bytes of the log.
  struct Limits {
    /// Growth that triggers a checkpoint, which costs two syncs.
    std::int64_t worth_it = std::int64_t{4} << 20;
    /// From this size on, a commit waits for a complete checkpoint.
    std::int64_t too_long = std::int64_t{256} << 20;
  };

  /// Replaces the automatic checkpoints of `writer`, which was opened with `options`.
  Checkpointer(Database& writer, ConnectionOptions options)
      : Checkpointer(writer, std::move(options), Limits{}) {}
  Checkpointer(Database& writer, ConnectionOptions options, Limits limits);
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;
  ~Checkpointer();

 private:
  static int on_commit(void* self, sqlite3* handle, const char* name, int log_pages) noexcept;
  void committed(std::int64_t log_bytes);
  void request(Database::Checkpoint mode);
  void serve();
  void checkpoint(std::unique_ptr<Database>& database, Database::Checkpoint mode);
  static bool copy(Database& database, Database::Checkpoint mode);

  sqlite3* writer_;
  ConnectionOptions options_;
  Limits limits_;
  std::int64_t page_bytes_;
  std::int64_t seen_bytes_ = 0;  ///< size of the log at the last request

  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t requests_ = 0;  // guarded by mutex_
  std::int64_t answered_ = 0;  // guarded by mutex_: the last request served
  Database::Checkpoint mode_ = Database::Checkpoint::passive;  // guarded by mutex_: of the last one
  bool stopping_ = false;                                      // guarded by mutex_
  bool warned_ = false;                                        // used by thread_ only
  std::thread thread_;
};

}  // namespace sqlite
