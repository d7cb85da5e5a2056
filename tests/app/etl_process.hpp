/// \file
/// Runs the command `etl` as a user would.
#pragma once

#include "support.hpp"

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace runtime_test {

/// What a process left.
struct Ended {
  int code = -1;  ///< exit code; 128 + signal when a signal killed it
  std::string out;
  std::string err;

  /// stdout, which must hold exactly one JSON document.
  [[nodiscard]] nlohmann::json json() const;
};

/// A running `etl`; killed when it is not waited for.
class EtlProcess {
 public:
  struct Setting {
    std::map<std::string, std::string> environment;  ///< beside this process's own
    std::filesystem::path folder;                    ///< its current folder; empty = this process's
    std::filesystem::path binary = TEST_ETL;
    std::filesystem::path out;  ///< where its stdout goes; empty = Ended::out
  };

  explicit EtlProcess(std::vector<std::string> arguments) : EtlProcess(std::move(arguments), {}) {}
  EtlProcess(std::vector<std::string> arguments, Setting setting);
  ~EtlProcess();
  EtlProcess(const EtlProcess&) = delete;
  EtlProcess& operator=(const EtlProcess&) = delete;

  void signal(int number) const;
  /// Waits for its end, but not for ever.
  Ended wait();

 private:
  TempFolder folder_;
  pid_t pid_ = -1;
};

Ended run_etl(std::vector<std::string> arguments, EtlProcess::Setting setting = {});

}  // namespace runtime_test
