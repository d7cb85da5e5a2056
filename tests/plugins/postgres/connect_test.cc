#include "sink_fixture.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace postgres_test {
namespace {

// Sets an environment variable for its lifetime.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

// Accepts connections and stays silent.
class SilentServer {
 public:
  SilentServer() : socket_(socket(AF_INET, SOCK_STREAM, 0)), port_(unused_port()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(socket_, 8) != 0) {
      throw std::runtime_error("cannot listen on port " + std::to_string(port_));
    }
  }
  ~SilentServer() { close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  [[nodiscard]] std::string port() const { return std::to_string(port_); }

 private:
  int socket_;
  int port_;
};

etl::Error failure(const std::string& dsn) {
  TestSink sink({dsn, "t"});
  return error_of([&] { static_cast<void>(sink->inspect(simple_schema())); });
}

bool prepares(TestSink& sink) {
  try {
    sink->prepare(simple_schema());
    return true;
  } catch (const etl::Error&) {
    return false;
  }
}

class ConnectTest : public SinkTest {
 protected:
  [[nodiscard]] static std::string port() { return std::to_string(cluster().port()); }
};

TEST_F(ConnectTest, TheEnvironmentFillsWhatTheDsnLeavesOut) {
  const Variable host("PGHOST", cluster().directory());
  const Variable server_port("PGPORT", port());
  const Variable user("PGUSER", "postgres");
  {
    const Variable name("PGDATABASE", database());
    TestSink({"", "t"})->prepare(simple_schema());
  }
  EXPECT_EQ(TestSink({"dbname=" + database(), "t"})->inspect(simple_schema()).ddl, "");
  EXPECT_EQ(TestSink({"postgresql:///" + database(), "t"})->inspect(simple_schema()).ddl, "");
}

TEST_F(ConnectTest, ASessionIsNamedAndSpeaksUtf8WhateverTheEnvironmentSays) {
  const Variable encoding("PGCLIENTENCODING", "LATIN1");
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(0, 1, "größe"));
  EXPECT_EQ(db().text("SELECT octet_length(title) FROM t"), "7");
  EXPECT_EQ(sessions(), 1);
  TestSink::Given given = append();
  given.dsn += " application_name=mine";
  TestSink named(given);
  static_cast<void>(named->inspect(simple_schema()));
  EXPECT_EQ(db().value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mine'"),
            "1");
}

