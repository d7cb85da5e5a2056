#include "checkpointer.hpp"

#include <etl/error.hpp>

#include <string>
#include <system_error>

namespace sqlite {

Checkpointer::Checkpointer(Database& writer, ConnectionOptions options, Limits limits)
    : writer_(writer.handle()),
      options_(std::move(options)),
      limits_(limits),
      page_bytes_(std::stoll(writer.pragma("page_size"))) {
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

// C's calling side: nothing may be thrown here. What fails leaves the rows in the log, where they
// are safe, and the next checkpoint tries again.
int Checkpointer::on_commit(void* self, sqlite3* /*handle*/, const char* /*name*/,
                            int log_pages) noexcept {
  auto& checkpointer = *static_cast<Checkpointer*>(self);
  try {
    checkpointer.committed(log_pages * checkpointer.page_bytes_);
  } catch (const std::system_error&) {  // no thread is to be had
    sqlite3_wal_checkpoint_v2(checkpointer.writer_, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr,
                              nullptr);
  }
  return SQLITE_OK;
}

void Checkpointer::committed(std::int64_t log_bytes) {
  if (log_bytes < seen_bytes_) seen_bytes_ = 0;  // it started anew
  if (log_bytes - seen_bytes_ < limits_.worth_it) return;
  seen_bytes_ = log_bytes;
  if (!thread_.joinable()) thread_ = std::thread([this] { serve(); });
  request(log_bytes >= limits_.too_long);
}

void Checkpointer::request(bool and_wait) {
  std::unique_lock lock(mutex_);
  const std::int64_t mine = ++requests_;
  changed_.notify_all();
  if (and_wait) changed_.wait(lock, [&] { return answered_ >= mine; });
}

void Checkpointer::serve() {
  std::unique_ptr<Database> database;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return requests_ > answered_ || stopping_; });
    if (stopping_) return;
    const std::int64_t request = requests_;
    lock.unlock();
    try {
      if (database == nullptr)
        database = std::make_unique<Database>(options_, Database::Access::write);
      database->checkpoint();
    } catch (const etl::Error&) {  // as above
      database.reset();
    }
    lock.lock();
    answered_ = request;
    changed_.notify_all();
  }
}

}  // namespace sqlite
