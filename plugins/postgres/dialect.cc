#include "plugins/postgres/dialect.hpp"

#include "plugins/common/sql/table_definition.hpp"
#include "plugins/postgres/utf8.hpp"

namespace postgres {
namespace {

std::string_view type_of(etl::Type type) {
  switch (type) {
    case etl::Type::boolean:
      return "boolean";
    case etl::Type::int32:
      return "integer";
    case etl::Type::int64:
      return "bigint";
    case etl::Type::float64:
      return "double precision";
    case etl::Type::binary:
      return "bytea";
    case etl::Type::timestamp_s:
    case etl::Type::timestamp_us:
      return "timestamptz";
    case etl::Type::utf8:
    case etl::Type::utf8_view:
      break;
  }
  return "text";
}

// A binary COPY converts nothing: only types with the same binary form will do. The writer refuses
// texts that a limited length would cut; a limited precision rounds timestamps.
bool keeps(std::string_view declared, etl::Type type) {
  if (etl::is_text(type)) return declared == "text" || declared.starts_with("character varying");
  if (etl::is_timestamp(type)) {
    return declared == "timestamp with time zone" || declared == "timestamp(6) with time zone" ||
           (type == etl::Type::timestamp_s && declared.starts_with("timestamp(") &&
            declared.ends_with(") with time zone"));
  }
  return declared == type_of(type);
}

std::optional<sql::Value> timestamp(etl::Type type, std::int64_t value) {
  const std::int64_t unit = type == etl::Type::timestamp_s ? 1'000'000 : 1;
  std::int64_t micros = 0;
  if (__builtin_mul_overflow(value, unit, &micros)) return std::nullopt;
  return sql::Time{micros};
}

constexpr sql::Dialect postgres_dialect{
    .default_schema = "",
    .placeholder = [](std::size_t number) { return "$" + std::to_string(number); },
    .type = type_of,
    .keeps = keeps,
    .same_name = [](std::string_view a, std::string_view b) { return a == b; },
    .table_suffix = [](const sql::TableDefinition&) { return std::string_view(); },
    // Independent of the session's time zone and DateStyle.
    .time_text =
        [](const std::string& expression) {
          return "to_char(" + expression + " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')";
        },
    .now = "clock_timestamp()",
    .timestamp = timestamp,
    .storable = storable,
    .upsert = sql::on_conflict,
    .exact_text = "",
    .sum = [](const std::string& a, const std::string& b) { return a + " + " + b; },
    .for_update = " FOR UPDATE",
};

}  // namespace

const sql::Dialect& dialect() { return postgres_dialect; }

}  // namespace postgres
