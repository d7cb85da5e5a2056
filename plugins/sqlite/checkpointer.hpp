/// \file
/// Checkpoints beside the writing.
#pragma once

#include "database.hpp"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace sqlite {

/// Copies what a connection committed from the write-ahead log into the file, on a thread and a
/// connection of its own while the next partition is written. SQLite by itself does so at the end
/// of a commit, and every row behind it waits for the copy and two syncs.
///
/// The log starts anew only when all of it was copied before a transaction began, whoever's. So a
/// commit that leaves a long log waits while it is copied and other writers are kept out. A log
/// that readers still need gets longer for as long as they do.
///
/// Used by the connection's thread; must not outlive the connection. Without a log it does nothing.
class Checkpointer {
 public:
  /// Bytes of the log.
  struct Limits {
    /// What it gains from one checkpoint to the next, each of which takes two syncs.
    std::int64_t worth_it = std::int64_t{4} << 20;
    /// From here on a commit waits for one.
    std::int64_t too_long = std::int64_t{256} << 20;
  };

  /// `writer` was opened with `options`. Takes the place of its automatic checkpoints.
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
  std::int64_t seen_bytes_ = 0;  ///< of the log, when a checkpoint was last asked for

  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t requests_ = 0;  // guarded by mutex_
  std::int64_t answered_ = 0;  // guarded by mutex_: the last request that is done with
  Database::Checkpoint mode_ = Database::Checkpoint::passive;  // guarded by mutex_: of the last one
  bool stopping_ = false;                                      // guarded by mutex_
  bool told_ = false;                                          ///< that it fails; of the thread
  std::thread thread_;
};

}  // namespace sqlite
