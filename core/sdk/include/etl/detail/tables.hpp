/// \file
/// Builds the ABI tables of a stage class, so that plugins contain no C. Every function in them is
/// noexcept and writes a stage's exceptions to the caller's etl_error.
#pragma once

#include <etl/detail/concepts.hpp>
#include <etl/detail/member_checks.hpp>
#include <etl/detail/option_store.hpp>

#include <array>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace etl::inline v1::detail {

template <class Body>
int guarded(etl_error* error, Body&& body) noexcept {
  try {
    body();
    return ETL_OK;
  } catch (...) {
    return fill_from_current(error);
  }
}

/// An instance of a source or sink: one object for the run.
template <class Stage>
struct Instance {
  Instance(const etl_host* host, Options options) : stage(options, Context(host)) {}
  Stage stage;

  static int create(const etl_host* host, const etl_option* options, std::size_t count, void** self,
                    etl_error* error) noexcept {
    return guarded(error, [&] { *self = new Instance(host, Options({options, count})); });
  }
  static void destroy(void* self) noexcept { delete static_cast<Instance*>(self); }
  static Stage& of(void* self) { return static_cast<Instance*>(self)->stage; }
};

// ---- source ------------------------------------------------------------------------------------

/// One open partition of a source, as an Arrow stream. `Reader` comes from read() or replay().
template <class Reader>
struct SourceStream {
  /// `open` makes the reader, which may refer to the members of this stream.
  template <class Open>
  SourceStream(Schema columns, const etl_partition& abi, const etl_predicate* test,
               const etl_task* host, Open&& open)
      : schema(std::move(columns)),
        partition(from_abi(abi)),
        predicate(test),
        host_task(host),
        task(host),
        reader(open(*this)) {}

  Schema schema;
  Partition partition;
  Predicate predicate;
  const etl_task* host_task;
  Task task;
  Reader reader;
  etl_error error = empty_error();

  static SourceStream& of(ArrowArrayStream* stream) {
    return *static_cast<SourceStream*>(stream->private_data);
  }
  static int get_schema(ArrowArrayStream* stream, ArrowSchema* out) noexcept {
    SourceStream& self = of(stream);
    return self.report(guarded(&self.error, [&] { export_schema(self.schema, out); }));
  }
  static int get_next(ArrowArrayStream* stream, ArrowArray* out) noexcept {
    SourceStream& self = of(stream);
    return self.report(guarded(&self.error, [&] {
      *out = {};
      std::optional<Batch> batch = self.reader.next();
      if (!batch) return;
      if (batch->schema() != self.schema) {
        throw Error(Code::internal,
                    "the reader returned a batch whose columns differ from schema()");
      }
      std::move(*batch).move_to(out);
    }));
  }
  static const char* get_last_error(ArrowArrayStream* stream) noexcept {
    return of(stream).error.message;
  }
  static void release(ArrowArrayStream* stream) noexcept {
    delete static_cast<SourceStream*>(stream->private_data);
    stream->release = nullptr;
  }
  /// Reports the error to the task, because Arrow streams only return errno values.
  int report(int code) const noexcept {
    if (code == ETL_OK) return 0;
    host_task->fail(host_task->ctx, &error);
    return code == ETL_TRANSIENT ? EAGAIN : code == ETL_CANCELLED ? ECANCELED : EIO;
  }
};

template <class Stage>
struct SourceCalls {
  using Self = Instance<Stage>;