TEST_F(ConnectTest, AMistakeInTheDsnIsPermanent) {
  const std::string base = "host=" + cluster().directory() + " port=" + port();
  const etl::Error database_error = failure(base + " user=postgres dbname=nowhere");
  EXPECT_EQ(database_error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(database_error.message(), "3D000: database \"nowhere\" does not exist");
  EXPECT_LACKS(database_error.message(), "LOCATION");
  EXPECT_LACKS(database_error.message(), '\n');
  const etl::Error role = failure(base + " user=nobody_here dbname=postgres");
  EXPECT_EQ(role.code(), etl::Code::permanent);
  EXPECT_CONTAINS(role.message(), "role \"nobody_here\" does not exist");
  EXPECT_EQ(failure(base + " user=postgres sslmode=whatever").code(), etl::Code::permanent);
  EXPECT_EQ(failure("service=no_such_service").code(), etl::Code::permanent);
}

TEST_F(ConnectTest, AnUnreachableServerIsTransient) {
  const std::string nobody = std::to_string(unused_port());
  const etl::Error error = failure("host=127.0.0.1 port=" + nobody + " user=postgres");
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_CONTAINS(error.message(), "port " + nobody + " failed: Connection refused");
  EXPECT_EQ(failure("host=/nonexistent user=postgres").code(), etl::Code::transient);
}

TEST_F(ConnectTest, TooManyConnectionsAreTransient) {
  db().run("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0");
  const etl::Error error = failure(dsn() + " user=crowded");
  db().run("DROP ROLE crowded");
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_CONTAINS(error.message(), "53300");
}

TEST_F(ConnectTest, ASilentServerTimesOut) {
  const SilentServer silent;
  const etl::Error error =
      failure("host=127.0.0.1 user=postgres connect_timeout=1 port=" + silent.port());
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_CONTAINS(error.message(),
                  "no answer from \"127.0.0.1\", port " + silent.port() + ", within 1 s");
}

TEST_F(ConnectTest, TheNextHostIsTriedWhenOneIsSilentOrRefuses) {
  const SilentServer silent;
  const std::string refusing = std::to_string(unused_port());
  const Variable timeout("PGCONNECT_TIMEOUT", "1");
  const std::string silent_first = "host=127.0.0.1,127.0.0.1 port=" + silent.port() + "," + port();
  const std::string silent_second =
      "host=127.0.0.1,localhost,127.0.0.1 port=" + refusing + "," + silent.port() + "," + port();
  for (std::string hosts : {silent_first, silent_second}) {
    TestSink sink({hosts.append(" user=postgres dbname=").append(database()), "t"});
    EXPECT_NO_THROW(static_cast<void>(sink->inspect(simple_schema()))) << hosts;
  }
}

TEST_F(ConnectTest, ConnectingCanBeCancelled) {
  const SilentServer silent;
  TestSink sink({"host=127.0.0.1 user=postgres connect_timeout=0 port=" + silent.port(), "t"});
  std::optional<etl::Error> error;
  std::thread connecting([&] { error = error_of([&] { sink->prepare(simple_schema()); }); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  sink.host.cancel();
  connecting.join();  // hangs if it does not work
  EXPECT_EQ(error->code(), etl::Code::cancelled);
}

// ---- passwords
// ------------------------------------------------------------------------------------

class PasswordTest : public testing::Test {
 protected:
  // Servers ask the role `scram_user` for its password, over TCP.
  static void SetUpTestSuite() {
    server_ = std::make_unique<Cluster>(
        std::vector<std::string>{},
        std::vector<std::string>{"host all scram_user 127.0.0.1/32 scram-sha-256",
                                 "host all Kq7xWz@/ö 127.0.0.1/32 scram-sha-256"});
    Session session(server_->dsn());
    session.run(
        "CREATE ROLE scram_user LOGIN PASSWORD 'right@/ö'; CREATE ROLE \"Kq7xWz@/ö\" LOGIN "
        "PASSWORD 'x';"
        "CREATE SCHEMA s AUTHORIZATION scram_user");
  }
  static void TearDownTestSuite() { server_.reset(); }
  [[nodiscard]] static std::string place() {
    return "host=127.0.0.1 dbname=postgres port=" + std::to_string(server_->port());
  }

  // No message of the sink may contain the password. The failure itself comes from the server.
  static void expect_refused_without(const std::string& dsn, const std::string& secret) {
    TestSink sink({dsn, "s.t"});
    const etl::Error error = error_of([&] { static_cast<void>(sink->inspect(simple_schema())); });
    EXPECT_EQ(error.code(), etl::Code::permanent);
    EXPECT_CONTAINS(error.message(), "28P01: password authentication failed");
    EXPECT_LACKS(error.message(), secret);
    EXPECT_LACKS(log_of(sink.host), secret);
  }

  static std::unique_ptr<Cluster> server_;
};

std::unique_ptr<Cluster> PasswordTest::server_;

TEST_F(PasswordTest, TheRightOneWorksFromEverywhere) {
  const std::string uri =
      "postgresql://scram_user:right%40%2F%C3%B6@127.0.0.1:" + std::to_string(server_->port()) +
      "/postgres";
  TestSink sink({uri, "s.t"});
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(0, 1));
  EXPECT_EQ(TestSink({place() + " user=scram_user password='right@/ö'", "s.t"})
                ->inspect(simple_schema())
                .ddl,
            "");
  {
    const Variable password("PGPASSWORD", "right@/ö");
    EXPECT_EQ(TestSink({place() + " user=scram_user", "s.t"})->inspect(simple_schema()).ddl, "");
  }
  EXPECT_LACKS(log_of(sink.host), "right");
}

TEST_F(PasswordTest, AWrongOneIsNowhereToBeSeen) {
  // The role's name is the password, so that the server's own message quotes it.
  const std::string secret = "Kq7xWz";
  const std::string pairs = place() + " user='Kq7xWz@/ö'";
  expect_refused_without(pairs + " password='Kq7xWz@/ö'", secret);
  expect_refused_without("postgresql://Kq7xWz%40%2F%C3%B6:Kq7xWz%40%2F%C3%B6@127.0.0.1:" +
                             std::to_string(server_->port()) + "/postgres",
                         secret);
  expect_refused_without("postgresql://127.0.0.1:" + std::to_string(server_->port()) +
                             "/postgres?user=Kq7xWz%40%2F%C3%B6&password=Kq7xWz%40/%c3%b6",
                         secret);
  {
    const Variable password("PGPASSWORD", "Kq7xWz@/ö");
    expect_refused_without(pairs, secret);
  }
}

TEST_F(PasswordTest, NeitherIsOneFromThePasswordFile) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("etl_pgpass_" + std::to_string(getpid()));
  std::ofstream(file) << "*:*:*:*:Kq7xWz@/ö\n";
  chmod(file.c_str(), S_IRUSR | S_IWUSR);
  const Variable passfile("PGPASSFILE", file.string());
  expect_refused_without(place() + " user='Kq7xWz@/ö'", "Kq7xWz");
  std::filesystem::remove(file);
}

TEST_F(PasswordTest, NoneIsPermanent) {
  const Variable passfile("PGPASSFILE", "/nonexistent");
  const etl::Error error = failure(place() + " user=scram_user");
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(), "no password supplied");
}

