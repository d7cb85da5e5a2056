#include "core/runtime/plugin/stage.hpp"

#include "core/runtime/plugin/older_tables.hpp"

#include <exception>

namespace etl::runtime {
namespace {

using detail::to_abi;
using detail::to_view;

/// Lets a callback from C throw on this side: the exception waits until the call has returned.
class Callback {
 public:
  template <class Body>
  int run(Body&& body) noexcept {
    if (thrown_) return 1;
    try {
      body();
      return 0;
    } catch (...) {
      thrown_ = std::current_exception();
      return 1;
    }
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::exception_ptr thrown_;
};

detail::OwnedSchema exported(const Schema& schema) {
  detail::OwnedSchema out;
  detail::export_schema(schema, out.out());
  return out;
}

}  // namespace

Stage::Stage(const etl_stage* table, Kind kind, std::string name,
             std::span<const etl_option> options, const StageServices& services)
    : table_(table),
      kind_(kind),
      name_(std::move(name)),
      services_(services),
      memory_(services.memory) {
  host_.struct_size = sizeof(host_);
  host_.abi_minor = ETL_ABI_MINOR;
  host_.ctx = this;
  host_.log = [](void* ctx, std::uint32_t level, etl_str text) {
    const auto& self = *static_cast<const Stage*>(ctx);
    self.services_.log(self.name_, level, to_view(text));
  };
  host_.cancelled = [](void* ctx) {
    return static_cast<const Stage*>(ctx)->services_.cancellation.requested() ? 1 : 0;
  };
  host_.extension = [](void* ctx, const char* id) -> const void* {
    return std::string_view(id) == ETL_SLOTS ? static_cast<const Stage*>(ctx)->services_.slots
                                             : nullptr;
  };
  host_.memory = [](void* ctx, std::int64_t change) {
    static_cast<const Stage*>(ctx)->memory_.add(change);
  };
  etl_error error = detail::empty_error();
  require(table_->create(&host_, options.data(), options.size(), &self_, &error), error);
}

Stage::~Stage() {
  if (self_ != nullptr) table_->destroy(self_);
}

std::string Stage::title() const { return std::string(kind_name(kind_)) + " \"" + name_ + "\""; }

void Stage::require(int code, const etl_error& error) const {
  if (code != ETL_OK) throw failure(told(code, error));
}

Error Stage::told(int code, const etl_error& error) {
  Error as_told = detail::to_error(code, error);
  const bool known = code >= ETL_CONFIG && code <= ETL_INTERNAL;
  if (known && !as_told.message().empty()) return as_told;
  std::string message = as_told.message().empty() ? "failed without saying why" : as_told.message();
  if (!known) message += " (error code " + std::to_string(code) + ")";
  return Error(known ? as_told.code() : Code::internal, std::move(message))
      .about(as_told.option())
      .retry_after(as_told.retry_after());
}

Batch Stage::accept(ArrowArray* array, std::shared_ptr<const Schema> schema) const {
  try {
    return {array, std::move(schema)};
  } catch (const Error& error) {
    throw failure(error);
  }
}

Schema Stage::given(const detail::OwnedSchema& schema) const {
  Schema columns;
  try {
    if (schema) columns = detail::import_schema(*schema.get());
  } catch (const Error& error) {
    throw failure(error);
  }
  if (columns.size() == 0) throw failure(Error(Code::internal, "gave no columns"));
  return columns;
}

Schema Stage::source_schema() const {
  detail::OwnedSchema schema;
  etl_error error = detail::empty_error();
  require(table_->source->schema(self_, schema.out(), &error), error);
  return given(schema);
}

std::vector<Partition> Stage::plan() const {
  struct Sink {
    std::vector<Partition> partitions;
    Callback callback;
  } sink;
  etl_error error = detail::empty_error();
  const auto add = [](void* ctx, const etl_partition* partition) {
    auto& out = *static_cast<Sink*>(ctx);
    out.callback.run([&] { out.partitions.push_back(detail::from_abi(whole(partition))); });
  };
  require(table_->source->plan(self_, add, &sink, &error), error);
  sink.callback.rethrow();
  return std::move(sink.partitions);
}

void Stage::expect(const std::vector<std::string>& ids) const {
  if (table_->source->expect == nullptr) return;
  std::vector<etl_str> list;
  list.reserve(ids.size());
  for (const std::string& id : ids) list.push_back(to_abi(id));
  etl_error error = detail::empty_error();
  require(table_->source->expect(self_, list.data(), list.size(), &error), error);
}

void Stage::finish(std::string_view id) const {
  if (table_->source->finish != nullptr) table_->source->finish(self_, to_abi(id));
}

detail::OwnedStream Stage::read(const Partition& partition, const etl_predicate* predicate,
                                const etl_task* task) const {
  const etl_partition abi = to_abi(partition);
  detail::OwnedStream stream;
  etl_error error = detail::empty_error();
  require(table_->source->read(self_, &abi, predicate, task, stream.out(), &error), error);
  if (!stream || stream->get_next == nullptr) {
    throw failure(Error(Code::internal, "gave no stream to read from"));
  }
  return stream;
}

detail::OwnedStream Stage::replay(const Partition& partition,
                                  std::span<const std::string_view> records,
                                  const etl_task* task) const {
  const etl_partition abi = to_abi(partition);
  std::vector<etl_str> list;
  list.reserve(records.size());
  for (const std::string_view record : records) list.push_back(to_abi(record));
  detail::OwnedStream stream;
  etl_error error = detail::empty_error();
  require(table_->source->replay(self_, &abi, list.data(), list.size(), task, stream.out(), &error),
          error);
  if (!stream || stream->get_next == nullptr) {
    throw failure(Error(Code::internal, "gave no stream to read from"));
  }
  return stream;
}

Schema Stage::filter_schema(const Schema& in) const {
  const detail::OwnedSchema arriving = exported(in);
  detail::OwnedSchema leaving;
  etl_error error = detail::empty_error();
  require(table_->filter->schema(self_, arriving.get(), leaving.out(), &error), error);
  return given(leaving);
}

std::optional<etl_predicate> Stage::predicate(const Schema& in) const {
  if (table_->filter->predicate == nullptr) return std::nullopt;
  const detail::OwnedSchema exported_schema = exported(in);
  etl_predicate out{};
  out.struct_size = sizeof(out);
  etl_error error = detail::empty_error();
  require(table_->filter->predicate(self_, exported_schema.get(), &out, &error), error);
  if (out.keep == nullptr) return std::nullopt;
  return out;
}

void Stage::check(const Schema& schema) const {
  const detail::OwnedSchema exported_schema = exported(schema);
  etl_error error = detail::empty_error();
  require(table_->sink->check(self_, exported_schema.get(), &error), error);
}

std::optional<std::pair<std::string, std::string>> Stage::inspect(const Schema& schema) const {
  if (table_->sink->inspect == nullptr) return std::nullopt;
  const detail::OwnedSchema exported_schema = exported(schema);
  std::optional<std::pair<std::string, std::string>> found;
  const auto target = [](void* ctx, etl_str name, etl_str ddl) {
    static_cast<decltype(found)*>(ctx)->emplace(to_view(name), to_view(ddl));
  };
  etl_error error = detail::empty_error();
  require(table_->sink->inspect(self_, exported_schema.get(), target, &found, &error), error);
  return found;
}

void Stage::prepare(const Schema& schema) const {
  if (table_->sink->prepare == nullptr) return;
  const detail::OwnedSchema exported_schema = exported(schema);
  etl_error error = detail::empty_error();
  require(table_->sink->prepare(self_, exported_schema.get(), &error), error);
}

std::vector<LedgerRecord> Stage::committed(std::string_view pipeline) const {
  if (!transactional()) return {};
  struct Sink {
    std::vector<LedgerRecord> records;
    Callback callback;
  } sink;
  const auto add = [](void* ctx, const etl_ledger_record* record) {
    auto& out = *static_cast<Sink*>(ctx);
    out.callback.run([&] { out.records.push_back(detail::from_abi(whole(record))); });
  };
  etl_error error = detail::empty_error();
  require(table_->sink->committed(self_, to_abi(pipeline), to_abi(name_), add, &sink, &error),
          error);
  sink.callback.rethrow();
  return std::move(sink.records);
}

void Stage::record(const LedgerRecord& record) const {
  if (!transactional()) return;
  const etl_ledger_record abi = to_abi(record);
  etl_error error = detail::empty_error();
  require(table_->sink->record(self_, &abi, &error), error);
}

std::string_view Stage::resource() const {
  if (table_->sink->resource == nullptr) return {};
  return to_view(table_->sink->resource(self_));
}

std::int64_t Stage::forget(const ForgetRequest& request, const Schema& schema) const {
  const etl_partition partition = to_abi(request.partition);
  const etl_forget_request abi = detail::to_abi(request, partition);
  const detail::OwnedSchema exported_schema = exported(schema);
  std::int64_t rows = 0;
  etl_error error = detail::empty_error();
  require(table_->sink->forget(self_, &abi, exported_schema.get(), &rows, &error), error);
  return rows;
}

bool Stage::has_heartbeat() const {
  const etl_sink& sink = *table_->sink;
  return transactional() && sink.heartbeat != nullptr && sink.running != nullptr;
}

void Stage::heartbeat(const Heartbeat& beat) const {
  std::vector<etl_running_record> records;
  records.reserve(beat.records.size());
  for (const RunningRecord& record : beat.records) records.push_back(detail::to_abi(record));
  std::vector<const etl_running_record*> list;
  list.reserve(records.size());
  for (const etl_running_record& record : records) list.push_back(&record);
  const etl_heartbeat abi{sizeof(abi),           static_cast<std::uint32_t>(list.size()),
                          to_abi(beat.pipeline), to_abi(beat.sink),
                          to_abi(beat.run_id),   list.data(),
                          beat.forget_after};
  etl_error error = detail::empty_error();
  require(table_->sink->heartbeat(self_, &abi, &error), error);
}

std::vector<RunningRecord> Stage::running(std::string_view pipeline) const {
  if (!has_heartbeat()) return {};
  struct Sink {
    std::vector<RunningRecord> records;
    Callback callback;
  } sink;
  etl_error error = detail::empty_error();
  const auto add = [](void* ctx, const etl_running_record* record) {
    auto& out = *static_cast<Sink*>(ctx);
    out.callback.run([&] { out.records.push_back(detail::from_abi(whole(record))); });
  };
  require(table_->sink->running(self_, to_abi(pipeline), to_abi(name_), add, &sink, &error), error);
  sink.callback.rethrow();
  return std::move(sink.records);
}

bool Stage::can_merge() const { return transactional() && table_->sink->merge != nullptr; }

std::int64_t Stage::merge(const Stage& from, const MergeRequest& request,
                          const Schema& schema) const {
  std::vector<etl_str> sources;
  std::vector<etl_partition> partitions;
  for (const MergeRequest::Part& part : request.parts) {
    sources.push_back(to_abi(part.source));
    partitions.push_back(to_abi(part.partition));
  }
  std::vector<const etl_partition*> list;
  list.reserve(partitions.size());
  for (const etl_partition& partition : partitions) list.push_back(&partition);
  const etl_merge_request abi{sizeof(abi),
                              static_cast<std::uint32_t>(list.size()),
                              to_abi(request.pipeline),
                              to_abi(request.sink),
                              sources.data(),
                              list.data()};
  const detail::OwnedSchema exported_schema = exported(schema);
  std::int64_t rows = 0;
  etl_error error = detail::empty_error();
  require(table_->sink->merge(self_, from.self_, &abi, exported_schema.get(), &rows, &error),
          error);
  return rows;
}

// ---- one partition -----------------------------------------------------------------------------

namespace {

/// Receives what a filter emits.
struct Emission {
  const Stage& stage;
  const std::shared_ptr<const Schema>& schema;
  const std::function<void(Batch)>& give;
  Callback callback;

