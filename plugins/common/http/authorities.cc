#include "plugins/common/http/authorities.hpp"

#include <cstdlib>

namespace http {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Authorities Authorities::from(const std::string& file) {
  if (!file.empty()) return {file, ""};
  const std::string bundle = variable("CURL_CA_BUNDLE");
  return {bundle.empty() ? variable("SSL_CERT_FILE") : bundle, variable("SSL_CERT_DIR")};
}

void Authorities::apply(CURL* handle) const {
  if (!file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, file.c_str());
    curl_easy_setopt(handle, CURLOPT_PROXY_CAINFO, file.c_str());
  }
  if (!folder.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAPATH, folder.c_str());
    curl_easy_setopt(handle, CURLOPT_PROXY_CAPATH, folder.c_str());
  }
}

}  // namespace http
