#include "plugins/common/http/leftovers.hpp"

#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

namespace http {

bool has_leftovers(CURL* handle) {
  curl_socket_t socket = CURL_SOCKET_BAD;
  const char* scheme = nullptr;
  if (curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK) return false;
  if (socket == CURL_SOCKET_BAD) return false;
  pollfd look{socket, POLLIN, 0};
  if (::poll(&look, 1, 0) <= 0) return false;
  char byte = 0;
  const bool more = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  ::shutdown(socket, SHUT_RDWR);
  curl_easy_getinfo(handle, CURLINFO_SCHEME, &scheme);
  return more && scheme != nullptr && ::strcasecmp(scheme, "http") == 0;
}

}  // namespace http
