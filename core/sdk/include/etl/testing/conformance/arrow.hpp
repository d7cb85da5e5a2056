/// \file
/// Validates the Arrow structs that a stage returns, and counts the releases of those it gets.
///
/// The rules: https://arrow.apache.org/docs/format/CDataInterface.html and .../Columnar.html
#pragma once

#include <etl/testing/conformance/host.hpp>
#include <etl/testing/mock_host.hpp>

#include <deque>

namespace etl::inline v1::conformance {

/// Whether `text` is valid UTF-8 (RFC 3629: no surrogates, no overlong forms).
inline bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned first = byte(at);
    const std::size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || at + more >= text.size()) return false;
    unsigned long code = more == 0 ? first : first & (0x3FU >> more);
    for (std::size_t i = 1; i <= more; ++i) {
      if ((byte(at + i) & 0xC0U) != 0x80U) return false;
      code = (code << 6U) | (byte(at + i) & 0x3FU);
    }
    if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10FFFF)) ||
        (code >= 0xD800 && code <= 0xDFFF)) {
      return false;
    }
    at += more + 1;
  }
  return true;
}

/// Releases a struct. Returns whether its producer marked it as released.
template <class Struct>
bool released(Struct* given) {
  given->release(given);
  return std::exchange(given->release, nullptr) == nullptr;
}

/// Reads and releases a schema returned by a stage. Throws Failure if it is invalid.
inline Schema taken(ArrowSchema* given, const std::string& who) {
  require(given->release != nullptr, who + " returned a released schema");
  require(given->format != nullptr && std::string_view(given->format) == "+s",
          who + " returned a schema that is not a struct (\"+s\")");
  require(given->n_children > 0 && given->children != nullptr, who + " returned no columns");
  for (std::int64_t i = 0; i < given->n_children; ++i) {
    const ArrowSchema* child = given->children[i];
    const std::string which = who + ": column " + std::to_string(i);
    require(child != nullptr && child->format != nullptr, which + " has no format");
    require(child->name != nullptr && *child->name != '\0', which + " has no name");
    require(is_utf8(child->name), which + " has a name that is not UTF-8");
    require(child->release != nullptr, which + " has no release()");
    for (std::int64_t j = 0; j < i; ++j) {
      require(std::string_view(given->children[j]->name) != child->name,
              who + " returned two columns \"" + child->name + "\"");
    }
  }
  Schema schema;
  try {
    schema = detail::import_schema(*given);
  } catch (const Error& error) {
    throw Failure(who + ": " + error.message());
  }
  require(released(given), who + ": release() of its schema did not set release to NULL");
  return schema;
}

