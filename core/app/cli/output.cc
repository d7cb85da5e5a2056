#include "core/app/cli/output.hpp"

#include "core/runtime/base/environment.hpp"

#include <etl/error.hpp>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace etl::app {

bool colour_on(int descriptor) {
  return runtime::environment_variable("NO_COLOR").value_or("").empty() &&
         ::isatty(descriptor) == 1;
}

void print(const std::string& text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!whole || std::fflush(stdout) != 0) {
    throw Error::permanent(std::string("cannot write the result: ") + std::strerror(errno));
  }
}

void print_json(const nlohmann::json& document) {
  print(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace etl::app
