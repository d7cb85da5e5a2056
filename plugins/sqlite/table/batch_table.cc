#include "plugins/sqlite/table/batch_table.hpp"

#include <cmath>
#include <new>
#include <string>

namespace sqlite {
namespace {

void fail(sqlite3_context* out, std::string_view message) {
  sqlite3_result_error(out, message.data(), static_cast<int>(message.size()));
}

}  // namespace

template <class T>
void BatchTable::Numbers<T>::give(sqlite3_context* out, std::size_t row) const {
  if constexpr (std::same_as<T, double>) {
    const double value = values[row];
    if (std::isnan(value)) fail(out, "NaN cannot be stored: SQLite would make it NULL");
    else sqlite3_result_double(out, value);
  } else sqlite3_result_int64(out, static_cast<sqlite3_int64>(values[row]));
}

void BatchTable::Texts::give(sqlite3_context* out, std::size_t row) const {
  const std::string_view text = values[row];
  // An empty buffer may have no address, and SQLite takes a null pointer for NULL. It refuses an
  // absurd length as "string or blob too big".
  const char* bytes = text.empty() ? "" : text.data();
  sqlite3_result_text64(out, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void BatchTable::Blobs::give(sqlite3_context* out, std::size_t row) const {
  const std::string_view blob = values[row];
  sqlite3_result_blob64(out, blob.empty() ? "" : blob.data(), blob.size(), SQLITE_STATIC);
}

void BatchTable::Times::give(sqlite3_context* out, std::size_t row) {
  const std::int64_t value = values[row];
  if (value != last) {
    last = value;
    text = values.type() == etl::Type::timestamp_s ? sql::timestamp_text(value)
                                                   : sql::timestamp_text_us(value);
  }
  if (!text) {
    const std::string message =
        "the timestamp " + std::to_string(value) +
        (values.type() == etl::Type::timestamp_s ? " s" : " us") +
        " is outside the years 0000 to 9999 that a text can represent; timestamps = "
        "\"unix\" can store it";
    return fail(out, message);
  }
  // Not copied: SQLite encodes this row before it reads the next.
  sqlite3_result_text64(out, text->bytes.data(), text->size, SQLITE_STATIC, SQLITE_UTF8);
}

/// The functions of a virtual table (https://www.sqlite.org/vtab.html) that can only be scanned from
/// the first row to the last. Called from C: they must not throw.
struct BatchTable::Callbacks {
  struct Table : sqlite3_vtab {
    BatchTable* batch = nullptr;
  };
  struct Cursor : sqlite3_vtab_cursor {
    BatchTable* batch = nullptr;
    std::size_t row = 0;
  };

  static Cursor& of(sqlite3_vtab_cursor* cursor) { return *static_cast<Cursor*>(cursor); }

  static int connect(sqlite3* handle, void* self, int /*argc*/, const char* const* /*argv*/,
                     sqlite3_vtab** out, char** message) noexcept {
    auto* batch = static_cast<BatchTable*>(self);
    try {
      std::string sql = "CREATE TABLE batch (";
      for (std::size_t i = 0; i < batch->schema_.size(); ++i) {
        sql += (i == 0 ? "c" : ", c") + std::to_string(i);
      }
      const int code = sqlite3_declare_vtab(handle, (sql + ")").c_str());
      if (code != SQLITE_OK) {
        *message = sqlite3_mprintf("%s", sqlite3_errmsg(handle));
        return code;
      }
      auto table = std::make_unique<Table>();
      table->batch = batch;
      *out = table.release();
      return SQLITE_OK;
    } catch (const std::bad_alloc&) {
      return SQLITE_NOMEM;
    }
  }
  static int disconnect(sqlite3_vtab* table) noexcept {
    delete static_cast<Table*>(table);
    return SQLITE_OK;
  }
  static int best_index(sqlite3_vtab* table, sqlite3_index_info* info) noexcept {
    const auto rows = static_cast<const Table*>(table)->batch->rows_;
    info->estimatedCost = static_cast<double>(rows);
    info->estimatedRows = static_cast<sqlite3_int64>(rows);
    return SQLITE_OK;
  }
  static int open(sqlite3_vtab* table, sqlite3_vtab_cursor** out) noexcept {
    auto* cursor = new (std::nothrow) Cursor;
    if (cursor == nullptr) return SQLITE_NOMEM;
    cursor->batch = static_cast<const Table*>(table)->batch;
    *out = cursor;
    return SQLITE_OK;
  }
  static int close(sqlite3_vtab_cursor* cursor) noexcept {
    delete static_cast<Cursor*>(cursor);
    return SQLITE_OK;
  }
  static int filter(sqlite3_vtab_cursor* cursor, int /*index*/, const char* /*index_name*/,
                    int /*argc*/, sqlite3_value** /*argv*/) noexcept {
    of(cursor).row = 0;
    return SQLITE_OK;
  }
  static int next(sqlite3_vtab_cursor* cursor) noexcept {
    ++of(cursor).row;
    return SQLITE_OK;
  }
  static int eof(sqlite3_vtab_cursor* cursor) noexcept {
    return of(cursor).row >= of(cursor).batch->rows_ ? 1 : 0;
  }
  static int column(sqlite3_vtab_cursor* base, sqlite3_context* out, int index) noexcept {
    const Cursor& cursor = of(base);
    try {
      std::visit(
          [&](auto& reader) {
            if (!reader.values.null(cursor.row))
              reader.give(out, cursor.row);  // otherwise the result is NULL
          },
          cursor.batch->readers_[static_cast<std::size_t>(index)]);
      return SQLITE_OK;
    } catch (const std::bad_alloc&) {
      return SQLITE_NOMEM;
    } catch (...) {
      return SQLITE_INTERNAL;
    }
  }
  static int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* out) noexcept {
    *out = static_cast<sqlite3_int64>(of(cursor).row);
    return SQLITE_OK;
  }

  static sqlite3_module module() {
    sqlite3_module functions{};
    functions.xCreate = &connect;
    functions.xConnect = &connect;
    functions.xDisconnect = &disconnect;
    functions.xDestroy = &disconnect;
    functions.xBestIndex = &best_index;
    functions.xOpen = &open;
    functions.xClose = &close;
    functions.xFilter = &filter;
    functions.xNext = &next;
    functions.xEof = &eof;
    functions.xColumn = &column;
    functions.xRowid = &rowid;
    return functions;
  }
};

BatchTable::BatchTable(Database& database, etl::Schema schema, Timestamps timestamps)
    : schema_(std::move(schema)), timestamps_(timestamps) {
  static const sqlite3_module module = Callbacks::module();
  const int code = sqlite3_create_module_v2(database.handle(), "etl_batch", &module, this, nullptr);
  constexpr std::string_view doing = "creating the table that shows batches";
  if (code != SQLITE_OK) database.fail(code, doing);
  // In the temporary schema, apart from a table of the file that is called etl_batch.
  database.execute("CREATE VIRTUAL TABLE " + std::string(sql_name) + " USING etl_batch", doing);
}

BatchTable::Reader BatchTable::reader(const etl::Batch& batch, std::size_t column) const {
  switch (schema_[column].type) {
    case etl::Type::boolean:
      return Numbers<bool>{batch.column<bool>(column)};
    case etl::Type::int32:
      return Numbers<std::int32_t>{batch.column<std::int32_t>(column)};
    case etl::Type::float64:
      return Numbers<double>{batch.column<double>(column)};
    case etl::Type::utf8:
    case etl::Type::utf8_view:
      return Texts{batch.column<std::string_view>(column)};
    case etl::Type::binary:
      return Blobs{batch.column<std::string_view>(column)};
    case etl::Type::timestamp_s:
    case etl::Type::timestamp_us:
      if (timestamps_ == Timestamps::text) return Times{batch.column<std::int64_t>(column)};
      break;
    case etl::Type::int64:
      break;
  }
  return Numbers<std::int64_t>{batch.column<std::int64_t>(column)};
}

void BatchTable::show(const etl::Batch& batch) {
  readers_.clear();
  for (std::size_t column = 0; column < schema_.size(); ++column) {
    readers_.push_back(reader(batch, column));
  }
  rows_ = batch.rows();
}

void BatchTable::clear() {
  readers_.clear();
  rows_ = 0;
}

std::optional<std::size_t> BatchTable::first_null(std::size_t column) const {
  return std::visit(
      [&](const auto& reader) -> std::optional<std::size_t> {
        for (std::size_t row = 0; row < rows_; ++row) {
          if (reader.values.null(row)) return row;
        }
        return std::nullopt;
      },
      readers_[column]);
}

}  // namespace sqlite
