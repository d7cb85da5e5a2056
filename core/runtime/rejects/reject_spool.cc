#include "core/runtime/rejects/reject_spool.hpp"

#include "core/runtime/base/ownership.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace etl::runtime {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t flush_at = std::size_t{64} << 10;
constexpr const char* extension = ".spool";

/// Whether `path` still is the opened file: it may have been removed before it was locked.
bool same_file(const Descriptor& opened, const fs::path& path) {
  struct stat held {};
  struct stat there {};
  return ::fstat(opened.get(), &held) == 0 && ::stat(path.c_str(), &there) == 0 &&
         held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}

}  // namespace

// ---- header ------------------------------------------------------------------------------------

std::string spool_line(const SpoolHeader& header) {
  return json{{"pipeline_file", header.pipeline_file},
              {"run_id", header.run_id},
              {"pipeline", header.key.pipeline},
              {"source", header.key.source},
              {"partition", header.key.partition},
              {"attempt", header.attempt},
              {"sinks", header.sinks},
              {"repaired", header.repaired}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

SpoolHeader parse_spool_header(std::string_view line) {
  try {
    const json object = json::parse(line);
    SpoolHeader header;
    header.pipeline_file = object.at("pipeline_file");
    header.run_id = object.at("run_id");
    header.key = {object.at("pipeline"), object.at("source"), object.at("partition")};
    header.attempt = object.at("attempt");
    header.sinks = object.at("sinks").get<decltype(header.sinks)>();
    header.repaired = object.at("repaired").get<std::vector<std::string>>();
    return header;
  } catch (const json::exception& error) {
    throw Error::permanent(fmt::format("has no valid spool header: {}", error.what()));
  }
}

// ---- folders -----------------------------------------------------------------------------------

std::string why_untrusted(const fs::path& spools) {
  struct stat found {};
  if (::lstat(spools.c_str(), &found) != 0) return {};
  if (!S_ISDIR(found.st_mode)) return fmt::format("{} is not a folder", spools.string());
  const std::string why = why_not_private(spools, found);
  if (why.empty()) return {};
  return fmt::format("{} is refused, because {}; remove it if no run uses it", spools.string(),
                     why);
}

SpoolFolder::SpoolFolder(const RejectPath& rejects, const std::string& run_id)
    : path_(rejects.spools() / run_id) {
  constexpr mode_t mode = 0755;
  // Until the folder is locked, another run may remove it as empty.
  while (true) {
    if (::mkdir(path_.parent_path().c_str(), mode) != 0 && errno != EEXIST)
      throw file_error("cannot create the folder", path_.parent_path());
    if (const std::string why = why_untrusted(path_.parent_path()); !why.empty())
      throw Error::permanent(why);
    if (::mkdir(path_.c_str(), mode) != 0 && errno != EEXIST) {
      if (errno == ENOENT) continue;
      throw file_error("cannot create the folder", path_);
    }
    const int descriptor = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) continue;
    if (descriptor < 0) throw file_error("cannot open the folder", path_);
    lock_ = Descriptor(descriptor);
    if (::flock(descriptor, LOCK_SH) != 0) throw file_error("cannot lock", path_);
    if (same_file(lock_, path_)) return;
  }
}

std::optional<SpoolFolder> SpoolFolder::of_dead_run(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  Descriptor lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 || !same_file(lock, path)) return std::nullopt;
  return SpoolFolder(path, std::move(lock));
}

fs::path SpoolFolder::file(std::int64_t number) const {
  return path_ / fmt::format("{:010}{}", number, extension);
}

std::vector<fs::path> SpoolFolder::files() const {
  std::error_code ignored;
  return files_in(path_, extension, ignored);
}

void SpoolFolder::remove_if_empty() const {
  std::error_code ignored;
  if (!files().empty()) return;
  std::vector<fs::path> rest;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_, ignored))
    rest.push_back(entry.path());
  for (const fs::path& file : rest) fs::remove(file, ignored);
  if (::rmdir(path_.c_str()) == 0) ::rmdir(path_.parent_path().c_str());
}

// ---- one attempt -------------------------------------------------------------------------------

SpoolWriter::SpoolWriter(fs::path file, SpoolHeader header, bool always)
    : file_(std::move(file)), part_(file_), header_(std::move(header)), always_(always) {
  part_.replace_extension(".part");
}

SpoolWriter::~SpoolWriter() {
  if (out_ && !finished_) ::unlink(part_.c_str());
}

void SpoolWriter::open() {
  if (out_) return;
  out_ = open_file(part_, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  buffer_ = spool_line(header_) + "\n";
}

void SpoolWriter::flush() {
  write_all(out_, buffer_, part_);
  buffer_.clear();
}

void SpoolWriter::add(const RejectEntry& entry) {
  open();
  buffer_.append(reject_line(entry)).push_back('\n');
  if (buffer_.size() >= flush_at) flush();
}

void SpoolWriter::finish() {
  if (always_) open();
  if (!out_) return;
  flush();
  sync_file(out_, part_);
  if (::rename(part_.c_str(), file_.c_str()) != 0) throw file_error("cannot write", file_);
  finished_ = true;
  sync_folder(file_.parent_path());
}

}  // namespace etl::runtime
