/// \file
/// Detection of bytes that a server sends beyond the end of a response.
#pragma once

#include <curl/curl.h>

#include <set>
#include <vector>

namespace http {

/// The sockets that libcurl has closed while they held unread bytes.
///
/// A socket belongs to libcurl until libcurl has it closed, which it does by calling us: looking at
/// it earlier could meet the response of the next transfer. That is why no connection is used for a
/// second request, and libcurl (7.88) would read the surplus of one response as the next one.
///
/// Threads: one. Outlives the multi handle.
class ClosedSockets {
 public:
  /// Makes `handle` close its sockets here.
  void close_those_of(CURL* handle);
  /// Returns whether `socket` was closed with unread bytes, and forgets it.
  [[nodiscard]] bool take_surplus(curl_socket_t socket) { return with_surplus_.erase(socket) != 0; }

 private:
  static int on_close(void* self, curl_socket_t socket) noexcept;
  std::set<curl_socket_t> with_surplus_;
};

/// Detects the surplus of one transfer. Bytes that arrive after the connection was closed go
/// unnoticed, and so does most of the surplus on an encrypted connection.
class SurplusWatch {
 public:
  explicit SurplusWatch(ClosedSockets& closed) : closed_(closed) {}

  /// Sets the options of `handle`. Call before each of its requests.
  void watch(CURL* handle);
  /// Returns whether the server has sent more than its response. Call once the request has ended.
  [[nodiscard]] bool found();

 private:
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
  static int on_text(CURL* handle, curl_infotype type, char* text, size_t size,
                     void* self) noexcept;

  ClosedSockets& closed_;
  std::vector<curl_socket_t> sockets_;
  bool reported_ = false;  // by libcurl: it had read the surplus with the end of the response
};

}  // namespace http
