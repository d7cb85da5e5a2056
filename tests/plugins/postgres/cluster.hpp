/// \file
/// Cluster: a PostgreSQL server for tests, with a temporary data directory, socket and port.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;

namespace postgres_test {

/// Runs a program to its end, as the user that servers run as. Throws std::runtime_error if it
/// cannot be run or does not exit with 0.
void run_program(const std::vector<std::string>& command);

/// An unused TCP port of the loopback interface.
int unused_port();

/// A running server. It runs as the current user; as `postgres` if that is root.
class Cluster {
 public:
  /// Creates and starts it. `settings` are lines of postgresql.conf, `rules` of pg_hba.conf, which
  /// precede "trust everybody".
  explicit Cluster(const std::vector<std::string>& settings = {},
                   const std::vector<std::string>& rules = {});
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void start();
  /// `mode` is pg_ctl's: "fast", or "immediate", which is a crash.
  void stop(const std::string& mode = "fast");

  /// The directory of the socket, owned by the server's user.
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] int port() const { return port_; }
  /// Key=value pairs to connect as a superuser over the socket.
  [[nodiscard]] std::string dsn(const std::string& database = "postgres") const;

 private:
  std::string directory_;
  int port_;
  bool running_ = false;
};

/// A database session independent of the code under test. Throws std::runtime_error on every failure.
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
