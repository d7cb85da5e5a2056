/// \file
/// Batch: a batch of rows, that is, an Arrow struct array with its schema. Reads, slices, filters.
#pragma once

#include <etl/detail/buffer.hpp>
#include <etl/schema.hpp>

#include <algorithm>
#include <concepts>
#include <memory>
#include <span>
#include <string_view>

namespace etl::inline v1 {

namespace detail {

/// A built column and the memory it points to; becomes the private data of an ArrowArray.
struct ColumnExport {
  Buffer validity, offsets, data;
  OwnedArray kept;  ///< a column whose buffers this one points into
  std::vector<const void*> pointers;

  static void release(ArrowArray* array) {
    delete static_cast<ColumnExport*>(array->private_data);
    array->release = nullptr;
  }
  /// REQUIRES: `pointers` is filled in the order of the type's buffers.
  static void give(std::unique_ptr<ColumnExport> column, std::int64_t rows, std::int64_t nulls,
                   ArrowArray* out) {
    *out = {};
    out->length = rows;
    out->null_count = nulls;
    out->n_buffers = static_cast<std::int64_t>(column->pointers.size());
    out->buffers = column->pointers.data();
    out->release = &ColumnExport::release;
    out->private_data = column.release();
  }
};

/// A struct array over its columns. A consumer may move children out.
struct StructExport {
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;
  const void* validity[1] = {nullptr};

  static void release(ArrowArray* array) {
    auto* owner = static_cast<StructExport*>(array->private_data);
    for (ArrowArray& child : owner->children) {
      if (child.release != nullptr) child.release(&child);
    }
    delete owner;
    array->release = nullptr;
  }
  static OwnedArray make(std::vector<OwnedArray> columns, std::int64_t rows) {
    auto owner = std::make_unique<StructExport>();
    owner->children.resize(columns.size());
    for (ArrowArray& child : owner->children) owner->pointers.push_back(&child);
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i].move_to(&owner->children[i]);
    ArrowArray array{};
    array.length = rows;
    array.n_buffers = 1;
    array.buffers = owner->validity;
    array.n_children = static_cast<std::int64_t>(owner->children.size());
    array.children = owner->pointers.data();
    array.release = &StructExport::release;
    array.private_data = owner.release();
    return OwnedArray(&array);
  }
};

inline bool bit(const void* bitmap, std::int64_t index) {
  return (static_cast<const std::uint8_t*>(bitmap)[index >> 3] >> (index & 7) & 1) != 0;
}
inline void set_bit(std::byte* bitmap, std::int64_t index) {
  bitmap[index >> 3] |= std::byte{1} << (index & 7);
}
inline std::size_t bitmap_bytes(std::int64_t bits) {
  return static_cast<std::size_t>((bits + 7) / 8);
}

inline bool has_offsets(Type type) { return type == Type::utf8 || type == Type::binary; }

/// The bytes per value of a fixed-width type; 0 for the others.
inline std::size_t value_width(Type type) {
  switch (type) {
    case Type::int32:
      return 4;
    case Type::int64:
    case Type::float64:
    case Type::timestamp_s:
    case Type::timestamp_us:
      return 8;
    default:
      return 0;
  }
}

/// An Arrow string view: the text if it has up to 12 bytes, else a prefix, a buffer and an offset.
/// https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
struct FarText {
  char prefix[4];
  std::int32_t buffer;
  std::int32_t offset;
};
struct TextView {
  std::int32_t size;
  union {
    char inlined[12];
    FarText far;
  };
};
static_assert(sizeof(TextView) == 16);

/// The bytes in an array's buffers up to its last row, that is, the cost of keeping it.
inline std::size_t column_bytes(const ArrowArray& array, Type type) {
  const std::int64_t rows = array.offset + array.length;
  std::size_t bytes = array.buffers[0] != nullptr ? bitmap_bytes(rows) : 0;
  if (type == Type::boolean) return bytes + bitmap_bytes(rows);
  if (type == Type::utf8_view) {
    bytes += static_cast<std::size_t>(rows) * sizeof(TextView);
    const std::int64_t variadic = array.n_buffers - 3;
    const auto* sizes = static_cast<const std::int64_t*>(array.buffers[array.n_buffers - 1]);
    for (std::int64_t i = 0; i < variadic; ++i) bytes += static_cast<std::size_t>(sizes[i]);
    return bytes;
  }
  if (has_offsets(type)) {
    bytes += static_cast<std::size_t>(rows + 1) * 4;
    if (rows > 0)
      bytes += static_cast<std::size_t>(static_cast<const std::int32_t*>(array.buffers[1])[rows]);
    return bytes;
  }
  return bytes + static_cast<std::size_t>(rows) * value_width(type);
}

}  // namespace detail

