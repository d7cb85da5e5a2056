/// \file
/// The table etl_ledger: which partitions are done, in the database of the rows.
#pragma once

#include "table_definition.hpp"

#include <etl/ledger.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// etl_ledger in one schema of the server. Holds no connection; may be used from any thread.
class LedgerTable {
 public:
  static constexpr std::string_view name = "etl_ledger";

  /// What is on record for one partition.
  struct Entry {
    etl::State state = etl::State::failed;
    std::int64_t rows_written = 0;
    std::string run_id;
  };
  /// May a record replace one that says `done`?
  enum class Replace { all_but_done, all };

  explicit LedgerTable(const std::string& schema);

  [[nodiscard]] const TableDefinition& definition() const { return definition_; }

  /// All records of a pipeline and sink, by source and partition; none where there is no ledger.
  [[nodiscard]] std::vector<etl::LedgerRecord> read(Connection& connection,
                                                    std::string_view pipeline,
                                                    std::string_view sink) const;

  /// The record of the partition to be written. `lock` keeps others from changing it until the
  /// transaction ends, and waits for who has it locked.
  struct Key {
    std::string_view pipeline, source, sink, partition;
  };
  [[nodiscard]] std::optional<Entry> find(Connection& connection, const Key& key, bool lock) const;
  /// Removes the record of the partition, if there is one.
  void remove(Connection& connection, const Key& key) const;

  /// Inserts or replaces a record. False when one that says `done` stands in the way. Waits for
  /// other transactions that have written the same record: this is the fence between runs.
  [[nodiscard]] bool write(Connection& connection, const etl::LedgerRecord& record,
                           Replace replace) const;

 private:
  TableDefinition definition_;
};

}  // namespace postgres
