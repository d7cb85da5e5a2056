/// \file
/// Compile-time checks that a member with the name of an optional function has its signature.
/// Otherwise a `Batch finish()` would be ignored without a word, and its rows would be lost.
#pragma once

#include <etl/detail/concepts.hpp>

#include <cstdint>
#include <type_traits>

namespace etl::inline v1::detail {

/// Defines the concept `Names_X`: T has a member X of any type, overloaded or not, public or not.
/// A class derived from T and from one that has an X too finds X ambiguous. No class can be derived
/// from a final one, where only a member that is neither overloaded nor private is found.
// NOLINTBEGIN(bugprone-macro-parentheses): a name, not an expression
#define ETL_DETAIL_NAMES(member)                                               \
  struct Has_##member {                                                        \
    int member;                                                                \
  };                                                                           \
  template <class T>                                                           \
  struct With_##member : T, Has_##member {};                                   \
  template <class T>                                                           \
  concept Names_##member = (std::is_final_v<T> && requires { &T::member; }) || \
                           (!std::is_final_v<T> && !requires { &With_##member<T>::member; })
// NOLINTEND(bugprone-macro-parentheses)
ETL_DETAIL_NAMES(expect);
ETL_DETAIL_NAMES(finish);
ETL_DETAIL_NAMES(replay);
ETL_DETAIL_NAMES(ready);
ETL_DETAIL_NAMES(schema);
ETL_DETAIL_NAMES(predicate_column);
ETL_DETAIL_NAMES(keeps);
ETL_DETAIL_NAMES(check);
ETL_DETAIL_NAMES(inspect);
ETL_DETAIL_NAMES(prepare);
ETL_DETAIL_NAMES(committed);
ETL_DETAIL_NAMES(record);
ETL_DETAIL_NAMES(resource);
ETL_DETAIL_NAMES(forget);
ETL_DETAIL_NAMES(heartbeat);
ETL_DETAIL_NAMES(running);
ETL_DETAIL_NAMES(merge);
ETL_DETAIL_NAMES(columns);
ETL_DETAIL_NAMES(max_writers);
#undef ETL_DETAIL_NAMES

template <class T>
consteval void check_stage_members() {
  static_assert(
      !Names_columns<T> || requires { T::columns.data(); },
      "columns of a stage: static constexpr auto columns = etl::columns(...)");
  static_assert(
      !Names_max_writers<T> || requires(std::uint32_t & limit) { limit = T::max_writers; },
      "max_writers of a sink: static constexpr std::uint32_t max_writers = N");
}

template <class T>
consteval void check_source_members() {
  static_assert(HasExpect<T> || !Names_expect<T>,
                "expect of a source: void expect(std::vector<std::string> ids)");
  static_assert(HasFinishPartition<T> || !Names_finish<T>,
                "finish of a source: void finish(std::string_view id)");
  static_assert(HasReady<T> || !Names_ready<T>,
                "ready of a source: bool ready(std::string_view id)");
  static_assert(HasReplay<T> || !Names_replay<T>,
                "replay of a source: Reader replay(const etl::Partition&, "
                "std::vector<std::string_view> records, const etl::Task&)");
}

template <class T>
consteval void check_filter_members() {
  static_assert(HasFilterSchema<T> || !Names_schema<T>,
                "schema of a filter: etl::Schema schema(const etl::Schema& in) const");
  static_assert(HasFinishBatch<T> || !Names_finish<T>,
                "finish of a filter: std::optional<etl::Batch> finish()");
  static_assert(HasPredicate<T> || !(Names_predicate_column<T> || Names_keeps<T>),
                "a predicate of a filter: std::optional<std::string> predicate_column(const "
                "etl::Schema& in) const and bool keeps(std::string_view value) const");
}

template <class T>
consteval void check_sink_members() {
  static_assert(HasCheck<T> || !Names_check<T>,
                "check of a sink: void check(const etl::Schema&) const");
  static_assert(HasInspect<T> || !Names_inspect<T>,
                "inspect of a sink: etl::Target inspect(const etl::Schema&)");
  static_assert(HasPrepare<T> || !Names_prepare<T>,
                "prepare of a sink: void prepare(const etl::Schema&)");
  static_assert(HasLedger<T> || !(Names_committed<T> || Names_record<T>),
                "the ledger of a sink: std::vector<etl::LedgerRecord> committed(std::string_view "
                "pipeline, std::string_view sink) and void record(const etl::LedgerRecord&)");
  static_assert(HasResource<T> || !Names_resource<T>,
                "resource of a sink: std::string_view resource() const");
  static_assert(HasForget<T> || !Names_forget<T>,
                "forget of a sink: std::int64_t forget(const etl::ForgetRequest&, const "
                "etl::Schema&)");
  static_assert(HasHeartbeat<T> || !(Names_heartbeat<T> || Names_running<T>),
                "heartbeats of a sink: void heartbeat(const etl::Heartbeat&) and "
                "std::vector<etl::RunningRecord> running(std::string_view pipeline, "
                "std::string_view sink)");
  static_assert(HasMerge<T> || !Names_merge<T>,
                "merge of a sink: std::int64_t merge(Sink& from, const etl::MergeRequest&, const "
                "etl::Schema&)");
}

}  // namespace etl::inline v1::detail
