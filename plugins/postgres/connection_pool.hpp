/// \file
/// Connections kept open from one partition to the next.
#pragma once

#include "connection.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace postgres {

/// Hands out connections, each to one user at a time. As many are open as were in use at once.
///
/// acquire() may be called from several threads at once. Leases must not outlive the pool.
class ConnectionPool {
 public:
  /// The use of one connection; gives it back at its end, rolled back if a transaction is open, or
  /// closes it where that is the way to roll back.
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

  /// Connects to nothing yet.
  ConnectionPool(Dsn dsn, const etl::Context& context) : dsn_(std::move(dsn)), context_(context) {}

  /// An idle connection that still answers, else a new one. Outside of any transaction.
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
