#include "partition_rows.hpp"

#include "timestamp_text.hpp"

#include <string>
#include <variant>

namespace sqlite {

std::optional<StoredScope> stored_scope(const etl::Scope& scope, const etl::Schema& schema,
                                        Timestamps timestamps) {
  const auto position = scope.column.empty() ? std::nullopt : schema.find(scope.column);
  if (!position) return std::nullopt;
  const etl::Type type = schema[*position].type;
  if (const auto* text = std::get_if<std::string>(&scope.value)) {
    if (!etl::is_text(type)) return std::nullopt;
    return StoredScope{scope.column, *text};
  }
  const std::int64_t number = std::get<std::int64_t>(scope.value);
  const bool integer = type == etl::Type::int32 || type == etl::Type::int64;
  if (integer || (etl::is_timestamp(type) && timestamps == Timestamps::unix)) {
    return StoredScope{scope.column, number};
  }
  if (!etl::is_timestamp(type)) return std::nullopt;
  const auto text =
      type == etl::Type::timestamp_s ? timestamp_text(number) : timestamp_text_us(number);
  if (!text) return std::nullopt;
  return StoredScope{scope.column, std::string(text->view())};
}

namespace {

void bind_value(Statement& statement, const StoredScope& scope) {
  std::visit([&](const auto& value) { statement.bind(value); }, scope.value);
}

}  // namespace

RemovedRows remove_rows(Database& database, const TableOptions& options, const etl::Schema& schema,
                        const etl::Partition& partition, std::int64_t rows_written) {
  if (rows_written == 0) return {};
  const auto scope = stored_scope(partition.scope, schema, options.timestamps);
  if (!scope) return {0, "no column says which rows are the partition's"};
  const std::string doing =
      "removing the rows of partition " + partition.id + " from table \"" + options.table + "\"";
  const std::string rows_of_scope = " FROM main." + quoted(options.table) +
                                    " AS target WHERE target." + quoted(scope->column) + " = ?1";
  Statement count(database, "SELECT count(*)" + rows_of_scope, doing);
  bind_value(count, *scope);
  count.step();
  const std::int64_t found = count.integer(0);
  if (found != rows_written) {
    return {0, "it has " + std::to_string(found) + " rows with the partition's value of column \"" +
                   scope->column + "\", where the ledger says that " +
                   std::to_string(rows_written) +
                   " were written; other rows share the value, or some were removed since"};
  }
  count.reset();
  Statement remove(database, "DELETE" + rows_of_scope, doing);
  bind_value(remove, *scope);
  remove.run();
  return {sqlite3_changes64(database.handle()), {}};
}

}  // namespace sqlite
