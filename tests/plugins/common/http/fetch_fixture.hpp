/// \file
/// Fixture for tests of the Fetcher: a served folder, a cache folder, a server and a host.
#pragma once

#include "plugins/common/http/fetcher.hpp"
#include "tests/plugins/common/http/server_process.hpp"

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

/// Returns pseudo-random bytes, the same for the same seed.
[[nodiscard]] std::string make_bytes(std::size_t size, unsigned seed);

/// A `cancelled` callback that never cancels.
[[nodiscard]] inline bool go_on() { return false; }

/// Calls `holds` until it returns true; returns false after ten seconds.
[[nodiscard]] bool wait_until(const std::function<bool()>& holds);

/// An etl_host that records log messages. Thread-safe.
class TestHost {
 public:
  TestHost();
  [[nodiscard]] etl::Context context() const { return etl::Context(&host_); }
  [[nodiscard]] bool has_warned(const std::string& part) const;
  /// Offers limits that are shared with other processes.
  void offer(const etl_slots& slots) { slots_ = &slots; }

 private:
  const etl_slots* slots_ = nullptr;
  etl_host host_{};
  mutable std::mutex mutex_;
  std::vector<std::string> warnings_;
};

/// Gives each test its own folders and server.
class FetchTest : public testing::Test {
 protected:
  FetchTest();
  ~FetchTest() override;

  /// Puts a file on the server; returns its content.
  std::string serve(const std::string& name, std::size_t size = 100'000, unsigned seed = 1) const;
  [[nodiscard]] http::Remote remote(const std::string& name) const;
  [[nodiscard]] std::vector<http::Remote> remotes(const std::vector<std::string>& names) const;
  [[nodiscard]] http::FetchOptions options() const;
  [[nodiscard]] http::Fetcher fetcher() const { return {options(), host_.context()}; }
  [[nodiscard]] std::filesystem::path cached(const std::string& name) const {
    return cache_ / name;
  }

  /// Returns the content that get() yields.
  [[nodiscard]] std::string fetch(http::Fetcher& fetcher, const std::string& name) const;
  /// Returns the error that get() throws; fails the test if it throws none.
  [[nodiscard]] etl::Error error_of(http::Fetcher& fetcher, const http::Remote& remote) const;
  [[nodiscard]] etl::Error error_of(http::Fetcher& fetcher, const char* name) const {
    return error_of(fetcher, remote(name));
  }

  void script(const Json& rules) const { server_->script(rules); }
  /// Returns the requests to the server, for one file unless the name is empty.
  [[nodiscard]] std::vector<Json> requests(const std::string& name = "") const;
  [[nodiscard]] Json log() const { return server_->log(); }

  std::filesystem::path root_;
  std::filesystem::path served_;
  std::filesystem::path cache_;
  TestHost host_;
  std::optional<ServerProcess> server_;
};

}  // namespace fetch_test
