#include "plugins/wikipedia/pageviews_source.hpp"

#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wikipedia {
namespace {

using test::gzip;
using test::OptionValues;
using test::RecordingTask;
using test::utc;
using List = std::vector<std::string>;

/// The last hours of a day, on a mirror that is never contacted.
OptionValues mirror() {
  return OptionValues::of<PageviewsSource>()
      .set("start", utc(2016, 8, 31, 22))
      .set("hours", std::int64_t{2})
      .set("base_url", "https://user:secret@mirror.example/pageviews/");
}
OptionValues local(const etl_test::TemporaryFolder& folder) {
  return mirror().set("base_url", "file://" + folder.path().string());
}

test::Thrown construct(OptionValues values) {
  return test::thrown_by([&] { PageviewsSource(values.options(), test::quiet_context()); });
}
std::string refused_option(OptionValues values) {
  const test::Thrown thrown = construct(std::move(values));
  EXPECT_EQ(thrown.code, ETL_CONFIG) << thrown.message;
  return thrown.option;
}

TEST(PageviewsSource, PlansAnHourAPartition) {
  OptionValues values = mirror();
  PageviewsSource source(values.options(), test::quiet_context());
  const std::vector<etl::Partition> partitions = source.plan();
  ASSERT_EQ(partitions.size(), 2U);
  EXPECT_EQ(partitions[0].id, "pageviews-20160831-230000");
  EXPECT_EQ(partitions[0].uri,
            "https://mirror.example/pageviews/2016/2016-08/pageviews-20160831-230000.gz");
  EXPECT_EQ(partitions[0].bytes, -1);
  EXPECT_EQ(partitions[0].scope.column, "hour");
  EXPECT_EQ(std::get<std::int64_t>(partitions[0].scope.value), utc(2016, 8, 31, 22) / 1'000'000);
  EXPECT_EQ(partitions[1].id, "pageviews-20160901-000000");
  EXPECT_EQ(partitions[1].uri,
            "https://mirror.example/pageviews/2016/2016-09/pageviews-20160901-000000.gz");
  EXPECT_EQ(std::get<std::int64_t>(partitions[1].scope.value), utc(2016, 8, 31, 23) / 1'000'000);
}

TEST(PageviewsSource, ColumnsComeInTheOrderAskedFor) {
  OptionValues values = mirror();
  EXPECT_EQ(PageviewsSource(values.options(), test::quiet_context()).schema(),
            (etl::Schema{{"hour", etl::Type::timestamp_s},
                         {"domain_code", etl::Type::utf8},
                         {"title", etl::Type::utf8},
                         {"views", etl::Type::int64}}));
  values.set("columns", List{"views", "language", "access", "project", "response_bytes"});
  PageviewsSource source(values.options(), test::quiet_context());
  EXPECT_EQ(source.schema(), (etl::Schema{{"views", etl::Type::int64},
                                          {"language", etl::Type::utf8},
                                          {"access", etl::Type::utf8},
                                          {"project", etl::Type::utf8},
                                          {"response_bytes", etl::Type::int64}}));
  EXPECT_EQ(source.plan()[0].scope.column, "");  // no column identifies the hour
}

TEST(PageviewsSource, WrongOptionsAreNamed) {
  EXPECT_EQ(refused_option(mirror().set("columns", List{"title", "views", "title"})), "columns");
  EXPECT_EQ(refused_option(mirror().set("columns", List{"title", "count"})), "columns");
  EXPECT_EQ(refused_option(mirror().set("columns", List{})), "columns");
  EXPECT_EQ(refused_option(mirror().set("end", utc(2016, 9, 1))), "hours");
  EXPECT_EQ(refused_option(mirror().set("start", utc(2015, 4, 30))), "start");
  EXPECT_EQ(refused_option(mirror().set("base_url", "ftp://mirror.example")), "base_url");
  EXPECT_EQ(refused_option(mirror().set("contact", "a\r\nX-Evil: 1")), "contact");
}

// Other users can create files in the folder for temporary files.
TEST(PageviewsSource, WithoutAHomeDownloadsNeedAPlace) {
  const etl_test::TemporaryFolder folder;
  std::map<std::string, std::string> kept;
  for (const char* name : {"HOME", "XDG_CACHE_HOME"}) {
    if (const char* value = std::getenv(name)) kept[name] = value;
    ::unsetenv(name);
  }
  EXPECT_EQ(refused_option(mirror()), "cache_dir");
  EXPECT_EQ(construct(mirror().set("cache_dir", folder.path().string())).code, -1);
  EXPECT_EQ(construct(local(folder)).code, -1);
  for (const auto& [name, value] : kept) ::setenv(name.c_str(), value.c_str(), 1);
}

TEST(PageviewsSource, WikimediaHasRules) {
  const auto wikimedia = [] {
    return mirror().set("base_url", "https://dumps.wikimedia.org/other/pageviews");
  };
  EXPECT_EQ(refused_option(wikimedia()), "contact");
  EXPECT_EQ(refused_option(wikimedia().set("contact", "  ")), "contact");
  EXPECT_EQ(construct(wikimedia().set("contact", "me@example.org")).code, -1);
  EXPECT_EQ(
      construct(wikimedia().set("contact", "me@example.org").set("connections", std::int64_t{3}))
          .code,
      -1);
  EXPECT_EQ(refused_option(
                wikimedia().set("contact", "me@example.org").set("connections", std::int64_t{4})),
            "connections");
  EXPECT_EQ(refused_option(mirror()
                               .set("base_url", "http://dumps.wikimedia.org/p")
                               .set("contact", "me@example.org")),
            "base_url");
  EXPECT_EQ(construct(mirror().set("connections", std::int64_t{16})).code,
            -1);  // others have no such rule
  // The default address is Wikimedia's.
  OptionValues defaults = OptionValues::of<PageviewsSource>()
                              .set("start", utc(2016, 8, 31))
                              .set("hours", std::int64_t{1});
  EXPECT_EQ(refused_option(defaults), "contact");
}

TEST(PageviewsSource, ReadsLocalFilesWhereTheyAre) {
  const etl_test::TemporaryFolder folder;
  const std::string bytes = gzip("de A 1 0\nfr Paris 2 0\nfr.m Paris 3 0\nfrr Paris 4 0\n");
  const auto path = folder.file("page views/2016/2016-09/pageviews-20160901-000000.gz", bytes);
  OptionValues values =
      mirror().set("base_url", "file://" + folder.path().string() + "/page%20views");
  PageviewsSource source(values.options(), test::quiet_context());
  const auto partitions = source.plan();
  EXPECT_EQ(partitions[0].bytes, -1);  // does not exist
  EXPECT_EQ(partitions[1].bytes, static_cast<std::int64_t>(bytes.size()));

  RecordingTask task;
  source.expect({partitions[1].id});
  PageViewReader reader = source.read(partitions[1], {}, task.task());
  const auto batch = reader.next();
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->rows(), 4U);
  EXPECT_EQ(batch->column<std::int64_t>("hour")[0], utc(2016, 8, 31, 23) / 1'000'000);
  EXPECT_EQ(batch->column<std::string_view>("title")[3], "Paris");
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(task.downloaded, 0);
  source.finish(partitions[1].id);
  EXPECT_EQ(etl_test::read_text(path), bytes);
}

