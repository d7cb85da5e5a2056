/// \file
/// The columns of a batch: names, types, nullability. Converts to and from the Arrow C interface.
#pragma once

#include <etl/error.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace etl::inline v1 {

/// The column types of ABI 1, with their Arrow format strings
/// (https://arrow.apache.org/docs/format/CDataInterface.html#data-type-description-format-strings).
enum class Type : std::uint8_t {
  boolean,       ///< "b"
  int32,         ///< "i"
  int64,         ///< "l"
  float64,       ///< "g"
  utf8,          ///< "u": 32-bit offsets into one buffer
  utf8_view,     ///< "vu": 16-byte views into any number of buffers
  binary,        ///< "z"
  timestamp_s,   ///< "tss:UTC": seconds since 1970-01-01 UTC
  timestamp_us,  ///< "tsu:UTC": microseconds since 1970-01-01 UTC
};

namespace detail {

struct TypeInfo {
  Type type;
  const char* format;
  std::string_view name;
};
inline constexpr TypeInfo type_table[] = {
    {Type::boolean, "b", "bool"},
    {Type::int32, "i", "int32"},
    {Type::int64, "l", "int64"},
    {Type::float64, "g", "double"},
    {Type::utf8, "u", "utf8"},
    {Type::utf8_view, "vu", "utf8_view"},
    {Type::binary, "z", "binary"},
    {Type::timestamp_s, "tss:UTC", "timestamp[s]"},
    {Type::timestamp_us, "tsu:UTC", "timestamp[us]"},
};
inline const TypeInfo& info(Type type) { return type_table[static_cast<std::size_t>(type)]; }

}  // namespace detail

/// The name of a type in messages and `etl describe`.
[[nodiscard]] inline std::string_view type_name(Type type) { return detail::info(type).name; }

/// Whether it is utf8 or utf8_view, which hold the same values in different layouts.
[[nodiscard]] inline bool is_text(Type type) {
  return type == Type::utf8 || type == Type::utf8_view;
}
[[nodiscard]] inline bool is_timestamp(Type type) {
  return type == Type::timestamp_s || type == Type::timestamp_us;
}

struct Field {
  std::string name;
  Type type = Type::utf8;
  bool nullable = false;

  bool operator==(const Field&) const = default;
};

/// An ordered list of columns. A plain value; threads may share it once built.
class Schema {
 public:
  Schema() = default;
  Schema(std::initializer_list<Field> fields) : fields_(fields) {}
  explicit Schema(std::vector<Field> fields) : fields_(std::move(fields)) {}

  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] std::size_t size() const { return fields_.size(); }
  [[nodiscard]] const Field& operator[](std::size_t column) const { return fields_[column]; }
  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }
  bool operator==(const Schema&) const = default;

  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const {
    for (std::size_t column = 0; column < fields_.size(); ++column) {
      if (fields_[column].name == name) return column;
    }
    return std::nullopt;
  }

  /// The position of a column. Throws Error (config) that names it and the available columns.
  [[nodiscard]] std::size_t at(std::string_view name) const {
    if (auto column = find(name)) return *column;
    throw Error::config("there is no column \"" + std::string(name) + "\"; available: " + names());
  }

  /// The names as `"a", "b"`, for messages.
  [[nodiscard]] std::string names() const {
    std::string text;
    for (const Field& field : fields_) {
      text += (text.empty() ? "\"" : ", \"") + field.name + "\"";
    }
    return text.empty() ? "none" : text;
  }

 private:
  std::vector<Field> fields_;
};

namespace detail {

/// Owns an Arrow C struct and releases it once. Moves by Arrow's rules: copies the struct and marks
/// the original as released.
template <class Struct>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Struct* moved) : value_(*moved) { moved->release = nullptr; }
  Owned(Owned&& other) noexcept : value_(other.value_) { other.value_.release = nullptr; }
  Owned& operator=(Owned&& other) noexcept {
    if (this != &other) {
      reset();
      value_ = other.value_;
      other.value_.release = nullptr;
    }
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { reset(); }

  void reset() noexcept {
    if (value_.release != nullptr) value_.release(&value_);
    value_.release = nullptr;
  }
  /// Moves the struct to `out`.
  void move_to(Struct* out) noexcept {
    *out = value_;
    value_.release = nullptr;
  }
  /// The struct, for a callee to fill in. REQUIRES: empty.
  [[nodiscard]] Struct* out() noexcept { return &value_; }
  [[nodiscard]] Struct* get() noexcept { return &value_; }
  [[nodiscard]] const Struct* get() const noexcept { return &value_; }
  const Struct* operator->() const noexcept { return &value_; }
  explicit operator bool() const noexcept { return value_.release != nullptr; }

 private:
  Struct value_{};
};
using OwnedSchema = Owned<ArrowSchema>;
using OwnedArray = Owned<ArrowArray>;
using OwnedStream = Owned<ArrowArrayStream>;

/// The memory behind an exported schema. Children own their names, so that a consumer may move one
/// out, as the specification allows.
struct SchemaExport {
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;

  static void release_child(ArrowSchema* child) {
    delete static_cast<std::string*>(child->private_data);
    child->release = nullptr;
  }
  static void release(ArrowSchema* schema) {
    auto* owner = static_cast<SchemaExport*>(schema->private_data);
    for (ArrowSchema& child : owner->children) {
      if (child.release != nullptr) child.release(&child);
    }
    delete owner;
    schema->release = nullptr;
  }
};

/// Exports a schema as a struct type ("+s") with one child per column.
inline void export_schema(const Schema& schema, ArrowSchema* out) {
  auto owner = std::make_unique<SchemaExport>();
  owner->children.resize(schema.size());
  for (ArrowSchema& child : owner->children) owner->pointers.push_back(&child);
  *out = {};
  out->format = "+s";
  out->name = "";
  out->n_children = static_cast<std::int64_t>(schema.size());
  out->children = owner->pointers.data();
  out->release = &SchemaExport::release;
  std::vector<ArrowSchema>& children = owner->children;
  out->private_data = owner.release();
  OwnedSchema guard(out);  // cleans up if memory runs out below
  for (std::size_t i = 0; i < schema.size(); ++i) {
    ArrowSchema& child = children[i];
    auto name = std::make_unique<std::string>(schema[i].name);
    child.format = info(schema[i].type).format;
    child.name = name->c_str();
    child.flags = schema[i].nullable ? ARROW_FLAG_NULLABLE : 0;
    child.private_data = name.release();
    child.release = &SchemaExport::release_child;
  }
  guard.move_to(out);
}

inline Type import_type(const ArrowSchema& schema) {
  const std::string_view format = schema.format;
  for (const TypeInfo& entry : type_table) {
    if (format == entry.format) return entry.type;
  }
  throw Error::config("column \"" + std::string(schema.name == nullptr ? "" : schema.name) +
                      "\" has the Arrow format \"" + std::string(format) +
                      "\", which is not supported");
}

/// Reads a struct schema without taking ownership. Throws Error (config) for other types.
inline Schema import_schema(const ArrowSchema& schema) {
  if (std::string_view(schema.format) != "+s") {
    throw Error::config("a batch must be a struct (\"+s\"), not \"" + std::string(schema.format) +
                        "\"");
  }
  std::vector<Field> fields;
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    const ArrowSchema& child = *schema.children[i];
    fields.push_back({child.name == nullptr ? "" : child.name, import_type(child),
                      (child.flags & ARROW_FLAG_NULLABLE) != 0});
  }
  return Schema(std::move(fields));
}

}  // namespace detail
}  // namespace etl::inline v1
