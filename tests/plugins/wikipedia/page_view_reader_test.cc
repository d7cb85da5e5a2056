#include "plugins/wikipedia/page_view_reader.hpp"

#include "tests/plugins/common/support.hpp"

#include <etl/builder.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

namespace wikipedia {
namespace {

using test::gzip;
using test::RecordingTask;

std::shared_ptr<const etl::Schema> schema_of(std::initializer_list<std::string_view> names) {
  std::vector<etl::Field> fields;
  for (const std::string_view name : names) {
    for (const ColumnInfo& info : column_table) {
      if (info.name == name) fields.push_back({std::string(name), info.type, false});
    }
  }
  return std::make_shared<const etl::Schema>(std::move(fields));
}

class Reader : public ::testing::Test {
 protected:
  HourFile file(std::string_view bytes, bool fetched = true) {
    HourFile file;
    file.path = folder_.file("hour.gz", bytes);
    file.shown = "https://mirror.example/hour.gz";
    if (fetched) file.fetched = files::FileHandle(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
    file.hour_seconds = 1'472'328'000;
    file.on_verified = [this] { ++verified_; };
    file.on_corrupt = [this] { ++corrupt_; };
    return file;
  }

  etl_test::TemporaryFolder folder_;
  RecordingTask task_;
  int verified_ = 0;
  int corrupt_ = 0;
};

TEST_F(Reader, EveryColumnInTheOrderAskedFor) {
  const auto schema = schema_of(
      {"response_bytes", "access", "title", "project", "views", "language", "hour", "domain_code"});
  PageViewReader reader(file(gzip("fr Paris 3 7\nfr.m.d mot 4 0\ncommons.m \"\" 5 0\n")), schema,
                        {}, {}, task_.task());
  const auto batch = reader.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->schema(), *schema);
  ASSERT_EQ(batch->rows(), 3U);
  const auto text = [&](const char* column, std::size_t row) {
    return batch->column<std::string_view>(column)[row];
  };
  const auto number = [&](const char* column, std::size_t row) {
    return batch->column<std::int64_t>(column)[row];
  };
  EXPECT_EQ(number("hour", 0), 1'472'328'000);
  EXPECT_EQ(number("hour", 2), 1'472'328'000);
  EXPECT_EQ(text("domain_code", 1), "fr.m.d");
  EXPECT_EQ(text("language", 1), "fr");
  EXPECT_EQ(text("project", 1), "wiktionary");
  EXPECT_EQ(text("access", 1), "mobile");
  EXPECT_EQ(text("language", 2), "commons");
  EXPECT_EQ(text("project", 2), "wikimedia");
  EXPECT_EQ(text("access", 2), "desktop");
  EXPECT_EQ(text("title", 0), "Paris");
  EXPECT_EQ(text("title", 2), "");
  EXPECT_EQ(number("views", 0), 3);
  EXPECT_EQ(number("response_bytes", 0), 7);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(verified_, 1);
  EXPECT_EQ(corrupt_, 0);
}

TEST_F(Reader, TitlesOfAnyLength) {
  std::string text;
  for (std::size_t size = 1; size < 300; ++size) text += "fr " + std::string(size, 't') + "e 1 0\n";
  PageViewReader reader(file(gzip(text)), schema_of({"title", "domain_code"}), {}, {},
                        task_.task());
  const auto batch = reader.next();
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->rows(), 299U);
  const auto titles = batch->column<std::string_view>("title");
  for (std::size_t row = 0; row < batch->rows(); ++row) {
    EXPECT_EQ(titles[row], std::string(row + 1, 't') + "e");
  }
}

TEST_F(Reader, BatchesAreOfOneMebibyteOrSo) {
  std::string text;
  for (int i = 0; i < 150'000; ++i) text += "fr Page_" + std::to_string(i) + " 1 0\n";
  PageViewReader reader(file(gzip(text)), schema_of({"hour", "domain_code", "title", "views"}), {},
                        {}, task_.task());
  std::size_t rows = 0;
  int batches = 0;
  while (const auto batch = reader.next()) {
    for (std::size_t row = 0; row < batch->rows(); ++row, ++rows) {
      ASSERT_EQ(batch->column<std::string_view>(2)[row], "Page_" + std::to_string(rows));
      ASSERT_EQ(batch->column<std::string_view>(1)[row], "fr");
    }
    EXPECT_LT(batch->bytes(), 3 * etl::batch_bytes);
    ++batches;
  }
  EXPECT_EQ(rows, 150'000U);
  EXPECT_GE(batches, 4);
  EXPECT_EQ(task_.read, 150'000);
  EXPECT_EQ(task_.decoded, static_cast<std::int64_t>(text.size()));
  EXPECT_LT(task_.reports, 60);
}

TEST_F(Reader, TellsTheHostWhatItHolds) {
  std::int64_t held = 0;
  etl_host host{};
  host.ctx = &held;
  host.memory = [](void* ctx, std::int64_t by) { *static_cast<std::int64_t*>(ctx) += by; };
  const etl::Context context(&host);
  std::string text;
  for (int i = 0; i < 150'000; ++i) text += "fr Page_" + std::to_string(i) + " 1 0\n";
  {
    PageViewReader reader(file(gzip(text)), schema_of({"title"}), {}, {}, task_.task(),
                          etl::HeldMemory(context, 0));
    EXPECT_GT(held, 512 << 10);
    while (const auto batch = reader.next()) {
      EXPECT_GT(held, 512 << 10);
      EXPECT_LT(held, 3 << 20) << "the batch is the host's to count";
    }
  }
  EXPECT_EQ(held, 0);
}

TEST_F(Reader, NoRowsAreNoBatch) {
  PageViewReader reader(file(gzip("")), schema_of({"title"}), {}, {}, task_.task());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(verified_, 1);
  EXPECT_EQ(task_.read, 0);
}

TEST_F(Reader, DamageIsTransientWhereAnotherDownloadMayHelp) {
  const std::string whole = gzip("fr A 1 0\n");
  for (const std::string& bytes :
       {std::string(), whole.substr(0, whole.size() - 5), std::string("<html>404</html>")}) {
    const test::Thrown remote = test::thrown_by([&] {
      PageViewReader reader(file(bytes), schema_of({"title"}), {}, {}, task_.task());
      while (reader.next()) continue;
    });
    EXPECT_EQ(remote.code, ETL_TRANSIENT);
    EXPECT_TRUE(remote.message.starts_with("https://mirror.example/hour.gz: ")) << remote.message;
    const test::Thrown local = test::thrown_by([&] {
      PageViewReader reader(file(bytes, false), schema_of({"title"}), {}, {}, task_.task());
      while (reader.next()) continue;
    });
    EXPECT_EQ(local.code, ETL_PERMANENT);
    EXPECT_EQ(local.message, remote.message);
  }
  EXPECT_EQ(corrupt_, 6);
  EXPECT_EQ(verified_, 0);
}

TEST_F(Reader, AFileThatLeavesTheCacheIsReadToItsEnd) {
  HourFile hour = file(gzip("fr Paris 3 0\n"));
  std::filesystem::remove(hour.path);
  PageViewReader reader(std::move(hour), schema_of({"title"}), {}, {}, task_.task());
  const auto batch = reader.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->column<std::string_view>(0)[0], "Paris");
}

TEST_F(Reader, AFileThatDoesNotExistIsAMissingHour) {
  const test::Thrown thrown = test::thrown_by([&] {
    HourFile hour = file("", false);
    std::filesystem::remove(hour.path);
    PageViewReader(std::move(hour), schema_of({"title"}), {}, {}, task_.task());
  });
  EXPECT_EQ(thrown.code, ETL_MISSING);
}

TEST_F(Reader, WholeFilesOfSomethingElseAreRefused) {
  const std::string lines = "fr Paris 3 0\nfr Lyon 4 0\n";
  const std::pair<std::string, std::string> cases[] = {
      {gzip(lines), "gzip again"},
      {"<!DOCTYPE html>\n<style>\np { padding: 0 0 0 }\nmargin: 0 0 0\n</style>\n", "a web page"},
      {"\r\n<html></html>", "a web page"},
      {"{\"error\": \"rate limited\"}", "JSON"},
      {"\xFF\xFE" + std::string("f\0r\0", 4), "UTF-16"},
      {"a page\nwithout a single line\nof page views\n", "(fewer than 4 fields): \"a page\""},
      {"\n", "(empty line)"},
  };
  for (const auto& [content, why] : cases) {
    for (const bool fetched : {true, false}) {
      const test::Thrown thrown = test::thrown_by([&] {
        PageViewReader reader(file(gzip(content), fetched), schema_of({"title"}), {}, {},
                              task_.task());
        while (reader.next()) continue;
      });
      EXPECT_EQ(thrown.code, fetched ? ETL_TRANSIENT : ETL_PERMANENT) << thrown.message;
      EXPECT_TRUE(thrown.message.starts_with("https://mirror.example/hour.gz: not page views"))
          << thrown.message;
      EXPECT_NE(thrown.message.find(why), std::string::npos) << thrown.message;
    }
  }
  EXPECT_EQ(corrupt_, 14);
  EXPECT_EQ(verified_, 0);
}

TEST_F(Reader, OneGoodLineMakesAnHourFile) {
  PageViewReader reader(file(gzip("fr\nfr Paris 3 0\n")), schema_of({"title"}), {}, {},
                        task_.task());
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(task_.rejects.size(), 1U);
  EXPECT_EQ(verified_, 1);
}

TEST_F(Reader, ADamagedFileThatCannotBeDeletedSaysBoth) {
  const test::Thrown thrown = test::thrown_by([&] {
    HourFile hour = file("rubbish");
    hour.on_corrupt = [] { throw etl::Error::permanent("cannot delete it"); };
    PageViewReader reader(std::move(hour), schema_of({"title"}), {}, {}, task_.task());
    while (reader.next()) continue;
  });
  EXPECT_EQ(thrown.code, ETL_PERMANENT);
  EXPECT_EQ(thrown.message,
            "https://mirror.example/hour.gz: not gzip: starts with \"rubbish\"; cannot delete it");
}

TEST_F(Reader, StopsAtTheNextBlockWhenCancelled) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "fr A 1 0\n";
  task_.cancel_after = 3;
  const test::Thrown thrown = test::thrown_by([&] {
    PageViewReader reader(file(gzip(text)), schema_of({"title"}), {.block_size = 10'000}, {},
                          task_.task());
    while (reader.next()) continue;
  });
  EXPECT_EQ(thrown.code, ETL_CANCELLED);
  EXPECT_EQ(task_.decoded, 20'000);
  EXPECT_EQ(verified_ + corrupt_, 0);
}

}  // namespace
}  // namespace wikipedia
