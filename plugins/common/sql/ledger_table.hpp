/// \file
/// The ledger: the table `etl_ledger` in the database that a sink writes to. <etl/ledger.hpp> lists
/// its columns.
#pragma once

#include "plugins/common/sql/session.hpp"
#include "plugins/common/sql/table_definition.hpp"

#include <etl/ledger.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sql {

inline constexpr std::string_view ledger_name = "etl_ledger";

[[nodiscard]] TableDefinition ledger_definition(const Dialect& dialect, std::string schema,
                                                std::string shown);

/// Whether a record may replace one whose state is `done`.
enum class Replace { all_but_done, all };

/// Reads and writes an existing ledger. The caller begins and ends transactions.
///
/// Borrows the session; like it, used by one thread at a time.
class LedgerTable {
 public:
  struct Key {
    std::string_view pipeline, source, sink, partition;
  };
  enum class Lock { none, row };

  LedgerTable(Session& session, TableDefinition definition)
      : session_(session), definition_(std::move(definition)) {}

  [[nodiscard]] const TableDefinition& definition() const { return definition_; }
  [[nodiscard]] Session& session() const { return session_; }

  /// All records of a pipeline and sink, ordered by source and partition.
  [[nodiscard]] std::vector<etl::LedgerRecord> all(std::string_view pipeline,
                                                   std::string_view sink) const;
  /// The record of one partition. Lock::row waits for transactions that have locked it, and keeps
  /// others from changing it until the transaction ends.
  [[nodiscard]] std::optional<etl::LedgerRecord> find(const Key& key, Lock lock = Lock::none) const;
  /// Whether a partition with the same id, of another pipeline, source or sink, is done.
  [[nodiscard]] bool has_namesake(const Key& key) const;
  /// Inserts or replaces a record; false if a `done` one stays. Waits for other transactions that
  /// have written the same record: this is the fence between runs.
  [[nodiscard]] bool put(const etl::LedgerRecord& record, Replace replace) const;
  /// put() at the end of a load. Throws Error: conflict if a `done` record stays; permanent if the
  /// ledger does not take the record.
  void commit(const etl::LedgerRecord& record, Replace replace) const;
  /// put() of a partition that was not loaded. A `done` record stays: another run has loaded what
  /// this one could not. REQUIRES: the record's state is not `done`.
  void record(const etl::LedgerRecord& record) const;
  /// Removes the record of one partition. REQUIRES: find() has locked it. Throws Error (permanent)
  /// if it stays.
  void remove(const Key& key) const;

 private:
  [[nodiscard]] std::string where_key() const;

  Session& session_;
  TableDefinition definition_;
};

}  // namespace sql
