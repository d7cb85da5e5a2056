#include "plugins/sqlite/database/database.hpp"

#include "plugins/common/sql/timestamp_text.hpp"
#include "plugins/sqlite/database/sqlite_errors.hpp"
#include "plugins/sqlite/database/sum_function.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <thread>

namespace sqlite {
namespace {

/// Virtual machine steps between two checks for cancellation: some 500 rows of an INSERT.
constexpr int steps_between_polls = 10000;

constexpr std::chrono::milliseconds longest_nap{20};

/// Minimum busy_timeout while opening the file. Every connection that closes locks the whole file
/// for a moment, to check whether it is the last (sqlite3WalClose).
constexpr std::chrono::milliseconds opening_patience{1000};

int flags_for(Database::Access access) {
  // Also for reading: only a connection that may write can recover a hot journal or WAL that a
  // killed process left. SQLite itself falls back to reading if the file is write-protected.
  const int create = access == Database::Access::create ? SQLITE_OPEN_CREATE : 0;
  return SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | create;
}

/// SQLite opens for reading what it may not create, and reports the reason of that: no such file.
void require_creatable(const std::string& path) {
  std::error_code unknown;  // then SQLite's own reason is shown
  if (std::filesystem::exists(path, unknown) || unknown) return;
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  if (!std::filesystem::is_directory(folder, unknown) || ::access(folder.c_str(), W_OK | X_OK) == 0)
    return;
  throw etl::Error::permanent("cannot create " + path + ": the folder " + folder.string() +
                              " cannot be written: " + std::generic_category().message(errno));
}

}  // namespace

Database::Database(const ConnectionOptions& options, Access access)
    : path_(options.path),
      busy_timeout_(std::max(options.busy_timeout, opening_patience)),
      context_(options.context) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path_.c_str(), &handle, flags_for(access), nullptr);
  handle_.reset(handle);  // must be closed even if opening failed
  if (code != SQLITE_OK && access == Access::create) require_creatable(path_);
  if (code != SQLITE_OK)
    fail(handle != nullptr ? sqlite3_extended_errcode(handle) : code, "opening it");
  opened_ = identity_of(path_);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_handler(handle, &Database::on_busy, this);
  sqlite3_progress_handler(handle, steps_between_polls, &Database::on_progress, this);
  configure(access);
  busy_timeout_ = options.busy_timeout;
}

void Database::configure(Access access) {
  // 16 MiB of pages hold a typical partition, which is then written to the file once; a larger one
  // spills. A commit is on disk before anything relies on its ledger row; EXTRA is FULL that also
  // syncs the folder after a rollback journal is deleted. Triggers may write to virtual tables,
  // which keep full-text indexes; SQLite's own functions, and there are no others, do no harm.
  // Foreign keys stay off, as SQLite's default is: a cascade would change rows of other tables.
  execute(
      "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA main.synchronous = EXTRA;"
      "PRAGMA trusted_schema = ON; PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF",
      "opening it");
  if (const int code = define_sum(handle()); code != SQLITE_OK) fail(code, "opening it");
  if (access == Access::read) execute("PRAGMA query_only = ON", "opening it");
}

bool Database::has_log() {
  (void)pragma("main.schema_version");  // only a read notices another connection's change
  return pragma("main.journal_mode") == "wal";
}

void Database::commit(std::string_view doing) {
  execute("COMMIT", doing);
  if (!in_place()) {
    throw etl::Error::permanent(path_ +
                                " was moved, deleted or replaced while it was open, and rows "
                                "committed since then are in the old file: restore it and run "
                                "again, or keep the new file, which the next run will fill");
  }
  require_one_name(path_);
}

std::string Database::pragma(const std::string& name) {
  Statement statement(*this, "PRAGMA " + name, "reading its header");
  return statement.step() ? std::string(statement.text(0)) : std::string();
}

void Database::execute(const std::string& sql, std::string_view doing) {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, doing);
}

void Database::checkpoint(Checkpoint mode) {
  const int how = mode == Checkpoint::complete ? SQLITE_CHECKPOINT_FULL : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(handle(), "main", how, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, "copying the write-ahead log");
}

