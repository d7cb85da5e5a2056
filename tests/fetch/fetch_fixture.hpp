/// \file
/// What the tests of the Fetcher share: a served folder, a cache folder, a server and a host.
#pragma once

#include "fetcher.hpp"
#include "server_process.hpp"

#include <etl/context.hpp>
#include <etl/error.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fetch_test {

using Json = nlohmann::json;

[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& content);

/// Bytes that look random, the same for the same seed.
[[nodiscard]] std::string make_bytes(std::size_t size, unsigned seed);

/// Never to be cancelled.
[[nodiscard]] inline bool go_on() { return false; }

/// Calls `holds` until it is true; false after ten seconds.
[[nodiscard]] bool wait_until(const std::function<bool()>& holds);

/// An etl_host that keeps what is logged. Thread-safe.
class TestHost {
 public:
  TestHost();
  [[nodiscard]] etl::Context context() const { return etl::Context(&host_); }
  [[nodiscard]] bool has_warned(const std::string& part) const;
  /// From now on the run is several processes, with these limits.
  void offer(const etl_slots& slots) { slots_ = &slots; }

 private:
  const etl_slots* slots_ = nullptr;
  etl_host host_{};
  mutable std::mutex mutex_;
  std::vector<std::string> warnings_;
};

/// An own folder and an own server for each test.
class FetchTest : public testing::Test {
 protected:
  FetchTest();
  ~FetchTest() override;

  /// Makes the server have this file; returns its content.
  std::string serve(const std::string& name, std::size_t size = 100'000, unsigned seed = 1) const;
  [[nodiscard]] wikipedia::Remote remote(const std::string& name) const;
  [[nodiscard]] std::vector<wikipedia::Remote> remotes(const std::vector<std::string>& names) const;
  [[nodiscard]] wikipedia::FetchOptions options() const;
  [[nodiscard]] wikipedia::Fetcher fetcher() const { return {options(), host_.context()}; }
  [[nodiscard]] std::filesystem::path cached(const std::string& name) const {
    return cache_ / name;
  }

  /// The bytes a get() leads to.
  [[nodiscard]] std::string fetch(wikipedia::Fetcher& fetcher, const std::string& name) const;
  /// The error a get() throws; a failure of the test if it throws none.
  [[nodiscard]] etl::Error error_of(wikipedia::Fetcher& fetcher,
                                    const wikipedia::Remote& remote) const;
  [[nodiscard]] etl::Error error_of(wikipedia::Fetcher& fetcher, const char* name) const {
    return error_of(fetcher, remote(name));
  }

  void script(const Json& rules) const { server_->script(rules); }
  /// Requests the server has seen, for that file only unless the name is empty.
  [[nodiscard]] std::vector<Json> requests(const std::string& name = "") const;
  [[nodiscard]] Json log() const { return server_->log(); }

  std::filesystem::path root_;
  std::filesystem::path served_;
  std::filesystem::path cache_;
  TestHost host_;
  std::optional<ServerProcess> server_;
};

}  // namespace fetch_test
