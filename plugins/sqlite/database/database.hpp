/// \file
/// Database and Statement: SQLite's connections and prepared statements, owned.
#pragma once

#include "plugins/common/sql/session.hpp"
#include "plugins/sqlite/database/file_place.hpp"

#include <etl/context.hpp>
#include <etl/error.hpp>
#include <etl/options.hpp>

#include <sqlite3.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace sqlite {

/// The settings that all connections of a sink share.
struct ConnectionOptions {
  std::string path;
  etl::Duration busy_timeout;  ///< how long to wait for another connection's lock
  etl::Context context;        ///< its cancellation ends waiting and statements
};

/// Another connection holds the lock (SQLITE_BUSY): transient.
struct LockedError : etl::Error {
  explicit LockedError(etl::Error error) : etl::Error(std::move(error)) {}
};

/// A connection to one database file. Closing it rolls back an open transaction, so a transaction
/// ends with its Database at the latest.
///
/// Used by one thread at a time. Neither copied nor moved: SQLite's callbacks point to it.
///
/// Every failure throws etl::Error, whose message names the operation and the file: cancelled once
/// the host asks to stop (a statement in progress is interrupted), LockedError, else the code that
/// result_code() maps it to.
class Database final : public sql::Session {
 public:
  enum class Access {
    read,    ///< changes no data; recovery after a crash still writes to the file
    write,   ///< the file must exist
    create,  ///< creates a missing file
  };

  /// Opens the file and reads its header. Throws Error (config, about "path") if it is not a
  /// database.
  Database(const ConnectionOptions& options, Access access);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() override = default;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

  std::int64_t query(std::string_view doing, const std::string& text,
                     std::span<const sql::Value> params, const OnRow& on_row) override;
  /// Runs statements without parameters. `doing` completes "while ..." in errors.
  void execute(const std::string& sql, std::string_view doing);
  /// Runs an optional statement without waiting for locks. Returns whether it succeeded.
  bool try_now(const std::string& sql);
  /// BEGIN IMMEDIATE: takes the file's one write lock now, so that nothing read later in the
  /// transaction can have changed before it commits.
  void begin(std::string_view doing) { execute("BEGIN IMMEDIATE", doing); }
  /// Throws Error (permanent) if the path no longer leads to this file, or is not its only name:
  /// the transaction may then be where nobody looks for it.
  void commit(std::string_view doing);

  /// The value of `PRAGMA name`; empty if it has none.
  [[nodiscard]] std::string pragma(const std::string& name);
  /// Whether the file has a write-ahead log now: another connection may change that. Not to be
  /// called in a transaction.
  [[nodiscard]] bool has_log();

  /// Copies committed pages from the write-ahead log into the file. Throws LockedError while another
  /// connection does so, or blocks a complete one.
  enum class Checkpoint {
    passive,   ///< up to the first page whose old version a reader needs
    complete,  ///< everything; waits for readers and blocks writers, so that the log restarts
  };
  void checkpoint(Checkpoint mode);
  /// Makes durable what any connection has committed to the write-ahead log. REQUIRES: has_log().
  void sync_log();

  /// Bytes in the connection's page cache.
  [[nodiscard]] std::int64_t cache_bytes() const;

  /// Whether the path still leads to the file that was opened.
  [[nodiscard]] bool in_place() const { return identity_of(path_) == opened_; }

  /// Throws the error for a call that returned `code`.
  [[noreturn]] void fail(int code, std::string_view doing) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };

  static int on_busy(void* self, int attempts);
  static int on_progress(void* self);
  void configure(Access access);

  std::string path_;
  std::optional<FileIdentity> opened_;
  etl::Duration busy_timeout_;
  etl::Context context_;
  std::chrono::steady_clock::time_point give_up_at_;
  std::unique_ptr<sqlite3, Close>
      handle_;  // last: closed while the members that callbacks use still exist
};

/// A prepared statement. Must not outlive its Database. Used by one thread at a time.
class Statement final : public sql::Row {
 public:
  /// `doing` completes "while ..." in the errors of this statement.
  Statement(Database& database, std::string_view sql, std::string doing);

  /// Sets the parameters, in order.
  Statement& bind(std::span<const sql::Value> values);
  template <class... T>
  Statement& bind(const T&... values) {
    reset();
    int parameter = 0;
    (bind_one(++parameter, values), ...);
    return *this;
  }

  /// Moves to the next row; false at the end.
  bool step();
  /// Runs to the end and resets, also on failure.
  void run();
  void reset() { sqlite3_reset(handle_.get()); }

  [[nodiscard]] bool null(int column) const override;
  [[nodiscard]] std::int64_t integer(int column) const override;
  [[nodiscard]] std::string_view text(int column) const override;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };

  void bind_one(int parameter, std::nullptr_t);
  void bind_one(int parameter, std::int64_t value);
  void bind_one(int parameter, std::string_view value);
  void bind_one(int parameter, sql::Time value);
  /// A template, so that text does not convert to a Value.
  template <std::same_as<sql::Value> Value>
  void bind_one(int parameter, const Value& value) {
    std::visit([&](const auto& alternative) { bind_one(parameter, alternative); }, value);
  }
  void require(int code) const {
    if (code != SQLITE_OK) database_->fail(code, doing_);
  }

  Database* database_;
  std::string doing_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace sqlite
