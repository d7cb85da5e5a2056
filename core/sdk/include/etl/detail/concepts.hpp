/// \file
/// Concepts: the members that make a class a source, a filter or a sink.
#pragma once

#include <etl/batch.hpp>
#include <etl/context.hpp>
#include <etl/ledger.hpp>
#include <etl/options.hpp>
#include <etl/partition.hpp>
#include <etl/running.hpp>

#include <concepts>
#include <optional>
#include <vector>

namespace etl::inline v1 {

/// A sink's target: its name for messages, and the statements to create it ("" = it exists).
struct Target {
  std::string name;
  std::string ddl;
};

template <class T>
concept Described = requires {
  { T::name } -> std::convertible_to<const char*>;
  { T::summary } -> std::convertible_to<const char*>;
  { T::options.data() } -> std::convertible_to<const etl_option_spec*>;
};

template <class T>
concept BatchReader = requires(T reader) {
  { reader.next() } -> std::same_as<std::optional<Batch>>;
};

template <class T>
concept BatchWriter = requires(T writer, Batch batch, const LedgerRecord& record) {
  writer.write(std::move(batch));
  writer.commit(record);
};

template <class T>
concept SourceStage = Described<T> && std::constructible_from<T, const Options&, const Context&> &&
    requires(T source, const Partition& partition, const Predicate& predicate, const Task& task) {
  { source.schema() } -> std::convertible_to<Schema>;
  { source.plan() } -> std::convertible_to<std::vector<Partition>>;
  { source.read(partition, predicate, task) } -> BatchReader;
};

template <class T>
concept FilterStage = Described<T> &&
    (std::constructible_from<T, const Options&, const Context&> ||
     std::constructible_from<T, const Options&, const Context&, const Task&>)&&requires(T filter,
                                                                                        Batch
                                                                                            batch) {
  { filter.apply(std::move(batch)) } -> std::same_as<Batch>;
};

template <class T>
concept SinkStage = Described<T> && std::constructible_from<T, const Options&, const Context&> &&
    requires(T sink, const WriteRequest& request, const Schema& schema) {
  { sink.open(request, schema) } -> BatchWriter;
};

namespace detail {

template <class T>
concept HasExpect = requires(T source, std::vector<std::string> ids) {
  source.expect(std::move(ids));
};
template <class T>
concept HasFinishPartition = requires(T source, std::string_view id) {
  source.finish(id);
};
template <class T>
concept HasReady = requires(T source, std::string_view id) {
  { source.ready(id) } -> std::same_as<bool>;
};

template <class T>
concept HasReplay = requires(T source, const Partition& partition,
                             std::vector<std::string_view> records, const Task& task) {
  { source.replay(partition, std::move(records), task) } -> BatchReader;
};
template <class T>
concept HasFilterSchema = requires(const T filter, const Schema& in) {
  { filter.schema(in) } -> std::convertible_to<Schema>;
};
template <class T>
concept HasFinishBatch = requires(T filter) {
  { filter.finish() } -> std::same_as<std::optional<Batch>>;
};
template <class T>
concept HasPredicate = requires(const T filter, const Schema& in, std::string_view value) {
  { filter.predicate_column(in) } -> std::same_as<std::optional<std::string>>;
  { filter.keeps(value) } -> std::same_as<bool>;
};
template <class T>
concept HasCheck = requires(const T sink, const Schema& schema) {
  sink.check(schema);
};
template <class T>
concept HasInspect = requires(T sink, const Schema& schema) {
  { sink.inspect(schema) } -> std::convertible_to<Target>;
};
template <class T>
concept HasPrepare = requires(T sink, const Schema& schema) {
  sink.prepare(schema);
};
template <class T>
concept HasLedger = requires(T sink, std::string_view text, const LedgerRecord& record) {
  { sink.committed(text, text) } -> std::convertible_to<std::vector<LedgerRecord>>;
  sink.record(record);
};
template <class T>
concept HasResource = requires(const T sink) {
  { sink.resource() } -> std::convertible_to<std::string_view>;
};
template <class T>
concept HasForget = requires(T sink, const ForgetRequest& request, const Schema& schema) {
  { sink.forget(request, schema) } -> std::same_as<std::int64_t>;
};
template <class T>
concept HasHeartbeat = requires(T sink, const Heartbeat& beat, std::string_view text) {
  sink.heartbeat(beat);
  { sink.running(text, text) } -> std::convertible_to<std::vector<RunningRecord>>;
};
template <class T>
concept HasMerge = requires(T sink, T& from, const MergeRequest& request, const Schema& schema) {
  { sink.merge(from, request, schema) } -> std::same_as<std::int64_t>;
};

}  // namespace detail
}  // namespace etl::inline v1
