#include "plugins/common/sql/upsert_rules.hpp"

#include <etl/error.hpp>

#include <algorithm>

namespace sql {
namespace {

constexpr const char* for_upsert = " is for mode = \"upsert\"; mode = \"append\" replaces no rows";

bool contains(const etl::Strings& columns, std::string_view column) {
  return std::ranges::find(columns, column) != columns.end();
}

bool can(std::string_view function, etl::Type type) {
  const bool whole = type == etl::Type::int32 || type == etl::Type::int64;
  if (function == "count") return whole;
  if (function == "sum") return whole || type == etl::Type::float64;
  if (function == "min" || function == "max")
    return type != etl::Type::boolean && type != etl::Type::binary;
  return true;
}

[[noreturn]] void refuse(const char* option, const std::string& why) {
  throw etl::Error::config(why).about(option);
}

void require_distinct(const etl::Strings& columns, const char* option) {
  for (auto column = columns.begin(); column != columns.end(); ++column) {
    if (std::find(columns.begin(), column, *column) != column)
      refuse(option, "column \"" + *column + "\" is named twice");
  }
}

void require_column(const etl::Schema& columns, const std::string& column, const char* option) {
  if (columns.find(column)) return;
  refuse(option, "no column \"" + column + "\"; available: " + columns.names());
}

}  // namespace

std::string_view UpsertRules::of(std::string_view column) const {
  const auto found = std::ranges::find(combine, column, &etl::StringMap::value_type::first);
  return found == combine.end() ? std::string_view("last") : found->second;
}

bool UpsertRules::mixes_partitions() const {
  return std::ranges::any_of(combine, [](const auto& entry) { return entry.second != "last"; });
}

void check_key(bool upsert, const etl::Strings& key) {
  if (upsert && key.empty())
    refuse("key", "mode = \"upsert\" needs key, the columns that identify a row");
  if (!upsert && !key.empty()) refuse("key", "key" + std::string(for_upsert));
  require_distinct(key, "key");
}

void check_key_columns(const etl::Strings& key, const etl::Schema& columns) {
  for (const std::string& column : key) require_column(columns, column, "key");
}

UpsertRules rules_from(const etl::Options& options) {
  UpsertRules rules{options.find<etl::Strings>("order").value_or(etl::Strings{}),
                    options.find<etl::StringMap>("combine").value_or(etl::StringMap{})};
  const bool upserts = options.get<std::string>("mode") == "upsert";
  const etl::Strings key = options.get<etl::Strings>("key");
  if (!upserts && !rules.order.empty()) refuse("order", "order" + std::string(for_upsert));
  if (!upserts && !rules.combine.empty()) refuse("combine", "combine" + std::string(for_upsert));
  require_distinct(rules.order, "order");
  for (const auto& [column, function] : rules.combine) {
    if (contains(key, column)) {
      refuse("combine", "column \"" + column +
                            "\" belongs to the key, which rows to be combined "
                            "have in common");
    }
    if (contains(rules.order, column) && function != "last") {
      refuse("combine", "column \"" + column + "\" belongs to order: it stays with its row");
    }
    if (function == "first" && !rules.order.empty()) {
      refuse("combine",
             "\"first\" cannot be used with order, because the table knows how new a "
             "row is, but not how old its first one was");
    }
  }
  return rules;
}

void check_rule_columns(const UpsertRules& rules, const etl::Schema& columns) {
  for (const std::string& column : rules.order) require_column(columns, column, "order");
  for (const auto& [column, function] : rules.combine) {
    require_column(columns, column, "combine");
    const etl::Type type = columns[columns.at(column)].type;
    if (can(function, type)) continue;
    std::string why = "column \"";
    why.append(column).append("\" is ").append(etl::type_name(type));
    refuse("combine", why.append(", for which there is no \"").append(function).append("\""));
  }
}

bool lacks_order(const UpsertRules& rules, const etl::Strings& key, const etl::Schema& columns) {
  if (key.empty() || !rules.order.empty()) return false;
  return std::ranges::any_of(columns, [&](const etl::Field& field) {
    const std::string_view how = rules.of(field.name);
    return !contains(key, field.name) && (how == "first" || how == "last");
  });
}

UpsertRules rules_for(const UpsertRules& rules, const etl::Strings& key, const etl::Schema& columns,
                      const etl::Scope& scope) {
  const std::string& own = scope.column;
  if (contains(key, own) || !columns.find(own) || !lacks_order(rules, key, columns)) return rules;
  const etl::Type type = columns[columns.at(own)].type;
  const bool has_order =
      etl::is_timestamp(type) || type == etl::Type::int32 || type == etl::Type::int64;
  const bool has_first =
      std::ranges::any_of(rules.combine, [](const auto& entry) { return entry.second == "first"; });
  if (!has_order || has_first || rules.of(own) != "last") return rules;
  return {{own}, rules.combine};
}

std::string warn_of_order(const UpsertRules& rules, const etl::Strings& key,
                          const etl::Schema& columns, const etl::Scope& scope) {
  const std::string& own = scope.column;
  if (own.empty() || contains(key, own) || !lacks_order(rules, key, columns)) return {};
  const bool decides = !rules_for(rules, key, columns, scope).order.empty();
  return "no order is given, and the key does not contain \"" + own +
         "\", in which partitions differ: among rows with the same key, " +
         (decides ? "the one with its newest value is kept, as with order = [\"" + own + "\"]"
                  : "the one that is committed last is kept, however old it is; name the columns "
                    "that decide in order");
}

}  // namespace sql
