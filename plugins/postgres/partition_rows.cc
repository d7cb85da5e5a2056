#include "partition_rows.hpp"

#include "identifier.hpp"

#include <array>
#include <optional>
#include <variant>

namespace postgres {
namespace {

// The scope's value as a parameter for its column. Nothing when the column cannot be one of a
// scope.
std::optional<Param> scope_value(const etl::Scope& scope, const etl::Field& field) {
  if (const auto* text = std::get_if<std::string>(&scope.value)) {
    return etl::is_text(field.type) ? std::optional(Param::text(*text)) : std::nullopt;
  }
  const std::int64_t number = std::get<std::int64_t>(scope.value);
  switch (field.type) {
    case etl::Type::int32:
    case etl::Type::int64:
      return Param::integer(number);
    case etl::Type::timestamp_us:
      return Param::timestamp(number);
    case etl::Type::timestamp_s: {
      std::int64_t microseconds = 0;
      if (__builtin_mul_overflow(number, std::int64_t{1'000'000}, &microseconds))
        return std::nullopt;
      return Param::timestamp(microseconds);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

RemovedRows remove_rows(Connection& connection, const TableDefinition& table,
                        const etl::Partition& partition, std::int64_t rows_written,
                        IfRefused if_refused) {
  if (rows_written == 0) return {};
  const etl::Scope& scope = partition.scope;
  const auto column = scope.column.empty() ? std::nullopt : table.schema.find(scope.column);
  const auto value = column ? scope_value(scope, table.schema[*column]) : std::nullopt;
  if (!value) {
    return {0, "no column tells its " + std::to_string(rows_written) + " rows from others"};
  }
  const auto refused = [&](std::int64_t found) {
    return RemovedRows{0, std::to_string(found) + " rows have its value of column \"" +
                              scope.column + "\", but it wrote " + std::to_string(rows_written) +
                              ". Others write there too, or rows were changed since"};
  };
  const std::array params = {*value};
  const std::string from = " FROM " + table.name.sql() + " WHERE " + quoted(scope.column) + " = $1";
  const std::string doing = "removing the earlier rows from table " + table.name.shown();
  if (if_refused == IfRefused::keep) {
    const std::int64_t found =
        connection.run(doing, "SELECT count(*)" + from, params).integer(0, 0);
    if (found != rows_written) return refused(found);
  }
  const std::int64_t removed = connection.run(doing, "DELETE" + from, params).affected();
  return removed == rows_written ? RemovedRows{removed, {}} : refused(removed);
}

}  // namespace postgres
