#include "plugins/wikipedia/parse/page_view_columns.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace wikipedia {
namespace {

using etl::detail::Buffer;

std::string_view text_of(ColumnKind kind, const CodeRun& run) {
  switch (kind) {
    case ColumnKind::language:
      return first_label(run.code);
    case ColumnKind::project:
      return run.project;
    case ColumnKind::access:
      return run.access;
    default:
      return run.code;
  }
}

/// Offsets are int32: a batch ends at about etl::batch_bytes, long before its texts reach 2 GiB.
std::int32_t offset(std::size_t bytes) { return static_cast<std::int32_t>(bytes); }

template <class T>
T* extend(Buffer& buffer, std::size_t count) {
  return reinterpret_cast<T*>(buffer.extend(count * sizeof(T)));
}

}  // namespace

PageViewColumns::PageViewColumns(std::shared_ptr<const etl::Schema> schema,
                                 std::int64_t hour_seconds)
    : schema_(std::move(schema)), hour_seconds_(hour_seconds) {
  for (const etl::Field& field : *schema_) {
    const auto* info = std::ranges::find(column_table, field.name, &ColumnInfo::name);
    columns_.push_back({info->kind, etl::detail::has_offsets(info->type)});
  }
}

void PageViewColumns::append(const PageViewBlock& block) {
  if (block.rows.empty()) return;
  for (Column& column : columns_) {
    if (column.text && column.offsets.size() == 0) column.offsets.push(std::int32_t{0});
    if (column.kind == ColumnKind::title) append_titles(column, block);
    else if (column.text) append_texts(column, block);
    else append_numbers(column, block);
  }
  rows_ += block.rows.size();
}

/// Columns derived from the code are the same for all rows of a run.
void PageViewColumns::append_texts(Column& column, const PageViewBlock& block) {
  auto* end = extend<std::int32_t>(column.offsets, block.rows.size());
  for (std::size_t run = 0; run < block.runs.size(); ++run) {
    const std::string_view text = text_of(column.kind, block.runs[run]);
    const std::size_t rows = block.rows_in(run);
    std::size_t size = column.data.size();
    std::byte* to = column.data.extend(text.size() * rows);
    for (std::size_t row = 0; row < rows; ++row) {
      // The language of ".m" is empty, and `to` may be null if the column has no bytes yet.
      if (!text.empty()) std::memcpy(to, text.data(), text.size());
      to += text.size();
      size += text.size();
      *end++ = offset(size);
    }
  }
}

/// Most titles fit into `title_slack` bytes, and copying a fixed size is much faster than a call of
/// memcpy() for each; surplus bytes are overwritten by the next title.
void PageViewColumns::append_titles(Column& column, const PageViewBlock& block) {
  std::size_t total = 0;
  for (const PageViewRow& row : block.rows) total += row.title_size;
  std::size_t size = column.data.size();
  column.data.reserve(size + total + title_slack);
  std::byte* to = column.data.data() + size;
  auto* end = extend<std::int32_t>(column.offsets, block.rows.size());
  for (const PageViewRow& row : block.rows) {
    std::memcpy(to, row.title, title_slack);
    if (row.title_size > title_slack) std::memcpy(to, row.title, row.title_size);
    to += row.title_size;
    size += row.title_size;
    *end++ = offset(size);
  }
  column.data.extend(total);
}

void PageViewColumns::append_numbers(Column& column, const PageViewBlock& block) const {
  auto* to = extend<std::int64_t>(column.data, block.rows.size());
  switch (column.kind) {
    case ColumnKind::hour:
      std::fill_n(to, block.rows.size(), hour_seconds_);
      break;
    case ColumnKind::views:
      for (const PageViewRow& row : block.rows) *to++ = row.views;
      break;
    default:
      for (const PageViewRow& row : block.rows) *to++ = row.response_bytes;
      break;
  }
}

std::size_t PageViewColumns::bytes() const {
  std::size_t bytes = 0;
  for (const Column& column : columns_) bytes += column.offsets.size() + column.data.size();
  return bytes;
}

etl::detail::OwnedArray PageViewColumns::finish(Column& column) const {
  if (column.text && column.offsets.size() == 0) column.offsets.push(std::int32_t{0});
  column.data.reserve(1);  // an empty buffer needs an address
  auto out = std::make_unique<etl::detail::ColumnExport>();
  out->pointers = {nullptr};  // no nulls
  if (column.text) out->pointers.push_back(column.offsets.data());
  out->pointers.push_back(column.data.data());
  // The next batch will be about as large.
  const std::size_t offsets = column.offsets.capacity();
  const std::size_t data = column.data.capacity();
  out->offsets = std::exchange(column.offsets, {});
  out->data = std::exchange(column.data, {});
  if (column.text) column.offsets.reserve(offsets);
  column.data.reserve(data);
  ArrowArray array;
  etl::detail::ColumnExport::give(std::move(out), static_cast<std::int64_t>(rows_), 0, &array);
  return etl::detail::OwnedArray(&array);
}

etl::Batch PageViewColumns::finish() {
  std::vector<etl::detail::OwnedArray> arrays;
  arrays.reserve(columns_.size());
  for (Column& column : columns_) arrays.push_back(finish(column));
  const auto rows = static_cast<std::int64_t>(std::exchange(rows_, 0));
  return {etl::detail::StructExport::make(std::move(arrays), rows), schema_};
}

}  // namespace wikipedia
