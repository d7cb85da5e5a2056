#include "plugins/postgres/connection/connector.hpp"

#include "plugins/postgres/connection/sqlstate.hpp"

#include <poll.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <vector>

namespace postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int connect_tick_ms = 100;
constexpr std::chrono::seconds default_timeout{10};
constexpr int oldest_server = 120000;  // 12 added pg_attribute.attgenerated

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> items;
  while (true) {
    const std::size_t comma = list.find(',');
    items.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return items;
    list.remove_prefix(comma + 1);
  }
}

std::string join(const std::vector<std::string>& items) {
  std::string list;
  for (const std::string& item : items) list += (&item == &items.front() ? "" : ",") + item;
  return list;
}

// The effective value of a parameter, from any of libpq's sources; empty if unset.
std::string parameter(PGconn* connection, std::string_view keyword) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfo(connection), &PQconninfoFree);
  if (!options) return {};
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->keyword == keyword && option->val != nullptr) return option->val;
  }
  return {};
}

// The hosts still to try. libpq moves on by itself if a host refuses; but if a host is silent, only
// its blocking calls do so, which cannot be cancelled.
class Hosts {
 public:
  // Removes the silent host. False if it was the last.
  bool drop_current(PGconn* connection) {
    if (ports_.empty()) load(connection);
    const std::size_t count = std::max(names_.size(), addresses_.size());
    if (count < 2) return false;
    std::size_t at = 0;
    while (at + 1 < count && !is_current(at, connection)) ++at;
    for (auto* list : {&names_, &addresses_, &ports_}) {
      if (list->size() > 1) list->erase(list->begin() + static_cast<std::ptrdiff_t>(at));
    }
    return true;
  }
  [[nodiscard]] std::string names() const { return join(names_); }
  [[nodiscard]] std::string addresses() const { return join(addresses_); }
  [[nodiscard]] std::string ports() const { return join(ports_); }

 private:
  void load(PGconn* connection) {
    names_ = split(parameter(connection, "host"));
    addresses_ = split(parameter(connection, "hostaddr"));
    ports_ = split(parameter(connection, "port"));
  }
  [[nodiscard]] bool is_current(std::size_t at, PGconn* connection) const {
    const bool by_name = at < names_.size() && !names_[at].empty();
    const std::string& host =
        by_name ? names_[at] : addresses_[std::min(at, addresses_.size() - 1)];
    const std::string& port = ports_[ports_.size() == 1 ? 0 : at];
    return host == PQhost(connection) && (port.empty() || port == PQport(connection));
  }

  // Empty until the first host is dropped: the dsn's own list applies until then.
  std::vector<std::string> names_, addresses_, ports_;
};

PgHandle start(const Dsn& dsn, const Hosts& hosts) {
  const std::string names = hosts.names();
  const std::string addresses = hosts.addresses();
  const std::string ports = hosts.ports();
  // Later parameters override earlier ones; empty ones count as absent.
  const char* const keywords[] = {"fallback_application_name",
                                  "keepalives_idle",
                                  "keepalives_interval",
                                  "keepalives_count",
                                  "dbname",
                                  "host",
                                  "hostaddr",
                                  "port",
                                  "client_encoding",
                                  nullptr};
  // Keepalives detect a vanished server in two minutes; the system's defaults take two hours.
  const char* const values[] = {
      "etl",         "60",   "10",   "6", dsn.text().c_str(), names.c_str(), addresses.c_str(),
      ports.c_str(), "UTF8", nullptr};
  PgHandle handle(PQconnectStartParams(keywords, values, 1), &PQfinish);
  if (!handle) throw std::bad_alloc();
  return handle;
}

std::optional<std::chrono::seconds> time_limit(PGconn* connection) {
  const std::string text = parameter(connection, "connect_timeout");
  if (text.empty()) return default_timeout;
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (seconds <= 0) return std::nullopt;  // as in libpq: no limit
  return std::chrono::seconds(seconds);
}

[[noreturn]] void fail(PGconn* connection, const Dsn& dsn) {
  Redactor redactor = dsn.redactor();
  if (const char* password = PQpass(connection)) redactor.add(password);  // from the password file
  const std::string_view message = PQerrorMessage(connection);
  const etl::Code code = PQconnectionNeedsPassword(connection) != 0
                             ? etl::Code::permanent
                             : code_of_connect_failure(message);
  throw etl::Error(code, redactor.scrub(one_line(message)));
}

// True when connected, false at the deadline.
bool poll_until(PGconn* connection, const Dsn& dsn, const etl::Context& context,
                std::optional<Clock::time_point> deadline) {
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (true) {
    if (context.cancelled()) throw etl::Error::cancelled();
    if (PQstatus(connection) == CONNECTION_BAD || state == PGRES_POLLING_FAILED)
      fail(connection, dsn);
    if (state == PGRES_POLLING_OK) return true;
    if (deadline && Clock::now() >= *deadline) return false;
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    pollfd waiting{PQsocket(connection), events, 0};
    if (poll(&waiting, 1, connect_tick_ms) > 0) state = PQconnectPoll(connection);
  }
}

void check_server(PGconn* connection) {
  const int version = PQserverVersion(connection);
  if (version >= oldest_server) return;
  throw etl::Error::permanent("the server is PostgreSQL " + std::to_string(version / 10000) +
                              "; the oldest supported version is " +
                              std::to_string(oldest_server / 10000));
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.front() == '\t' || line.front() == ' ')) line.remove_prefix(1);
    // Skip the position in the server's sources that PQERRORS_VERBOSE adds.
    if (line.empty() || line.starts_with("LOCATION:")) continue;
    if (!out.empty()) out += "; ";
    out += line;
  }
  return out;
}

PgHandle connect(const Dsn& dsn, const etl::Context& context, PQnoticeReceiver on_notice,
                 void* arg) {
  Hosts hosts;
  while (true) {
    PgHandle handle = start(dsn, hosts);
    PGconn* connection = handle.get();
    PQsetNoticeReceiver(connection, on_notice, arg);
    // The only way to get the SQLSTATE of a failed connection.
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
    const auto limit = time_limit(connection);
    const auto deadline = limit ? std::optional(Clock::now() + *limit) : std::nullopt;
    if (poll_until(connection, dsn, context, deadline)) {
      PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
      check_server(connection);
      return handle;
    }
    if (hosts.drop_current(connection)) continue;
    throw etl::Error::transient("no answer from \"" + dsn.redactor().scrub(PQhost(connection)) +
                                "\", port " + PQport(connection) + ", within " +
                                std::to_string(limit->count()) + " s");
  }
}

}  // namespace postgres
