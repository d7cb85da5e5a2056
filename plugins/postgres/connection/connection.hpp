/// \file
/// Connection: one connection to a PostgreSQL server, over libpq.
#pragma once

#include "plugins/common/sql/session.hpp"
#include "plugins/postgres/connection/connector.hpp"
#include "plugins/postgres/connection/dsn.hpp"

#include <etl/context.hpp>

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postgres {

/// The result of one statement, owned. Values are the server's text. Used by one thread at a time.
class Result {
 public:
  explicit Result(PGresult* moved) : result_(moved, &PQclear) {}

  [[nodiscard]] int rows() const { return PQntuples(result_.get()); }
  [[nodiscard]] bool null(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  /// REQUIRES: row and column exist. Empty for null. Borrowed from the result.
  [[nodiscard]] std::string_view text(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  /// Throws Error (permanent) if the value is not an integer.
  [[nodiscard]] std::int64_t integer(int row, int column) const;
  /// Rows that the statement inserted, updated, deleted or copied; 0 for statements of other kinds.
  [[nodiscard]] std::int64_t affected() const;
  /// The server's command tag: "COMMIT", "INSERT 0 3".
  [[nodiscard]] std::string_view tag() const { return PQcmdStatus(result_.get()); }

  [[nodiscard]] const PGresult* get() const { return result_.get(); }

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

/// A connection. It waits in ticks of 100 ms, and throws Error (cancelled) soon after the host
/// cancels; only libpq's look-up of the host's name cannot be interrupted.
///
/// Used by one thread at a time. Neither copied nor moved: libpq keeps a pointer to it. Statements
/// need no session state, so a pooler in transaction mode may stand between.
///
/// Errors: etl::Error, transient or permanent by SQLSTATE (see sqlstate.hpp). Messages name the
/// operation, have the server's detail, hint, context and SQLSTATE, and contain no secret.
class Connection final : public sql::Session {
 public:
  /// Connects, see connect().
  Connection(const Dsn& dsn, const etl::Context& context);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs one statement. `doing` names the operation in errors: "reading etl_ledger". A Time
  /// outside PostgreSQL's range throws Error (permanent).
  Result run(std::string_view doing, const std::string& text,
             std::span<const sql::Value> params = {});
  std::int64_t query(std::string_view doing, const std::string& text,
                     std::span<const sql::Value> params, const OnRow& on_row) override;

  /// Commits the open transaction. Cancellation waits up to 5 s for the answer, without which the
  /// outcome is unknown. Throws Error (transient), saying so, if the connection is lost before it.
  void commit();

  /// Starts a COPY ... FROM STDIN; any number of send_copy() and one end_copy() follow.
  void start_copy(std::string_view doing, const std::string& text);
  /// Sends bytes. end_copy() may report an error of the server late.
  void send_copy(std::string_view doing, std::span<const char> bytes);
  /// Ends the COPY. Returns the number of rows that the server reports as stored.
  std::int64_t end_copy(std::string_view doing);

  /// Limits all waiting in its lifetime: after `limit` the connection is closed with Error
  /// (transient). Cancellation takes effect only then. Not to be used with commit().
  class TimeLimit {
   public:
    TimeLimit(Connection& connection, std::chrono::milliseconds limit);
    ~TimeLimit();
    TimeLimit(const TimeLimit&) = delete;
    TimeLimit& operator=(const TimeLimit&) = delete;

   private:
    Connection& connection_;
  };

  /// False once the connection is lost or closed: it can only be destroyed.
  [[nodiscard]] bool alive() const { return handle_ && PQstatus(handle_.get()) == CONNECTION_OK; }
  /// Rolls back an open transaction for the next user. False if the connection cannot be used
  /// again, as in the middle of a COPY, which only closing it rolls back.
  [[nodiscard]] bool make_idle() noexcept;

 private:
  class Grace;

  void send(std::string_view doing, const std::string& text, std::span<const sql::Value> params);
  Result await(std::string_view doing);
  void await_input();
  void flush(std::string_view doing);
  void note_queue(std::size_t message);
  void tick(short events);
  void check_cancelled();
  void close() noexcept;
  [[noreturn]] void fail(std::string_view doing, const PGresult* result) const;
  [[noreturn]] void fail_lost(std::string_view doing);
  static void on_notice(void* self, const PGresult* notice) noexcept;

  etl::Context context_;
  Redactor redactor_;
  std::string farewell_;   // the server's reason for closing the connection
  PgHandle handle_;        // after the members that its notices are written to
  etl::HeldMemory queue_;  // libpq's buffer for sending
  std::size_t queue_bytes_ = 0;
  std::chrono::milliseconds cancel_grace_{0};  // see Grace
  std::optional<std::chrono::steady_clock::time_point> cancelled_at_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;  // see TimeLimit
};

/// Microseconds since 1970-01-01 as PostgreSQL's binary timestamptz, which counts from 2000-01-01.
/// Nothing outside its range; its two infinities are outside too.
[[nodiscard]] std::optional<std::int64_t> to_server_time(std::int64_t microseconds);

}  // namespace postgres
