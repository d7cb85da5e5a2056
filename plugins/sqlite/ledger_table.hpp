/// \file
/// The ledger: the table `etl_ledger` in the database that the sink writes to.
#pragma once

#include "database.hpp"
#include "table_definition.hpp"

#include <etl/ledger.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sqlite {

/// Reads and writes `etl_ledger`. Begins and ends no transaction: its caller does.
///
/// Borrows the connection, and like it is used by one thread at a time.
class LedgerTable {
 public:
  /// `schema` is the name of an attached database.
  explicit LedgerTable(Database& database, std::string schema = "main")
      : database_(database), schema_(std::move(schema)) {}

  /// The columns of the contract. started_at and finished_at are texts, `YYYY-MM-DD
  /// HH:MM:SS.ffffff` UTC.
  [[nodiscard]] static const TableDefinition& definition();

  /// The record of one partition.
  [[nodiscard]] std::optional<etl::LedgerRecord> find(std::string_view pipeline,
                                                      std::string_view source,
                                                      std::string_view sink,
                                                      std::string_view partition);
  /// Every record of a pipeline and sink, ordered by source and partition.
  [[nodiscard]] std::vector<etl::LedgerRecord> all(std::string_view pipeline,
                                                   std::string_view sink);

  enum class Replace { unless_done, always };
  /// Writes a record. False when there is a `done` one that stays.
  [[nodiscard]] bool put(const etl::LedgerRecord& record, Replace replace);
  /// Removes the record of one partition, if there is one.
  void remove(std::string_view pipeline, std::string_view source, std::string_view sink,
              std::string_view partition);

 private:
  [[nodiscard]] std::vector<etl::LedgerRecord> rows(Statement& query) const;

  Database& database_;
  std::string schema_;
};

}  // namespace sqlite
