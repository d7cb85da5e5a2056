/// \file
/// ConnectionPool: keeps connections open from one partition to the next.
#pragma once

#include "plugins/postgres/connection/connection.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace postgres {

/// Lends connections, each to one user at a time. Keeps as many open as were in use at once.
///
/// acquire() may be called from several threads at once. Leases must not outlive the pool.
class ConnectionPool {
 public:
  /// The use of one connection. Returns it to the pool at its end, after rolling back an open
  /// transaction; closes it if it cannot be used again.
  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_) pool_->give_back(std::move(connection_));
    }
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  /// Does not connect yet.
  ConnectionPool(Dsn dsn, const etl::Context& context) : dsn_(std::move(dsn)), context_(context) {}

  /// An idle connection that still answers, or else a new one. Not in a transaction.
  [[nodiscard]] Lease acquire();

 private:
  void give_back(std::unique_ptr<Connection> connection) noexcept;
  [[nodiscard]] std::unique_ptr<Connection> take_idle();

  const Dsn dsn_;
  const etl::Context context_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace postgres
