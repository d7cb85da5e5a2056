#include "plugins/sqlite/database/file_place.hpp"

#include "support.hpp"

namespace {

using namespace sqlite_tests;

namespace fs = std::filesystem;
using Rows = std::vector<std::tuple<std::string, std::int64_t>>;
const Schema schema{{"title", Type::utf8}, {"views", Type::int64}};

/// A file that is exchanged while a sink has it open.
class FilePlace : public testing::Test {
 protected:
  FilePlace() {
    sink_->prepare(schema);
    load(*sink_, schema, request_for("first"), batches_of(schema, Rows{{"a", 1}}));
  }
  etl::Error error_of_loading(const std::string& partition) {
    return error_of([&] {
      load(*sink_, schema, request_for(partition), batches_of(schema, Rows{{"b", 2}}));
    });
  }
  [[nodiscard]] std::string count(const std::string& path) const {
    return PlainDatabase(path).value("SELECT count(*) FROM t");
  }

  TemporaryFolder folder_;
  FakeHost host_;
  SinkOptions options_{folder_.file("here.db")};
  std::unique_ptr<sqlite::SqliteSink> sink_ = options_.make(host_.context());
};

TEST_F(FilePlace, MovedDuringTheLoadOfAPartition) {
  {
    auto writer = sink_->open(request_for("second"), schema);
    fs::rename(options_.path, folder_.file("there.db"));
    writer.write(batch_of(schema, Rows{{"b", 2}}));
    const auto error = error_of([&] { writer.commit(record_for("second", 1)); });
    EXPECT_EQ(error.code(), Code::permanent);
    expect_contains(error.message(), {options_.path, "moved, deleted or replaced"});
  }
  EXPECT_FALSE(fs::exists(options_.path));
}

TEST_F(FilePlace, BehindALinkThatIsTurnedElsewhereDuringTheLoad) {
  SinkOptions other{folder_.file("other.db")};
  other.make(host_.context())->prepare(schema);
  SinkOptions linked{folder_.file("link.db")};
  fs::create_symlink(options_.path, linked.path);
  const auto sink = linked.make(host_.context());
  auto writer = sink->open(request_for("second"), schema);
  fs::remove(linked.path);
  fs::create_symlink(other.path, linked.path);
  writer.write(batch_of(schema, Rows{{"b", 2}}));
  expect_contains(error_of([&] { writer.commit(record_for("second", 1)); }).message(),
                  {linked.path, "moved, deleted or replaced"});
}

TEST_F(FilePlace, DeletedBetweenTwoPartitions) {
  fs::remove(options_.path);
  expect_contains(error_of_loading("second").message(), {options_.path});
  expect_contains(error_of_loading("third").message(), {options_.path});
  EXPECT_FALSE(fs::exists(options_.path));
}

TEST_F(FilePlace, ReplacedBetweenTwoPartitions) {
  SinkOptions other{folder_.file("other.db")};
  other.make(host_.context())->prepare(schema);
  fs::rename(other.path, options_.path);
  for (const char* partition : {"second", "third"}) {
    const auto error = error_of_loading(partition);
    EXPECT_EQ(error.code(), Code::permanent);
    expect_contains(error.message(), {options_.path, "replaced by another file"});
  }
  EXPECT_EQ(count(options_.path), "0");
}

TEST_F(FilePlace, WithASecondName) {
  fs::create_hard_link(options_.path, folder_.file("second.db"));
  expect_contains(error_of_loading("second").message(), {options_.path, "has 2 names"});
  const auto inspected = error_of([&] { (void)options_.make(host_.context())->inspect(schema); });
  EXPECT_EQ(inspected.code(), Code::config);
  EXPECT_EQ(inspected.option(), "path");
  fs::remove(folder_.file("second.db"));
  load(*sink_, schema, request_for("third"), batches_of(schema, Rows{{"c", 3}}));
}

TEST_F(FilePlace, MustBeAFile) {
  for (const std::string& path : {folder_.file(":memory:"), std::string("/dev/null")}) {
    SinkOptions options{path};
    for (const auto& look : std::vector<std::function<void(sqlite::SqliteSink&)>>{
             [](auto& sink) { (void)sink.inspect(schema); },
             [](auto& sink) { sink.prepare(schema); }}) {
      const auto error = error_of([&] { look(*options.make(host_.context())); });
      EXPECT_EQ(error.code(), Code::config) << path;
      EXPECT_EQ(error.option(), "path");
    }
  }
}

}  // namespace
