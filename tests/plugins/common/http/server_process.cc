#include "tests/plugins/common/http/server_process.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <utility>

namespace fetch_test {
namespace {

std::size_t append(char* bytes, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(bytes, size * count);
  return size * count;
}

/// A GET, or a POST if there is a body.
std::string request(const std::string& url, const std::string* body) {
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), curl_easy_cleanup);
  std::string answer;
  curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_SSL_VERIFYPEER, 0L);  // a child process of ours
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &answer);
  if (body != nullptr) curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, body->c_str());
  const CURLcode code = curl_easy_perform(handle.get());
  if (code != CURLE_OK) throw std::runtime_error(url + ": " + curl_easy_strerror(code));
  return answer;
}

[[noreturn]] void become_server(const std::vector<std::string>& words, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(output, STDOUT_FILENO);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

}  // namespace

ServerProcess::ServerProcess(const std::filesystem::path& folder,
                             const std::vector<std::string>& arguments, std::string scheme)
    : scheme_(std::move(scheme)) {
  std::vector<std::string> words{FETCH_TEST_PYTHON, FETCH_TEST_SERVER, folder.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  pid_ = ::fork();
  if (pid_ == 0) become_server(words, ends[1]);
  ::close(ends[1]);
  FILE* output = ::fdopen(ends[0], "r");
  char line[64] = "";
  const char* got = std::fgets(line, sizeof(line), output);
  std::fclose(output);
  const std::string text = got == nullptr ? "" : got;
  if (pid_ < 0 || !text.starts_with("PORT "))
    throw std::runtime_error("the fault server did not start");
  port_ = std::stoi(text.substr(5));
}

ServerProcess::~ServerProcess() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

std::string ServerProcess::url() const { return scheme_ + "://127.0.0.1:" + std::to_string(port_); }

void ServerProcess::script(const nlohmann::json& rules) const {
  // In this library {rule} copies rule instead of making a list of one.
  const auto list = rules.is_array() ? rules : nlohmann::json::array({rules});
  const std::string body = nlohmann::json{{"rules", list}}.dump();
  request(url() + "/__script__", &body);
}

void ServerProcess::release() const {
  const std::string nothing;
  request(url() + "/__release__", &nothing);
}

nlohmann::json ServerProcess::log() const {
  return nlohmann::json::parse(request(url() + "/__log__", nullptr));
}

}  // namespace fetch_test
