/// \file
/// tests/support/fault_server.py as a child process.
#pragma once

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace fetch_test {

/// Runs from constructor to destructor, or until this process ends, even by a crash. One thread at
/// a time.
class ServerProcess {
 public:
  /// Adds `arguments` to the command line; `scheme` is https if they ask for it. Throws
  /// std::runtime_error if the server does not start.
  explicit ServerProcess(const std::filesystem::path& folder,
                         const std::vector<std::string>& arguments = {},
                         std::string scheme = "http");
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] int port() const { return port_; }
  /// "http://127.0.0.1:PORT", or https
  [[nodiscard]] std::string url() const;
  /// Replaces the rules of the server.
  void script(const nlohmann::json& rules) const;
  /// Continues responses that a rule holds.
  void release() const;
  /// Returns the recorded requests.
  [[nodiscard]] nlohmann::json log() const;

 private:
  std::string scheme_;
  pid_t pid_ = -1;
  int port_ = 0;
};

}  // namespace fetch_test
