/// \file
/// How an upsert treats a row whose key is in the table already: the options `order` and `combine`.
#pragma once

#include <etl/options.hpp>
#include <etl/partition.hpp>
#include <etl/schema.hpp>

#include <string>
#include <string_view>

namespace sql {

inline constexpr std::string_view order_help =
    "Columns that decide which of several rows with the same key stays, for upsert: a row replaces "
    "another only if it is not older by them";
inline constexpr std::string_view combine_help =
    "How to combine a column with its value in the row of the same key, for upsert; columns that "
    "are not named are replaced";
inline constexpr std::string_view combine_values = "sum|min|max|count|first|last";

/// The values of these options. A plain value; by default, a later row replaces an earlier one.
struct UpsertRules {
  etl::Strings order;
  etl::StringMap combine;

  friend bool operator==(const UpsertRules&, const UpsertRules&) = default;
  /// How a column is combined: one of `combine_values`; "last" unless it is named.
  [[nodiscard]] std::string_view of(std::string_view column) const;
  /// Whether rows of several partitions end up in one, from which none can be taken out again.
  [[nodiscard]] bool mixes_partitions() const;
};

/// Throws Error (config, about "key") unless a key is given for mode "upsert", only for it, and
/// without duplicates.
void check_key(bool upsert, const etl::Strings& key);
/// Throws Error (config, about "key") if a column of the key is not among `columns`.
void check_key_columns(const etl::Strings& key, const etl::Schema& columns);

/// Reads and checks the options. Throws Error (config, about "order" or "combine") unless they are
/// given for mode "upsert" only, and fit each other and the key.
[[nodiscard]] UpsertRules rules_from(const etl::Options& options);
/// Throws Error (config, about "order" or "combine") if a column is not among `columns`, or of a
/// type that cannot be combined in that way.
void check_rule_columns(const UpsertRules& rules, const etl::Schema& columns);

/// Whether it depends on an order which of several rows with the same key stays, and none is given.
[[nodiscard]] bool lacks_order(const UpsertRules& rules, const etl::Strings& key,
                               const etl::Schema& columns);
inline constexpr std::string_view lacking_order_note =
    "no order is given: of rows with the same key from several partitions, the newest stays by the "
    "column in which partitions differ, if that is a time or an integer; or else the one that is "
    "committed last";

/// The rules for partitions with a scope like that one: if an order is lacking, its column decides,
/// if it is a time or an integer.
[[nodiscard]] UpsertRules rules_for(const UpsertRules& rules, const etl::Strings& key,
                                    const etl::Schema& columns, const etl::Scope& scope);
/// A warning if an order is lacking and partitions have keys in common, because the key does not
/// contain the column in which they differ; else empty.
[[nodiscard]] std::string warn_of_order(const UpsertRules& rules, const etl::Strings& key,
                                        const etl::Schema& columns, const etl::Scope& scope);

}  // namespace sql
