#include "plugins/wikipedia/replay_reader.hpp"

#include "plugins/wikipedia/page_view_reader.hpp"
#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace wikipedia {
namespace {

using test::RecordingTask;
using test::Reject;
using Row = std::tuple<std::string, std::string, std::int64_t>;

constexpr std::int64_t hour = 1'472'328'000;

std::shared_ptr<const etl::Schema> schema() {
  return std::make_shared<const etl::Schema>(etl::Schema{{"hour", etl::Type::timestamp_s},
                                                         {"domain_code", etl::Type::utf8},
                                                         {"title", etl::Type::utf8},
                                                         {"views", etl::Type::int64}});
}

template <class Reader>
std::vector<Row> rows_of(Reader& reader) {
  std::vector<Row> rows;
  while (const auto batch = reader.next()) {
    for (std::size_t row = 0; row < batch->rows(); ++row) {
      EXPECT_EQ(batch->template column<std::int64_t>("hour")[row], hour);
      rows.emplace_back(batch->template column<std::string_view>("domain_code")[row],
                        batch->template column<std::string_view>("title")[row],
                        batch->template column<std::int64_t>("views")[row]);
    }
  }
  return rows;
}

std::vector<Row> replay(std::vector<std::string_view> records, const RecordingTask& task,
                        PageViewParser::Settings settings = {}) {
  ReplayReader reader(std::move(records), hour, schema(), settings, task.task());
  return rows_of(reader);
}

TEST(Replay, ReadsLines) {
  RecordingTask task;
  EXPECT_EQ(replay({"fr A 1 0", "fr B 2 0", "de C 3 0"}, task),
            (std::vector<Row>{{"fr", "A", 1}, {"fr", "B", 2}, {"de", "C", 3}}));
  EXPECT_EQ(task.read, 3);
  EXPECT_EQ(task.dropped, 0);
  EXPECT_TRUE(task.rejects.empty());
}

TEST(Replay, OfNothingIsNothing) {
  RecordingTask task;
  EXPECT_TRUE(replay({}, task).empty());
  EXPECT_EQ(task.read, 0);
}

TEST(Replay, RejectsAgainWithThePositionInTheList) {
  const std::string longer(max_line + 1, 'x');
  const std::string nul("fr A\0B 1 0", 10);
  RecordingTask task;
  EXPECT_EQ(replay({"fr A 1 0", "", "fr B two 0", "fr C 3 0\nfr D 4 0", nul, longer, "fr E 5 0",
                    "\n", "fr 6"},
                   task),
            (std::vector<Row>{{"fr", "A", 1}, {"fr", "E", 5}}));
  EXPECT_EQ(task.read, 9);
  std::vector<Reject> rejects = task.rejects;
  std::ranges::sort(rejects, {}, &Reject::line);
  EXPECT_EQ(rejects, (std::vector<Reject>{
                         {std::string(reason::empty_line), "", 2, -1},
                         {std::string(reason::views_no_number), "fr B two 0", 3, -1},
                         {std::string(reason::line_feed), "fr C 3 0\nfr D 4 0", 4, -1},
                         {std::string(reason::nul), nul, 5, -1},
                         {std::string(reason::too_long), std::string(1024, 'x'), 6, -1},
                         {std::string(reason::line_feed), "\n", 8, -1},
                         {std::string(reason::few_fields), "fr 6", 9, -1},
                     }));
}

/// The oracle is PageViewReader with the same lines.
TEST(Replay, IsAsTheFileWouldBeWhateverTheBlocks) {
  std::vector<std::string> lines;
  for (int i = 0; i < 3000; ++i) {
    const std::string number = std::to_string(i);
    lines.push_back(i % 7 == 0   ? "fr broken" + number
                    : i % 5 == 0 ? "de.m \"\\\"" + number + "\\\"\" " + number + " 0"
                                 : "fr T" + std::string(static_cast<std::size_t>(i % 90), 'u') +
                                       number + " " + number + " 0");
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  const etl_test::TemporaryFolder folder;
  RecordingTask of_file;
  HourFile file;
  file.path = folder.file("hour.gz", test::gzip(text));
  file.hour_seconds = hour;
  PageViewReader reader(std::move(file), schema(), {}, {}, of_file.task());
  const std::vector<Row> expected = rows_of(reader);
  for (const std::size_t block : {1U, 7U, 100U, 4096U, 1U << 18U}) {
    RecordingTask task;
    PageViewParser::Settings settings;
    settings.block_size = block;
    EXPECT_EQ(replay({lines.begin(), lines.end()}, task, settings), expected) << block;
    EXPECT_EQ(task.read, of_file.read);
    EXPECT_EQ(task.decoded, static_cast<std::int64_t>(text.size()));
    ASSERT_EQ(task.rejects.size(), of_file.rejects.size());
    for (std::size_t i = 0; i < task.rejects.size(); ++i) {
      EXPECT_EQ(task.rejects[i].line, of_file.rejects[i].line);
      EXPECT_EQ(task.rejects[i].raw, of_file.rejects[i].raw);
      EXPECT_EQ(task.rejects[i].reason, of_file.rejects[i].reason);
    }
  }
}

TEST(Replay, StopsWhenItIsCancelled) {
  RecordingTask task;
  task.cancel_after = 0;
  ReplayReader reader({"fr A 1 0"}, hour, schema(), {}, task.task());
  EXPECT_EQ(test::thrown_by([&] { (void)reader.next(); }).code, ETL_CANCELLED);
}

}  // namespace
}  // namespace wikipedia