// The same for errors of statements: the server quotes a row that contains the password.
TEST_F(PasswordTest, AServersErrorInMidLoadIsScrubbed) {
  Session(server_->dsn())
      .run(
          "CREATE TABLE s.picky (id bigint, title text CHECK (title <> 'right@/ö'));"
          "ALTER TABLE s.picky OWNER TO scram_user");
  TestSink sink({place() + " user=scram_user password='right@/ö'", "s.picky"});
  sink->prepare(simple_schema());
  const etl::Error error =
      error_of([&] { load(*sink, request_for("picky"), simple_batch(1, 1, "right@/ö")); });
  EXPECT_CONTAINS(error.message(), "(1, ***)");
  EXPECT_LACKS(error.message(), "right");
}

// ---- TLS
// ------------------------------------------------------------------------------------------

TEST_F(ConnectTest, TlsThatTheServerLacksIsPermanentAndClear) {
  const etl::Error error = failure("host=127.0.0.1 user=postgres dbname=" + database() +
                                   " sslmode=require port=" + port());
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(), "SSL was required");
  const Variable mode("PGSSLMODE", "require");
  EXPECT_CONTAINS(failure("host=127.0.0.1 user=postgres port=" + port()).message(),
                  "SSL was required");
}

TEST(TlsTest, ASelfSignedServerWorksAndIsVerifiedOnDemand) {
  Cluster server;
  const std::string data = server.directory() + "/data/";
  run_program({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
               "/CN=localhost", "-keyout", data + "server.key", "-out", data + "server.crt",
               "-batch"});
  Session session(server.dsn());
  session.run("ALTER SYSTEM SET ssl = on");
  session.run("SELECT pg_reload_conf()");

  const std::string place =
      "host=localhost hostaddr=127.0.0.1 user=postgres dbname=postgres port=" +
      std::to_string(server.port());
  // The server requires that only it can read its key.
  const std::string root = server.directory() + "/authority.crt";
  run_program({"cp", data + "server.crt", root});
  TestSink sink({place + " sslmode=require", "t"});
  EXPECT_TRUE(wait_until([&] { return prepares(sink); }));  // the reload takes a moment
  load(*sink, request_for("p"), simple_batch(0, 200'000, std::string(50, 'x')));
  EXPECT_EQ(
      session.text(
          "SELECT count(*), (SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a"
          " USING (pid) WHERE a.application_name = 'etl') FROM t"),
      "200000|t");
  EXPECT_NO_THROW(
      static_cast<void>(TestSink({place + " sslmode=verify-full sslrootcert=" + root, "t"})
                            ->inspect(simple_schema())));
  run_program({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
               "/CN=other", "-keyout", data + "other.key", "-out", root, "-batch"});
  const etl::Error error = failure(place + " sslmode=verify-full sslrootcert=" + root);
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(), "certificate verify failed");
}

// ---- through a pooler
// -----------------------------------------------------------------------------

TEST_F(ConnectTest, WorksThroughPgbouncerInTransactionMode) {
  if (!std::filesystem::exists("/usr/sbin/pgbouncer")) GTEST_SKIP() << "pgbouncer is not installed";
  const std::string directory = cluster().directory();
  const std::string pooler_port = std::to_string(unused_port());
  const std::string config = directory + "/pgbouncer.ini";
  std::ofstream(config) << "[databases]\n* = host=" << directory << " port=" << port()
                        << " user=postgres\n"
                        << "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " << pooler_port
                        << "\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
                        << "default_pool_size = 2\npidfile = " << directory
                        << "/pgbouncer.pid\nlogfile = " << directory << "/pgbouncer.log\n";
  run_program({"/usr/sbin/pgbouncer", "-q", "-d", config});

  const std::string pooled =
      "host=127.0.0.1 user=postgres dbname=" + database() + " port=" + pooler_port;
  TestSink sink({pooled, "t", "upsert", {"id"}});
  EXPECT_TRUE(wait_until([&] { return prepares(sink); }));  // it daemonises before it listens
  // There are more writers than the pooler has sessions, so that they share them.
  std::vector<std::thread> threads;
  threads.reserve(6);
  for (std::int64_t worker = 0; worker < 5; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::int64_t round = 0; round < 5; ++round) {
        const std::int64_t number = worker * 5 + round;
        EXPECT_NO_THROW(
            load(*sink, request_for(std::to_string(number)), simple_batch(number * 100, 100)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sink->committed("pipeline", "sink").size(), 25U);
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "2500");
  EXPECT_EQ(error_of([&] { load(*sink, request_for("3"), simple_batch(0, 1)); }).code(),
            etl::Code::conflict);

  pid_t pooler = 0;
  std::ifstream(directory + "/pgbouncer.pid") >> pooler;
  ASSERT_GT(pooler, 1);
  EXPECT_EQ(kill(pooler, SIGTERM), 0);
}

}  // namespace
}  // namespace postgres_test
