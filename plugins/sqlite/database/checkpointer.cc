#include "plugins/sqlite/database/checkpointer.hpp"

#include <etl/error.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace sqlite {
namespace {

/// How long a complete checkpoint waits for readers and for checkpoints of other processes. The next
/// commit tries again.
constexpr etl::Duration patience{100};

constexpr std::chrono::milliseconds nap{2};
constexpr std::chrono::milliseconds cancellation_poll{50};

}  // namespace

Checkpointer::Checkpointer(Database& writer, ConnectionOptions options, Limits limits)
    : writer_(writer.handle()),
      options_(std::move(options)),
      limits_(limits),
      page_bytes_(std::stoll(writer.pragma("page_size"))) {
  options_.busy_timeout = std::min(options_.busy_timeout, patience);
  sqlite3_wal_hook(writer_, &Checkpointer::on_commit, this);
}

Checkpointer::~Checkpointer() {
  sqlite3_wal_hook(writer_, nullptr, nullptr);
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// Called from C: must not throw. After a failure the rows are safe in the log, and the next
// checkpoint tries again.
int Checkpointer::on_commit(void* self, sqlite3* /*handle*/, const char* /*name*/,
                            int log_pages) noexcept {
  auto& checkpointer = *static_cast<Checkpointer*>(self);
  try {
    checkpointer.committed(log_pages * checkpointer.page_bytes_);
  } catch (...) {  // no memory, or no thread
    sqlite3_wal_checkpoint_v2(checkpointer.writer_, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr,
                              nullptr);
  }
  return SQLITE_OK;
}

void Checkpointer::committed(std::int64_t log_bytes) {
  if (log_bytes < seen_bytes_) seen_bytes_ = 0;  // it has restarted
  if (log_bytes - seen_bytes_ < limits_.worth_it) return;
  seen_bytes_ = log_bytes;
  if (!thread_.joinable()) thread_ = std::thread([this] { serve(); });
  request(log_bytes < limits_.too_long ? Database::Checkpoint::passive
                                       : Database::Checkpoint::complete);
}

void Checkpointer::request(Database::Checkpoint mode) {
  std::unique_lock lock(mutex_);
  const std::int64_t mine = ++requests_;
  mode_ = mode;
  changed_.notify_all();
  if (mode == Database::Checkpoint::passive) return;
  while (answered_ < mine && !options_.context.cancelled())
    changed_.wait_for(lock, cancellation_poll);
}

void Checkpointer::serve() {
  std::unique_ptr<Database> database;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return requests_ > answered_ || stopping_; });
    if (stopping_) return;
    const std::int64_t request = requests_;
    const Database::Checkpoint mode = mode_;
    lock.unlock();
    checkpoint(database, mode);
    lock.lock();
    answered_ = request;
    changed_.notify_all();
  }
}

void Checkpointer::checkpoint(std::unique_ptr<Database>& database, Database::Checkpoint mode) {
  try {
    if (database == nullptr)
      database = std::make_unique<Database>(options_, Database::Access::write);
    const auto give_up_at = std::chrono::steady_clock::now() + patience;
    while (!copy(*database, mode) && mode == Database::Checkpoint::complete &&
           std::chrono::steady_clock::now() < give_up_at) {
      std::this_thread::sleep_for(nap);
    }
  } catch (const std::exception& error) {
    database.reset();
    if (std::exchange(warned_, true) || options_.context.cancelled()) return;
    options_.context.warn("the write-ahead log of " + options_.path +
                          " keeps growing, because it cannot be copied: " + error.what());
  }
}

/// False if readers, or the checkpoint of another process, block it.
bool Checkpointer::copy(Database& database, Database::Checkpoint mode) {
  try {
    database.checkpoint(mode);
    return true;
  } catch (const LockedError&) {
    return false;
  }
}

}  // namespace sqlite