TEST(PageviewsSource, AnHourThatIsNotThereIsMissingOrFails) {
  const etl_test::TemporaryFolder folder;
  const auto read = [](OptionValues values) {
    PageviewsSource source(values.options(), test::quiet_context());
    RecordingTask task;
    return test::thrown_by([&] { (void)source.read(source.plan()[0], {}, task.task()); });
  };
  const test::Thrown report = read(local(folder));
  EXPECT_EQ(report.code, ETL_MISSING);
  EXPECT_NE(report.message.find("2016/2016-08/pageviews-20160831-230000.gz"), std::string::npos)
      << report.message;
  const test::Thrown fail = read(local(folder).set("missing", "fail"));
  EXPECT_EQ(fail.code, ETL_PERMANENT);
  EXPECT_EQ(fail.message, report.message);
}

TEST(PageviewsSource, AFolderThatIsNotThereIsNoListOfMissingHours) {
  OptionValues values = mirror().set("base_url", "file:///no/such/folder");
  PageviewsSource source(values.options(), test::quiet_context());
  const test::Thrown thrown = test::thrown_by([&] { (void)source.plan(); });
  EXPECT_EQ(thrown.code, ETL_CONFIG);
  EXPECT_EQ(thrown.option, "base_url");
}

TEST(PageviewsSource, DamagedLocalFileFailsForGood) {
  const etl_test::TemporaryFolder folder;
  const auto path = folder.file("2016/2016-08/pageviews-20160831-230000.gz", "<html>");
  OptionValues values = local(folder);
  PageviewsSource source(values.options(), test::quiet_context());
  RecordingTask task;
  PageViewReader reader = source.read(source.plan()[0], {}, task.task());
  const test::Thrown thrown = test::thrown_by([&] { (void)reader.next(); });
  EXPECT_EQ(thrown.code, ETL_PERMANENT);
  EXPECT_EQ(thrown.message, path.string() + ": not gzip: starts with \"<html>\"");
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(PageviewsSource, InvalidUtf8IsAnOption) {
  const etl_test::TemporaryFolder folder;
  folder.file("2016/2016-08/pageviews-20160831-230000.gz", gzip("fr A\xFF 1 0\nfr B 1 0\n"));
  const auto rows = [](OptionValues values) {
    PageviewsSource source(values.options(), test::quiet_context());
    RecordingTask task;
    PageViewReader reader = source.read(source.plan()[0], {}, task.task());
    const auto batch = reader.next();
    return (batch ? batch->rows() : 0) * 10 + task.rejects.size();
  };
  EXPECT_EQ(rows(local(folder)), 20U);
  EXPECT_EQ(rows(local(folder).set("invalid_utf8", "reject")), 11U);
}

TEST(PageviewsSource, ForeignPartitionIsRefused) {
  OptionValues values = mirror();
  PageviewsSource source(values.options(), test::quiet_context());
  RecordingTask task;
  const test::Thrown thrown = test::thrown_by(
      [&] { (void)source.read({.id = "../../etc/passwd", .uri = ""}, {}, task.task()); });
  EXPECT_EQ(thrown.code, ETL_PERMANENT);
  EXPECT_NE(thrown.message.find("../../etc/passwd"), std::string::npos);
}

TEST(PageviewsSource, ReplayGivesTheRowsOfTheHourWithoutItsFile) {
  OptionValues values = mirror();
  values.set("columns", List{"hour", "domain_code", "title", "views"});
  PageviewsSource source(values.options(), test::quiet_context());
  RecordingTask task;
  ReplayReader reader = source.replay({.id = "pageviews-20160831-230000", .uri = ""},
                                      {"fr Paris 3 0", "fr.m \"\\\"W\\\"_x\" 4 0\r"}, task.task());
  const auto batch = reader.next();
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->rows(), 2U);
  EXPECT_EQ(batch->schema(), source.schema());
  EXPECT_EQ(batch->column<std::int64_t>("hour")[1], utc(2016, 8, 31, 22) / 1'000'000);
  EXPECT_EQ(batch->column<std::string_view>("domain_code")[1], "fr.m");
  EXPECT_EQ(batch->column<std::string_view>("title")[1], "\"W\"_x");
  EXPECT_EQ(batch->column<std::int64_t>("views")[0], 3);
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(task.read, 2);
  EXPECT_EQ(task.downloaded, 0);
}

