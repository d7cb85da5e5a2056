#include "etl_process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace runtime_test {
namespace {

/// This process's environment without what would change a run by accident.
std::vector<std::string> environment(const std::map<std::string, std::string>& given) {
  std::vector<std::string> all = {"NO_COLOR=1"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("ETL_") && !text.starts_with("NO_COLOR=")) all.emplace_back(text);
  }
  for (const auto& [name, value] : given) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

nlohmann::json Ended::json() const {
  const nlohmann::json document = nlohmann::json::parse(out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << "stdout is not one JSON document:\n" << out << err;
  return document;
}

EtlProcess::EtlProcess(std::vector<std::string> arguments, Setting setting) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::string out =
      setting.out.empty() ? (folder_.path() / "out").string() : setting.out.string();
  const std::string err = (folder_.path() / "err").string();
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0600);
  if (!setting.folder.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, setting.folder.c_str());
  }
  arguments.insert(arguments.begin(), setting.binary.string());
  std::vector<std::string> variables = environment(setting.environment);
  const int failure = ::posix_spawn(&pid_, setting.binary.c_str(), &actions, nullptr,
                                    pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw std::runtime_error(setting.binary.string() + std::strerror(failure));
}

EtlProcess::~EtlProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void EtlProcess::signal(int number) const { ::kill(pid_, number); }

Ended EtlProcess::wait() {
  int status = 0;
  const bool ended = wait_until([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
  if (!ended) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status, 0);
    ADD_FAILURE() << "etl did not end";
  }
  pid_ = -1;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          read_text(folder_.path() / "out"), read_text(folder_.path() / "err")};
}

Ended run_etl(std::vector<std::string> arguments, EtlProcess::Setting setting) {
  return EtlProcess(std::move(arguments), std::move(setting)).wait();
}

}  // namespace runtime_test
