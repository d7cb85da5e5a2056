#include "core/app/verbs/run_report.hpp"

#include <etl/error.hpp>

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>

namespace etl::app {

namespace fs = std::filesystem;

RunReport::RunReport(fs::path path) : path_(std::move(path)), written_(path_) {
  if (path_.empty()) return;
  const auto refuse = [&](const std::string& why) {
    throw Error::config("--report: cannot write " + path_.string() + ": " + why);
  };
  std::error_code unreadable;
  const fs::file_status status = fs::status(path_, unreadable);
  if (fs::is_directory(status)) refuse("it is a folder");
  if (fs::exists(status) && !fs::is_regular_file(status)) return;
  written_ += ".partial";
  if (!std::ofstream(written_)) refuse(std::strerror(errno));
}

RunReport::~RunReport() {
  std::error_code ignored;
  if (written_ != path_) fs::remove(written_, ignored);  // gone already if it was renamed
}

bool RunReport::write(const runtime::Summary& summary, runtime::Log& log) const {
  if (path_.empty()) return true;
  std::ofstream out(written_);
  out << summary.json().dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  out.close();
  std::error_code failure;
  if (!out) failure.assign(errno, std::generic_category());
  else if (written_ != path_) fs::rename(written_, path_, failure);
  if (failure) log.error("cannot write " + path_.string() + ": " + failure.message());
  return !failure;
}

int RunReport::finish(const Session& session, const runtime::Summary& summary) const {
  int code = summary.status == "failed" ? exit_failed : exit_ok;
  if (summary.status == "interrupted") code = session.signal_exit_code();
  if (!write(summary, session.log) && code == exit_ok) code = exit_failed;
  if (session.json()) print_json(summary.json());
  else print(summary.text());
  return code;
}

}  // namespace etl::app
