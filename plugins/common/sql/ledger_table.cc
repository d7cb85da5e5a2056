#include "plugins/common/sql/ledger_table.hpp"

#include "plugins/common/sql/record_table.hpp"

#include <etl/error.hpp>

#include <array>

namespace sql {
namespace {

constexpr Columns<etl::LedgerRecord> ledger_record = etl::ledger_columns;
constexpr std::string_view reading = "reading etl_ledger";

std::array<Value, 4> values_of(const LedgerTable::Key& key) {
  return {std::string(key.pipeline), std::string(key.source), std::string(key.sink),
          std::string(key.partition)};
}

}  // namespace

TableDefinition ledger_definition(const Dialect& dialect, std::string schema, std::string shown) {
  return define_records(dialect, std::move(schema), ledger_name, std::move(shown), ledger_record);
}

std::vector<etl::LedgerRecord> LedgerTable::all(std::string_view pipeline,
                                                std::string_view sink) const {
  return read_records(session_, ledger_record, definition_, pipeline, sink);
}

std::optional<etl::LedgerRecord> LedgerTable::find(const Key& key, Lock lock) const {
  std::string text =
      "SELECT " + definition_.select_list() + " FROM " + definition_.sql_name() + where_key();
  if (lock == Lock::row) text += definition_.dialect->for_update;
  std::optional<etl::LedgerRecord> record;
  session_.query(reading, text, values_of(key),
                 [&](const Row& row) { record = read_record(row, ledger_record, definition_); });
  return record;
}

bool LedgerTable::has_namesake(const Key& key) const {
  const auto placeholder = definition_.dialect->placeholder;
  const std::array<Value, 4> params = {std::string(key.partition), std::string(key.pipeline),
                                       std::string(key.source), std::string(key.sink)};
  std::int64_t found = 0;
  session_.query(reading,
                 "SELECT count(*) FROM " + definition_.sql_name() +
                     " WHERE \"state\" = 'done' AND \"partition\" = " + placeholder(1) +
                     " AND NOT (\"pipeline\" = " + placeholder(2) + " AND \"source\" = " +
                     placeholder(3) + " AND \"sink\" = " + placeholder(4) + ")",
                 params, [&](const Row& row) { found = row.integer(0); });
  return found != 0;
}

bool LedgerTable::put(const etl::LedgerRecord& record, Replace replace) const {
  std::vector<Value> values;
  append_values(values, ledger_record, record, *definition_.dialect);
  const std::string_view condition =
      replace == Replace::all ? "" : "\"etl_ledger\".\"state\" <> 'done'";
  const std::string text =
      definition_.insert_sql(1) + definition_.dialect->upsert(definition_, condition);
  return session_.query("writing to etl_ledger", text, values) > 0;
}

void LedgerTable::commit(const etl::LedgerRecord& record, Replace replace) const {
  if (record.state != etl::State::done) {
    throw etl::Error(etl::Code::internal, "a partition commits as done, not as " +
                                              std::string(etl::state_name(record.state)));
  }
  if (put(record, replace)) return;
  const auto there = find({record.pipeline, record.source, record.sink, record.partition});
  if (!there || there->state != etl::State::done) {
    throw etl::Error::permanent("cannot record partition \"" + record.partition + "\" in " +
                                definition_.shown + ": a trigger of that table skips the row");
  }
  throw etl::Error::conflict("partition \"" + record.partition + "\" was committed to " +
                             definition_.shown +
                             " by another run meanwhile; this run rolled it back");
}

void LedgerTable::record(const etl::LedgerRecord& record) const {
  if (record.state == etl::State::done) {
    throw etl::Error(etl::Code::internal, "partition \"" + record.partition +
                                              "\": only a writer's commit() records done");
  }
  static_cast<void>(put(record, Replace::all_but_done));
}

void LedgerTable::remove(const Key& key) const {
  const std::int64_t removed =
      session_.query("deleting a record from etl_ledger",
                     "DELETE FROM " + definition_.sql_name() + where_key(), values_of(key));
  if (removed > 0) return;
  throw etl::Error::permanent("cannot delete the record of partition \"" +
                              std::string(key.partition) + "\" from " + definition_.shown +
                              ": a trigger of that table skips the row");
}

std::string LedgerTable::where_key() const {
  std::string text;
  for (std::size_t i = 0; i < definition_.key.size(); ++i) {
    text += (i == 0 ? " WHERE " : " AND ") + quoted(definition_.key[i]) + " = " +
            definition_.dialect->placeholder(i + 1);
  }
  return text;
}

}  // namespace sql
