#include "core/runtime/attempt/partition_flow.hpp"

#include "core/runtime/plugin/older_tables.hpp"
#include "core/runtime/plugin/share_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace etl::runtime {
namespace {

/// Charges a batch to the stage that emitted it, until others have taken it over.
class HeldBatch {
 public:
  HeldBatch(const Stage& stage, const Batch& batch)
      : memory_(stage.memory()), bytes_(static_cast<std::int64_t>(batch.bytes())) {
    memory_.add(bytes_);
  }
  ~HeldBatch() { memory_.add(-bytes_); }
  HeldBatch(const HeldBatch&) = delete;
  HeldBatch& operator=(const HeldBatch&) = delete;

 private:
  MemoryAccount& memory_;
  std::int64_t bytes_;
};

}  // namespace

/// Charges the time until the end of its scope to one stage (or to none) instead of the stage that
/// was running before.
class PartitionFlow::BusyTime {
 public:
  BusyTime(PartitionFlow& flow, std::optional<NodeIndex> node) : flow_(flow), before_(flow.busy_) {
    switch_to(node);
  }
  ~BusyTime() { switch_to(before_); }
  BusyTime(const BusyTime&) = delete;
  BusyTime& operator=(const BusyTime&) = delete;

 private:
  void switch_to(std::optional<NodeIndex> node) {
    const auto now = std::chrono::steady_clock::now();
    if (flow_.busy_) flow_.counts_[*flow_.busy_].busy += now - flow_.busy_since_;
    flow_.busy_since_ = now;
    flow_.busy_ = node;
    if (node) flow_.deadline_.resume();
    else flow_.deadline_.pause();
    if (flow_.activity_ != nullptr)
      flow_.activity_->stage.store(node ? static_cast<std::int32_t>(*node) : Activity::none,
                                   std::memory_order_relaxed);
  }
  PartitionFlow& flow_;
  std::optional<NodeIndex> before_;
};

PartitionFlow::PartitionFlow(const Graph& graph, NodeIndex source, std::vector<NodeIndex> targets,
                             FlowSettings settings, const Cancellation& cancellation,
                             Activity* activity)
    : graph_(graph),
      source_(source),
      targets_(std::move(targets)),
      settings_(std::move(settings)),
      cancellation_(cancellation),
      activity_(activity),
      deadline_(settings_.time_limit, activity),
      consumers_(graph.nodes().size()),
      target_(graph.nodes().size()),
      closed_(graph.nodes().size()),
      counts_(graph, source) {
  const auto wanted = [&](NodeIndex node) {
    return std::ranges::any_of(targets_, [&](auto target) { return graph_.reaches(node, target); });
  };
  for (const NodeIndex target : targets_) target_[target] = true;
  for (NodeIndex node = 0; node < graph_.nodes().size(); ++node) {
    if (!graph_.reaches(source_, node)) continue;
    for (const NodeIndex next : graph_[node].outputs) {
      if (wanted(next)) consumers_[node].push_back(next);
    }
  }
}

// ---- services for the stages -------------------------------------------------------------------

etl_task* PartitionFlow::task_of(NodeIndex node) {
  TaskContext& context = tasks_.emplace_back(TaskContext{this, node, {}});
  context.task.struct_size = sizeof(etl_task);
  context.task.ctx = &context;
  context.task.count = [](void* ctx, std::uint32_t counter, std::int64_t amount) {
    const auto& self = *static_cast<TaskContext*>(ctx);
    self.flow->count(self.node, counter, amount);
  };
  context.task.reject = [](void* ctx, const etl_reject* reject) {
    const auto& self = *static_cast<TaskContext*>(ctx);
    self.flow->reject(self.node, whole(reject));
  };
  context.task.cancelled = [](void* ctx) {
    return static_cast<TaskContext*>(ctx)->flow->should_stop() ? 1 : 0;
  };
  context.task.fail = [](void* ctx, const etl_error* error) {
    static_cast<TaskContext*>(ctx)->flow->stream_failure_ =
        reported_error(error->code, whole(error));
  };
  return &context.task;
}

void PartitionFlow::count(NodeIndex node, std::uint32_t counter, std::int64_t amount) {
  if (node != source_) return;
  counts_.report(counter, amount);
  if (counter == ETL_ROWS_READ) settings_.on_read(amount);
}

