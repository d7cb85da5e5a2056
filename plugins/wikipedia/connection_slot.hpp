/// \file
/// The limit on connections where a run is several processes.
#pragma once

#include <etl/context.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace wikipedia {

/// The right to one connection, given back by the destructor. Movable; used by one thread at a
/// time. One that was made by default limits nothing.
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

  /// Other processes use the same limit.
  [[nodiscard]] bool shared() const { return slots_ != nullptr; }

 private:
  const etl_slots* slots_ = nullptr;
  int number_ = -1;
};

/// Asks the host for connections to servers. Where the host has no such limits the run is one
/// process, and everything is granted: the Fetcher counts for itself.
///
/// Threads: one.
class ConnectionSlots {
 public:
  ConnectionSlots(const etl::Context& context, int limit)
      : slots_(context.slots()), limit_(static_cast<std::uint32_t>(limit)) {}

  /// A connection to the server of `url`, at once; nothing where all are taken. Throws Error
  /// (transient) where the host can give none at all.
  [[nodiscard]] std::optional<ConnectionSlot> take(std::string_view url) const;

 private:
  const etl_slots* slots_;
  std::uint32_t limit_;
};

/// `scheme://host:port` of an http or https URL, in small letters and with the port written out:
/// one text for one server.
[[nodiscard]] std::string server_of(std::string_view url);

}  // namespace wikipedia
