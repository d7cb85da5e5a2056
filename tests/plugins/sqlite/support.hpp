/// \file
/// The fixture of tests of the sink: its options, and a reader of databases that is independent of
/// it.
#pragma once

#include "plugins/sqlite/sqlite_sink.hpp"
#include "tests/support/files.hpp"
#include "tests/support/recording_host.hpp"

#include <etl/builder.hpp>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sqlite_tests {

using etl::Code;
using etl::Schema;
using etl::Type;

using FakeHost = etl_test::RecordingHost;

/// A temporary folder that gives paths as SQLite takes them.
class TemporaryFolder : public etl_test::TemporaryFolder {
 public:
  [[nodiscard]] std::string file(const std::string& name) const { return path(name).string(); }
};

/// The options of a pipeline file.
struct SinkOptions {
  std::string path;
  std::string table = "t";
  std::string mode = "append";
  std::vector<std::string> key = {};
  std::string timestamps = "text";
  std::int64_t busy_timeout_ms = 30000;
  std::vector<std::string> order = {};
  etl::StringMap combine = {};
  std::string existing_rows = "refuse";

  [[nodiscard]] std::unique_ptr<sqlite::SqliteSink> make(const etl::Context& context) const {
    const auto option = [](std::string_view name, std::uint32_t type) {
      etl_option value{};
      value.name = {name.data(), name.size()};
      value.type = type;
      return value;
    };
    const auto text = [](const std::string& value) { return etl_str{value.data(), value.size()}; };
    std::vector<etl_str> names, ordered, combined;
    for (const std::string& name : key) names.push_back(text(name));
    for (const std::string& name : order) ordered.push_back(text(name));
    for (const auto& [column, function] : combine) {
      combined.push_back(text(column));
      combined.push_back(text(function));
    }
    std::vector<etl_option> values = {option("path", ETL_OPTION_PATH),
                                      option("table", ETL_OPTION_STRING),
                                      option("mode", ETL_OPTION_STRING),
                                      option("timestamps", ETL_OPTION_STRING),
                                      option("key", ETL_OPTION_LIST),
                                      option("busy_timeout", ETL_OPTION_DURATION),
                                      option("order", ETL_OPTION_LIST),
                                      option("combine", ETL_OPTION_MAP),
                                      option("existing_rows", ETL_OPTION_STRING)};
    values[0].value.s = text(path);
    values[1].value.s = text(table);
    values[2].value.s = text(mode);
    values[3].value.s = text(timestamps);
    values[4].value.list = {names.data(), names.size()};
    values[5].value.i = busy_timeout_ms;
    values[6].value.list = {ordered.data(), ordered.size()};
    values[7].value.list = {combined.data(), combined.size()};
    values[8].value.s = text(existing_rows);
    return std::make_unique<sqlite::SqliteSink>(etl::Options(values), context);
  }
};

/// A connection of another program.
class PlainDatabase {
 public:
  explicit PlainDatabase(const std::string& path) {
    if (sqlite3_open(path.c_str(), &handle_) != SQLITE_OK)
      throw std::runtime_error("cannot open " + path);
  }
  PlainDatabase(const PlainDatabase&) = delete;
  PlainDatabase& operator=(const PlainDatabase&) = delete;
  ~PlainDatabase() { sqlite3_close(handle_); }

