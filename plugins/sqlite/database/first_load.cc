#include "plugins/sqlite/database/first_load.hpp"

#include <array>
#include <cstdint>
#include <memory>

namespace sqlite {
namespace {

using Mark = LoadTransaction::Mark;

/// Fields of the header: https://www.sqlite.org/fileformat.html
constexpr std::size_t write_version_offset = 18;  ///< 1 = rollback journal, 2 = write-ahead log
constexpr std::size_t application_id_offset = 68;

constexpr std::string_view creating = "creating its tables";

std::string set_mark(Mark mark) {
  return "PRAGMA main.application_id = " + std::to_string(static_cast<std::uint32_t>(mark));
}

Mark mark_of(Database& database) {
  const std::string id = database.pragma("main.application_id");
  for (const Mark mark : {Mark::awaits_load, Mark::awaits_log})
    if (id == std::to_string(static_cast<std::uint32_t>(mark))) return mark;
  return Mark::none;
}

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};

}  // namespace

bool set_page_size_if_empty(Database& database) {
  if (database.pragma("page_count") != "0") return false;
  // A transaction that changes a page already in the log makes SQLite compute the checksums of all
  // later pages again. That happens from 30 MiB on with 16 KiB pages, from 200 MiB on with 32 KiB.
  database.execute("PRAGMA page_size = 32768", creating);
  return true;
}

void mark_for_first_load(Database& database) {
  // Another process may have created the tables before this one got the lock.
  Statement tables(database, "SELECT count(*) FROM sqlite_schema", std::string(creating));
  const bool is_new = tables.step() && tables.integer(0) == 0;
  tables.reset();
  if (is_new) database.execute(set_mark(Mark::awaits_load), creating);
}

bool awaits_first_load(const std::string& path) {
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  const std::unique_ptr<sqlite3, Close> handle(opened);
  sqlite3_file* file = nullptr;
  if (code != SQLITE_OK ||
      sqlite3_file_control(opened, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
      file == nullptr || file->pMethods == nullptr) {
    return false;
  }
  // Through SQLite's own descriptor: closing another one would drop all locks of this process on the
  // file. With a log, this page may be outdated; but then readers do not wait long anyway.
  std::array<unsigned char, application_id_offset + 4> header{};
  if (file->pMethods->xRead(file, header.data(), static_cast<int>(header.size()), 0) != SQLITE_OK ||
      header[write_version_offset] != 1) {
    return false;
  }
  std::uint32_t id = 0;  // the most significant byte comes first
  for (std::size_t i = application_id_offset; i < header.size(); ++i) id = id << 8U | header[i];
  return id == static_cast<std::uint32_t>(Mark::awaits_load);
}

LoadTransaction::LoadTransaction(Database& database, std::string_view doing) : database_(database) {
  const Mark before = mark_of(database_);
  const bool had_log = database_.has_log();
  if (before == Mark::awaits_load && !had_log) database_.execute("BEGIN EXCLUSIVE", doing);
  else database_.begin(doing);
  if (before == Mark::none) return;
  mark_ = mark_of(database_);  // another process may have loaded since
  has_log_ = database_.pragma("main.journal_mode") == "wal";
}

void LoadTransaction::commit(std::string_view doing) {
  if (mark_ == Mark::none) return database_.commit(doing);
  database_.execute(set_mark(has_log_ ? Mark::none : Mark::awaits_log), doing);
  database_.commit(doing);
  // Failing here is harmless: the mark makes the next load try again.
  if (!has_log_ && database_.try_now("PRAGMA main.journal_mode = WAL"))
    database_.try_now(set_mark(Mark::none));
}

}  // namespace sqlite
