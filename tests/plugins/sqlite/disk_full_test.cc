#include "support.hpp"

#include <sys/mount.h>

#include <cstring>
#include <fstream>

namespace {

using namespace sqlite_tests;

const Schema schema{{"text", Type::utf8}};

std::vector<etl::Batch> megabytes(int count) {
  std::vector<etl::Batch> batches;
  for (int i = 0; i < count; ++i) {
    etl::BatchBuilder builder(schema);
    for (int row = 0; row < 1000; ++row) builder.row(std::string(1000, 'x'));
    batches.push_back(builder.finish());
  }
  return batches;
}

/// A file system of a few megabytes.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path place) : place_(std::move(place)) {
    mounted_ = mount("tmpfs", place_.c_str(), "tmpfs", 0, "size=6m") == 0;
    if (!mounted_) reason_ = std::strerror(errno);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) umount2(place_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  std::filesystem::path place_;
  bool mounted_ = false;
  std::string reason_;
};

TEST(DiskFull, IsTransientAndLeavesNothingBehind) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path());
  if (!disk.mounted())
    GTEST_SKIP() << "DISK FULL IS NOT TESTED: cannot mount a tmpfs: " << disk.reason();
  const FakeHost host;
  for (const std::string mode : {"wal", "delete", "new"}) {
    SinkOptions options{folder.file(mode + ".db")};
    if (mode != "new") {
      PlainDatabase(options.path)
          .run("PRAGMA journal_mode = " + mode + "; CREATE TABLE unrelated (x)");
    }
    const auto sink = options.make(host.context());
    sink->prepare(schema);
    // 10 MB fit into the page cache, so that the commit fills the disk; 30 MB do not.
    for (const int size : {10, 30}) {
      const auto error = error_of([&] { load(*sink, schema, request_for("p"), megabytes(size)); });
      EXPECT_EQ(error.code(), Code::transient) << error.message();
      expect_contains(error.message(), {options.path, "SQLITE_FULL, 13"});
      EXPECT_EQ(PlainDatabase(options.path).value("SELECT count(*) FROM t"), "0");
      EXPECT_EQ(sink->committed("pipe", "db").size(), 0U);
    }
    load(*sink, schema, request_for("p"), megabytes(1));
    EXPECT_EQ(PlainDatabase(options.path).value("SELECT count(*) FROM t"), "1000");
    EXPECT_EQ(PlainDatabase(options.path).value("PRAGMA integrity_check"), "'ok'");
    std::filesystem::remove(options.path);
  }
}

}  // namespace
