/// \file
/// CopyEncoder: encodes batches for `COPY ... FROM STDIN (FORMAT binary)`.
#pragma once

#include <etl/batch.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

namespace postgres {

/// A growable buffer that is written through a bare pointer. Not initialised; keeps its capacity.
class CopyBuffer {
 public:
  /// The end of the bytes, with room for `size` more. Valid until the next call.
  char* room(std::size_t size) { return room_at(data_.get() + size_, size); }
  /// Makes room for `size` bytes at `at`, which lies within the result of room(). Returns where
  /// `at` is now; keeps the bytes before it.
  char* room_at(char* at, std::size_t size) {
    const auto used = static_cast<std::size_t>(at - data_.get());
    if (capacity_ - used < size) grow(used, size);
    return data_.get() + used;
  }
  /// Keeps the bytes before `at`.
  void end_at(const char* at) { size_ = static_cast<std::size_t>(at - data_.get()); }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Bytes allocated.
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::span<const char> bytes() const { return {data_.get(), size_}; }
  void clear() { size_ = 0; }

 private:
  void grow(std::size_t used, std::size_t size);

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Encodes rows in the binary COPY format (https://www.postgresql.org/docs/15/sql-copy.html): for
/// each row the number of fields, for each field its size (-1 = null) and its bytes, all numbers
/// big-endian.
///
/// Used by one thread; one object per COPY, because it counts the rows. Looks up column types once
/// per batch; allocates only when the buffer grows.
class CopyEncoder {
 public:
  /// The layout of rows, beyond the batch's schema.
  struct Layout {
    std::vector<std::size_t> not_null;  ///< columns in which null is an error
    std::vector<std::size_t> lengths;   ///< the most characters of each column; empty or 0 = any
    bool ordinal = false;               ///< append the row's number, a bigint
  };

  explicit CopyEncoder(Layout layout);

  /// Append the bytes before the first row and after the last.
  static void begin(CopyBuffer& out);
  static void end(CopyBuffer& out);

  /// Starts on a batch, which must live until the last encode() for it.
  void take(const etl::Batch& batch);
  /// Appends rows of the batch until it ends or `out` holds `enough` bytes. False at its end.
  ///
  /// Throws Error (permanent) naming column and row for a NUL byte in a text, a text that is too
  /// long, a time out of range or a null where there must be a value. `out` then ends with a whole
  /// row, and the COPY must be abandoned.
  bool encode(CopyBuffer& out, std::size_t enough);

  /// Rows encoded so far, over all batches.
  [[nodiscard]] std::int64_t rows() const { return rows_; }

 private:
  using Values =
      std::variant<etl::Column<bool>, etl::Column<std::int32_t>, etl::Column<std::int64_t>,
                   etl::Column<double>, etl::Column<std::string_view>>;
  struct Cell {
    const etl::Field* field;
    Values values;
    bool not_null;
    std::size_t length;
  };

  char* put_row(CopyBuffer& out, char* at) const;
  char* put_cell(CopyBuffer& out, char* at, const Cell& cell) const;
  char* put_text(CopyBuffer& out, char* at, const Cell& cell) const;
  void require_length(const Cell& cell, std::string_view text) const;
  [[nodiscard]] std::int64_t server_time(const Cell& cell, std::int64_t value) const;
  [[noreturn]] void refuse(const Cell& cell, std::string_view why) const;

  Layout layout_;
  std::vector<Cell> cells_;
  std::size_t row_ = 0;   // of the batch, the next to encode
  std::size_t size_ = 0;  // rows of the batch
  std::size_t fixed_bytes_ = 0;
  std::int64_t rows_ = 0;
};

}  // namespace postgres