namespace detail {

/// The range of a column's rows that belongs to its batch, as positions in the buffers. Only these
/// rows are validated, because a stage may slice one batch into thousands.
struct ShownRows {
  std::int64_t first, end;
};

/// Throws Failure unless the values of a text or binary column lie within its buffers.
inline void require_sound_texts(const ArrowArray& array, Type type, ShownRows shown,
                                const std::string& which) {
  if (shown.first == shown.end) return;
  if (type == Type::utf8_view) {
    const auto* views = static_cast<const TextView*>(array.buffers[1]);
    const auto* sizes = static_cast<const std::int64_t*>(array.buffers[array.n_buffers - 1]);
    for (std::int64_t row = shown.first; row < shown.end; ++row) {
      const TextView& view = views[row];
      if (array.buffers[0] != nullptr && !bit(array.buffers[0], row)) continue;
      require(view.size >= 0, which + " has a text of negative size");
      if (view.size <= 12) continue;
      require(view.far.buffer >= 0 && view.far.buffer < array.n_buffers - 3,
              which + " has a view into a buffer that does not exist");
      require(view.far.offset >= 0 && view.far.offset + view.size <= sizes[view.far.buffer],
              which + " has a view beyond the end of its buffer");
    }
    return;
  }
  const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
  require(offsets[shown.first] >= 0, which + " has a negative offset");
  for (std::int64_t row = shown.first; row < shown.end; ++row) {
    require(offsets[row + 1] >= offsets[row],
            which + " has decreasing offsets at row " + std::to_string(row));
  }
  require(offsets[shown.end] == offsets[shown.first] || array.buffers[2] != nullptr,
          which + " has offsets but no bytes");
}

inline void require_sound_nulls(const ArrowArray& array, bool nullable, ShownRows shown,
                                const std::string& which) {
  std::int64_t nulls = 0;
  for (std::int64_t row = shown.first; array.buffers[0] != nullptr && row < shown.end; ++row) {
    if (!bit(array.buffers[0], row)) ++nulls;
  }
  const bool all = shown.end - shown.first == array.length;
  require(array.null_count == -1 || (all ? array.null_count == nulls : array.null_count >= nulls),
          which + " has a null_count of " + std::to_string(array.null_count) + ", but " +
              std::to_string(nulls) + " nulls");
  require(nullable || nulls == 0, which + " is not nullable and has nulls");
}

/// `batch`: the struct array that the column is in.
inline void require_sound_column(const ArrowArray& array, const Field& field,
                                 const ArrowArray& batch, const std::string& who) {
  const std::string which = who + ": column \"" + field.name + "\"";
  const std::int64_t needed = batch.offset + batch.length;
  require(array.release != nullptr, which + " is already released");
  require(array.length >= needed, which + " has " + std::to_string(array.length) +
                                      " rows, but the batch needs " + std::to_string(needed));
  require(array.offset >= 0, which + " has a negative offset");
  const bool views = field.type == Type::utf8_view;
  require(views ? array.n_buffers >= 3 : array.n_buffers == (has_offsets(field.type) ? 3 : 2),
          which + " (" + std::string(type_name(field.type)) + ") has " +
              std::to_string(array.n_buffers) + " buffers");
  require(array.buffers != nullptr, which + " has no buffers");
  require(array.n_children == 0 && array.dictionary == nullptr, which + " is nested");
  require(array.length == 0 || array.buffers[1] != nullptr, which + " has no values");
  const ShownRows shown{array.offset + batch.offset, array.offset + needed};
  require_sound_nulls(array, field.nullable, shown, which);
  if (has_offsets(field.type) || views) require_sound_texts(array, field.type, shown, which);
}

}  // namespace detail

/// Throws Failure unless `array` is a valid batch of `schema`, including its buffers.
inline void require_sound(const ArrowArray& array, const Schema& schema, const std::string& who) {
  require(array.release != nullptr, who + " returned a released batch");
  require(array.length >= 0 && array.offset >= 0,
          who + " returned a batch of negative length or offset");
  require(
      array.n_buffers == 1 && array.buffers != nullptr,
      who + " returned a batch of " + std::to_string(array.n_buffers) + " buffers; a struct has 1");
  require(array.buffers[0] == nullptr && array.null_count <= 0,
          who + " returned rows that are null");
  require(array.n_children == static_cast<std::int64_t>(schema.size()) && array.children != nullptr,
          who + " returned a batch of " + std::to_string(array.n_children) +
              " columns, but its schema has " + std::to_string(schema.size()));
  for (std::size_t i = 0; i < schema.size(); ++i) {
    require(array.children[i] != nullptr,
            who + " returned a batch without column " + std::to_string(i));
    detail::require_sound_column(*array.children[i], schema[i], array, who);
  }
}

/// Validates a batch returned by a stage and returns its rows; the batch is not released.
inline Strings shown_rows(ArrowArray* given, const Schema& schema, const std::string& who) {
  require_sound(*given, schema, who);
  Batch batch(given, std::make_shared<const Schema>(schema));  // which moves it
  Strings rows = testing::rows(batch);
  for (std::size_t i = 0; i < schema.size(); ++i) {
    if (!is_text(schema[i].type)) continue;
    const auto texts = batch.column<std::string_view>(i);
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      require(texts.null(row) || is_utf8(texts[row]),
              who + ": column \"" + schema[i].name + "\" has a text that is not UTF-8");
    }
  }
  std::move(batch).move_to(given);
  return rows;
}

/// Releases a batch returned by a stage.
inline void let_go(ArrowArray* given, const std::string& who) {
  require(released(given), who + ": release() of a batch did not set release to NULL");
}

