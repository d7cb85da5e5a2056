#include "plugins/postgres/connection/connection_pool.hpp"

namespace postgres {
namespace {

// Only a round trip shows whether the server has closed its end or has been replaced.
bool answers(Connection& connection) {
  try {
    connection.run("testing a connection", "");
    return true;
  } catch (const etl::Error& error) {
    if (error.code() == etl::Code::cancelled) throw;
    return false;
  }
}

}  // namespace

ConnectionPool::Lease ConnectionPool::acquire() {
  while (std::unique_ptr<Connection> connection = take_idle()) {
    if (answers(*connection)) return {*this, std::move(connection)};
  }
  return {*this, std::make_unique<Connection>(dsn_, context_)};
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) noexcept {
  if (!connection->make_idle()) return;
  try {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  } catch (...) {  // NOLINT(bugprone-empty-catch): no memory to keep it, so it is closed
  }
}

std::unique_ptr<Connection> ConnectionPool::take_idle() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return nullptr;
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

}  // namespace postgres
