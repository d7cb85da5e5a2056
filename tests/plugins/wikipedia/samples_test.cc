// Genuine lines from outside the repository: in $ETL_SAMPLES, else beside the repository.
#include "plugins/common/compression/gzip_file.hpp"
#include "plugins/wikipedia/parse/page_view_line.hpp"
#include "plugins/wikipedia/parse/page_view_parser.hpp"
#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace wikipedia {
namespace {

using test::hex;
using test::RecordingTask;

std::filesystem::path samples() {
  if (const char* folder = std::getenv("ETL_SAMPLES"); folder != nullptr && *folder != '\0')
    return folder;
  return SAMPLES;
}

class Samples : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::filesystem::is_directory(samples())) return;
    GTEST_SKIP() << "NOT TESTED on genuine page view lines: there is no folder " << samples()
                 << "; set ETL_SAMPLES to one";
  }
  static std::vector<std::filesystem::path> files(std::string_view prefix,
                                                  std::string_view suffix) {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(samples())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(prefix) && name.ends_with(suffix)) found.push_back(entry.path());
    }
    std::ranges::sort(found);
    return found;
  }
};

std::vector<std::string> facts(const std::string& text, RecordingTask& task) {
  PageViewParser parser({.block_size = text.size() + 1}, {}, task.task());
  text.copy(parser.space().data(), text.size());
  std::vector<std::string> facts;
  const auto collect = [&](const PageViewBlock& block) {
    std::size_t row = 0;
    for (std::size_t run = 0; run < block.runs.size(); ++run) {
      for (std::size_t i = 0; i < block.rows_in(run); ++i, ++row) {
        const PageViewRow& each = block.rows[row];
        facts.push_back("row " + hex(block.runs[run].code) + " " +
                        hex({each.title, each.title_size}) + " " + std::to_string(each.views) +
                        " " + std::to_string(each.response_bytes));
      }
    }
  };
  collect(parser.parse(text.size()));
  collect(parser.finish());
  return facts;
}

TEST_F(Samples, HourFilesReadAsTheOracleReadsThem) {
  const auto hours = files("pageviews-", ".txt");
  ASSERT_FALSE(hours.empty());
  for (const auto& path : hours) {
    std::vector<std::string> expected = test::reference({"lines", "replace", path.string()});
    ASSERT_FALSE(expected.empty());
    expected.erase(expected.begin());  // the file's name
    RecordingTask task;
    EXPECT_EQ(facts(test::file_bytes(path), task), expected) << path;
    EXPECT_TRUE(task.rejects.empty()) << path << ": " << task.rejects.front().raw;
    EXPECT_EQ(task.read, static_cast<std::int64_t>(expected.size()));
  }
}

TEST_F(Samples, NoTitleOfTheOlderWriterIsUnwrapped) {
  int quoted = 0;
  for (const auto& path : files("pageviews-top25", ".txt")) {
    const std::string text = test::file_bytes(path);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      PageViewLine line;
      ASSERT_EQ(split_line(std::string_view(text).substr(begin, end - begin), line), "");
      if (line.title.find('"') != std::string_view::npos) ++quoted;
      EXPECT_EQ(unquote_title(line.title), std::nullopt) << line.title;
      begin = end + 1;
    }
  }
  EXPECT_GT(quoted, 50);
}

TEST_F(Samples, GzipFilesAreReadByBothDecoders) {
  const auto paths = files("pageviews-", ".gz");
  ASSERT_FALSE(paths.empty());
  for (const auto& path : paths) {
    for (const auto decoder : {compression::Decoder::zlib, compression::Decoder::isal}) {
      if (!compression::has_decoder(decoder)) continue;
      compression::GzipFile file(path, decoder);
      std::string text(100'000, '\0');
      text.resize(file.read(text));
      RecordingTask task;
      EXPECT_EQ(static_cast<std::int64_t>(facts(text, task).size()), task.read);
      EXPECT_GT(task.read, 0);
      EXPECT_TRUE(task.rejects.empty());
    }
  }
}

}  // namespace
}  // namespace wikipedia