void PartitionFlow::reject(NodeIndex node, const etl_reject& reject) {
  counts_.reject(node, detail::to_view(reject.reason));
  if (reject_failure_) return;
  try {
    settings_.on_reject(node, reject);
  } catch (...) {
    // Must not pass through the plugin's frames: check_rejects() throws it.
    reject_failure_ = std::current_exception();
  }
}

void PartitionFlow::check_rejects() const {
  if (reject_failure_) std::rethrow_exception(reject_failure_);
  if (counts_.rejected() <= settings_.max_rejects) return;
  throw graph_[source_].stage->failure(Error::permanent(fmt::format(
      "{} (run.max_rejects = {})", counts_.rejects_by_reason(), settings_.max_rejects)));
}

// ---- running -----------------------------------------------------------------------------------

void PartitionFlow::run(const Partition& partition, const Deliver& deliver, const Replay* replay) {
  deliver_ = &deliver;
  replay_ = replay;
  reporting_timeouts([&] {
    run_stages([&](const etl_predicate* predicate) { read_source(partition, predicate); });
  });
}

void PartitionFlow::run_on(std::vector<Batch> batches, const Deliver& deliver) {
  deliver_ = &deliver;
  reporting_timeouts([&] {
    run_stages([&](const etl_predicate* predicate) {
      const BusyTime time(*this, source_);
      for (Batch& batch : batches) {
        if (should_stop()) throw Error::cancelled();
        if (!take_from_source(apply_predicate(std::move(batch), predicate))) return;
      }
    });
  });
}

/// Stages that are stopped at the time limit say that they were cancelled: reports the timeout
/// instead.
void PartitionFlow::reporting_timeouts(const std::function<void()>& body) const {
  try {
    body();
  } catch (const StageError& error) {
    if (error.code() == Code::cancelled && timed_out()) throw timeout_in(error.stage());
    throw;
  } catch (const Error& error) {
    if (error.code() == Code::cancelled && timed_out()) throw timeout_in(graph_[source_].name);
    throw;
  }
}

bool PartitionFlow::any_closed() const {
  return std::ranges::any_of(targets_, [&](NodeIndex target) { return closed_[target]; });
}

bool PartitionFlow::should_stop() const { return cancellation_.requested() || timed_out(); }

StageError PartitionFlow::timeout_in(const std::string& stage) const {
  const auto& nodes = graph_.nodes();
  const auto at = std::ranges::find(nodes, stage, &Node::name);
  const Node& node = at == nodes.end() ? graph_[source_] : *at;
  return node.stage->failure(time_limit_exceeded(settings_.time_limit));
}

void PartitionFlow::pass(FaultPoint point) const {
  if (settings_.faults == nullptr) return;
  try {
    settings_.faults->pass(point);
  } catch (const Error& error) {
    throw graph_[source_].stage->failure(error);
  }
}

void PartitionFlow::run_stages(const std::function<void(const etl_predicate*)>& read) {
  open_filters();
  const std::optional<etl_predicate> predicate = choose_predicate();
  read(predicate ? &*predicate : nullptr);
  // In topological order: what one filter held back passes the next before that one finishes.
  for (auto& [node, filter] : filters_) {
    const BusyTime time(*this, node);
    filter.finish([&, at = node](Batch batch) { emit(at, std::move(batch)); });
  }
  counts_.settle_source(predicate_filter_, !any_closed());
  check_rejects();
}

void PartitionFlow::open_filters() {
  for (NodeIndex node = 0; node < graph_.nodes().size(); ++node) {
    const Node& filter = graph_[node];
    const bool runs = !consumers_[node].empty() || target_[node];
    if (filter.kind != Kind::filter || node == source_ || !runs || !graph_.reaches(source_, node))
      continue;
    const BusyTime time(*this, node);
    filters_.try_emplace(node, graph_.filter(node), filter.in, filter.out, task_of(node));
  }
}

/// Rows may be dropped only for a filter that is the sole reader of the source.
std::optional<etl_predicate> PartitionFlow::choose_predicate() {
  const bool alone = consumers_[source_].size() == 1 && !target_[source_];
  if (!settings_.pushdown || replay_ != nullptr || !alone) return std::nullopt;
  const NodeIndex first = consumers_[source_].front();
  if (graph_[first].kind != Kind::filter) return std::nullopt;
  std::optional<etl_predicate> predicate = graph_.filter(first).predicate(graph_[first].in);
  if (predicate) predicate_filter_ = first;
  return predicate;
}

