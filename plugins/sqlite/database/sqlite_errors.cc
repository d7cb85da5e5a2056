#include "plugins/sqlite/database/sqlite_errors.hpp"

#include <string>
#include <system_error>

namespace sqlite {
namespace {

using etl::Code;

#define CODE(code, meaning) \
  { code, #code, Code::meaning }

// Transient: it may succeed later. Another connection's lock, a full disk, a failing device or
// network file system, a lack of memory or of file descriptors. Permanent: the same rows fail again.
// Extended codes are listed for their names, or if they differ from their primary code.
constexpr ResultCode code_table[] = {
    CODE(SQLITE_ERROR, permanent),  // wrong SQL: a missing table, an overlong statement
    CODE(SQLITE_ERROR_SNAPSHOT, transient),
    CODE(SQLITE_INTERNAL, internal),
    CODE(SQLITE_PERM, permanent),
    CODE(SQLITE_ABORT, transient),
    CODE(SQLITE_ABORT_ROLLBACK, transient),
    CODE(SQLITE_BUSY, transient),
    CODE(SQLITE_BUSY_RECOVERY, transient),
    CODE(SQLITE_BUSY_SNAPSHOT, transient),
    CODE(SQLITE_BUSY_TIMEOUT, transient),
    CODE(SQLITE_LOCKED, transient),
    CODE(SQLITE_LOCKED_SHAREDCACHE, transient),
    CODE(SQLITE_NOMEM, transient),
    CODE(SQLITE_READONLY, permanent),
    CODE(SQLITE_READONLY_RECOVERY, permanent),
    CODE(SQLITE_READONLY_CANTLOCK, permanent),
    CODE(SQLITE_READONLY_ROLLBACK, permanent),
    CODE(SQLITE_READONLY_DBMOVED, permanent),
    CODE(SQLITE_READONLY_CANTINIT, permanent),
    CODE(SQLITE_READONLY_DIRECTORY, permanent),
    CODE(SQLITE_INTERRUPT, cancelled),
    CODE(SQLITE_IOERR, transient),
    CODE(SQLITE_IOERR_READ, transient),
    CODE(SQLITE_IOERR_SHORT_READ, transient),
    CODE(SQLITE_IOERR_WRITE, transient),
    CODE(SQLITE_IOERR_FSYNC, transient),
    CODE(SQLITE_IOERR_DIR_FSYNC, transient),
    CODE(SQLITE_IOERR_TRUNCATE, transient),
    CODE(SQLITE_IOERR_FSTAT, transient),
    CODE(SQLITE_IOERR_UNLOCK, transient),
    CODE(SQLITE_IOERR_RDLOCK, transient),
    CODE(SQLITE_IOERR_DELETE, transient),
    CODE(SQLITE_IOERR_DELETE_NOENT, transient),
    CODE(SQLITE_IOERR_NOMEM, transient),
    CODE(SQLITE_IOERR_ACCESS, transient),
    CODE(SQLITE_IOERR_CHECKRESERVEDLOCK, transient),
    CODE(SQLITE_IOERR_LOCK, transient),
    CODE(SQLITE_IOERR_CLOSE, transient),
    CODE(SQLITE_IOERR_SHMOPEN, transient),
    CODE(SQLITE_IOERR_SHMSIZE, transient),
    CODE(SQLITE_IOERR_SHMLOCK, transient),
    CODE(SQLITE_IOERR_SHMMAP, transient),
    CODE(SQLITE_IOERR_SEEK, transient),
    CODE(SQLITE_IOERR_MMAP, transient),
    CODE(SQLITE_IOERR_GETTEMPPATH, transient),
    CODE(SQLITE_IOERR_DATA, permanent),       // a wrong checksum stays wrong
    CODE(SQLITE_IOERR_CORRUPTFS, permanent),  // likewise in the file system
    CODE(SQLITE_CORRUPT, permanent),
    CODE(SQLITE_CORRUPT_VTAB, permanent),
    CODE(SQLITE_CORRUPT_SEQUENCE, permanent),
    CODE(SQLITE_CORRUPT_INDEX, permanent),
    CODE(SQLITE_NOTFOUND, internal),
    CODE(SQLITE_FULL, transient),
    CODE(SQLITE_CANTOPEN, transient),  // no file descriptor, or a journal cannot be created
    CODE(SQLITE_CANTOPEN_ISDIR, permanent),
    CODE(SQLITE_CANTOPEN_FULLPATH, permanent),
    CODE(SQLITE_CANTOPEN_SYMLINK, permanent),
    CODE(SQLITE_PROTOCOL, transient),  // lost a race for WAL locks too often
    CODE(SQLITE_SCHEMA, transient),    // the schema changed more often than a statement is prepared
    CODE(SQLITE_TOOBIG, permanent),
    CODE(SQLITE_CONSTRAINT, permanent),
    CODE(SQLITE_CONSTRAINT_CHECK, permanent),
    CODE(SQLITE_CONSTRAINT_FOREIGNKEY, permanent),
    CODE(SQLITE_CONSTRAINT_NOTNULL, permanent),
    CODE(SQLITE_CONSTRAINT_PRIMARYKEY, permanent),
    CODE(SQLITE_CONSTRAINT_TRIGGER, permanent),
    CODE(SQLITE_CONSTRAINT_UNIQUE, permanent),
    CODE(SQLITE_CONSTRAINT_ROWID, permanent),
    CODE(SQLITE_CONSTRAINT_DATATYPE, permanent),
    CODE(SQLITE_MISMATCH, permanent),
    CODE(SQLITE_MISUSE, internal),
    CODE(SQLITE_NOLFS, permanent),
    CODE(SQLITE_AUTH, permanent),
    CODE(SQLITE_RANGE, internal),
    CODE(SQLITE_NOTADB, config),  // the wrong file
};
#undef CODE

constexpr int primary(int code) { return code & 0xFF; }

/// The system's reason, for the codes that come from a failed system call.
std::string system_reason(sqlite3* handle, int code) {
  const bool from_system = primary(code) == SQLITE_IOERR || primary(code) == SQLITE_CANTOPEN;
  if (handle == nullptr || !from_system) return {};
  const int number = sqlite3_system_errno(handle);
  return number == 0 ? std::string() : ": " + std::generic_category().message(number);
}

}  // namespace

std::span<const ResultCode> result_codes() { return code_table; }

ResultCode result_code(int code) {
  for (const ResultCode& row : code_table) {
    if (row.code == code) return row;
  }
  for (const ResultCode& row : code_table) {
    if (row.code == primary(code)) return {code, row.name, row.meaning};
  }
  return {code, "an unknown code", Code::permanent};
}

etl::Error error_from(sqlite3* handle, int code) {
  const ResultCode row = result_code(code);
  // The connection's message is that of its last failed call, which may be another one.
  const bool current = handle != nullptr && primary(sqlite3_errcode(handle)) == primary(code);
  std::string text = current ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  text += " (" + std::string(row.name) + ", " + std::to_string(code) + ")" +
          system_reason(handle, code);
  return {row.meaning, std::move(text)};
}

}  // namespace sqlite
