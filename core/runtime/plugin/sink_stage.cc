#include "core/runtime/plugin/sink_stage.hpp"

namespace etl::runtime {
namespace {

using detail::to_abi;

template <class Struct>
std::vector<const Struct*> pointers_to(const std::vector<Struct>& structs) {
  std::vector<const Struct*> list;
  list.reserve(structs.size());
  for (const Struct& each : structs) list.push_back(&each);
  return list;
}

}  // namespace

void SinkStage::check(const Schema& schema) const {
  call(table().sink->check, self(), exported(schema).get());
}

std::optional<SinkTarget> SinkStage::inspect(const Schema& schema) const {
  if (table().sink->inspect == nullptr) return std::nullopt;
  struct Inspection {
    std::optional<SinkTarget> target;
    Callback callback;
  } inspection;
  const auto take = [](void* ctx, etl_str name, etl_str ddl) {
    auto& out = *static_cast<Inspection*>(ctx);
    out.callback.run([&] {
      out.target = {std::string(detail::to_view(name)), std::string(detail::to_view(ddl))};
    });
  };
  call(inspection.callback, table().sink->inspect, self(), exported(schema).get(), +take,
       static_cast<void*>(&inspection));
  return std::move(inspection.target);
}

void SinkStage::prepare(const Schema& schema) const {
  if (table().sink->prepare != nullptr) call(table().sink->prepare, self(), exported(schema).get());
}

std::string_view SinkStage::resource() const {
  if (table().sink->resource == nullptr) return {};
  return detail::to_view(table().sink->resource(self()));
}

std::vector<LedgerRecord> SinkStage::committed(std::string_view pipeline) const {
  if (!transactional()) return {};
  return listed<LedgerRecord, etl_ledger_record>(*this, table().sink->committed, self(),
                                                 to_abi(pipeline), to_abi(name()));
}

void SinkStage::record(const LedgerRecord& record) const {
  if (!transactional()) return;
  const etl_ledger_record abi = to_abi(record);
  call(table().sink->record, self(), &abi);
}

std::int64_t SinkStage::forget(const ForgetRequest& request, const Schema& schema) const {
  const etl_partition partition = to_abi(request.partition);
  const etl_forget_request abi = to_abi(request, partition);
  std::int64_t rows = 0;
  call(table().sink->forget, self(), &abi, exported(schema).get(), &rows);
  return rows;
}

bool SinkStage::has_heartbeat() const {
  const etl_sink& sink = *table().sink;
  return transactional() && sink.heartbeat != nullptr && sink.running != nullptr;
}

void SinkStage::heartbeat(const Heartbeat& beat) const {
  std::vector<etl_running_record> records;
  records.reserve(beat.records.size());
  for (const RunningRecord& record : beat.records) records.push_back(to_abi(record));
  const std::vector<const etl_running_record*> list = pointers_to(records);
  const etl_heartbeat abi{sizeof(abi),           static_cast<std::uint32_t>(list.size()),
                          to_abi(beat.pipeline), to_abi(beat.sink),
                          to_abi(beat.run_id),   list.data(),
                          beat.forget_after};
  call(table().sink->heartbeat, self(), &abi);
}

std::vector<RunningRecord> SinkStage::running(std::string_view pipeline) const {
  if (!has_heartbeat()) return {};
  return listed<RunningRecord, etl_running_record>(*this, table().sink->running, self(),
                                                   to_abi(pipeline), to_abi(name()));
}

std::int64_t SinkStage::merge(const SinkStage& from, const MergeRequest& request,
                              const Schema& schema) const {
  std::vector<etl_str> sources;
  std::vector<etl_partition> partitions;
  for (const MergeRequest::Part& part : request.parts) {
    sources.push_back(to_abi(part.source));
    partitions.push_back(to_abi(part.partition));
  }
  const std::vector<const etl_partition*> list = pointers_to(partitions);
  const etl_merge_request abi{sizeof(abi),
                              static_cast<std::uint32_t>(list.size()),
                              to_abi(request.pipeline),
                              to_abi(request.sink),
                              sources.data(),
                              list.data()};
  std::int64_t rows = 0;
  call(table().sink->merge, self(), from.self(), &abi, exported(schema).get(), &rows);
  return rows;
}

SinkWriter::SinkWriter(const SinkStage& stage, const WriteRequest& request, const Schema& schema)
    : stage_(stage) {
  const etl_partition partition = to_abi(request.partition);
  const etl_write_request abi = to_abi(request, partition);
  stage_.call(stage_.table().sink->open, stage_.self(), &abi, exported(schema).get(), &writer_);
}

SinkWriter::~SinkWriter() { stage_.table().sink->close(writer_); }

void SinkWriter::write(Batch batch) {
  ArrowArray array;
  std::move(batch).move_to(&array);
  stage_.call(stage_.table().sink->write, writer_, &array);
}

void SinkWriter::commit(const LedgerRecord& record) {
  const etl_ledger_record abi = to_abi(record);
  stage_.call(stage_.table().sink->commit, writer_, &abi);
}

}  // namespace etl::runtime
