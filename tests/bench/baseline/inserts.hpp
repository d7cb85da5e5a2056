/// \file
/// Inserts page view rows into SQLite with one prepared INSERT per row, for the hand-written programs.
#pragma once

#include "hour_lines.hpp"

#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace baseline {

/// Creates a database file with the table `pageviews`. Page size, durability and journal are the same as
/// etl's: a rollback journal for the first transaction, then a write-ahead log.
class Inserts {
 public:
  explicit Inserts(const std::string& path) {
    sqlite3* handle = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    database_.reset(handle);
    if (code != SQLITE_OK) throw std::runtime_error(path + ": " + sqlite3_errmsg(handle));
    run("PRAGMA page_size = 32768; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; CREATE "
        "TABLE pageviews (hour TEXT NOT NULL, domain_code TEXT "
        "NOT NULL, title TEXT NOT NULL, views INTEGER NOT NULL)");
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(handle, "INSERT INTO pageviews VALUES (?, ?, ?, ?)", -1,
                             SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    statement_.reset(statement);
  }

  void begin() { run("BEGIN IMMEDIATE"); }
  void commit() {
    run("COMMIT");
    if (!std::exchange(has_log_, true))
      run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  }

  /// Binds strings without copying them.
  void add(const std::string& hour, const Row& row) {
    sqlite3_stmt* statement = statement_.get();
    bind(1, hour);
    bind(2, row.code);
    bind(3, row.title);
    sqlite3_bind_int64(statement, 4, row.views);
    if (sqlite3_step(statement) != SQLITE_DONE) check(SQLITE_ERROR);
    sqlite3_reset(statement);
  }

 private:
  void bind(int parameter, std::string_view text) {
    sqlite3_bind_text(statement_.get(), parameter, text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
  }
  void run(const char* sql) {
    check(sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr));
  }
  void check(int code) {
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(database_.get()));
  }

  std::unique_ptr<sqlite3, int (*)(sqlite3*)> database_{nullptr, &sqlite3_close_v2};
  bool has_log_ = false;
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement_{nullptr, &sqlite3_finalize};
};

}  // namespace baseline