  static int emit(void* ctx, ArrowArray* batch) {
    auto& self = *static_cast<Emission*>(ctx);
    detail::OwnedArray array(batch);
    return self.callback.run([&] {
      ArrowArray moved;
      array.move_to(&moved);
      self.give(self.stage.accept(&moved, self.schema));
    });
  }
};

}  // namespace

FilterRun::FilterRun(const Stage& stage, const Schema& in, const Schema& out, const etl_task* task)
    : stage_(stage), out_(std::make_shared<const Schema>(out)) {
  const detail::OwnedSchema exported_schema = exported(in);
  etl_error error = detail::empty_error();
  stage_.require(
      stage_.table().filter->open(stage_.self(), exported_schema.get(), task, &state_, &error),
      error);
}

FilterRun::~FilterRun() { stage_.table().filter->close(state_); }

void FilterRun::apply(Batch batch, const std::function<void(Batch)>& emit) {
  ArrowArray array;
  std::move(batch).move_to(&array);
  Emission emission{stage_, out_, emit, {}};
  etl_error error = detail::empty_error();
  const int code = stage_.table().filter->apply(state_, &array, &Emission::emit, &emission, &error);
  emission.callback.rethrow();  // what failed further down is not this filter's failure
  stage_.require(code, error);
}

void FilterRun::finish(const std::function<void(Batch)>& emit) {
  if (stage_.table().filter->finish == nullptr) return;
  Emission emission{stage_, out_, emit, {}};
  etl_error error = detail::empty_error();
  const int code = stage_.table().filter->finish(state_, &Emission::emit, &emission, &error);
  emission.callback.rethrow();
  stage_.require(code, error);
}

SinkWriter::SinkWriter(const Stage& stage, const WriteRequest& request, const Schema& schema)
    : stage_(stage) {
  const detail::OwnedSchema exported_schema = exported(schema);
  const etl_partition partition = to_abi(request.partition);
  const etl_write_request abi = to_abi(request, partition);
  etl_error error = detail::empty_error();
  stage_.require(
      stage_.table().sink->open(stage_.self(), &abi, exported_schema.get(), &writer_, &error),
      error);
}

SinkWriter::~SinkWriter() { stage_.table().sink->close(writer_); }

void SinkWriter::write(Batch batch) {
  ArrowArray array;
  std::move(batch).move_to(&array);
  etl_error error = detail::empty_error();
  stage_.require(stage_.table().sink->write(writer_, &array, &error), error);
}

void SinkWriter::commit(const LedgerRecord& record) {
  const etl_ledger_record abi = to_abi(record);
  etl_error error = detail::empty_error();
  stage_.require(stage_.table().sink->commit(writer_, &abi, &error), error);
}

}  // namespace etl::runtime
