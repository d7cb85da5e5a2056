#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <cstdlib>
#include <random>

namespace fetch_test {

std::string make_bytes(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() & 0xffU);
  return bytes;
}

FetchTest::FetchTest() {
  ::setenv("no_proxy", "*", 1);
  std::filesystem::create_directory(served_);
  server_.emplace(served_);
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
  return read_text(fetcher.get(remote(name), go_on).path);
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
