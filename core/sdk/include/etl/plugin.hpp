/// \file
/// The one header a plugin includes. A stage is a plain class; no base class, no virtual function.
///
/// Every stage has
///
///     static constexpr auto name = "language";            // what `plugin = "..."` says
///     static constexpr auto summary = "One sentence";
///     static constexpr auto options = etl::options(...);
///     Stage(const etl::Options&, const etl::Context&);    // must not connect to anything
///
/// and optionally `static constexpr auto columns = etl::columns(...)` for the docs.
///
/// **Source**: `schema()` says the columns, `plan()` the partitions, `read()` opens one.
///
///     etl::Schema schema() const;
///     std::vector<etl::Partition> plan();                 // deterministic
///     Reader read(const etl::Partition&, const etl::Predicate&, const etl::Task&);
///     void expect(std::vector<std::string> ids);          // optional: what will be read next
///     void finish(std::string_view id);                   // optional: caches may go
///     Reader replay(const etl::Partition&, std::vector<std::string_view> records,
///                   const etl::Task&);                    // optional: reads repaired rejects
///     // Reader: std::optional<etl::Batch> next();        // nothing = the end
///
/// read(), expect() and finish() may be called from several threads at once; a Reader is used by
/// one.
///
/// **Filter**: one object a partition, so members are the partition's own state.
///
///     etl::Batch apply(etl::Batch);
///     etl::Schema schema(const etl::Schema& in) const;    // optional: checks, says what comes out
///     std::optional<etl::Batch> finish();                 // optional: what was held back
///     std::optional<std::string> predicate_column(const etl::Schema& in) const;
///     bool keeps(std::string_view value) const;           // optional pair: a test to push down
///
/// A filter that wants an etl::Task (to reject rows) takes it as third argument of its constructor.
///
/// **Sink**: `open()` begins a partition's transaction, the Writer's destructor rolls it back.
///
///     Writer open(const etl::WriteRequest&, const etl::Schema&);
///     // Writer: void write(etl::Batch); void commit(const etl::LedgerRecord&);
///     void check(const etl::Schema&) const;               // optional: options against columns
///     etl::Target inspect(const etl::Schema&);            // optional: looks, changes nothing
///     void prepare(const etl::Schema&);                   // optional: creates what is needed
///     std::vector<etl::LedgerRecord> committed(std::string_view pipeline, std::string_view sink);
///     void record(const etl::LedgerRecord&);              // the pair makes the sink transactional
///     static constexpr unsigned max_writers = 1;          // optional; 0 (the default) = no limit
///     const std::string& resource() const;                // optional: what a writer locks
///     std::int64_t forget(const etl::ForgetRequest&, const etl::Schema&);   // optional: rows gone
///     void heartbeat(const etl::Heartbeat&);              // optional pair: what runs have in hand
///     std::vector<etl::RunningRecord> running(std::string_view pipeline, std::string_view sink);
///     std::int64_t merge(Stage&, const etl::MergeRequest&, const etl::Schema&);  // optional
///
/// Members that take no Writer may be called from several threads at once.
///
/// Errors are thrown as etl::Error; whatever else is thrown is reported as a defect of the plugin.
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
