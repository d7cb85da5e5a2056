/// \file
/// BatchBuilder: builds batches row by row.
#pragma once

#include <etl/batch.hpp>

#include <limits>

namespace etl::inline v1 {

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// A column under construction. append() checks nothing, because BatchBuilder::row() does.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(Type type) : type_(type) {}

  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] std::size_t bytes() const {
    return validity_.size() + offsets_.size() + data_.size();
  }

  template <class T>
  void append(const T& value) {
    if constexpr (std::same_as<T, std::nullopt_t>) {
      append_null();
    } else if constexpr (is_optional<T>) {
      if (value) append(*value);
      else append_null();
    } else if constexpr (std::same_as<T, bool>) {
      if (rows_ % 8 == 0) data_.push(std::byte{0});
      if (value) set_bit(data_.data(), rows_);
      present();
    } else if constexpr (std::convertible_to<T, std::string_view>) {
      append_text(value);
    } else if constexpr (std::floating_point<T>) {
      data_.push(static_cast<double>(value));
      present();
    } else if (type_ == Type::int32) {
      data_.push(static_cast<std::int32_t>(value));
      present();
    } else {
      data_.push(static_cast<std::int64_t>(value));
      present();
    }
  }

  OwnedArray finish() {
    auto out = std::make_unique<ColumnExport>();
    out->pointers = {nulls_ == 0 ? nullptr : validity_.data()};
    if (has_offsets(type_)) {
      if (rows_ == 0) offsets_.push(std::int32_t{0});
      out->pointers.push_back(offsets_.data());
    }
    data_.reserve(1);  // so that an empty buffer has an address
    out->pointers.push_back(data_.data());
    const std::size_t capacity = data_.capacity();
    const std::size_t offsets = offsets_.capacity();
    out->validity = std::exchange(validity_, {});
    out->offsets = std::exchange(offsets_, {});
    out->data = std::exchange(data_, {});
    ArrowArray array;
    ColumnExport::give(std::move(out), rows_, nulls_, &array);
    rows_ = nulls_ = 0;
    // The next batch will be about as large: allocate once instead of doubling a dozen times.
    data_.reserve(capacity);
    if (offsets != 0) offsets_.reserve(offsets);
    return OwnedArray(&array);
  }

 private:
  void present() {
    if (nulls_ != 0) mark(true);
    ++rows_;
  }
  void mark(bool valid) {
    if (rows_ % 8 == 0) validity_.push(std::byte{0});
    if (valid) set_bit(validity_.data(), rows_);
  }
  void append_null() {
    if (nulls_ == 0) {  // the first null: mark all rows before it as valid
      std::byte* bits = validity_.extend(bitmap_bytes(rows_));
      std::fill_n(bits, bitmap_bytes(rows_), std::byte{0});
      for (std::int64_t i = 0; i < rows_; ++i) set_bit(bits, i);
    }
    mark(false);
    ++nulls_;
    if (has_offsets(type_)) {
      end_text();
    } else if (type_ == Type::boolean) {
      if (rows_ % 8 == 0) data_.push(std::byte{0});
    } else {
      std::fill_n(data_.extend(value_width(type_)), value_width(type_), std::byte{0});
    }
    ++rows_;
  }
  void append_text(std::string_view text) {
    data_.append(text.data(), text.size());
    end_text();
    present();
  }
  void end_text() {
    if (rows_ == 0) offsets_.push(std::int32_t{0});
    if (data_.size() > std::numeric_limits<std::int32_t>::max()) {
      throw Error(Code::internal, "more than 2 GiB of text in one batch: finish batches earlier");
    }
    offsets_.push(static_cast<std::int32_t>(data_.size()));
  }

  Type type_;
  std::int64_t rows_ = 0;
  std::int64_t nulls_ = 0;
  Buffer validity_, offsets_, data_;
};

/// Whether the column can hold a C++ value of type T.
template <class T>
bool fits(const Field& field) {
  if constexpr (std::same_as<T, std::nullopt_t>) return field.nullable;
  else if constexpr (is_optional<T>) return field.nullable && fits<typename T::value_type>(field);
  else if constexpr (std::same_as<T, bool>) return field.type == Type::boolean;
  else if constexpr (std::convertible_to<T, std::string_view>) return has_offsets(field.type);
  else if constexpr (std::floating_point<T>) return field.type == Type::float64;
  else if constexpr (std::integral<T>) {
    return field.type == Type::int64 || is_timestamp(field.type) ||
           (field.type == Type::int32 && sizeof(T) <= 4);
  } else return false;
}

}  // namespace detail

/// Collects rows into a Batch; copies texts. Used by one thread at a time.
///
/// ```
/// etl::BatchBuilder builder(schema);
/// builder.row("fr", "Paris", std::int64_t{42});
/// if (builder.bytes() >= etl::batch_bytes) return builder.finish();
/// ```
class BatchBuilder {
 public:
  explicit BatchBuilder(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {
    for (const Field& field : *schema_) {
      if (field.type == Type::utf8_view) {
        throw Error(Code::internal,
                    "BatchBuilder does not build utf8_view (column \"" + field.name + "\")");
      }
      columns_.emplace_back(field.type);
    }
  }
  explicit BatchBuilder(Schema schema)
      : BatchBuilder(std::make_shared<const Schema>(std::move(schema))) {}

  /// Appends a row, one value per column: bool, integers (also for timestamps, in the column's
  /// unit), floating point, anything that converts to std::string_view; std::nullopt or an empty
  /// std::optional is null. Throws Error (internal), without appending, if the values do not fit
  /// the schema.
  template <class... T>
  void row(const T&... values) {
    static constexpr char signature = 0;
    if (checked_ != &signature) check<T...>(&signature);
    std::size_t column = 0;
    (columns_[column++].append(values), ...);
    ++rows_;
  }

  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// The number of bytes collected.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t bytes = 0;
    for (const detail::ColumnBuilder& column : columns_) bytes += column.bytes();
    return bytes;
  }
  /// Returns the collected rows as a batch; the builder is then empty.
  [[nodiscard]] Batch finish() {
    std::vector<detail::OwnedArray> arrays;
    arrays.reserve(columns_.size());
    for (detail::ColumnBuilder& column : columns_) arrays.push_back(column.finish());
    const auto rows = static_cast<std::int64_t>(std::exchange(rows_, 0));
    return {detail::StructExport::make(std::move(arrays), rows), schema_};
  }

 private:
  template <class... T>
  void check(const char* signature) {
    if (sizeof...(T) != columns_.size()) {
      throw Error(Code::internal, "a row of " + std::to_string(sizeof...(T)) + " values for " +
                                      std::to_string(columns_.size()) + " columns");
    }
    std::size_t column = 0;
    const auto require = [&](bool fit) {
      const Field& field = (*schema_)[column++];
      if (fit) return;
      throw Error(Code::internal, "a value of the row does not fit column \"" + field.name +
                                      "\" (" + std::string(type_name(field.type)) +
                                      (field.nullable ? ", nullable)" : ", not nullable)"));
    };
    (require(detail::fits<T>((*schema_)[column])), ...);
    checked_ = signature;
  }

  std::shared_ptr<const Schema> schema_;
  std::vector<detail::ColumnBuilder> columns_;
  std::size_t rows_ = 0;
  const char* checked_ = nullptr;
};

/// A good size for a batch, in bytes: small enough for the cache, large enough to make the fixed
/// cost of a batch negligible.
inline constexpr std::size_t batch_bytes = std::size_t{1} << 20;

}  // namespace etl::inline v1