  static int schema(void* self, ArrowSchema* out, etl_error* error) noexcept {
    return guarded(error, [&] { export_schema(Self::of(self).schema(), out); });
  }
  static int plan(void* self, void (*add)(void*, const etl_partition*), void* ctx,
                  etl_error* error) noexcept {
    return guarded(error, [&] {
      for (const Partition& partition : Self::of(self).plan()) {
        const etl_partition abi = to_abi(partition);
        add(ctx, &abi);
      }
    });
  }
  static int expect(void* self, const etl_str* ids, std::size_t count, etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasExpect<Stage>) {
        std::vector<std::string> list;
        for (std::size_t i = 0; i < count; ++i) list.emplace_back(to_view(ids[i]));
        Self::of(self).expect(std::move(list));
      }
    });
  }
  static int read(void* self, const etl_partition* partition, const etl_predicate* predicate,
                  const etl_task* task, ArrowArrayStream* out, etl_error* error) noexcept {
    return guarded(error, [&] {
      Stage& stage = Self::of(self);
      using Reader =
          decltype(stage.read(std::declval<const Partition&>(), std::declval<const Predicate&>(),
                              std::declval<const Task&>()));
      give<Reader>(out, stage, *partition, predicate, task, [&](const auto& stream) {
        return stage.read(stream.partition, stream.predicate, stream.task);
      });
    });
  }
  static int replay(void* self, const etl_partition* partition, const etl_str* records,
                    std::size_t count, const etl_task* task, ArrowArrayStream* out,
                    etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasReplay<Stage>) {
        Stage& stage = Self::of(self);
        std::vector<std::string_view> list;
        for (std::size_t i = 0; i < count; ++i) list.push_back(to_view(records[i]));
        using Reader = decltype(stage.replay(std::declval<const Partition&>(), std::move(list),
                                             std::declval<const Task&>()));
        give<Reader>(out, stage, *partition, nullptr, task, [&](const auto& stream) {
          return stage.replay(stream.partition, std::move(list), stream.task);
        });
      }
    });
  }
  template <class Reader, class Open>
  static void give(ArrowArrayStream* out, const Stage& stage, const etl_partition& partition,
                   const etl_predicate* predicate, const etl_task* task, Open&& open) {
    using Stream = SourceStream<Reader>;
    auto stream = std::make_unique<Stream>(stage.schema(), partition, predicate, task, open);
    *out = {&Stream::get_schema, &Stream::get_next, &Stream::get_last_error, &Stream::release,
            stream.release()};
  }
  static void finish(void* self, etl_str id) noexcept {
    if constexpr (HasFinishPartition<Stage>) {
      try {
        Self::of(self).finish(to_view(id));
      } catch (
          ...) {  // NOLINT(bugprone-empty-catch): clearing a cache may fail without consequence
      }
    }
  }
  /// After an exception the host reads the partition, which reports the error.
  static int ready(void* self, etl_str id) noexcept {
    if constexpr (HasReady<Stage>) {
      try {
        return Self::of(self).ready(to_view(id)) ? 1 : 0;
      } catch (...) {
        return 1;
      }
    }
    return 1;
  }
  static constexpr etl_source table = {sizeof(etl_source),
                                       &schema,
                                       &plan,
                                       HasExpect<Stage> ? &expect : nullptr,
                                       &read,
                                       HasFinishPartition<Stage> ? &finish : nullptr,
                                       HasReplay<Stage> ? &replay : nullptr,
                                       HasReady<Stage> ? &ready : nullptr};
};

// ---- filter ------------------------------------------------------------------------------------

/// A task for the object that only serves schema() and predicate_column() and sees no rows.
inline const etl_task* idle_task() {
  static constexpr etl_task idle = {sizeof(etl_task),
                                    nullptr,
                                    [](void*, std::uint32_t, std::int64_t) {},
                                    [](void*, const etl_reject*) {},
                                    [](void*) { return 0; },
                                    [](void*, const etl_error*) {}};
  return &idle;
}

template <class Stage>
Stage make_filter(const Options& options, const Context& context, const Task& task) {
  if constexpr (std::constructible_from<Stage, const Options&, const Context&, const Task&>) {
    return Stage(options, context, task);
  } else {
    return Stage(options, context);
  }
}

/// An instance of a filter: keeps the options to make one object per partition.
template <class Stage>
struct FilterInstance {
  FilterInstance(const etl_host* host, std::span<const etl_option> given)
      : options(given),
        context(host),
        stage(make_filter<Stage>(options.view(), context, Task(idle_task()))) {}

  OptionStore options;
  Context context;
  Stage stage;

  /// A copy of the name that lives as long as the instance. Thread-safe.
  const std::string& keep_name(const std::string& name) {
    const std::scoped_lock lock(mutex);
    return *names.insert(name).first;
  }
  std::mutex mutex;
  std::set<std::string> names;  // a set, because its strings do not move

