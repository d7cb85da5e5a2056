#include "plugins/wikipedia/replay_reader.hpp"

#include <etl/builder.hpp>

#include <algorithm>
#include <utility>

namespace wikipedia {
namespace {

void add_count(const etl::Task& task, std::uint32_t counter, std::int64_t n) {
  if (counter == ETL_ROWS_READ) task.read(n);
  if (counter == ETL_ROWS_DROPPED) task.dropped(n);
}

}  // namespace

ReplayReader::ReplayReader(std::vector<std::string_view> records, std::int64_t hour_seconds,
                           std::shared_ptr<const etl::Schema> schema,
                           PageViewParser::Settings settings, etl::Task task, etl::HeldMemory held)
    : records_(std::move(records)),
      task_(task),
      parser_task_(parser_task(this)),
      parser_(settings, {}, etl::Task(&parser_task_)),
      columns_(std::move(schema), hour_seconds),
      held_(std::move(held)) {
  held_.set(static_cast<std::int64_t>(parser_.memory() + etl::batch_bytes));  // the next batch
}

etl_task ReplayReader::parser_task(ReplayReader* self) {
  etl_task table{};
  table.struct_size = sizeof(table);
  table.ctx = self;
  table.count = [](void* ctx, std::uint32_t counter, std::int64_t n) {
    add_count(static_cast<ReplayReader*>(ctx)->task_, counter, n);
  };
  table.reject = &ReplayReader::on_reject;
  table.cancelled = [](void* ctx) {
    return static_cast<ReplayReader*>(ctx)->task_.cancelled() ? 1 : 0;
  };
  table.fail = [](void*, const etl_error*) {};  // the parser never fails
  return table;
}

void ReplayReader::on_reject(void* self, const etl_reject* reject) noexcept {
  const auto& reader = *static_cast<const ReplayReader*>(self);
  const std::int64_t position = reader.positions_[static_cast<std::size_t>(reject->line - 1)];
  reader.task_.reject(etl::detail::to_view(reject->reason), etl::detail::to_view(reject->raw),
                      position);
}

std::optional<etl::Batch> ReplayReader::next() {
  while (!ended_) {
    if (task_.cancelled()) throw etl::Error::cancelled();
    const std::size_t size = fill(parser_.space());
    if (size == 0) {
      columns_.append(parser_.finish());
      ended_ = true;
    } else {
      task_.decoded(static_cast<std::int64_t>(size));
      columns_.append(parser_.parse(size));
      if (columns_.bytes() >= etl::batch_bytes) return columns_.finish();
    }
  }
  if (columns_.rows() != 0) return columns_.finish();
  return std::nullopt;
}

/// Copies records, each followed by a line feed, until the space or the list is exhausted.
std::size_t ReplayReader::fill(std::span<char> space) {
  std::size_t size = 0;
  while (record_ < records_.size() && size < space.size()) {
    const std::string_view record = records_[record_];
    const auto position = static_cast<std::int64_t>(record_) + 1;
    if (copied_ == 0 && record.find('\n') != std::string_view::npos) {
      task_.read(1);
      task_.reject(reason::line_feed, record, position);
      ++record_;
      continue;
    }
    if (copied_ == 0) positions_.push_back(position);
    const std::string_view rest = record.substr(copied_, space.size() - size);
    std::ranges::copy(rest, space.data() + size);
    size += rest.size();
    copied_ += rest.size();
    if (copied_ < record.size() || size == space.size()) continue;
    space[size++] = '\n';
    copied_ = 0;
    ++record_;
  }
  return size;
}

}  // namespace wikipedia