void Database::sync_log() {
  sqlite3_file* log = nullptr;
  int code = sqlite3_file_control(handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (code == SQLITE_OK && log->pMethods != nullptr) {
    code = log->pMethods->xSync(log, SQLITE_SYNC_FULL);
  }
  if (code != SQLITE_OK) fail(code, "syncing the write-ahead log");
}

bool Database::try_now(const std::string& sql) {
  sqlite3_busy_handler(handle(), nullptr, nullptr);
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  sqlite3_busy_handler(handle(), &Database::on_busy, this);
  return code == SQLITE_OK;
}

std::int64_t Database::query(std::string_view doing, const std::string& text,
                             std::span<const sql::Value> params, const OnRow& on_row) {
  Statement statement(*this, text, std::string(doing));
  statement.bind(params);
  while (statement.step()) {
    if (on_row) on_row(statement);
  }
  return sqlite3_changes64(handle());
}

std::int64_t Database::cache_bytes() const {
  int now = 0;
  int unused = 0;
  const int code = sqlite3_db_status(handle(), SQLITE_DBSTATUS_CACHE_USED, &now, &unused, 0);
  return code == SQLITE_OK ? now : 0;
}

void Database::fail(int code, std::string_view doing) const {
  // The busy handler gives up on cancellation; SQLite reports that as BUSY.
  if (code == SQLITE_INTERRUPT || ((code & 0xFF) == SQLITE_BUSY && context_.cancelled())) {
    throw etl::Error::cancelled();
  }
  if (code == SQLITE_NOTADB) {
    throw etl::Error::config(path_ +
                             " is not an SQLite database, or is encrypted (SQLITE_NOTADB, 26)")
        .about("path");
  }
  etl::Error error =
      error_from(handle(), code).with("while " + std::string(doing) + " in " + path_);
  if ((code & 0xFF) == SQLITE_BUSY) throw LockedError(std::move(error));
  throw error;
}

int Database::on_busy(void* self, int attempts) {
  auto& database = *static_cast<Database*>(self);
  const auto now = std::chrono::steady_clock::now();
  if (attempts == 0) database.give_up_at_ = now + database.busy_timeout_;
  if (now >= database.give_up_at_ || database.context_.cancelled()) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(database.give_up_at_ - now);
  std::this_thread::sleep_for(
      std::min({std::chrono::milliseconds(1 + attempts), longest_nap, left}));
  return 1;
}

int Database::on_progress(void* self) {
  return static_cast<const Database*>(self)->context_.cancelled() ? 1 : 0;
}

Statement::Statement(Database& database, std::string_view sql, std::string doing)
    : database_(&database), doing_(std::move(doing)) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  handle_.reset(handle);
  require(code);
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_->fail(code, doing_);
  return false;
}

void Statement::run() {
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(handle_.get());
  if (code == SQLITE_DONE) {
    reset();
    return;
  }
  try {
    database_->fail(code, doing_);  // before the reset, which may change SQLite's message
  } catch (...) {
    reset();
    throw;
  }
}

bool Statement::null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string_view Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(handle_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return bytes == nullptr ? std::string_view{}
                          : std::string_view{reinterpret_cast<const char*>(bytes), size};
}

Statement& Statement::bind(std::span<const sql::Value> values) {
  reset();
  int parameter = 0;
  for (const sql::Value& value : values) bind_one(++parameter, value);
  return *this;
}

void Statement::bind_one(int parameter, std::nullptr_t) {
  require(sqlite3_bind_null(handle_.get(), parameter));
}

void Statement::bind_one(int parameter, sql::Time value) {
  const auto text = sql::timestamp_text_us(value.micros, sql::Fraction::always);
  if (text) return bind_one(parameter, text->view());
  throw etl::Error(etl::Code::internal, std::to_string(value.micros) +
                                            " us since 1970 is outside the years 0000 to 9999");
}

void Statement::bind_one(int parameter, std::int64_t value) {
  require(sqlite3_bind_int64(handle_.get(), parameter, value));
}

void Statement::bind_one(int parameter, std::string_view value) {
  const char* bytes = value.empty() ? "" : value.data();  // a null pointer would be NULL
  require(sqlite3_bind_text64(handle_.get(), parameter, bytes, value.size(), SQLITE_TRANSIENT,
                              SQLITE_UTF8));
}

}  // namespace sqlite
