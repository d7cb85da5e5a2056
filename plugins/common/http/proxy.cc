#include "plugins/common/http/proxy.hpp"

#include "plugins/common/http/url.hpp"

#include <array>
#include <cstdlib>

namespace http {
namespace {

struct Variable {
  const char* name = nullptr;
  std::string value;
};

/// Returns the variable that libcurl reads for `url`; no name if none is set. HTTP_PROXY is not
/// read, since a CGI program's client sets it.
Variable variable_for(std::string_view url) {
  constexpr std::array plain{"http_proxy", "all_proxy", "ALL_PROXY"};
  constexpr std::array secure{"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
  const auto first_set = [](const auto& names) -> Variable {
    for (const char* name : names) {
      const char* value = std::getenv(name);
      if (value != nullptr && *value != '\0') return {name, value};
    }
    return {};
  };
  return server_of(url).starts_with("https:") ? first_set(secure) : first_set(plain);
}

}  // namespace

std::string name_proxy(std::string_view url) {
  const Variable variable = variable_for(url);
  if (variable.name == nullptr) return "the proxy";
  const std::size_t scheme = variable.value.find("://");
  const std::string rest =
      scheme == std::string::npos ? variable.value : variable.value.substr(scheme + 3);
  const std::string address = redact_url("http://" + rest);
  return "the proxy " + address.substr(std::string_view("http://").size()) + " (" + variable.name +
         ")";
}

std::string without_proxies(std::string_view text, std::string_view url) {
  const Variable variable = variable_for(url);
  // libcurl may have shortened the value, so that it would not be found.
  if (text.find("proxy syntax") != std::string_view::npos) {
    return "the value of " + std::string(variable.name == nullptr ? "a variable" : variable.name) +
           " is not the URL of a proxy; write special characters of a password as %XX";
  }
  std::string shown(text);
  if (variable.name == nullptr) return shown;
  for (std::size_t at = shown.find(variable.value); at != std::string::npos;
       at = shown.find(variable.value, at)) {
    shown.replace(at, variable.value.size(), "***");
  }
  return shown;
}

}  // namespace http
