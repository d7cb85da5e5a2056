#include "plugins/sqlite/ledger_connection.hpp"

#include "support.hpp"

namespace {

using namespace sqlite_tests;

using Rows = std::vector<std::tuple<std::int64_t>>;
const Schema schema{{"x", Type::int64}};

/// Notes when SQLite writes to a write-ahead log, and when it syncs it; for files opened in its
/// lifetime. One at a time.
class LogWatch {
 public:
  LogWatch() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.zName = "log-watch";
    vfs_.xOpen = &LogWatch::open;
    sqlite3_vfs_register(&vfs_, 1);
    current_ = this;
  }
  LogWatch(const LogWatch&) = delete;
  LogWatch& operator=(const LogWatch&) = delete;
  ~LogWatch() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }

  [[nodiscard]] bool synced() const { return synced_; }
  [[nodiscard]] int syncs() const { return syncs_; }

 private:
  static int open(sqlite3_vfs* /*self*/, const char* name, sqlite3_file* file, int flags,
                  int* flags_out) {
    const int code = current_->real_->xOpen(current_->real_, name, file, flags, flags_out);
    if (code != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0) return code;
    current_->methods_ = file->pMethods;
    current_->watched_ = *file->pMethods;
    current_->watched_.xWrite = &LogWatch::write;
    current_->watched_.xSync = &LogWatch::sync;
    file->pMethods = &current_->watched_;
    return code;
  }
  static int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    current_->synced_ = false;
    return current_->methods_->xWrite(file, bytes, count, offset);
  }
  static int sync(sqlite3_file* file, int flags) {
    ++current_->syncs_;
    current_->synced_ = true;
    return current_->methods_->xSync(file, flags);
  }

  static inline LogWatch* current_ = nullptr;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  const sqlite3_io_methods* methods_ = nullptr;
  sqlite3_io_methods watched_{};
  bool synced_ = true;
  int syncs_ = 0;
};

class LedgerConnectionTest : public testing::Test {
 protected:
  LedgerConnectionTest() {
    sink_->prepare(schema);
    load(*sink_, schema, request_for("loaded"), batches_of(schema, Rows{{1}}));  // enables the log
  }
  void record(int count, etl::State state = etl::State::missing) {
    for (int i = 0; i < count; ++i) sink_->record(record_for("p" + std::to_string(i), 0, state));
  }
  [[nodiscard]] static std::string records(const std::string& path) {
    return PlainDatabase(path).value("SELECT count(*) FROM etl_ledger WHERE state <> 'done'");
  }

  TemporaryFolder folder_;
  FakeHost host_;
  LogWatch log_;
  SinkOptions options_{folder_.file("here.db")};
  std::unique_ptr<sqlite::SqliteSink> sink_ = options_.make(host_.context());
};

TEST_F(LedgerConnectionTest, SyncsAllRecordsOfARunOnceAtItsEnd) {
  PlainDatabase reader(options_.path);  // so that the sink's is not the last connection
  (void)reader.value("SELECT count(*) FROM t");
  record(1);
  const int before = log_.syncs();
  record(20);
  EXPECT_EQ(log_.syncs(), before);
  EXPECT_FALSE(log_.synced());
  EXPECT_EQ(reader.value("SELECT count(*) FROM etl_ledger WHERE state = 'missing'"), "20");
  sink_.reset();
  EXPECT_TRUE(log_.synced());
  EXPECT_EQ(log_.syncs(), before + 1);
}

TEST_F(LedgerConnectionTest, LeavesTheSyncToTheNextCommitOfAPartition) {
  record(3, etl::State::failed);
  EXPECT_FALSE(log_.synced());
  load(*sink_, schema, request_for("another"), batches_of(schema, Rows{{2}}));
  EXPECT_TRUE(log_.synced());
}

TEST_F(LedgerConnectionTest, SyncsWhatWasForgottenAtTheEnd) {
  const etl::WriteRequest of = request_for("loaded");
  PlainDatabase reader(options_.path);
  (void)reader.value("SELECT count(*) FROM t");
  EXPECT_EQ(sink_->forget({of.pipeline, of.source, of.sink, of.partition, false}, schema), 0);
  EXPECT_EQ(reader.value("SELECT count(*) FROM etl_ledger"), "0");
  EXPECT_FALSE(log_.synced());
  sink_.reset();
  EXPECT_TRUE(log_.synced());
}

TEST_F(LedgerConnectionTest, FollowsThePathToAnotherFile) {
  record(1);
  SinkOptions other{folder_.file("other.db")};
  other.make(host_.context())->prepare(schema);
  std::filesystem::rename(options_.path, folder_.file("moved.db"));
  std::filesystem::rename(folder_.file("here.db-wal"), folder_.file("moved.db-wal"));
  std::filesystem::rename(other.path, options_.path);
  record(2);
  EXPECT_EQ(records(options_.path), "2");
  EXPECT_EQ(records(folder_.file("moved.db")), "1");
}

TEST_F(LedgerConnectionTest, WorksAgainAfterAFailure) {
  record(1);
  PlainDatabase other(options_.path);
  other.run("ALTER TABLE etl_ledger RENAME TO away");
  EXPECT_EQ(error_of([&] { record(1); }).code(), Code::permanent);
  other.run("ALTER TABLE away RENAME TO etl_ledger");
  record(2);
  EXPECT_EQ(records(options_.path), "2");
}

}  // namespace
