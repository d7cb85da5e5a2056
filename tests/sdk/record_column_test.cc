#include <etl/ledger.hpp>
#include <etl/running.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using etl::ColumnKind;
using etl::ColumnRole;

/// Copies a record as a database does: column by column, leaving out those that are NULL.
template <class Record, class Columns>
Record copied(const Record& record, const Columns& columns) {
  Record copy;
  for (const auto& column : columns) {
    if (column.null(record)) continue;
    if (column.kind == ColumnKind::text) {
      column.set(copy, column.text(record));
    } else {
      column.set(copy, column.integer(record));
    }
  }
  return copy;
}

template <class Columns>
std::vector<std::string> names(const Columns& columns, ColumnRole role) {
  std::vector<std::string> found;
  for (const auto& column : columns) {
    if (column.role == role) found.emplace_back(column.name);
  }
  return found;
}

TEST(RecordColumn, LedgerHasItsKeyAndItsNullableColumns) {
  using Names = std::vector<std::string>;
  EXPECT_EQ((Names{"pipeline", "source", "sink", "partition"}),
            names(etl::ledger_columns, ColumnRole::key));
  EXPECT_EQ((Names{"source_bytes", "error"}), names(etl::ledger_columns, ColumnRole::nullable));
}

TEST(RecordColumn, LedgerColumnsCoverEveryMember) {
  const etl::LedgerRecord record{etl::State::missing,
                                 "p",
                                 "src",
                                 "snk",
                                 "part",
                                 1,
                                 2,
                                 3,
                                 4,
                                 "uri",
                                 5,
                                 "def",
                                 "run",
                                 6,
                                 "bad",
                                 7,
                                 8};
  const auto copy = copied(record, etl::ledger_columns);
  EXPECT_EQ(etl::State::missing, copy.state);
  EXPECT_EQ("p src snk part uri def run bad",
            copy.pipeline + " " + copy.source + " " + copy.sink + " " + copy.partition + " " +
                copy.source_uri + " " + copy.definition + " " + copy.run_id + " " + copy.error);
  EXPECT_EQ((std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8}),
            (std::vector{copy.rows_read, copy.rows_filtered, copy.rows_rejected, copy.rows_written,
                         copy.source_bytes, copy.attempts, copy.started_at, copy.finished_at}));
}

TEST(RecordColumn, NullStandsForTheDefault) {
  const auto copy = copied(etl::LedgerRecord{}, etl::ledger_columns);
  EXPECT_EQ(-1, copy.source_bytes);
  EXPECT_EQ("", copy.error);
}

TEST(RecordColumn, RunningColumnsCoverEveryMember) {
  const etl::RunningRecord record{"p", "src", "snk", "part", "run", "3/8", "host", 1, 2, 3, 4};
  const auto copy = copied(record, etl::running_columns);
  EXPECT_EQ("p src snk part run 3/8 host", copy.pipeline + " " + copy.source + " " + copy.sink +
                                               " " + copy.partition + " " + copy.run_id + " " +
                                               copy.task + " " + copy.host);
  EXPECT_EQ(1U, copy.pid);
  EXPECT_EQ((std::vector<std::int64_t>{2, 3, 4}),
            (std::vector{copy.attempt, copy.since, copy.silent}));
}

TEST(RecordColumn, UnknownStatesAreRefused) {
  etl::LedgerRecord record;
  EXPECT_THROW(etl::ledger_columns[4].set(record, "finished"), etl::Error);
}

}  // namespace
