#include "plugins/common/http/connection_slot.hpp"

#include "plugins/common/http/url.hpp"

#include <etl/error.hpp>

namespace http {
namespace {

// Returned by etl_slots::try_acquire when no slot is free.
constexpr int all_taken = -1;

}  // namespace

std::optional<ConnectionSlot> ConnectionSlots::take(std::string_view url) const {
  if (slots_ == nullptr) return ConnectionSlot();
  const std::string server = server_of(url);
  // Two sources may set different limits for one server, but a slot name has a single limit.
  const std::string name = "connections " + std::to_string(limit_) + " " + server;
  const int slot = slots_->try_acquire(slots_->ctx, etl::detail::to_abi(name), limit_);
  if (slot >= 0) return ConnectionSlot(*slots_, slot);
  if (slot == all_taken) return std::nullopt;
  throw etl::Error::transient(redact_url(url) + ": cannot open a connection to " + server +
                              ": the runner cannot count the connections of its processes (see " +
                              "its log)");
}

}  // namespace http
