#include "plugins/common/http/connection_slot.hpp"

#include "plugins/common/http/curl_handle.hpp"
#include "plugins/common/http/transfer_errors.hpp"

#include <algorithm>
#include <memory>

namespace http {
namespace {

// Returned by etl_slots::try_acquire when no slot is free.
constexpr int all_taken = -1;

using UrlHandle = std::unique_ptr<CURLU, CurlDelete<curl_url_cleanup>>;
using Text = std::unique_ptr<char, CurlDelete<curl_free>>;

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
  const Text owner(text);
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

}  // namespace

std::string server_of(std::string_view url) {
  const UrlHandle handle(curl_url());
  // Fetching a URL that libcurl cannot parse reports why; here any text will do.
  if (handle == nullptr ||
      curl_url_set(handle.get(), CURLUPART_URL, std::string(url).c_str(), 0) != CURLUE_OK) {
    return redact_url(url);
  }
  return part_of(handle.get(), CURLUPART_SCHEME) + "://" + part_of(handle.get(), CURLUPART_HOST) +
         ":" + part_of(handle.get(), CURLUPART_PORT);
}

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