  static int create(const etl_host* host, const etl_option* options, std::size_t count, void** self,
                    etl_error* error) noexcept {
    return guarded(error, [&] { *self = new FilterInstance(host, {options, count}); });
  }
  static void destroy(void* self) noexcept { delete static_cast<FilterInstance*>(self); }
  static FilterInstance& of(void* self) { return *static_cast<FilterInstance*>(self); }

  [[nodiscard]] Schema out_schema(const Schema& in) const {
    if constexpr (HasFilterSchema<Stage>) return stage.schema(in);
    else return in;
  }
};

/// The state of a filter for one partition.
template <class Stage>
struct FilterState {
  FilterState(const FilterInstance<Stage>& instance, Schema in, const etl_task* host)
      : in_schema(std::make_shared<const Schema>(std::move(in))),
        out_schema(instance.out_schema(*in_schema)),
        stage(make_filter<Stage>(instance.options.view(), instance.context, Task(host))) {}

  std::shared_ptr<const Schema> in_schema;
  Schema out_schema;
  Stage stage;

  void give(Batch batch, etl_emit emit, void* ctx) const {
    if (batch.schema() != out_schema) {
      throw Error(Code::internal, "the filter returned a batch whose columns differ from schema()");
    }
    ArrowArray array;
    std::move(batch).move_to(&array);
    if (emit(ctx, &array) != 0) throw Error::cancelled();
  }
};

template <class Stage>
struct FilterCalls {
  using Self = FilterInstance<Stage>;
  using OpenState = FilterState<Stage>;

  static int schema(void* self, const ArrowSchema* in, ArrowSchema* out,
                    etl_error* error) noexcept {
    return guarded(error,
                   [&] { export_schema(Self::of(self).out_schema(import_schema(*in)), out); });
  }
  static int predicate(void* self, const ArrowSchema* in, etl_predicate* out,
                       etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasPredicate<Stage>) {
        Self& filter = Self::of(self);
        const auto column = filter.stage.predicate_column(import_schema(*in));
        if (!column) return;
        out->column = to_abi(filter.keep_name(*column));
        out->ctx = &filter.stage;
        out->keep = &keep;
      }
    });
  }
  static int keep(void* ctx, etl_str value) noexcept {
    if constexpr (HasPredicate<Stage>) {
      try {
        return static_cast<const Stage*>(ctx)->keeps(to_view(value)) ? 1 : 0;
      } catch (...) {
        return 1;  // a kept row reaches apply(), which can report what is wrong with it
      }
    }
    return 1;
  }
  static int open(void* self, const ArrowSchema* in, const etl_task* task, void** state,
                  etl_error* error) noexcept {
    return guarded(error,
                   [&] { *state = new OpenState(Self::of(self), import_schema(*in), task); });
  }
  static int apply(void* state, ArrowArray* batch, etl_emit emit, void* ctx,
                   etl_error* error) noexcept {
    return guarded(error, [&] {
      auto& open = *static_cast<OpenState*>(state);
      open.give(open.stage.apply(Batch(batch, open.in_schema)), emit, ctx);
    });
  }
  static int finish(void* state, etl_emit emit, void* ctx, etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasFinishBatch<Stage>) {
        auto& open = *static_cast<OpenState*>(state);
        if (std::optional<Batch> batch = open.stage.finish())
          open.give(std::move(*batch), emit, ctx);
      }
    });
  }
  static void close(void* state) noexcept { delete static_cast<OpenState*>(state); }

  static constexpr etl_filter table = {sizeof(etl_filter),
                                       &schema,
                                       HasPredicate<Stage> ? &predicate : nullptr,
                                       &open,
                                       &apply,
                                       HasFinishBatch<Stage> ? &finish : nullptr,
                                       &close};
};

// ---- sink --------------------------------------------------------------------------------------

/// An open writer of a sink, and the request and schema it may refer to.
template <class Stage>
struct WriterState {
  using Writer = decltype(std::declval<Stage&>().open(std::declval<const WriteRequest&>(),
                                                      std::declval<const Schema&>()));
  WriterState(Stage& stage, WriteRequest asked, Schema in)
      : request(std::move(asked)),
        schema(std::make_shared<const Schema>(std::move(in))),
        writer(stage.open(request, *schema)) {}

