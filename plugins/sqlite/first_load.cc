#include "first_load.hpp"

#include <array>
#include <cstdint>
#include <memory>

namespace sqlite {
namespace {

/// "etl0" as an application ID; it is 0 again once the file was loaded.
constexpr std::uint32_t mark = 0x65746C30;
constexpr int mark_offset = 68;  // https://www.sqlite.org/fileformat.html, "Application ID"

std::string set_application_id(std::uint32_t id) {
  return "PRAGMA main.application_id = " + std::to_string(id);
}

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};

}  // namespace

void await_first_load(Database& database) {
  constexpr std::string_view doing = "creating it";
  if (database.pragma("page_count") != "0") return;
  // Large pages make up for some of what the log will cost: with 16 KiB a transaction of 30 MiB
  // already changes a page that the log holds, and the checksums of all that came after it in the
  // log are computed again; with 32 KiB that takes 200 MiB.
  database.execute("PRAGMA page_size = 32768", doing);
  database.begin(doing);
  // Another process may have done the same, and more, before this one got the lock.
  Statement tables(database, "SELECT count(*) FROM sqlite_schema", std::string(doing));
  const bool is_new = tables.step() && tables.integer(0) == 0;
  tables.reset();
  if (is_new) database.execute(set_application_id(mark), doing);
  database.commit(doing);
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
  // By SQLite's own file, for whoever opens and closes another one drops all locks that the process
  // has on it. Nobody but the commit of a first load changes these bytes.
  std::array<unsigned char, 4> bytes{};  // the most significant one first
  if (file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), mark_offset) !=
      SQLITE_OK) {
    return false;
  }
  std::uint32_t id = 0;
  for (const unsigned char byte : bytes) id = id << 8U | byte;
  return id == mark;
}

LoadTransaction::LoadTransaction(Database& database, std::string_view doing) : database_(database) {
  database_.begin(doing);
  is_first_ =
      !database_.has_log() && database_.pragma("main.application_id") == std::to_string(mark);
  // So that nobody comes between the commit and the change of the journal.
  if (is_first_) database_.execute("PRAGMA main.locking_mode = EXCLUSIVE", doing);
}

void LoadTransaction::commit(std::string_view doing) {
  if (!is_first_) return database_.commit(doing);
  database_.execute(set_application_id(0), doing);
  database_.commit(doing);
  // The rows are safe whatever becomes of this: without the log loads are slower.
  sqlite3_exec(database_.handle(), "PRAGMA main.journal_mode = WAL", nullptr, nullptr, nullptr);
}

}  // namespace sqlite
