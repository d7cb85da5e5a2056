/// \file
/// The certificate authorities whose servers are trusted.
#pragma once

#include <curl/curl.h>

#include <string>

namespace http {

/// Files with certificates, in addition to libcurl's own: empty = none. A plain value.
struct Authorities {
  std::string file;
  std::string folder;

  /// Returns `file` if it is given, else what the environment says, as the program curl and OpenSSL
  /// read it: CURL_CA_BUNDLE or SSL_CERT_FILE, and SSL_CERT_DIR.
  [[nodiscard]] static Authorities from(const std::string& file);

  /// Sets the options of `handle`, for servers and https proxies.
  void apply(CURL* handle) const;
};

}  // namespace http
