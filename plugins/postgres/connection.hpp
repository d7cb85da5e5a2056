/// \file
/// One connection to a PostgreSQL server, over libpq.
#pragma once

#include "connector.hpp"
#include "dsn.hpp"

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

/// The answer to one statement, owned. Values are the server's text. Used by one thread at a time.
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
  /// Throws Error (permanent) when the value is no integer.
  [[nodiscard]] std::int64_t integer(int row, int column) const;
  /// Rows that the statement inserted, updated, deleted or copied.
  [[nodiscard]] std::int64_t affected() const;
  /// What the server says it did: "COMMIT", "INSERT 0 3".
  [[nodiscard]] std::string_view tag() const { return PQcmdStatus(result_.get()); }

  [[nodiscard]] const PGresult* get() const { return result_.get(); }

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

/// A parameter of a statement, with its type, so that no cast is needed and nothing is guessed.
struct Param {
  Oid type = 0;
  bool binary = false;
  std::optional<std::string> value;  ///< nothing = null

  [[nodiscard]] static Param text(std::string_view text);
  [[nodiscard]] static Param integer(std::int64_t number);
  /// Microseconds since 1970-01-01 UTC. Throws Error (permanent) outside of PostgreSQL's range.
  [[nodiscard]] static Param timestamp(std::int64_t microseconds);
  [[nodiscard]] Param or_null(bool null) &&;
};

/// A connection. All waiting is done in ticks of 100 ms and ends with Error (cancelled) soon after
/// the host cancels; the one exception is the name look-up of the host, which libpq does in one go.
///
/// Used by one thread at a time; neither copied nor moved, libpq keeps a pointer to it. Its
/// statements need no session state, so a pooler in transaction mode may stand between.
///
/// Errors: etl::Error, transient or permanent by SQLSTATE (see sqlstate.hpp). Messages name what
/// was being done, carry the server's detail, hint, context and SQLSTATE, and contain no secret.
class Connection {
 public:
  /// Connects. A dsn without connect_timeout (and no PGCONNECT_TIMEOUT) waits 10 s for each host.
  Connection(const Dsn& dsn, const etl::Context& context);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs one statement. `doing` says what for, in messages: "reading etl_ledger".
  Result run(std::string_view doing, const std::string& sql, std::span<const Param> params = {});

  /// Commits the open transaction. A host that cancels now is kept waiting for up to 5 s, for
  /// whoever gives up on a commit does not know what became of it. Throws Error (transient), saying
  /// so, when the connection is lost before the answer.
  void commit();

  /// Starts a COPY ... FROM STDIN; then come any number of send_copy() and one end_copy().
  void start_copy(std::string_view doing, const std::string& sql);
  /// Sends bytes. An error of the server may show only in end_copy().
  void send_copy(std::string_view doing, std::span<const char> bytes);
  /// Ends the COPY and returns the number of rows that the server says it stored.
  std::int64_t end_copy(std::string_view doing);

  /// While it lives, nothing is waited for longer than this: then the connection is given up with
  /// Error (transient). A cancelled host is kept waiting as long. Not for use beside commit().
  class TimeLimit {
   public:
    TimeLimit(Connection& connection, std::chrono::milliseconds limit);
    ~TimeLimit();
    TimeLimit(const TimeLimit&) = delete;
    TimeLimit& operator=(const TimeLimit&) = delete;

   private:
    Connection& connection_;
  };

  /// False once the connection is lost or was given up: it can only be destroyed.
  [[nodiscard]] bool alive() const { return handle_ && PQstatus(handle_.get()) == CONNECTION_OK; }
  /// Makes it fit for the next user, by rolling back what is open. False when it is not to be used
  /// again, as in the middle of a COPY, where closing it is the way to roll back.
  [[nodiscard]] bool make_idle() noexcept;

 private:
  class Patience;

  void send(std::string_view doing, const std::string& sql, std::span<const Param> params);
  Result await(std::string_view doing);
  void await_input();
  void flush(std::string_view doing);
  void note_queue(std::size_t message);
  void tick(short events);
  void check_cancelled();
  void give_up() noexcept;
  [[noreturn]] void fail(std::string_view doing, const PGresult* result) const;
  [[noreturn]] void fail_lost(std::string_view doing);
  static void on_notice(void* self, const PGresult* notice) noexcept;

  etl::Context context_;
  Redactor redactor_;
  std::string farewell_;   // why the server has closed the connection, if it said so
  PgHandle handle_;        // after what its notices are written to
  etl::HeldMemory queue_;  // libpq's copy of what is being sent
  std::size_t queue_bytes_ = 0;
  // Zero but for statements that are better waited for, see Patience.
  std::chrono::milliseconds cancel_grace_{0};
  std::optional<std::chrono::steady_clock::time_point> cancelled_at_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;  // see TimeLimit
};

/// Microseconds since 1970-01-01 as PostgreSQL's binary timestamptz, which counts from 2000-01-01.
/// Nothing outside of its range; its two infinities are outside too.
[[nodiscard]] std::optional<std::int64_t> to_server_time(std::int64_t microseconds);

}  // namespace postgres