/// A read-only view of one column; `column[row]` costs a load. Borrowed: valid until its Batch is
/// moved from or destroyed. Several threads may read it at once.
///
/// T: bool, std::int32_t, std::int64_t (int64 and timestamps, in the column's unit), double,
/// std::string_view (utf8, utf8_view, binary).
template <class T>
class Column {
 public:
  Column(const ArrowArray& array, std::int64_t offset, std::int64_t rows, Type type)
      : first_(array.offset + offset), rows_(rows), type_(type) {
    // The bitmap may only be skipped if null_count is 0; -1 means "not counted".
    validity_ = array.null_count == 0 ? nullptr : array.buffers[0];
    primary_ = array.buffers[1];
    if (detail::has_offsets(type)) secondary_ = static_cast<const char*>(array.buffers[2]);
    if (type == Type::utf8_view) far_ = array.buffers + 2;
  }

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(rows_); }
  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] bool null(std::size_t row) const {
    return validity_ != nullptr && !detail::bit(validity_, index(row));
  }
  /// The value; unspecified (but safe to read) if null(row). REQUIRES: row < size().
  [[nodiscard]] T operator[](std::size_t row) const {
    if constexpr (std::same_as<T, bool>) {
      return detail::bit(primary_, index(row));
    } else if constexpr (std::same_as<T, std::string_view>) {
      return text(index(row));
    } else {
      return static_cast<const T*>(primary_)[index(row)];
    }
  }

 private:
  [[nodiscard]] std::int64_t index(std::size_t row) const {
    return first_ + static_cast<std::int64_t>(row);
  }
  [[nodiscard]] std::string_view text(std::int64_t at) const {
    if (far_ != nullptr) {
      const auto& view = static_cast<const detail::TextView*>(primary_)[at];
      const auto size = static_cast<std::size_t>(view.size);
      if (size <= sizeof(view.inlined)) return {view.inlined, size};
      return {static_cast<const char*>(far_[view.far.buffer]) + view.far.offset, size};
    }
    const auto* offsets = static_cast<const std::int32_t*>(primary_);
    return {secondary_ + offsets[at], static_cast<std::size_t>(offsets[at + 1] - offsets[at])};
  }

  std::int64_t first_;
  std::int64_t rows_;
  Type type_;
  const void* validity_ = nullptr;
  const void* primary_ = nullptr;     // values, offsets or views
  const char* secondary_ = nullptr;   // bytes behind offsets
  const void* const* far_ = nullptr;  // buffers behind views
};

namespace detail {

template <class T>
constexpr std::string_view readable_as() {
  if constexpr (std::same_as<T, bool>) return "bool";
  else if constexpr (std::same_as<T, std::int32_t>) return "int32";
  else if constexpr (std::same_as<T, std::int64_t>) return "int64 or timestamp";
  else if constexpr (std::same_as<T, double>) return "double";
  else return "utf8 or binary";
}

template <class T>
bool reads(Type type) {
  if constexpr (std::same_as<T, bool>) return type == Type::boolean;
  else if constexpr (std::same_as<T, std::int32_t>) return type == Type::int32;
  else if constexpr (std::same_as<T, std::int64_t>)
    return type == Type::int64 || is_timestamp(type);
  else if constexpr (std::same_as<T, double>) return type == Type::float64;
  else return is_text(type) || type == Type::binary;
}

/// Copies the rows `keep` of one column. Moves from `column` if the copy points into it.
OwnedArray gather(ArrowArray& column, Type type, std::int64_t base,
                  std::span<const std::uint32_t> keep);

}  // namespace detail

