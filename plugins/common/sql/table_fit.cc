#include "plugins/common/sql/table_fit.hpp"

#include <etl/error.hpp>

#include <algorithm>

namespace sql {
namespace {

using Column = ExistingTable::Column;

/// Why `column` cannot take the values of `field`; empty if it can.
std::string misfit(const Dialect& dialect, const etl::Field& field, const Column* column) {
  std::string fault;
  if (column == nullptr) fault = "missing";
  else if (column->generated) fault = "generated";
  else if (!dialect.keeps(column->type, field.type)) fault = column->shown_type;
  else return {};
  return "column \"" + field.name + "\" is " + fault +
         " (needed: " + std::string(dialect.type(field.type)) + " for " +
         std::string(etl::type_name(field.type)) + ")";
}

bool has_unique_key(const TableDefinition& wanted, const ExistingTable& existing) {
  return std::ranges::any_of(existing.unique_keys, [&](const etl::Strings& columns) {
    return std::ranges::is_permutation(columns, wanted.key, wanted.dialect->same_name);
  });
}

}  // namespace

void require_fit(const TableDefinition& wanted, const ExistingTable& existing,
                 std::string_view option) {
  const Dialect& dialect = *wanted.dialect;
  std::string faults;
  const auto add = [&](const std::string& fault) {
    if (!fault.empty()) faults += (faults.empty() ? "" : "; ") + fault;
  };
  for (const etl::Field& field : wanted.columns) {
    const auto column = std::ranges::find_if(existing.columns, [&](const Column& each) {
      return dialect.same_name(each.name, field.name);
    });
    add(misfit(dialect, field, column == existing.columns.end() ? nullptr : &*column));
  }
  for (const Column& column : existing.columns) {
    const bool filled = std::ranges::any_of(wanted.columns, [&](const etl::Field& field) {
      return dialect.same_name(field.name, column.name);
    });
    if (filled || !column.not_null || column.has_default || column.generated) continue;
    add("column \"" + column.name + "\" is " + column.shown_type +
        (column.shown_type.empty() ? "" : " ") +
        "NOT NULL without a default, and nothing fills it");
  }
  if (!wanted.key.empty() && !has_unique_key(wanted, existing)) {
    add("there is no PRIMARY KEY or UNIQUE index on exactly the key (" + column_list(wanted.key) +
        ")");
  }
  std::ranges::for_each(existing.faults, add);
  if (faults.empty()) return;
  throw etl::Error::config("table " + wanted.shown + " does not fit: " + faults).about(option);
}

}  // namespace sql
