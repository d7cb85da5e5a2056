/// \file
/// Batches as the bytes of `COPY ... FROM STDIN (FORMAT binary)`.
#pragma once

#include <etl/batch.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace postgres {

/// Growable bytes that are written through a bare pointer. Not initialised; its capacity is kept.
class CopyBuffer {
 public:
  /// The end of the bytes, with room for `size` more behind it. Valid until the next call.
  char* room(std::size_t size) { return room_at(data_.get() + size_, size); }
  /// Room for `size` bytes at `at`, which lies within what room() gave and may move: where it is
  /// now. All that lies in front of it is kept.
  char* room_at(char* at, std::size_t size) {
    const auto used = static_cast<std::size_t>(at - data_.get());
    if (capacity_ - used < size) grow(used, size);
    return data_.get() + used;
  }
  /// What was written up to `at` is kept.
  void end_at(const char* at) { size_ = static_cast<std::size_t>(at - data_.get()); }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Bytes that it holds, used or not.
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::span<const char> bytes() const { return {data_.get(), size_}; }
  void clear() { size_ = 0; }

 private:
  void grow(std::size_t used, std::size_t size);

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Writes rows in the binary COPY format (https://www.postgresql.org/docs/15/sql-copy.html): per
/// row the number of fields, per field its size or -1 and its bytes, all numbers big-endian.
///
/// Used by one thread; one object per COPY, for it counts the rows. Column types are looked up once
/// a batch; per row it allocates nothing but what the buffer grows by.
class CopyEncoder {
 public:
  /// How rows are laid out, beside what the batch's own schema says.
  struct Layout {
    std::vector<std::size_t> keys;  ///< columns in which a null is an error
    bool ordinal = false;           ///< append a bigint that counts the rows
  };

  explicit CopyEncoder(Layout layout);

  /// The bytes before the first row, and those behind the last.
  static void begin(CopyBuffer& out);
  static void end(CopyBuffer& out);

  /// Takes up a batch, which must live until the last encode() for it.
  void take(const etl::Batch& batch);
  /// Appends rows of the batch until it ends or `out` holds `enough` bytes. False when it has
  /// ended.
  ///
  /// Throws Error (permanent) naming column and row: a NUL byte in a text, a time out of range, a
  /// null in a key. `out` then ends with a whole row, and the COPY is to be given up.
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
    bool key;
  };

  char* put_row(CopyBuffer& out, char* at) const;
  char* put_cell(CopyBuffer& out, char* at, const Cell& cell) const;
  char* put_text(CopyBuffer& out, char* at, const Cell& cell) const;
  [[nodiscard]] std::int64_t server_time(const Cell& cell, std::int64_t value) const;
  [[noreturn]] void refuse(const Cell& cell, std::string_view why) const;

  Layout layout_;
  std::vector<Cell> cells_;
  std::size_t row_ = 0;   // the next one, in the batch
  std::size_t size_ = 0;  // rows of the batch
  std::size_t fixed_bytes_ = 0;
  std::int64_t rows_ = 0;
};

}  // namespace postgres
