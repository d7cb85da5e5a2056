/// \file
/// The first load of a file that etl makes, and the transactions that may be it.
///
/// With a write-ahead log readers neither wait for a load nor hold it up, and many small
/// transactions cost little; but every page is written twice, once to the log and once to the file,
/// and both are synced. A rollback journal writes new pages once. So the first load of a new file,
/// from which nobody could read anything anyway, goes without the log (160 MB then take a third
/// less time), and its commit gives the file one. A mark in the file, in a field of its header that
/// SQLite leaves to applications, says that the first load is still to come.
#pragma once

#include "database.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sqlite {

/// Gives an empty file its page size, and leaves others alone. Whether it is empty: then
/// mark_for_first_load() belongs into the transaction that creates its tables.
[[nodiscard]] bool shape_if_empty(Database& database);

/// Marks a file that has no tables yet, and leaves others alone. REQUIRES: a transaction.
void mark_for_first_load(Database& database);

/// Whether the file at `path` is marked: its ledger is empty. Waits for no lock, since a first load
/// holds one all the while. False also where there is no file.
[[nodiscard]] bool awaits_first_load(const std::string& path);

/// A transaction that ends with a row in the ledger. It ends with its Database at the latest, which
/// it must not outlive.
class LoadTransaction {
 public:
  /// Begins it, as Database::begin() does. A first load has the file to itself from here on, or the
  /// cache would wait for readers each time that it is full.
  LoadTransaction(Database& database, std::string_view doing);

  /// A first load gives the file its log. Where somebody is in the way of that, the next load does.
  void commit(std::string_view doing);

  /// Application IDs: "etl0" and "etl1".
  enum class Mark : std::uint32_t { none = 0, awaits_load = 0x65746C30, awaits_log = 0x65746C31 };

 private:
  Database& database_;
  Mark mark_ = Mark::none;
  bool has_log_ = false;
};

}  // namespace sqlite
