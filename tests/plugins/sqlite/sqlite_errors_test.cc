#include "plugins/sqlite/database/sqlite_errors.hpp"

#include "support.hpp"
#include "tests/support/documented_table.hpp"

namespace {

using etl::Code;
using sqlite::error_from;
using sqlite::result_code;

TEST(SqliteErrors, SaysWhatIsTriedAgain) {
  for (const int code :
       {SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL, SQLITE_IOERR, SQLITE_NOMEM, SQLITE_CANTOPEN,
        SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_BUSY_SNAPSHOT, SQLITE_PROTOCOL}) {
    EXPECT_EQ(result_code(code).meaning, Code::transient) << result_code(code).name;
  }
  for (const int code :
       {SQLITE_READONLY, SQLITE_CORRUPT, SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG,
        SQLITE_CONSTRAINT_UNIQUE, SQLITE_IOERR_CORRUPTFS, SQLITE_ERROR}) {
    EXPECT_EQ(result_code(code).meaning, Code::permanent) << result_code(code).name;
  }
  EXPECT_EQ(result_code(SQLITE_INTERRUPT).meaning, Code::cancelled);
  EXPECT_EQ(result_code(SQLITE_MISUSE).meaning, Code::internal);
  EXPECT_EQ(result_code(SQLITE_NOTADB).meaning, Code::config);
}

/// The page lists extended codes whose meaning differs from that of their primary code.
TEST(SqliteErrors, TheDocsShowTheTable) {
  std::string table = "| result | codes |\n|---|---|\n";
  for (const Code meaning :
       {Code::transient, Code::permanent, Code::config, Code::cancelled, Code::internal}) {
    std::string names;
    for (const sqlite::ResultCode& row : sqlite::result_codes()) {
      const bool primary = (row.code & 0xFF) == row.code;
      if (row.meaning != meaning) continue;
      if (!primary && result_code(row.code & 0xFF).meaning == meaning) continue;
      names += std::string(names.empty() ? "" : ", ") + "`" + row.name + "`";
    }
    table += "| " + etl_test::outcome_of(meaning) + " | " + names + " |\n";
  }
  etl_test::expect_documented(PLUGIN_DIR "/sqlite.md", table);
}

TEST(SqliteErrors, TreatsAnUnknownExtendedCodeAsItsPrimaryCode) {
  const auto row = result_code(SQLITE_IOERR | (200 << 8));
  EXPECT_EQ(row.meaning, Code::transient);
  EXPECT_STREQ(row.name, "SQLITE_IOERR");
  EXPECT_EQ(result_code(99).meaning, Code::permanent);
}

TEST(SqliteErrors, NamesCodeAndNumber) {
  const etl::Error error = error_from(nullptr, SQLITE_IOERR_FSYNC);
  EXPECT_EQ(error.code(), Code::transient);
  sqlite_tests::expect_contains(error.message(), {"disk I/O error", "SQLITE_IOERR_FSYNC", "1034"});
}

TEST(SqliteErrors, DoesNotBlameAnEarlierCall) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(":memory:", &handle), SQLITE_OK);
  sqlite3_exec(handle, "SELECT * FROM nowhere", nullptr, nullptr, nullptr);
  const std::string message = error_from(handle, SQLITE_FULL).message();
  sqlite3_close(handle);
  EXPECT_EQ(message.find("nowhere"), std::string::npos) << message;
  sqlite_tests::expect_contains(message, {"SQLITE_FULL", "13"});
}

}  // namespace
