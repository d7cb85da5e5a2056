/// \file
/// A PostgreSQL server for tests: its own data directory, socket and port, gone afterwards.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;

namespace postgres_test {

/// Runs a program to its end, as the user that servers run as. Throws std::runtime_error when it
/// cannot be run or does not exit with 0.
void run_program(const std::vector<std::string>& command);

/// A TCP port of the loopback interface that nobody listens on.
int unused_port();

/// A running server. Whoever runs the tests as root needs the user `postgres`; others are it
/// themselves.
class Cluster {
 public:
  /// Creates and starts it. `settings` are lines of postgresql.conf, `rules` of pg_hba.conf, which
  /// go before "trust everybody".
  explicit Cluster(const std::vector<std::string>& settings = {},
                   const std::vector<std::string>& rules = {});
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void start();
  /// `mode` as pg_ctl takes it: "fast", or "immediate", which is a crash.
  void stop(const std::string& mode = "fast");

  /// A directory that belongs to the server's user; the socket lies in it.
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] int port() const { return port_; }
  /// key=value pairs for a superuser over the socket.
  [[nodiscard]] std::string dsn(const std::string& database = "postgres") const;

 private:
  std::string directory_;
  int port_;
  bool running_ = false;
};

/// A database session apart from the code under test. Throws std::runtime_error on every failure.
class Session {
 public:
  using Row = std::vector<std::optional<std::string>>;

  explicit Session(const std::string& dsn);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::vector<Row> query(const std::string& sql);
  void run(const std::string& sql) { query(sql); }
  /// The only value of the only row; "NULL" for null.
  std::string value(const std::string& sql);
  /// All rows as "a|b\nc|d".
  std::string text(const std::string& sql);

 private:
  pg_conn* connection_;
};

}  // namespace postgres_test