/// Validates a batch returned by a stage, releases it and returns its rows.
inline Strings taken_rows(ArrowArray* given, const Schema& schema, const std::string& who) {
  Strings rows = shown_rows(given, schema, who);
  let_go(given, who);
  return rows;
}

namespace detail {

/// Overwrites a column's values, so that reading them after the release is noticed.
inline void spoil(const ArrowArray& column, Type type) {
  const auto overwrite = [](const void* at, std::size_t bytes) {
    if (at != nullptr && bytes != 0) std::memset(const_cast<void*>(at), '#', bytes);
  };
  const std::int64_t rows = column.offset + column.length;
  if (type == Type::boolean) return overwrite(column.buffers[1], bitmap_bytes(rows));
  if (type == Type::utf8_view) {
    const auto* sizes = static_cast<const std::int64_t*>(column.buffers[column.n_buffers - 1]);
    for (std::int64_t i = 0; i < column.n_buffers - 3; ++i) {
      overwrite(column.buffers[i + 2], static_cast<std::size_t>(sizes[i]));
    }
    return;
  }
  if (!has_offsets(type)) {
    return overwrite(column.buffers[1], static_cast<std::size_t>(rows) * value_width(type));
  }
  if (rows == 0) return;
  const auto* offsets = static_cast<const std::int32_t*>(column.buffers[1]);
  overwrite(column.buffers[2], static_cast<std::size_t>(offsets[rows]));
}

}  // namespace detail

/// Counts the releases of batches passed to a stage and overwrites their values when released. Used
/// by one thread; must outlive the batches and everything made from them.
class Releases {
 public:
  Releases() = default;
  Releases(const Releases&) = delete;
  Releases& operator=(const Releases&) = delete;

  /// Wraps a batch. `then` is called inside its first release.
  ArrowArray watch(Batch batch, std::function<void()> then = {}) {
    Watched& one = all_.emplace_back();
    one.then = std::move(then);
    one.schema = batch.shared_schema();
    std::move(batch).move_to(one.original.out());
    ArrowArray array = *one.original.get();
    const auto columns = static_cast<std::size_t>(array.n_children);
    one.children.resize(columns);
    one.parts.resize(columns);
    for (std::size_t i = 0; i < columns; ++i) {
      one.parts[i] = {&one, i};
      one.children[i] = *array.children[i];
      one.children[i].private_data = &one.parts[i];
      one.children[i].release = &release_column;
      one.pointers.push_back(&one.children[i]);
    }
    array.children = one.pointers.data();
    array.private_data = &one;
    array.release = &release;
    return array;
  }

  /// Throws Failure unless every batch was released exactly once.
  void require_once(const std::string& who) const {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const auto count = all_[i].count;
      if (count == 1) continue;
      std::string what = who;
      what += count == 0 ? " never released batch " : " released batch ";
      what.append(std::to_string(i + 1)).append(" of ").append(std::to_string(all_.size()));
      if (count != 0) what.append(" ").append(std::to_string(count)).append(" times");
      require(false, what);
    }
  }

 private:
  struct Watched;
  /// A column, which the consumer may move out of its batch.
  struct Part {
    Watched* whole = nullptr;
    std::size_t column = 0;
  };
  struct Watched {
    detail::OwnedArray original;
    std::shared_ptr<const Schema> schema;
    std::vector<ArrowArray> children;
    std::vector<Part> parts;
    std::vector<ArrowArray*> pointers;
    std::function<void()> then;
    int count = 0;
  };
  static void release_column(ArrowArray* array) {
    const Part& part = *static_cast<Part*>(array->private_data);
    array->release = nullptr;
    const Watched& one = *part.whole;
    detail::spoil(*one.original->children[part.column], (*one.schema)[part.column].type);
  }
  static void release(ArrowArray* array) {
    Watched& one = *static_cast<Watched*>(array->private_data);
    array->release = nullptr;
    if (++one.count != 1) return;
    if (one.then) one.then();
    for (ArrowArray& child : one.children) {
      if (child.release != nullptr) child.release(&child);
    }
  }

  std::deque<Watched> all_;  // a deque, because its elements do not move
};

}  // namespace etl::inline v1::conformance
