#include "core/runtime/attempt/partition_flow.hpp"

#include "core/runtime/base/units.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/plugin/older_tables.hpp"
#include "core/runtime/plugin/share_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace etl::runtime {
namespace {

/// Reasons are short fixed phrases; a plugin that makes a new one each time must not fill the
/// memory.
constexpr std::size_t most_reasons = 20;

/// Counts a batch as held by a stage, from when the stage gives it to when it is somebody else's.
class InHand {
 public:
  InHand(const Stage& stage, const Batch& batch)
      : memory_(stage.memory()), bytes_(static_cast<std::int64_t>(batch.bytes())) {
    memory_.add(bytes_);
  }
  ~InHand() { memory_.add(-bytes_); }
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;

 private:
  MemoryAccount& memory_;
  std::int64_t bytes_;
};

}  // namespace

Error time_limit_exceeded(std::chrono::milliseconds limit) {
  return Error::transient("took longer than run.partition_timeout = " + duration_text(limit));
}

StageCounts& StageCounts::operator+=(const StageCounts& other) {
  rows_in += other.rows_in;
  rows_out += other.rows_out;
  rejected += other.rejected;
  busy += other.busy;
  return *this;
}

/// Charges the time until the end of its scope to one stage (or to none), and not to the stage
/// whose turn it interrupts.
class PartitionFlow::Turn {
 public:
  Turn(PartitionFlow& flow, std::optional<NodeIndex> node) : flow_(flow), before_(flow.current_) {
    hand_over(node);
  }
  ~Turn() { hand_over(before_); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  void hand_over(std::optional<NodeIndex> node) {
    const auto now = std::chrono::steady_clock::now();
    if (flow_.current_) flow_.stages_[*flow_.current_].busy += now - flow_.since_;
    flow_.since_ = now;
    flow_.current_ = node;
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
      stages_(graph.nodes().size()),
      delivered_(graph.nodes().size()) {
  const auto wanted = [&](NodeIndex node) {
    return std::any_of(targets_.begin(), targets_.end(),
                       [&](NodeIndex target) { return graph_.reaches(node, target); });
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
  context.task.count = [](void* ctx, std::uint32_t counter, std::int64_t rows) {
    const auto& self = *static_cast<TaskContext*>(ctx);
    self.flow->count(self.node, counter, rows);
  };
  context.task.reject = [](void* ctx, const etl_reject* reject) {
    const auto& self = *static_cast<TaskContext*>(ctx);
    self.flow->reject(self.node, whole(reject));
  };
  context.task.cancelled = [](void* ctx) {
    return static_cast<TaskContext*>(ctx)->flow->to_stop() ? 1 : 0;
  };
  context.task.fail = [](void* ctx, const etl_error* error) {
    static_cast<TaskContext*>(ctx)->flow->failure_ = reported_error(error->code, whole(error));
  };
  return &context.task;
}

void PartitionFlow::count(NodeIndex node, std::uint32_t counter, std::int64_t rows) {
  if (node != source_) return;
  switch (counter) {
    case ETL_ROWS_READ:
      reported_read_ = reported_read_.value_or(0) + rows;
      settings_.on_read(rows);
      break;
    case ETL_ROWS_DROPPED:
      dropped_ += rows;
      break;
    case ETL_BYTES_DOWNLOADED:
      downloaded_ += rows;
      break;
    case ETL_BYTES_DECODED:
      decoded_ += rows;
      break;
    default:
      break;  // of a later minor
  }
}

void PartitionFlow::reject(NodeIndex node, const etl_reject& reject) {
  ++stages_[node].rejected;
  ++rejected_;
  const std::string reason = printable(detail::to_view(reject.reason));
  if (reasons_.size() < most_reasons || reasons_.contains(reason)) ++reasons_[reason];
  else ++other_reasons_;
  if (reject_failure_) return;
  try {
    settings_.on_reject(node, reject);
  } catch (...) {
    reject_failure_ = std::current_exception();  // the plugin is in between: thrown once it is not
  }
}

// ---- the way of a batch ------------------------------------------------------------------------

void PartitionFlow::run(const Partition& partition, const Deliver& deliver, const Replay* replay) {
  deliver_ = &deliver;
  replay_ = replay;
  guarded([&] { flow([&](const etl_predicate* predicate) { pull(partition, predicate); }); });
}

void PartitionFlow::run_on(std::vector<Batch> batches, const Deliver& deliver) {
  deliver_ = &deliver;
  guarded([&] {
    flow([&](const etl_predicate* predicate) {
      const Turn turn(*this, source_);
      for (Batch& batch : batches) {
        if (to_stop()) throw Error::cancelled();
        if (!take(without_dropped(std::move(batch), predicate))) return;
      }
    });
  });
}

/// Says of an attempt that was stopped because it took too long that it did.
void PartitionFlow::guarded(const std::function<void()>& body) const {
  try {
    body();
  } catch (const StageError& error) {
    if (error.code() == Code::cancelled && late_) throw too_long(error.stage());
    throw;
  } catch (const Error& error) {
    if (error.code() == Code::cancelled && late_) throw too_long(graph_[source_].name);
    throw;
  }
}

bool PartitionFlow::to_stop() {
  if (cancellation_.requested()) return true;
  late_ = late_ || deadline_.passed();
  return late_;
}

StageError PartitionFlow::too_long(const std::string& stage) const {
  const auto& nodes = graph_.nodes();
  const auto at = std::find_if(nodes.begin(), nodes.end(),
                               [&](const Node& node) { return node.name == stage; });
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

void PartitionFlow::flow(const std::function<void(const etl_predicate*)>& pull) {
  open_filters();
  const std::optional<etl_predicate> predicate = choose_predicate();
  pull(predicate ? &*predicate : nullptr);
  // In topological order, so that what one filter held back has passed the next before it finishes.
  for (auto& [node, filter] : filters_) {
    const Turn turn(*this, node);
    filter.finish([&, at = node](Batch batch) { leave(at, std::move(batch)); });
  }
  settle_source();
  require_few_rejects();
}

void PartitionFlow::open_filters() {
  for (NodeIndex node = 0; node < graph_.nodes().size(); ++node) {
    const Node& filter = graph_[node];
    const bool runs = !consumers_[node].empty() || target_[node];
    if (filter.kind != Kind::filter || node == source_ || !runs || !graph_.reaches(source_, node))
      continue;
    const Turn turn(*this, node);
    filters_.try_emplace(node, graph_.filter(node), filter.in, filter.out, task_of(node));
  }
}

/// Only a filter that sees every row of the source, and alone, may have rows dropped for it.
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

void PartitionFlow::pull(const Partition& partition, const etl_predicate* predicate) {
  const Stage& stage = *graph_[source_].stage;
  const auto schema = std::make_shared<const Schema>(graph_[source_].out);
  const Turn turn(*this, source_);
  pass(FaultPoint::source_open);
  const detail::OwnedStream stream = open_source(partition, predicate);
  pass(FaultPoint::source_opened);
  auto* raw = const_cast<ArrowArrayStream*>(stream.get());  // Arrow's callbacks take it non-const
  while (true) {
    if (to_stop()) throw Error::cancelled();
    ArrowArray array{};
    if (const int code = raw->get_next(raw, &array); code != 0) throw stream_error(stream, code);
    if (array.release == nullptr || !take(stage.accept(&array, schema))) return;
  }
}

/// What a source does that is given a predicate.
Batch PartitionFlow::without_dropped(Batch batch, const etl_predicate* predicate) {
  if (predicate == nullptr) return batch;
  const auto values = batch.column<std::string_view>(detail::to_view(predicate->column));
  const std::size_t before = batch.rows();
  batch = std::move(batch).keep_if([&](std::size_t row) {
    return !values.null(row) && predicate->keep(predicate->ctx, detail::to_abi(values[row])) != 0;
  });
  dropped_ += static_cast<std::int64_t>(before - batch.rows());
  return batch;
}

/// A batch of the source; false when nobody wants another.
bool PartitionFlow::take(Batch batch) {
  if (!std::exchange(has_batch_, true)) pass(FaultPoint::first_batch);
  require_few_rejects();
  if (!reported_read_) settings_.on_read(static_cast<std::int64_t>(batch.rows()));
  const InHand in_hand(*graph_[source_].stage, batch);
  if (batch.rows() != 0) leave(source_, std::move(batch));
  return !std::all_of(targets_.begin(), targets_.end(), [&](NodeIndex t) { return closed_[t]; });
}

/// A stream that is not of our SDK may return an errno without telling the task why.
StageError PartitionFlow::stream_error(const detail::OwnedStream& stream, int code) const {
  const Stage& source = *graph_[source_].stage;
  if (failure_) return source.failure(*failure_);
  auto* raw = const_cast<ArrowArrayStream*>(stream.get());
  const char* text = raw->get_last_error == nullptr ? nullptr : raw->get_last_error(raw);
  const bool transient = code == EAGAIN || code == EINTR || code == ETIMEDOUT || code == ECONNRESET;
  return source.failure({transient        ? Code::transient
                         : code == ENOENT ? Code::missing
                                          : Code::permanent,
                         text != nullptr ? text : std::strerror(code)});
}

void PartitionFlow::leave(NodeIndex node, Batch batch) {
  stages_[node].rows_out += static_cast<std::int64_t>(batch.rows());
  if (batch.rows() == 0) return;
  const std::vector<NodeIndex>& next = consumers_[node];
  std::vector<Batch> copies = share_batch(std::move(batch), next.size() + (target_[node] ? 1 : 0));
  if (target_[node]) {
    give(node, std::move(copies.back()));
    copies.pop_back();
  }
  for (std::size_t i = 0; i < next.size(); ++i) arrive(next[i], std::move(copies[i]));
}

void PartitionFlow::arrive(NodeIndex node, Batch batch) {
  stages_[node].rows_in += static_cast<std::int64_t>(batch.rows());
  if (graph_[node].kind == Kind::sink) {
    give(node, std::move(batch));
    return;
  }
  const Turn turn(*this, node);
  filters_.at(node).apply(std::move(batch), [&](Batch out) {
    const InHand in_hand(*graph_[node].stage, out);
    leave(node, std::move(out));
  });
}

void PartitionFlow::give(NodeIndex target, Batch batch) {
  if (closed_[target]) return;
  const Turn turn(*this, std::nullopt);  // waiting for room is no stage's work
  delivered_[target] += static_cast<std::int64_t>(batch.rows());
  if (!(*deliver_)(target, std::move(batch))) closed_[target] = true;
}

// ---- counts ------------------------------------------------------------------------------------

void PartitionFlow::require_few_rejects() const {
  if (reject_failure_) std::rethrow_exception(reject_failure_);
  if (rejected_ <= settings_.max_rejects) return;
  throw graph_[source_].stage->failure(Error::permanent(
      fmt::format("{} (run.max_rejects = {})", rejects_by_reason(), settings_.max_rejects)));
}

std::string PartitionFlow::rejects_by_reason() const {
  if (rejected_ == 0) return {};
  std::string text = fmt::format("{} rows rejected", rejected_);
  const char* separator = ": ";
  for (const auto& [reason, rows] : reasons_) {
    text += fmt::format("{}{} x {}", separator, rows, reason);
    separator = ", ";
  }
  if (other_reasons_ != 0) text += fmt::format("{}{} x other reasons", separator, other_reasons_);
  return text;
}

/// Rows that the source dropped for the filter behind it count as if they had gone through both.
void PartitionFlow::settle_source() {
  StageCounts& source = stages_[source_];
  if (predicate_filter_) {
    source.rows_out += dropped_;
    stages_[*predicate_filter_].rows_in += dropped_;
  } else if (dropped_ != 0) {
    throw graph_[source_].stage->failure(
        Error(Code::internal, fmt::format("{} rows dropped without a predicate", dropped_)));
  }
  const std::int64_t accounted = source.rows_out + source.rejected;
  const bool whole =
      std::none_of(targets_.begin(), targets_.end(), [&](NodeIndex t) { return closed_[t]; });
  source.rows_in = reported_read_.value_or(accounted);
  if (whole && source.rows_in != accounted) {
    throw graph_[source_].stage->failure(
        Error(Code::internal,
              fmt::format(
                  "the counts do not add up: {} rows read, but {} given or dropped and {} rejected",
                  source.rows_in, source.rows_out, source.rejected)));
  }
}

RowCounts PartitionFlow::counts_for(NodeIndex sink) const {
  RowCounts counts;
  counts.read = stages_[source_].rows_in;
  counts.written = delivered_[sink];
  for (NodeIndex node = 0; node < graph_.nodes().size(); ++node) {
    if (node == sink || !graph_.reaches(source_, node) || !graph_.reaches(node, sink)) continue;
    const StageCounts& stage = stages_[node];
    counts.rejected += stage.rejected;
    if (graph_[node].kind == Kind::filter) {
      const std::int64_t gone = stage.rows_in - stage.rows_out - stage.rejected;
      (gone >= 0 ? counts.filtered : counts.added) += gone >= 0 ? gone : -gone;
    }
    // A stage that feeds several others on the way to this sink multiplies its rows.
    const auto ways = std::count_if(consumers_[node].begin(), consumers_[node].end(),
                                    [&](NodeIndex next) { return graph_.reaches(next, sink); });
    if (ways > 1) counts.added += (ways - 1) * stage.rows_out;
  }
  if (!counts.balanced()) {
    throw graph_[sink].stage->failure(
        Error(Code::internal,
              fmt::format(
                  "the counts do not add up: read {} + added {} is not filtered {} + rejected {} + "
                  "written {}",
                  counts.read, counts.added, counts.filtered, counts.rejected, counts.written)));
  }
  return counts;
}

}  // namespace etl::runtime
