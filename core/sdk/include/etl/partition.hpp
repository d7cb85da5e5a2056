/// \file
/// Partition: the unit of work that a source plans. Predicate: rows that a source may leave out.
#pragma once

#include <etl/error.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace etl::inline v1 {

/// A column with one value that all rows of a partition have, and no others. It lets a sink replace
/// the partition's rows.
struct Scope {
  std::string column;
  std::variant<std::int64_t, std::string> value;  ///< timestamps in the column's unit
};

/// One unit of work, retry, progress and commit.
struct Partition {
  std::string id;           ///< unique within its source, stable across runs and hosts
  std::string uri;          ///< where it comes from, for messages and the ledger
  std::int64_t bytes = -1;  ///< expected size of the input; -1 = unknown
  Scope scope = {};         ///< empty column = none
};

/// A test on one utf8 column that the filter behind a source applies anyway, so that the source can
/// drop rows before it builds them. Cheap to copy; any thread may use it while the stages live.
class Predicate {
 public:
  Predicate() = default;
  explicit Predicate(const etl_predicate* abi) : abi_(abi) {}

  /// False if there is no test: every row is wanted.
  explicit operator bool() const { return abi_ != nullptr; }
  /// The tested column. REQUIRES: not empty.
  [[nodiscard]] std::string_view column() const { return detail::to_view(abi_->column); }
  /// Whether a row with this value in column() is wanted. An indirect call: reuse the answer for
  /// adjacent equal values. REQUIRES: not empty.
  [[nodiscard]] bool keeps(std::string_view value) const {
    return abi_->keep(abi_->ctx, detail::to_abi(value)) != 0;
  }
  /// The values, if the test is exactly "is one of these"; else empty. REQUIRES: not empty.
  [[nodiscard]] std::vector<std::string_view> values() const {
    std::vector<std::string_view> list;
    for (std::size_t i = 0; i < abi_->value_count; ++i)
      list.push_back(detail::to_view(abi_->values[i]));
    return list;
  }

 private:
  const etl_predicate* abi_ = nullptr;
};

/// The state of a partition in the ledger.
enum class State : std::uint32_t { done = ETL_DONE, failed = ETL_FAILED, missing = ETL_MISSED };

/// The text in the ledger's column `state`.
[[nodiscard]] inline std::string_view state_name(State state) {
  switch (state) {
    case State::done:
      return "done";
    case State::failed:
      return "failed";
    case State::missing:
      return "missing";
  }
  return "unknown";
}
/// The reverse of state_name(). Throws Error (permanent) for any other text.
[[nodiscard]] inline State state_from(std::string_view name) {
  if (name == "done") return State::done;
  if (name == "failed") return State::failed;
  if (name == "missing") return State::missing;
  throw Error::permanent("etl_ledger has the unknown state \"" + std::string(name) + "\"");
}

namespace detail {

/// Borrows from `partition`.
inline etl_partition to_abi(const Partition& partition) {
  etl_partition abi{};
  abi.struct_size = sizeof(abi);
  abi.id = to_abi(partition.id);
  abi.uri = to_abi(partition.uri);
  abi.bytes = partition.bytes;
  abi.scope_column = to_abi(partition.scope.column);
  if (partition.scope.column.empty()) return abi;
  if (const auto* number = std::get_if<std::int64_t>(&partition.scope.value)) {
    abi.scope_type = ETL_SCOPE_INT;
    abi.scope_int = *number;
  } else {
    abi.scope_type = ETL_SCOPE_STR;
    abi.scope_str = to_abi(std::get<std::string>(partition.scope.value));
  }
  return abi;
}

inline Partition from_abi(const etl_partition& abi) {
  Partition partition{std::string(to_view(abi.id)), std::string(to_view(abi.uri)), abi.bytes, {}};
  if (abi.scope_type == ETL_SCOPE_NONE) return partition;
  partition.scope.column = to_view(abi.scope_column);
  if (abi.scope_type == ETL_SCOPE_STR) partition.scope.value = std::string(to_view(abi.scope_str));
  else partition.scope.value = abi.scope_int;
  return partition;
}

}  // namespace detail
}  // namespace etl::inline v1
