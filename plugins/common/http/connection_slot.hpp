/// \file
/// The limit on connections of a run that consists of several processes.
#pragma once

#include <etl/context.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace http {

/// The right to one connection, released by the destructor. Movable; used by one thread at a time.
/// A default-constructed slot holds nothing.
class ConnectionSlot {
 public:
  ConnectionSlot() = default;
  ConnectionSlot(const etl_slots& slots, int number) : slots_(&slots), number_(number) {}
  ConnectionSlot(ConnectionSlot&& other) noexcept
      : slots_(std::exchange(other.slots_, nullptr)), number_(other.number_) {}
  ConnectionSlot& operator=(ConnectionSlot&& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(number_, other.number_);
    return *this;
  }
  ~ConnectionSlot() {
    if (slots_ != nullptr) slots_->release(slots_->ctx, number_);
  }

 private:
  const etl_slots* slots_ = nullptr;
  int number_ = -1;
};

/// Requests connections from the host. A host without this service runs a single process; every
/// request is then granted, since the Fetcher itself counts its connections.
///
/// Threads: one.
class ConnectionSlots {
 public:
  ConnectionSlots(const etl::Context& context, int limit)
      : slots_(context.slots()), limit_(static_cast<std::uint32_t>(limit)) {}

  /// Takes a connection to the server of `url` without waiting; nothing if all are taken. Throws
  /// etl::Error (transient) if the host cannot count connections.
  [[nodiscard]] std::optional<ConnectionSlot> take(std::string_view url) const;

 private:
  const etl_slots* slots_;
  std::uint32_t limit_;
};

}  // namespace http
