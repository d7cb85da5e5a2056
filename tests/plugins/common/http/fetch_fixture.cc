#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

namespace fetch_test {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  out.close();
  ASSERT_TRUE(out.good()) << path;
}

std::string make_bytes(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() & 0xffU);
  return bytes;
}

bool wait_until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

TestHost::TestHost() {
  host_.struct_size = sizeof(host_);
  host_.abi_minor = ETL_ABI_MINOR;
  host_.ctx = this;
  host_.log = [](void* self, uint32_t level, etl_str text) {
    auto& host = *static_cast<TestHost*>(self);
    const std::lock_guard lock(host.mutex_);
    if (level >= ETL_WARN) host.warnings_.emplace_back(text.data, text.size);
  };
  host_.cancelled = [](void*) { return 0; };
  host_.extension = [](void* self, const char* id) -> const void* {
    return std::string_view(id) == ETL_SLOTS ? static_cast<TestHost*>(self)->slots_ : nullptr;
  };
  host_.memory = [](void*, std::int64_t) {};
}

bool TestHost::has_warned(const std::string& part) const {
  const std::lock_guard lock(mutex_);
  for (const std::string& warning : warnings_) {
    if (warning.find(part) != std::string::npos) return true;
  }
  return false;
}

FetchTest::FetchTest() {
  ::setenv("no_proxy", "*", 1);
  std::string pattern = (std::filesystem::temp_directory_path() / "fetch_test.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  root_ = pattern;
  served_ = root_ / "served";
  cache_ = root_ / "cache";
  std::filesystem::create_directory(served_);
  server_.emplace(served_);
}

FetchTest::~FetchTest() {
  server_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::string FetchTest::serve(const std::string& name, std::size_t size, unsigned seed) const {
  std::string content = make_bytes(size, seed);
  write_file(served_ / name, content);
  return content;
}

http::Remote FetchTest::remote(const std::string& name) const {
  return {name, server_->url() + "/" + name};
}

std::vector<http::Remote> FetchTest::remotes(const std::vector<std::string>& names) const {
  std::vector<http::Remote> list;
  list.reserve(names.size());
  for (const std::string& name : names) list.push_back(remote(name));
  return list;
}

http::FetchOptions FetchTest::options() const {
  http::FetchOptions options;
  options.user_agent = "etl-test/1.0 (test@example.org)";
  options.cache_dir = cache_;
  return options;
}

std::string FetchTest::fetch(http::Fetcher& fetcher, const std::string& name) const {
  return read_file(fetcher.get(remote(name), go_on).path);
}

etl::Error FetchTest::error_of(http::Fetcher& fetcher, const http::Remote& remote) const {
  try {
    const http::Fetched fetched = fetcher.get(remote, go_on);
    ADD_FAILURE() << remote.url << " gave " << fetched.path;
  } catch (const etl::Error& error) {
    return error;
  }
  return {etl::Code::internal, "no error"};
}

std::vector<Json> FetchTest::requests(const std::string& name) const {
  std::vector<Json> found;
  const Json seen = log();
  for (const Json& each : seen.at("requests")) {
    if (name.empty() || each.at("path") == "/" + name) found.push_back(each);
  }
  return found;
}

}  // namespace fetch_test
