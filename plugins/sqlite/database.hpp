/// \file
/// RAII over SQLite's connections and statements.
#pragma once

#include <etl/context.hpp>
#include <etl/error.hpp>
#include <etl/options.hpp>

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sqlite {

/// `name` as an SQL identifier, whatever is in it: `a"b` becomes `"a""b"`.
[[nodiscard]] std::string quoted(std::string_view name);

/// Equal as SQLite compares the names of tables and columns: without regard to the case of ASCII
/// letters.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

/// What every connection of a sink has in common.
struct ConnectionOptions {
  std::string path;
  etl::Duration busy_timeout;  ///< how long to wait for another connection's lock
  etl::Context context;        ///< says when to stop waiting and working
};

/// Somebody else's lock (SQLITE_BUSY): transient.
struct LockedError : etl::Error {
  explicit LockedError(etl::Error error) : etl::Error(std::move(error)) {}
};

/// A connection to one database file. Closing it rolls back what is not committed, so a transaction
/// ends with its Database at the latest.
///
/// Used by one thread at a time. Neither copied nor moved: SQLite's callbacks point to it.
///
/// Everything that fails throws etl::Error, with what was being done and the file in the message:
/// cancelled once the host asks to stop (a statement in progress is interrupted), LockedError, else
/// what result_code() says of the code.
class Database {
 public:
  enum class Access {
    read,   ///< changes no data. Recovery after a crash still happens, so the file must be writable
            ///< then.
    write,  ///< of a file that exists
    create,  ///< makes the file where there is none
  };

  /// Opens the file and reads its header. Throws Error (config, about "path") when it is no
  /// database.
  Database(const ConnectionOptions& options, Access access);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() = default;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

  /// Runs statements without parameters. `doing` completes "while ...".
  void execute(const std::string& sql, std::string_view doing);
  /// Runs one that nothing depends on, unless somebody is in the way. Returns whether it did.
  bool try_now(const std::string& sql);
  /// BEGIN IMMEDIATE: takes the file's one write lock now, so that nothing read later in the
  /// transaction can have changed before it commits.
  void begin(std::string_view doing) { execute("BEGIN IMMEDIATE", doing); }
  void commit(std::string_view doing) { execute("COMMIT", doing); }

  /// What `PRAGMA name` gives.
  [[nodiscard]] std::string pragma(const std::string& name);
  /// Whether the file has a write-ahead log now, which another connection may change outside of
  /// transactions. Sees to it that what is committed survives a power cut, whichever journal it is;
  /// not to be called in a transaction.
  bool look_at_journal();

  /// Copies what is committed from the write-ahead log into the file. Throws LockedError where
  /// another connection does so at the moment, or is in the way of one that is `complete`.
  enum class Checkpoint {
    passive,   ///< as far as no reader needs the old pages
    complete,  ///< all of it; waits for readers and keeps writers out, so that the log begins anew
  };
  void checkpoint(Checkpoint mode);

  /// Bytes of pages that the connection holds now.
  [[nodiscard]] std::int64_t cache_bytes() const;

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
  etl::Duration busy_timeout_;
  etl::Context context_;
  std::chrono::steady_clock::time_point give_up_at_;
  std::unique_ptr<sqlite3, Close>
      handle_;  // last: closed while the rest, which callbacks use, is there
};

/// A prepared statement. Must not outlive its Database. Used by one thread at a time.
class Statement {
 public:
  /// `doing` completes "while ..." in the errors of this statement.
  Statement(Database& database, std::string_view sql, std::string doing);

  /// Gives values to the parameters, in order: integers and texts (copied).
  template <class... T>
  Statement& bind(const T&... values) {
    reset();
    int parameter = 0;
    (bind_one(++parameter, values), ...);
    return *this;
  }

  /// True when there is a row, false at the end.
  bool step();
  /// Runs to the end, and resets also when that fails.
  void run();
  void reset() { sqlite3_reset(handle_.get()); }

  [[nodiscard]] bool null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  /// Valid until the next step(). Empty for NULL.
  [[nodiscard]] std::string_view text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };

  void bind_one(int parameter, std::int64_t value);
  void bind_one(int parameter, std::string_view value);
  void require(int code) const {
    if (code != SQLITE_OK) database_->fail(code, doing_);
  }

  Database* database_;
  std::string doing_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace sqlite
