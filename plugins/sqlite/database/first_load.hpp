/// \file
/// The first load of a new file, which writes without a write-ahead log.
///
/// With a write-ahead log, readers and loads do not block each other, and many small transactions
/// are cheap; but every page is written and synced twice, in the log and in the file. A rollback
/// journal writes new pages once. So the first load of a new file, which has nothing to read yet,
/// does without the log (160 MB then take a third less time), and its commit enables it. The
/// application ID in the file's header marks a file that awaits its first load.
#pragma once

#include "plugins/sqlite/database/database.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sqlite {

/// Sets the page size of an empty file. Returns whether the file is empty: then the transaction that
/// creates its tables must call mark_for_first_load().
[[nodiscard]] bool set_page_size_if_empty(Database& database);

/// Marks a file that has no tables yet. REQUIRES: a transaction.
void mark_for_first_load(Database& database);

/// Whether the file at `path` is marked: its ledger is empty. Waits for no lock, since a first load
/// holds one to its end. False if there is no file.
[[nodiscard]] bool awaits_first_load(const std::string& path);

/// A transaction that ends with a row in the ledger. Must not outlive its Database, whose end rolls
/// it back.
class LoadTransaction {
 public:
  /// Begins, as Database::begin() does. A first load locks out readers from the start, or it would
  /// wait for them each time that the page cache is full.
  LoadTransaction(Database& database, std::string_view doing);

  /// After a first load, enables the write-ahead log; if a lock prevents that, the next load does.
  void commit(std::string_view doing);

  /// Application IDs: "etl0" and "etl1".
  enum class Mark : std::uint32_t { none = 0, awaits_load = 0x65746C30, awaits_log = 0x65746C31 };

 private:
  Database& database_;
  Mark mark_ = Mark::none;
  bool has_log_ = false;
};

}  // namespace sqlite
