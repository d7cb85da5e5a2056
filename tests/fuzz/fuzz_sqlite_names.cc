// Uses any text as the names of a table, its columns and its key: the result is a table with
// exactly these names, or the names are refused.
//
// Input: flags, the table's name, the columns' names, one per line.
#include "fuzz.hpp"
#include "plugins/sqlite/database/database.hpp"
#include "plugins/sqlite/table/table_definition.hpp"
#include "plugins/sqlite/table/table_fit.hpp"

#include <algorithm>
#include <vector>

namespace {

using sqlite::Database;
using sqlite::Statement;

etl::Context quiet() {
  static constexpr etl_host host = {sizeof(etl_host),
                                    ETL_ABI_MINOR,
                                    nullptr,
                                    [](void*, std::uint32_t, etl_str) {},
                                    [](void*) { return 0; },
                                    [](void*, const char*) -> const void* { return nullptr; },
                                    [](void*, std::int64_t) {},
                                    [](void*) {}};
  return etl::Context(&host);
}

std::vector<std::string> texts(Database& database, const std::string& sql) {
  std::vector<std::string> found;
  Statement query(database, sql, "looking");
  while (query.step()) found.emplace_back(query.text(0));
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t flags = input.byte();
  sqlite::TableOptions options;
  options.table = input.until('\n');
  if (sqlite::same_name(options.table, "bystander")) return 0;
  std::vector<etl::Field> fields;
  std::vector<std::string> names;
  while (!input.empty() && fields.size() < 20) {
    const std::string_view name = input.until('\n');
    names.emplace_back(name.substr(0, name.find('\0')));  // plugins pass names as C strings
    fields.push_back({names.back(), static_cast<etl::Type>(1U + fields.size() % 4U), false});
  }
  options.upsert = flags % 2 == 1;
  if (options.upsert && !names.empty()) options.key = {names.front()};

  Database database({":memory:", etl::Duration(0), quiet()}, Database::Access::create);
  sql::TableDefinition table;
  try {
    table = sqlite::define_table(options, etl::Schema(fields));
  } catch (const etl::Error& error) {
    fuzz::require(error.code() == etl::Code::config, "refused, but not as a mistake in the file",
                  error.message());
    return 0;
  }
  database.execute("CREATE TABLE bystander (kept)", "making it");
  database.execute(table.create_sql(), "creating it");
  std::vector<std::string> expected = {"bystander", options.table};
  std::ranges::sort(expected);
  std::vector<std::string> tables =
      texts(database, "SELECT name FROM sqlite_master WHERE type = 'table'");
  std::ranges::sort(tables);
  fuzz::require(tables == expected, "another table came to be");
  const std::string columns = "SELECT name FROM pragma_table_info(?)";
  Statement query(database, columns, "looking");
  query.bind(std::string_view(options.table));
  std::vector<std::string> found;
  while (query.step()) found.emplace_back(query.text(0));
  fuzz::require(found == names, "other columns came to be");
  fuzz::require(sqlite::exists_and_fits(database, table, "table"), "it does not fit itself");
  return 0;
}
