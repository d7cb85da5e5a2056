// Uses any text as dsn and table of the PostgreSQL sink: an error never quotes a refused dsn, and a
// table name stays a single name of one or two parts.
//
// Input: the table's name up to a line feed, then the dsn.
#include "fuzz.hpp"
#include "plugins/postgres/connection/dsn.hpp"
#include "plugins/postgres/identifier.hpp"

#include <etl/error.hpp>

#include <optional>
#include <set>
#include <vector>

namespace {

/// Parses "a"."b" like the server's lexer; returns nothing for any other text.
std::optional<std::vector<std::string>> quoted_parts(std::string_view sql) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < sql.size();) {
    if (sql[at++] != '"') return std::nullopt;
    std::string part;
    while (at < sql.size() && (sql[at] != '"' || sql.substr(at, 2) == "\"\"")) {
      part += sql[at];
      at += sql[at] == '"' ? 2U : 1U;
    }
    if (at++ >= sql.size()) return std::nullopt;
    parts.push_back(std::move(part));
    if (at < sql.size() && sql[at++] != '.') return std::nullopt;
  }
  return parts;
}

void check_table(std::string_view text) {
  postgres::TableName name;
  try {
    name = postgres::parse_table_name(text);
  } catch (const etl::Error& error) {
    fuzz::require(error.code() == etl::Code::config && error.option() == "table",
                  "refused, but not as a mistake in the option", error.message());
    return;
  }
  const auto parts = quoted_parts(name.sql());
  fuzz::require(parts.has_value(), "what is not a name", name.sql());
  std::vector<std::string> expected = {name.table};
  if (!name.schema.empty()) expected.insert(expected.begin(), name.schema);
  fuzz::require(*parts == expected, "another name", name.sql());
  fuzz::require(name.sql().find('\0') == std::string::npos, "a NUL byte ends the statement");
  fuzz::require(postgres::parse_table_name(name.shown()) == name, "people are shown another name",
                name.shown());
}

void check_dsn(std::string text) {
  // If errors quoted the dsn, there would be more distinct messages than this.
  constexpr std::size_t kinds = 5;
  static std::set<std::string> messages;
  try {
    const postgres::Dsn dsn(std::move(text));
    fuzz::require(dsn.redactor().scrub("").empty(), "something out of nothing");
  } catch (const etl::Error& error) {
    messages.insert(error.message());
    fuzz::require(messages.size() <= kinds, "a refused dsn is told", error.message());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  check_table(input.until('\n'));
  check_dsn(std::string(input.rest()));
  return 0;
}