  WriteRequest request;
  std::shared_ptr<const Schema> schema;
  Writer writer;
};

template <class Stage>
struct SinkCalls {
  using Self = Instance<Stage>;
  using OpenWriter = WriterState<Stage>;

  static int check(void* self, const ArrowSchema* schema, etl_error* error) noexcept {
    return guarded(error, [&] {
      const Schema in = import_schema(*schema);
      if constexpr (HasCheck<Stage>) Self::of(self).check(in);
    });
  }
  static int inspect(void* self, const ArrowSchema* schema, void (*target)(void*, etl_str, etl_str),
                     void* ctx, etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasInspect<Stage>) {
        const Target found = Self::of(self).inspect(import_schema(*schema));
        target(ctx, to_abi(found.name), to_abi(found.ddl));
      }
    });
  }
  static int prepare(void* self, const ArrowSchema* schema, etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasPrepare<Stage>) Self::of(self).prepare(import_schema(*schema));
    });
  }
  static int committed(void* self, etl_str pipeline, etl_str sink,
                       void (*add)(void*, const etl_ledger_record*), void* ctx,
                       etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasLedger<Stage>) {
        for (const LedgerRecord& record :
             Self::of(self).committed(to_view(pipeline), to_view(sink))) {
          const etl_ledger_record abi = to_abi(record);
          add(ctx, &abi);
        }
      }
    });
  }
  static int record(void* self, const etl_ledger_record* record, etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasLedger<Stage>) Self::of(self).record(from_abi(*record));
    });
  }
  static int open(void* self, const etl_write_request* request, const ArrowSchema* schema,
                  void** writer, etl_error* error) noexcept {
    return guarded(error, [&] {
      *writer = new OpenWriter(Self::of(self), from_abi(*request), import_schema(*schema));
    });
  }
  static int write(void* writer, ArrowArray* batch, etl_error* error) noexcept {
    return guarded(error, [&] {
      auto& open = *static_cast<OpenWriter*>(writer);
      open.writer.write(Batch(batch, open.schema));
    });
  }
  static int commit(void* writer, const etl_ledger_record* record, etl_error* error) noexcept {
    return guarded(error,
                   [&] { static_cast<OpenWriter*>(writer)->writer.commit(from_abi(*record)); });
  }
  static void close(void* writer) noexcept { delete static_cast<OpenWriter*>(writer); }
  static etl_str resource(void* self) noexcept {
    if constexpr (HasResource<Stage>) return to_abi(std::as_const(Self::of(self)).resource());
    else return {};
  }
  static int forget(void* self, const etl_forget_request* request, const ArrowSchema* schema,
                    std::int64_t* rows, etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasForget<Stage>)
        *rows = Self::of(self).forget(from_abi(*request), import_schema(*schema));
    });
  }
  static int heartbeat(void* self, const etl_heartbeat* beat, etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasHeartbeat<Stage>) Self::of(self).heartbeat(from_abi(*beat));
    });
  }
  static int running(void* self, etl_str pipeline, etl_str sink,
                     void (*add)(void*, const etl_running_record*), void* ctx,
                     etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasHeartbeat<Stage>) {
        for (const RunningRecord& record :
             Self::of(self).running(to_view(pipeline), to_view(sink))) {
          const etl_running_record abi = to_abi(record);
          add(ctx, &abi);
        }
      }
    });
  }
  static int merge(void* self, void* from, const etl_merge_request* request,
                   const ArrowSchema* schema, std::int64_t* rows, etl_error* error) noexcept {
    return guarded(error, [&] {
      if constexpr (HasMerge<Stage>)
        *rows = Self::of(self).merge(Self::of(from), from_abi(*request), import_schema(*schema));
    });
  }

  static constexpr etl_sink table = {sizeof(etl_sink),
                                     &check,
                                     HasInspect<Stage> ? &inspect : nullptr,
                                     HasPrepare<Stage> ? &prepare : nullptr,
                                     HasLedger<Stage> ? &committed : nullptr,
                                     HasLedger<Stage> ? &record : nullptr,
                                     &open,
                                     &write,
                                     &commit,
                                     &close,
                                     HasResource<Stage> ? &resource : nullptr,
                                     HasForget<Stage> ? &forget : nullptr,
                                     HasHeartbeat<Stage> ? &heartbeat : nullptr,
                                     HasHeartbeat<Stage> ? &running : nullptr,
                                     HasMerge<Stage> ? &merge : nullptr};
};

