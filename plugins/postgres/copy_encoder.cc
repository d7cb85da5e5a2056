#include "plugins/postgres/copy_encoder.hpp"

#include "plugins/postgres/connection/connection.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

namespace postgres {
namespace {

static_assert(std::endian::native == std::endian::little, "put() swaps the bytes of every number");

constexpr std::size_t field_bytes_max = 4 + 8;  // size and value, except of texts

template <std::signed_integral Number>
char* put(char* at, Number number) {
  auto bits = static_cast<std::make_unsigned_t<Number>>(number);
  if constexpr (sizeof(bits) == 2) bits = __builtin_bswap16(bits);
  else if constexpr (sizeof(bits) == 4) bits = __builtin_bswap32(bits);
  else bits = __builtin_bswap64(bits);
  std::memcpy(at, &bits, sizeof(bits));
  return at + sizeof(bits);
}

// A field of fixed size, preceded by that size.
template <class T>
char* put_field(char* at, T number) {
  return put(put(at, static_cast<std::int32_t>(sizeof(T))), number);
}

void append(CopyBuffer& out, std::string_view bytes) {
  char* at = out.room(bytes.size());
  std::memcpy(at, bytes.data(), bytes.size());
  out.end_at(at + bytes.size());
}

template <class Values>
Values values_of(const etl::Batch& batch, std::size_t column) {
  switch (batch.schema()[column].type) {
    case etl::Type::boolean:
      return batch.column<bool>(column);
    case etl::Type::int32:
      return batch.column<std::int32_t>(column);
    case etl::Type::int64:
    case etl::Type::timestamp_s:
    case etl::Type::timestamp_us:
      return batch.column<std::int64_t>(column);
    case etl::Type::float64:
      return batch.column<double>(column);
    case etl::Type::utf8:
    case etl::Type::utf8_view:
    case etl::Type::binary:
      return batch.column<std::string_view>(column);
  }
  throw etl::Error(etl::Code::internal, "the encoder does not know a column's type");
}

}  // namespace

void CopyBuffer::grow(std::size_t used, std::size_t size) {
  const std::size_t capacity = std::max({used + size, capacity_ * 2, std::size_t{64} << 10U});
  auto data = std::make_unique_for_overwrite<char[]>(capacity);
  if (used != 0) std::memcpy(data.get(), data_.get(), used);
  data_ = std::move(data);
  capacity_ = capacity;
}

CopyEncoder::CopyEncoder(Layout layout) : layout_(std::move(layout)) {}

void CopyEncoder::begin(CopyBuffer& out) {
  // Signature, flags (none), length of the header's extension (0).
  append(out, {"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0", 19});
}

void CopyEncoder::end(CopyBuffer& out) { append(out, {"\xFF\xFF", 2}); }

void CopyEncoder::take(const etl::Batch& batch) {
  cells_.clear();
  for (std::size_t column = 0; column < batch.schema().size(); ++column) {
    const bool not_null = std::ranges::find(layout_.not_null, column) != layout_.not_null.end();
    const std::size_t length = layout_.lengths.empty() ? 0 : layout_.lengths[column];
    cells_.push_back({&batch.schema()[column], values_of<Values>(batch, column), not_null, length});
  }
  row_ = 0;
  size_ = batch.rows();
  fixed_bytes_ = 2 + (cells_.size() + 1) * field_bytes_max;
}

bool CopyEncoder::encode(CopyBuffer& out, std::size_t enough) {
  while (row_ < size_ && out.size() < enough) {
    out.end_at(put_row(out, out.room(fixed_bytes_)));
    ++row_;
    ++rows_;
  }
  return row_ < size_;
}

char* CopyEncoder::put_row(CopyBuffer& out, char* at) const {
  at = put(at, static_cast<std::int16_t>(cells_.size() + (layout_.ordinal ? 1 : 0)));
  for (const Cell& cell : cells_) at = put_cell(out, at, cell);
  return layout_.ordinal ? put_field(at, rows_) : at;
}

char* CopyEncoder::put_cell(CopyBuffer& out, char* at, const Cell& cell) const {
  const bool null =
      std::visit([this](const auto& values) { return values.null(row_); }, cell.values);
  if (null) {
    if (cell.not_null) refuse(cell, "null in a column of the key or the order");
    return put(at, std::int32_t{-1});
  }
  switch (cell.field->type) {
    case etl::Type::boolean:
      at = put(at, std::int32_t{1});
      *at = (*std::get_if<etl::Column<bool>>(&cell.values))[row_] ? '\1' : '\0';
      return at + 1;
    case etl::Type::int32:
      return put_field(at, (*std::get_if<etl::Column<std::int32_t>>(&cell.values))[row_]);
    case etl::Type::int64:
      return put_field(at, (*std::get_if<etl::Column<std::int64_t>>(&cell.values))[row_]);
    case etl::Type::timestamp_s:
    case etl::Type::timestamp_us:
      return put_field(
          at, server_time(cell, (*std::get_if<etl::Column<std::int64_t>>(&cell.values))[row_]));
    case etl::Type::float64:
      return put_field(
          at, std::bit_cast<std::int64_t>((*std::get_if<etl::Column<double>>(&cell.values))[row_]));
    case etl::Type::utf8:
    case etl::Type::utf8_view:
    case etl::Type::binary:
      return put_text(out, at, cell);
  }
  return at;
}

char* CopyEncoder::put_text(CopyBuffer& out, char* at, const Cell& cell) const {
  const std::string_view text = (*std::get_if<etl::Column<std::string_view>>(&cell.values))[row_];
  if (cell.field->type != etl::Type::binary && !text.empty() &&
      std::memchr(text.data(), '\0', text.size()) != nullptr) {
    refuse(cell, "a NUL byte, which PostgreSQL does not store in texts");
  }
  if (cell.length != 0 && text.size() > cell.length) require_length(cell, text);
  // Leaves room for all the fields of fixed size that may follow.
  at = out.room_at(at, text.size() + fixed_bytes_);
  at = put(at, static_cast<std::int32_t>(text.size()));
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// The server cuts trailing blanks of a text that is too long, without an error.
void CopyEncoder::require_length(const Cell& cell, std::string_view text) const {
  const auto characters = static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
  if (characters <= cell.length) return;
  refuse(cell, std::to_string(characters) + " characters, but the column is varchar(" +
                   std::to_string(cell.length) + ")");
}

std::int64_t CopyEncoder::server_time(const Cell& cell, std::int64_t value) const {
  std::int64_t microseconds = value;
  const bool in_seconds = cell.field->type == etl::Type::timestamp_s;
  if (!in_seconds || !__builtin_mul_overflow(value, std::int64_t{1'000'000}, &microseconds)) {
    if (const auto time = to_server_time(microseconds)) return *time;
  }
  refuse(cell, std::to_string(value) + (in_seconds ? " s" : " us") +
                   " since 1970 is outside PostgreSQL's range, 4714 BC to 294247");
}

void CopyEncoder::refuse(const Cell& cell, std::string_view why) const {
  throw etl::Error::permanent("column \"" + cell.field->name + "\", row " +
                              std::to_string(rows_ + 1) + " of the partition: " + std::string(why));
}

}  // namespace postgres
