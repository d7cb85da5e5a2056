#include "plugins/sqlite/table/dialect.hpp"

#include "plugins/common/sql/table_definition.hpp"
#include "plugins/common/sql/timestamp_text.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <initializer_list>

namespace sqlite {
namespace {

std::string_view text_type(etl::Type type) {
  switch (type) {
    case etl::Type::boolean:
    case etl::Type::int32:
    case etl::Type::int64:
      return "INTEGER";
    case etl::Type::float64:
      return "REAL";
    case etl::Type::binary:
      return "BLOB";
    case etl::Type::utf8:
    case etl::Type::utf8_view:
    case etl::Type::timestamp_s:
    case etl::Type::timestamp_us:
      break;
  }
  return "TEXT";
}

std::string_view unix_type(etl::Type type) {
  return text_type(etl::is_timestamp(type) ? etl::Type::int64 : type);
}

/// The affinity that SQLite derives from a declared type, named by a type of that affinity
/// (https://www.sqlite.org/datatype3.html#determination_of_column_affinity). Empty without one.
std::string_view affinity_of(std::string_view declared) {
  std::string upper(declared);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  const auto has = [&](std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words,
                               [&](auto word) { return upper.find(word) != std::string::npos; });
  };
  if (upper.empty()) return "";
  if (has({"INT"})) return "INTEGER";
  if (has({"CHAR", "CLOB", "TEXT"})) return "TEXT";
  if (has({"BLOB"})) return "BLOB";
  if (has({"REAL", "FLOA", "DOUB"})) return "REAL";
  return "NUMERIC";
}

bool unix_keeps(std::string_view declared, etl::Type type) {
  const std::string_view affinity = affinity_of(declared);
  if (affinity.empty() || affinity == unix_type(type)) return true;
  // Numeric affinity (BOOLEAN, DECIMAL) leaves integers alone, but turns 1.0 into 1.
  return affinity == "NUMERIC" && unix_type(type) == "INTEGER";
}

bool text_keeps(std::string_view declared, etl::Type type) {
  if (!etl::is_timestamp(type)) return unix_keeps(declared, type);
  const std::string_view affinity = affinity_of(declared);
  return affinity.empty() || affinity == "TEXT" || affinity == "NUMERIC";  // DATETIME
}

/// A key of one integer column is the rowid itself. A table with any other key is ordered by it,
/// or the key would be stored twice: in the table and in its index.
std::string_view without_rowid(const sql::TableDefinition& table) {
  if (table.key.empty()) return "";
  const etl::Type first = table.columns[table.columns.at(table.key[0])].type;
  const bool is_rowid = table.key.size() == 1 && table.dialect->type(first) == "INTEGER";
  return is_rowid ? "" : " WITHOUT ROWID";
}

std::optional<sql::Value> timestamp_as_text(etl::Type type, std::int64_t value) {
  const auto text =
      type == etl::Type::timestamp_s ? sql::timestamp_text(value) : sql::timestamp_text_us(value);
  return text ? std::optional<sql::Value>(std::string(text->view())) : std::nullopt;
}

constexpr sql::Dialect text_dialect{
    .default_schema = "main",
    .placeholder = [](std::size_t number) { return "?" + std::to_string(number); },
    .type = text_type,
    .keeps = text_keeps,
    .same_name = same_name,
    .table_suffix = without_rowid,
    .time_text = [](const std::string& expression) { return expression; },
    .now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')",  // %f is SS.SSS
    .timestamp = timestamp_as_text,
    .storable = [](std::string_view text) { return std::string(text); },
    .upsert = sql::on_conflict,
    .exact_text = " COLLATE BINARY",
    .sum = [](const std::string& a,
              const std::string& b) { return "etl_sum(" + a + ", " + b + ")"; },
    .for_update = "",  // a transaction that writes locks the whole file
};

constexpr sql::Dialect unix_dialect = [] {
  sql::Dialect changed = text_dialect;
  changed.type = unix_type;
  changed.keeps = unix_keeps;
  changed.timestamp = [](etl::Type, std::int64_t value) {
    return std::optional<sql::Value>(value);
  };
  return changed;
}();

}  // namespace

const sql::Dialect& dialect(Timestamps timestamps) {
  return timestamps == Timestamps::text ? text_dialect : unix_dialect;
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         sqlite3_strnicmp(a.data(), b.data(), static_cast<int>(a.size())) == 0;
}

}  // namespace sqlite
