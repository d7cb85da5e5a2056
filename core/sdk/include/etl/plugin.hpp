/// \file
/// The one header a plugin includes. A stage is a plain class without a base class.
///
/// Every stage has
///
///     static constexpr auto name = "language";            // the value of `plugin = "..."`
///     static constexpr auto summary = "One sentence.";
///     static constexpr auto options = etl::options(...);
///     Stage(const etl::Options&, const etl::Context&);    // must not connect to anything
///
/// and optionally `static constexpr auto columns = etl::columns(...)` for the docs.
///
/// **Source**: `schema()` returns the columns, `plan()` the partitions; `read()` opens one.
///
///     etl::Schema schema() const;
///     std::vector<etl::Partition> plan();                 // deterministic
///     Reader read(const etl::Partition&, const etl::Predicate&, const etl::Task&);
///     void expect(std::vector<std::string> ids);          // optional: the next partitions to read
///     bool ready(std::string_view id);                    // optional: the data is here
///     void finish(std::string_view id);                   // optional: caches can be deleted
///     Reader replay(const etl::Partition&, std::vector<std::string_view> records,
///                   const etl::Task&);                    // optional: reads repaired rejects
///     // Reader: std::optional<etl::Batch> next();        // nullopt = the end
///
/// read(), expect(), ready() and finish() may be called from several threads at once; a Reader is
/// used by one thread at a time.
///
/// **Filter**: one object per partition, so members hold the partition's state.
///
///     etl::Batch apply(etl::Batch);
///     etl::Schema schema(const etl::Schema& in) const;    // optional: checks `in`, returns output
///     std::optional<etl::Batch> finish();                 // optional: rows held back
///     std::optional<std::string> predicate_column(const etl::Schema& in) const;
///     bool keeps(std::string_view value) const;           // optional pair: the filter's predicate
///
/// To reject rows, a filter takes an etl::Task as third argument of its constructor.
///
/// **Sink**: `open()` begins a partition's transaction, the Writer's destructor rolls it back.
///
///     Writer open(const etl::WriteRequest&, const etl::Schema&);
///     // Writer: void write(etl::Batch); void commit(const etl::LedgerRecord&);
///     void check(const etl::Schema&) const;               // optional: checks options and columns
///     etl::Target inspect(const etl::Schema&);            // optional: looks without changing
///     void prepare(const etl::Schema&);                   // optional: creates the target
///     std::vector<etl::LedgerRecord> committed(std::string_view pipeline, std::string_view sink);
///     void record(const etl::LedgerRecord&);              // pair: makes the sink transactional
///     static constexpr unsigned max_writers = 1;          // optional; 0 (the default) = no limit
///     const std::string& resource() const;                // optional: what a writer locks
///     std::int64_t forget(const etl::ForgetRequest&, const etl::Schema&);   // optional
///     void heartbeat(const etl::Heartbeat&);              // optional pair: partitions in progress
///     std::vector<etl::RunningRecord> running(std::string_view pipeline, std::string_view sink);
///     std::int64_t merge(Stage&, const etl::MergeRequest&, const etl::Schema&);  // optional
///
/// Members that take no Writer may be called from several threads at once.
///
/// Throw errors as etl::Error; any other exception is reported as a bug in the plugin.
#pragma once

#include <etl/abi.h>
#include <etl/batch.hpp>
#include <etl/builder.hpp>
#include <etl/context.hpp>
#include <etl/detail/tables.hpp>
#include <etl/error.hpp>
#include <etl/ledger.hpp>
#include <etl/options.hpp>
#include <etl/partition.hpp>
#include <etl/running.hpp>
#include <etl/schema.hpp>

/// Exports the stages of this library: `ETL_PLUGIN("wikipedia", "1.0.0", PageviewsSource,
/// Language)`.
#define ETL_PLUGIN(plugin_name, plugin_version, ...)                                            \
  __attribute__((section(ETL_STAGES_SECTION), used)) static constexpr auto etl_stage_names_v1 = \
      ::etl::detail::stage_names<__VA_ARGS__>();                                                \
  constinit const etl_plugin etl_plugin_v1 =                                                    \
      ::etl::detail::plugin_table<__VA_ARGS__>(plugin_name, plugin_version)