/// A batch of rows: owns an ArrowArray of type struct and shares its schema.
///
/// Move-only. Several threads may read it at once; anything else is for one thread at a time. Data
/// is never changed in place.
class Batch {
 public:
  /// Takes ownership of `array`. Throws Error (internal) if it is not a batch of this schema.
  Batch(ArrowArray* array, std::shared_ptr<const Schema> schema)
      : array_(array), schema_(std::move(schema)) {
    check_layout();
  }
  Batch(detail::OwnedArray array, std::shared_ptr<const Schema> schema)
      : array_(std::move(array)), schema_(std::move(schema)) {}

  [[nodiscard]] std::size_t rows() const { return static_cast<std::size_t>(array_->length); }
  [[nodiscard]] const Schema& schema() const { return *schema_; }
  [[nodiscard]] const std::shared_ptr<const Schema>& shared_schema() const { return schema_; }

  /// A column by position. Throws Error (config) that names the column and both types.
  template <class T>
  [[nodiscard]] Column<T> column(std::size_t position) const {
    const Field& field = (*schema_)[position];
    if (!detail::reads<T>(field.type)) {
      throw Error::config("column \"" + field.name + "\" is " + std::string(type_name(field.type)) +
                          ", not " + std::string(detail::readable_as<T>()));
    }
    return Column<T>(*array_->children[position], array_->offset, array_->length, field.type);
  }
  /// A column by name. The search is linear: do it once per batch, not once per row.
  template <class T>
  [[nodiscard]] Column<T> column(std::string_view name) const {
    return column<T>(schema_->at(name));
  }

  /// The number of bytes of memory that the batch keeps alive.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < schema_->size(); ++i) {
      bytes += detail::column_bytes(*array_->children[i], (*schema_)[i].type);
    }
    return bytes;
  }

  /// Rows [first, first + count), without copying. REQUIRES: they are rows of this batch.
  [[nodiscard]] Batch slice(std::size_t first, std::size_t count) && {
    array_.get()->offset += static_cast<std::int64_t>(first);
    array_.get()->length = static_cast<std::int64_t>(count);
    if (array_.get()->null_count != 0) array_.get()->null_count = -1;
    return std::move(*this);
  }

  /// The rows for which `keep(row)` is true, in order. Returns the batch itself if all are kept, a
  /// slice if they are adjacent and at least half of it, else a copy.
  template <std::predicate<std::size_t> Keep>
  [[nodiscard]] Batch keep_if(Keep&& keep) && {
    std::vector<std::uint32_t> kept;
    const std::size_t count = rows();
    std::size_t first = 0;
    while (first < count && keep(first)) ++first;
    if (first == count) return std::move(*this);
    kept.reserve(count);
    for (std::size_t row = 0; row < first; ++row) kept.push_back(static_cast<std::uint32_t>(row));
    for (std::size_t row = first + 1; row < count; ++row) {
      if (keep(row)) kept.push_back(static_cast<std::uint32_t>(row));
    }
    return std::move(*this).take(kept);
  }

  /// The rows at ascending positions `rows`.
  [[nodiscard]] Batch take(std::span<const std::uint32_t> rows) && {
    if (!rows.empty() && rows.back() - rows.front() + 1 == rows.size() &&
        rows.size() * 2 >= this->rows()) {
      return std::move(*this).slice(rows.front(), rows.size());
    }
    std::vector<detail::OwnedArray> columns;
    columns.reserve(schema_->size());
    for (std::size_t i = 0; i < schema_->size(); ++i) {
      columns.push_back(
          detail::gather(*array_.get()->children[i], (*schema_)[i].type, array_->offset, rows));
    }
    return {detail::StructExport::make(std::move(columns), static_cast<std::int64_t>(rows.size())),
            schema_};
  }

  /// Moves the array to `out`, to pass it through the ABI.
  void move_to(ArrowArray* out) && { array_.move_to(out); }
  [[nodiscard]] const ArrowArray& array() const { return *array_.get(); }

 private:
  void check_layout() const;

  detail::OwnedArray array_;
  std::shared_ptr<const Schema> schema_;
};

