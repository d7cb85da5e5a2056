#include "plugins/common/http/surplus.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

namespace http {
namespace {

/// Returns whether bytes are waiting that a server has sent in the clear. A TLS record says
/// nothing: servers end encrypted connections with one.
bool has_unread_bytes(curl_socket_t socket) {
  std::array<unsigned char, 2> start{};
  const ssize_t size = ::recv(socket, start.data(), start.size(), MSG_PEEK | MSG_DONTWAIT);
  constexpr unsigned char first_type = 20;
  constexpr unsigned char last_type = 23;
  constexpr unsigned char major_version = 3;
  const bool encrypted =
      size == 2 && start[0] >= first_type && start[0] <= last_type && start[1] == major_version;
  return size > 0 && !encrypted;
}

}  // namespace

void ClosedSockets::close_those_of(CURL* handle) {
  curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, &ClosedSockets::on_close);
  curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, this);
}

int ClosedSockets::on_close(void* self, curl_socket_t socket) noexcept {
  if (has_unread_bytes(socket)) {
    try {
      static_cast<ClosedSockets*>(self)->with_surplus_.insert(socket);
    } catch (const std::bad_alloc&) {
      // Unnoticed, like surplus that arrives later.
    }
  }
  return ::close(socket);
}

void SurplusWatch::watch(CURL* handle) {
  sockets_.clear();
  reported_ = false;
  curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, &SurplusWatch::on_open);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, this);
  closed_.close_those_of(handle);
  // libcurl tells of surplus that it has read itself only in these texts.
  curl_easy_setopt(handle, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(handle, CURLOPT_DEBUGFUNCTION, &SurplusWatch::on_text);
  curl_easy_setopt(handle, CURLOPT_DEBUGDATA, this);
}

bool SurplusWatch::found() {
  const auto closed_with_surplus = std::ranges::count_if(
      sockets_, [this](curl_socket_t socket) { return closed_.take_surplus(socket); });
  return closed_with_surplus > 0 || reported_;
}

curl_socket_t SurplusWatch::on_open(void* self, curlsocktype /*purpose*/,
                                    curl_sockaddr* address) noexcept {
  auto& watch = *static_cast<SurplusWatch*>(self);
  const curl_socket_t socket =
      ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (socket == CURL_SOCKET_BAD) return socket;
  try {
    watch.sockets_.push_back(socket);
  } catch (const std::bad_alloc&) {
    ::close(socket);
    return CURL_SOCKET_BAD;
  }
  // The number may be that of a socket whose surplus nobody asked for, after an abort.
  static_cast<void>(watch.closed_.take_surplus(socket));
  return socket;
}

int SurplusWatch::on_text(CURL* /*handle*/, curl_infotype type, char* text, size_t size,
                          void* self) noexcept {
  if (type != CURLINFO_TEXT) return 0;
  const std::string_view line(text, size);
  const bool surplus = line.find("xcess found") != std::string_view::npos ||
                       line.find("eftovers after chunking") != std::string_view::npos;
  if (surplus) static_cast<SurplusWatch*>(self)->reported_ = true;
  return 0;
}

}  // namespace http