// ---- stage and plugin --------------------------------------------------------------------------

template <class Stage>
constexpr etl_stage stage_table() {
  static_assert(Described<Stage>, "a stage needs static constexpr name, summary and options");
  static_assert(
      SourceStage<Stage> || FilterStage<Stage> || SinkStage<Stage>,
      "a stage must be a source (schema, plan, read), a filter (apply) or a sink (open), with a "
      "constructor (const etl::Options&, const etl::Context&): see <etl/plugin.hpp>");
  check_stage_members<Stage>();
  etl_stage stage{};
  stage.struct_size = sizeof(etl_stage);
  stage.name = Stage::name;
  stage.summary = Stage::summary;
  stage.options = Stage::options.data();
  stage.option_count = Stage::options.size();
  if constexpr (requires { Stage::columns.data(); }) {
    stage.columns = Stage::columns.data();
    stage.column_count = Stage::columns.size();
  }
  if constexpr (requires { Stage::max_writers; }) stage.max_writers = Stage::max_writers;
  if constexpr (SourceStage<Stage>) {
    check_source_members<Stage>();
    stage.kind = ETL_SOURCE;
    stage.source = &SourceCalls<Stage>::table;
  } else if constexpr (FilterStage<Stage>) {
    check_filter_members<Stage>();
    stage.kind = ETL_FILTER;
    stage.filter = &FilterCalls<Stage>::table;
  } else {
    check_sink_members<Stage>();
    stage.kind = ETL_SINK;
    stage.sink = &SinkCalls<Stage>::table;
    if constexpr (HasLedger<Stage>) stage.flags |= ETL_STAGE_TRANSACTIONAL;
  }
  if constexpr (FilterStage<Stage>) {
    stage.create = &FilterInstance<Stage>::create;
    stage.destroy = &FilterInstance<Stage>::destroy;
  } else {
    stage.create = &Instance<Stage>::create;
    stage.destroy = &Instance<Stage>::destroy;
  }
  return stage;
}

template <class Stage>
inline constexpr etl_stage stage_of = stage_table<Stage>();

template <class... Stage>
inline constexpr std::array<const etl_stage*, sizeof...(Stage)> stage_list = {&stage_of<Stage>...};

/// The contents of the section ETL_STAGES_SECTION.
template <class... Stage>
constexpr auto stage_names() {
  std::array<char, (std::string_view(Stage::name).size() + ...) + sizeof...(Stage)> text{};
  auto at = text.begin();
  const auto add = [&](std::string_view name) {
    at = std::copy(name.begin(), name.end(), at);
    *at++ = '\n';
  };
  (add(Stage::name), ...);
  return text;
}

#define ETL_DETAIL_TEXT_OF(x) #x
#define ETL_DETAIL_TEXT(x) ETL_DETAIL_TEXT_OF(x)
#if defined(__clang__)
inline constexpr const char* built_with = "clang " ETL_DETAIL_TEXT(__clang_major__) ", etl-sdk 1.0";
#else
inline constexpr const char* built_with =
    "g++ " ETL_DETAIL_TEXT(__GNUC__) "." ETL_DETAIL_TEXT(__GNUC_MINOR__) ", etl-sdk 1.0";
#endif
#undef ETL_DETAIL_TEXT
#undef ETL_DETAIL_TEXT_OF

template <class... Stage>
constexpr etl_plugin plugin_table(const char* name, const char* version) {
  return {{'E', 'T', 'L', 'P', 'L', 'U', 'G', '\0'},
          ETL_ABI_MAJOR,
          0,  // needs no later minor
          sizeof(etl_plugin),
          name,
          version,
          built_with,
          stage_list<Stage...>.data(),
          sizeof...(Stage)};
}

}  // namespace etl::inline v1::detail