inline void Batch::check_layout() const {
  const auto wrong = [](const std::string& what) {
    throw Error(Code::internal, "malformed Arrow batch: " + what);
  };
  if (array_->length < 0 || array_->offset < 0) wrong("negative length or offset");
  if (array_->n_children != static_cast<std::int64_t>(schema_->size())) {
    wrong(std::to_string(array_->n_children) + " columns, but the schema has " +
          std::to_string(schema_->size()));
  }
  if (array_->null_count > 0) wrong("null rows");
  for (std::size_t i = 0; i < schema_->size(); ++i) {
    const ArrowArray& child = *array_->children[i];
    const Type type = (*schema_)[i].type;
    const std::int64_t buffers = detail::has_offsets(type) ? 3 : 2;
    const bool views = type == Type::utf8_view;
    if (views ? child.n_buffers < 3 : child.n_buffers != buffers) {
      wrong("column \"" + (*schema_)[i].name + "\" has " + std::to_string(child.n_buffers) +
            " buffers");
    }
    if (child.length < array_->offset + array_->length) {
      wrong("column \"" + (*schema_)[i].name + "\" is shorter than the batch");
    }
    if (array_->length > 0 && child.buffers[1] == nullptr) {
      wrong("column \"" + (*schema_)[i].name + "\" has no data");
    }
  }
}

namespace detail {

inline OwnedArray gather(ArrowArray& column, Type type, std::int64_t base,
                         std::span<const std::uint32_t> keep) {
  auto out = std::make_unique<ColumnExport>();
  const std::int64_t first = column.offset + base;
  const auto rows = static_cast<std::int64_t>(keep.size());
  std::int64_t nulls = 0;
  if (column.null_count != 0 && column.buffers[0] != nullptr) {
    std::byte* bits = out->validity.extend(bitmap_bytes(rows));
    std::fill_n(bits, bitmap_bytes(rows), std::byte{0});
    for (std::int64_t i = 0; i < rows; ++i) {
      if (bit(column.buffers[0], first + keep[static_cast<std::size_t>(i)])) set_bit(bits, i);
      else ++nulls;
    }
  }
  out->pointers = {nulls == 0 ? nullptr : out->validity.data()};

  if (type == Type::boolean) {
    std::byte* bits = out->data.extend(bitmap_bytes(rows) + 1);
    std::fill_n(bits, bitmap_bytes(rows) + 1, std::byte{0});
    for (std::int64_t i = 0; i < rows; ++i) {
      if (bit(column.buffers[1], first + keep[static_cast<std::size_t>(i)])) set_bit(bits, i);
    }
  } else if (has_offsets(type)) {
    const auto* offsets = static_cast<const std::int32_t*>(column.buffers[1]) + first;
    const auto* bytes = static_cast<const char*>(column.buffers[2]);
    out->offsets.reserve((keep.size() + 1) * sizeof(std::int32_t));
    out->offsets.push(std::int32_t{0});
    for (const std::uint32_t row : keep) {
      out->data.append(bytes + offsets[row],
                       static_cast<std::size_t>(offsets[row + 1] - offsets[row]));
      out->offsets.push(static_cast<std::int32_t>(out->data.size()));
    }
    out->pointers.push_back(out->offsets.data());
    out->data.reserve(1);
  } else {
    const std::size_t width = type == Type::utf8_view ? sizeof(TextView) : value_width(type);
    const auto* values =
        static_cast<const std::byte*>(column.buffers[1]) + first * static_cast<std::int64_t>(width);
    out->data.reserve(std::max<std::size_t>(keep.size() * width, 1));
    for (const std::uint32_t row : keep) out->data.append(values + row * width, width);
  }
  out->pointers.push_back(out->data.data());
  if (type == Type::utf8_view) {  // the texts are not copied: keep their owner
    for (std::int64_t i = 2; i < column.n_buffers; ++i) out->pointers.push_back(column.buffers[i]);
    out->kept = OwnedArray(&column);
  }
  ArrowArray array;
  ColumnExport::give(std::move(out), rows, nulls, &array);
  return OwnedArray(&array);
}

}  // namespace detail
}  // namespace etl::inline v1
