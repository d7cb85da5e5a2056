#include "cluster.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

extern char** environ;  // NOLINT(readability-redundant-declaration): not every libc declares it

namespace postgres_test {
namespace {

namespace fs = std::filesystem;

// The newest of the installed versions.
std::string binary(const std::string& name) {
  fs::path best;
  const fs::path root = "/usr/lib/postgresql";
  if (fs::exists(root)) {
    for (const auto& version : fs::directory_iterator(root)) {
      const fs::path candidate = version.path() / "bin" / name;
      if (fs::exists(candidate) && candidate > best) best = candidate;
    }
  }
  if (best.empty())
    throw std::runtime_error("there is no PostgreSQL server: " + name + " not found");
  return best;
}

std::string make_directory() {
  std::string path = (fs::temp_directory_path() / "etl_postgres_XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp " + path);
  if (geteuid() == 0) {
    const passwd* user = getpwnam("postgres");
    if (user == nullptr) throw std::runtime_error("there is no user postgres");
    if (chown(path.c_str(), user->pw_uid, user->pw_gid) != 0)
      throw std::runtime_error("chown " + path);
  }
  return path;
}

void append_lines(const std::string& path, const std::vector<std::string>& lines) {
  std::ofstream file(path, std::ios::app);
  for (const std::string& line : lines) file << line << '\n';
  if (!file.flush()) throw std::runtime_error("writing " + path);
}

}  // namespace

void run_program(const std::vector<std::string>& command) {
  std::vector<std::string> words;
  if (geteuid() == 0)
    words = {"setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"};
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot run " + words[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) {
    throw std::runtime_error(command[0] + " ended with status " + std::to_string(status));
  }
}

int unused_port() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool found =
      bind(socket_fd, generic, size) == 0 && getsockname(socket_fd, generic, &size) == 0;
  close(socket_fd);
  if (!found) throw std::runtime_error("no port is free");
  return ntohs(address.sin_port);
}

Cluster::Cluster(const std::vector<std::string>& settings, const std::vector<std::string>& rules)
    : directory_(make_directory()), port_(unused_port()) {
  const std::string data = directory_ + "/data";
  run_program({binary("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E",
               "UTF8", "--locale=C"});
  append_lines(
      data + "/postgresql.conf",
      {"listen_addresses = '127.0.0.1'", "port = " + std::to_string(port_),
       "unix_socket_directories = '" + directory_ + "'", "fsync = off", "max_connections = 50"});
  append_lines(data + "/postgresql.conf", settings);
  fs::resize_file(data + "/pg_hba.conf", 0);
  append_lines(data + "/pg_hba.conf", rules);
  append_lines(data + "/pg_hba.conf", {"local all all trust", "host all all 127.0.0.1/32 trust"});
  start();
}

Cluster::~Cluster() {
  try {
    if (running_) stop("immediate");
  } catch (
      const std::exception&) {  // NOLINT(bugprone-empty-catch): it may have been stopped by a test
  }
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void Cluster::start() {
  run_program({binary("pg_ctl"), "-D", directory_ + "/data", "-w", "-s", "-l", directory_ + "/log",
               "start"});
  running_ = true;
}

void Cluster::stop(const std::string& mode) {
  run_program({binary("pg_ctl"), "-D", directory_ + "/data", "-m", mode, "-w", "-s", "stop"});
  running_ = false;
}

std::string Cluster::dsn(const std::string& database) const {
  return "host=" + directory_ + " port=" + std::to_string(port_) +
         " user=postgres dbname=" + database;
}

Session::Session(const std::string& dsn) : connection_(PQconnectdb(dsn.c_str())) {
  if (PQstatus(connection_) != CONNECTION_OK) {
    const std::string reason = PQerrorMessage(connection_);
    PQfinish(connection_);
    throw std::runtime_error(reason);
  }
}

Session::~Session() { PQfinish(connection_); }

std::vector<Session::Row> Session::query(const std::string& sql) {
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection_, sql.c_str()),
                                                              &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection_));
  }
  std::vector<Row> rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      const int at = static_cast<int>(row);
      if (PQgetisnull(result.get(), at, column) != 0) rows[row].emplace_back();
      else rows[row].emplace_back(PQgetvalue(result.get(), at, column));
    }
  }
  return rows;
}

std::string Session::value(const std::string& sql) {
  const std::vector<Row> rows = query(sql);
  if (rows.size() != 1 || rows[0].size() != 1) throw std::runtime_error(sql + ": not one value");
  return rows[0][0].value_or("NULL");
}

std::string Session::text(const std::string& sql) {
  std::string text;
  for (const Row& row : query(sql)) {
    if (!text.empty()) text += '\n';
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i != 0) text += '|';
      text += row[i].value_or("NULL");
    }
  }
  return text;
}

}  // namespace postgres_test