detail::OwnedStream PartitionFlow::open_source(const Partition& partition,
                                               const etl_predicate* predicate) {
  const SourceStage& stage = graph_.source(source_);
  if (replay_ == nullptr) return stage.read(partition, predicate, task_of(source_));
  const std::vector<std::string_view> records(replay_->records.begin(), replay_->records.end());
  return stage.replay(replay_->original, records, task_of(source_));
}

void PartitionFlow::read_source(const Partition& partition, const etl_predicate* predicate) {
  const Stage& stage = *graph_[source_].stage;
  const auto schema = std::make_shared<const Schema>(graph_[source_].out);
  const BusyTime time(*this, source_);
  pass(FaultPoint::source_open);
  const detail::OwnedStream stream = open_source(partition, predicate);
  pass(FaultPoint::source_opened);
  auto* raw = const_cast<ArrowArrayStream*>(stream.get());  // Arrow's callbacks take it non-const
  while (true) {
    if (should_stop()) throw Error::cancelled();
    ArrowArray array{};
    if (const int code = raw->get_next(raw, &array); code != 0) throw stream_error(stream, code);
    if (array.release == nullptr || !take_from_source(stage.accept(&array, schema))) return;
  }
}

/// Does what a source does with a predicate.
Batch PartitionFlow::apply_predicate(Batch batch, const etl_predicate* predicate) {
  if (predicate == nullptr) return batch;
  const auto values = batch.column<std::string_view>(detail::to_view(predicate->column));
  const std::size_t before = batch.rows();
  batch = std::move(batch).keep_if([&](std::size_t row) {
    return !values.null(row) && predicate->keep(predicate->ctx, detail::to_abi(values[row])) != 0;
  });
  counts_.drop(static_cast<std::int64_t>(before - batch.rows()));
  return batch;
}

/// Passes on a batch of the source; returns false when no target wants another.
bool PartitionFlow::take_from_source(Batch batch) {
  if (!std::exchange(has_batch_, true)) pass(FaultPoint::first_batch);
  check_rejects();
  if (!counts_.source_reports_rows()) settings_.on_read(static_cast<std::int64_t>(batch.rows()));
  const HeldBatch held(*graph_[source_].stage, batch);
  if (batch.rows() != 0) emit(source_, std::move(batch));
  return !std::ranges::all_of(targets_, [&](NodeIndex target) { return closed_[target]; });
}

/// A stream that was not made by the SDK may return an errno without explaining it to the task.
StageError PartitionFlow::stream_error(const detail::OwnedStream& stream, int code) const {
  const Stage& source = *graph_[source_].stage;
  if (stream_failure_) return source.failure(*stream_failure_);
  auto* raw = const_cast<ArrowArrayStream*>(stream.get());
  const char* text = raw->get_last_error == nullptr ? nullptr : raw->get_last_error(raw);
  const bool transient = code == EAGAIN || code == EINTR || code == ETIMEDOUT || code == ECONNRESET;
  return source.failure({transient        ? Code::transient
                         : code == ENOENT ? Code::missing
                                          : Code::permanent,
                         text != nullptr ? text : std::strerror(code)});
}

void PartitionFlow::emit(NodeIndex node, Batch batch) {
  counts_[node].rows_out += static_cast<std::int64_t>(batch.rows());
  if (batch.rows() == 0) return;
  const std::vector<NodeIndex>& next = consumers_[node];
  std::vector<Batch> copies = share_batch(std::move(batch), next.size() + (target_[node] ? 1 : 0));
  if (target_[node]) {
    deliver(node, std::move(copies.back()));
    copies.pop_back();
  }
  for (std::size_t i = 0; i < next.size(); ++i) receive(next[i], std::move(copies[i]));
}

void PartitionFlow::receive(NodeIndex node, Batch batch) {
  counts_[node].rows_in += static_cast<std::int64_t>(batch.rows());
  if (graph_[node].kind == Kind::sink) {
    deliver(node, std::move(batch));
    return;
  }
  const BusyTime time(*this, node);
  filters_.at(node).apply(std::move(batch), [&](Batch out) {
    const HeldBatch held(*graph_[node].stage, out);
    emit(node, std::move(out));
  });
}

void PartitionFlow::deliver(NodeIndex target, Batch batch) {
  if (closed_[target]) return;
  const BusyTime time(*this, std::nullopt);  // waiting for room is not a stage's work
  counts_.deliver(target, static_cast<std::int64_t>(batch.rows()));
  if (!(*deliver_)(target, std::move(batch))) closed_[target] = true;
}

}  // namespace etl::runtime
