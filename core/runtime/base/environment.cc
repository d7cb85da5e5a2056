#include "core/runtime/base/environment.hpp"

#include <sys/auxv.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace etl::runtime {

std::optional<std::string> environment_variable(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread changes the environment.
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::filesystem::path executable_path() {
  std::error_code failure;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (!failure) return path;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel passes the path to every program
  const auto* started_as = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  return std::filesystem::weakly_canonical(started_as == nullptr ? "etl" : started_as);
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

}  // namespace etl::runtime