  void run(const std::string& sql) {
    char* message = nullptr;
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &message) == SQLITE_OK) return;
    const std::string text = message;
    sqlite3_free(message);
    throw std::runtime_error(sql + ": " + text);
  }
  /// Each row as SQL literals, separated by '|'.
  [[nodiscard]] std::vector<std::string> rows(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
      throw std::runtime_error(sql + ": " + sqlite3_errmsg(handle_));
    }
    std::vector<std::string> found;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      std::string row;
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        row += (i == 0 ? "" : "|") + literal(statement, i);
      }
      found.push_back(row);
    }
    if (const int code = sqlite3_finalize(statement); code != SQLITE_OK) {
      throw std::runtime_error(sql + ": " + sqlite3_errstr(code));
    }
    return found;
  }
  /// The value of the only row and column.
  [[nodiscard]] std::string value(const std::string& sql) {
    const auto found = rows(sql);
    return found.size() == 1 ? found[0] : std::to_string(found.size()) + " rows";
  }

 private:
  static std::string literal(sqlite3_stmt* statement, int column) {
    const int type = sqlite3_column_type(statement, column);
    if (type == SQLITE_NULL) return "NULL";
    const void* bytes = type == SQLITE_BLOB ? sqlite3_column_blob(statement, column)
                                            : sqlite3_column_text(statement, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
    std::string text(type == SQLITE_BLOB ? "x'" : type == SQLITE_TEXT ? "'" : "");
    if (size != 0) text.append(static_cast<const char*>(bytes), size);
    if (type == SQLITE_BLOB || type == SQLITE_TEXT) text += '\'';
    return text;
  }

  sqlite3* handle_ = nullptr;
};

/// The error that `action` throws. Fails the test if it throws none.
inline etl::Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const etl::Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {Code::internal, ""};
}

inline void expect_contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in: " << text;
  }
}

inline etl::WriteRequest request_for(const std::string& partition, bool reload = false,
                                     etl::Scope scope = {}) {
  return {"pipe", "src", "db", "run-1", {partition, "file:///" + partition, -1, std::move(scope)},
          reload};
}

inline etl::LedgerRecord record_for(const std::string& partition, std::int64_t rows,
                                    etl::State state = etl::State::done) {
  etl::LedgerRecord record;
  record.state = state;
  record.pipeline = "pipe";
  record.source = "src";
  record.sink = "db";
  record.partition = partition;
  record.rows_read = record.rows_written = rows;
  record.source_uri = "file:///" + partition;
  record.definition = "abc";
  record.run_id = "run-1";
  record.attempts = 1;
  record.started_at = 1472328000000000;
  record.finished_at = 1472328001500000;
  return record;
}

/// Opens, writes and commits one partition.
inline void load(sqlite::SqliteSink& sink, const Schema& schema, const etl::WriteRequest& request,
                 std::vector<etl::Batch> batches) {
  auto writer = sink.open(request, schema);
  std::int64_t rows = 0;
  for (etl::Batch& batch : batches) {
    rows += static_cast<std::int64_t>(batch.rows());
    writer.write(std::move(batch));
  }
  writer.commit(record_for(request.partition.id, rows));
}

/// A batch of rows given as tuples.
template <class... T>
etl::Batch batch_of(const Schema& schema, const std::vector<std::tuple<T...>>& rows) {
  etl::BatchBuilder builder(schema);
  for (const auto& row : rows)
    std::apply([&](const auto&... value) { builder.row(value...); }, row);
  return builder.finish();
}
template <class... T>
std::vector<etl::Batch> batches_of(const Schema& schema,
                                   const std::vector<std::tuple<T...>>& rows) {
  std::vector<etl::Batch> batches;
  batches.push_back(batch_of(schema, rows));
  return batches;
}

/// A fixture with one table, whose every change is a sink of its own, as in runs one after the
/// other.
template <class Rows>
class TableTest : public testing::Test {
 protected:
  explicit TableTest(Schema schema) : schema_(std::move(schema)) {}

  void load_rows(const std::string& partition, const Rows& rows, bool reload = false,
                 etl::Scope scope = {}) {
    const auto sink = options_.make(host_.context());
    sink->prepare(schema_);
    load(*sink, schema_, request_for(partition, reload, std::move(scope)),
         batches_of(schema_, rows));
  }
  std::int64_t forget(const std::string& partition, bool delete_rows, etl::Scope scope = {}) {
    const etl::WriteRequest of = request_for(partition, false, std::move(scope));
    return options_.make(host_.context())
        ->forget({of.pipeline, of.source, of.sink, of.partition, delete_rows}, schema_);
  }
  [[nodiscard]] std::string value(const std::string& sql) const {
    return PlainDatabase(options_.path).value(sql);
  }

  TemporaryFolder folder_;
  FakeHost host_;
  SinkOptions options_{folder_.file("table.db")};

 private:
  Schema schema_;
};

}  // namespace sqlite_tests