TEST(PageviewsSource, ReplayFollowsItsOptionsAndKnowsItsPartitions) {
  OptionValues values = mirror();
  values.set("invalid_utf8", "reject");
  PageviewsSource source(values.options(), test::quiet_context());
  RecordingTask task;
  EXPECT_FALSE(
      source.replay({.id = "pageviews-20160831-230000", .uri = ""}, {"fr A\xFF 1 0"}, task.task())
          .next());
  ASSERT_EQ(task.rejects.size(), 1U);
  EXPECT_EQ(task.rejects[0].reason, reason::invalid_utf8);
  const test::Thrown thrown =
      test::thrown_by([&] { (void)source.replay({.id = "other", .uri = ""}, {}, task.task()); });
  EXPECT_EQ(thrown.code, ETL_PERMANENT);
}

TEST(PageviewsSource, OnlyWhatChangesTheDataIsPartOfTheDefinition) {
  std::vector<std::string> defining;
  for (const etl_option_spec& spec : PageviewsSource::options) {
    if ((spec.flags & ETL_OPTION_OPERATIONAL) == 0)
      defining.emplace_back(etl::detail::to_view(spec.name));
  }
  EXPECT_EQ(defining, (std::vector<std::string>{"columns", "invalid_utf8"}));
}

TEST(Plugin, ExportsBothStages) {
  ASSERT_EQ(etl_plugin_v1.stage_count, 2U);
  EXPECT_STREQ(etl_plugin_v1.name, "wikipedia");
  EXPECT_STREQ(etl_plugin_v1.stages[0]->name, "wikipedia_pageviews");
  EXPECT_EQ(etl_plugin_v1.stages[0]->kind, static_cast<std::uint32_t>(ETL_SOURCE));
  EXPECT_NE(etl_plugin_v1.stages[0]->source->expect, nullptr);
  EXPECT_NE(etl_plugin_v1.stages[0]->source->finish, nullptr);
  EXPECT_NE(etl_plugin_v1.stages[0]->source->replay, nullptr);
  EXPECT_STREQ(etl_plugin_v1.stages[1]->name, "language");
  EXPECT_EQ(etl_plugin_v1.stages[1]->kind, static_cast<std::uint32_t>(ETL_FILTER));
  EXPECT_NE(etl_plugin_v1.stages[1]->filter->predicate, nullptr);
}

}  // namespace
}  // namespace wikipedia
