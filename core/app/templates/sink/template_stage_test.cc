#include "template_stage.hpp"

#include <etl/testing/mock_host.hpp>

#include <gtest/gtest.h>

#include <cstdlib>

namespace {

/// A sink over an empty folder.
class TemplateStageTest : public testing::Test {
 protected:
  ~TemplateStageTest() override { fs::remove_all(folder_); }

  static fs::path temporary_folder() {
    std::string path = (fs::temp_directory_path() / "template_stage.XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
    return path;
  }
  static etl::WriteRequest request(const std::string& partition, bool reload = false) {
    return {"words", "days", "files", "run1", {.id = partition, .uri = {}}, reload};
  }
  static etl::LedgerRecord record(const std::string& partition,
                                  etl::State state = etl::State::done) {
    etl::LedgerRecord record;
    record.state = state;
    record.pipeline = "words";
    record.source = "days";
    record.sink = "files";
    record.partition = partition;
    record.run_id = "run1";
    return record;
  }
  static etl::Batch words(std::initializer_list<const char*> texts) {
    etl::BatchBuilder builder(schema());
    for (const char* text : texts) builder.row(text, std::int64_t{1});
    return builder.finish();
  }
  static etl::Schema schema() { return {{"word", etl::Type::utf8}, {"count", etl::Type::int64}}; }
  void load(const std::string& partition, const char* word, bool reload = false) {
    auto writer = sink_.open(request(partition, reload), schema());
    writer.write(words({word}));
    writer.commit(record(partition));
  }
  std::string rows(const std::string& partition) const {
    std::ifstream file(folder_ / "words/files/days" / file_name(partition) / "rows.tsv");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  etl::Strings ledger() const {
    etl::Strings lines;
    for (const etl::LedgerRecord& one : sink_.committed("words", "files")) {
      lines.push_back(one.partition + " " + std::string(etl::state_name(one.state)));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  fs::path folder_ = temporary_folder();
  etl::testing::Host host_;
  TemplateStage sink_ =
      etl::testing::make<TemplateStage>(host_, {{"folder", (folder_ / ".").string()}});
};

TEST_F(TemplateStageTest, CommitsRowsAndRecordTogether) {
  auto writer = sink_.open(request("monday"), schema());
  writer.write(words({"apple", "tab\there"}));
  EXPECT_EQ(ledger(), etl::Strings());
  EXPECT_EQ(rows("monday"), "");
  writer.commit(record("monday"));
  EXPECT_EQ(ledger(), etl::Strings({"monday done"}));
  EXPECT_EQ(rows("monday"), "apple\t1\ntab\\there\t1\n");
}

TEST_F(TemplateStageTest, LeavesNothingOfWhatIsNotCommitted) {
  { sink_.open(request("monday"), schema()).write(words({"apple"})); }
  EXPECT_TRUE(fs::is_empty(folder_ / "words/files/days"));
}

TEST_F(TemplateStageTest, TheSecondOfTwoRunsMeetsAConflict) {
  auto first = sink_.open(request("monday"), schema());
  auto other = request("monday");
  other.run_id = "run2";
  auto second = sink_.open(other, schema());
  first.write(words({"apple"}));
  second.write(words({"pear"}));
  first.commit(record("monday"));
  try {
    second.commit(record("monday"));
    FAIL() << "no error";
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::conflict);
  }
  EXPECT_EQ(rows("monday"), "apple\t1\n");
  EXPECT_THROW(sink_.open(request("monday"), schema()), etl::Error);
}

TEST_F(TemplateStageTest, AReloadReplaces) {
  load("monday", "apple");
  load("monday", "pear", true);
  EXPECT_EQ(rows("monday"), "pear\t1\n");
  EXPECT_EQ(ledger(), etl::Strings({"monday done"}));
}

TEST_F(TemplateStageTest, KeepsFailuresButNeverOverWhatIsDone) {
  sink_.record(record("monday", etl::State::failed));
  sink_.record(record("tuesday", etl::State::missing));
  EXPECT_EQ(ledger(), etl::Strings({"monday failed", "tuesday missing"}));
  load("monday", "apple");
  sink_.record(record("monday", etl::State::failed));
  EXPECT_EQ(ledger(), etl::Strings({"monday done", "tuesday missing"}));
}

TEST_F(TemplateStageTest, AnyIdIsAName) {
  load("../a/b", "apple");
  load(".part", "pear");
  EXPECT_EQ(ledger(), etl::Strings({"../a/b done", ".part done"}));
  EXPECT_EQ(rows("../a/b"), "apple\t1\n");
}

TEST_F(TemplateStageTest, ALedgerRecordComesBackAsItWas) {
  etl::LedgerRecord given = record("mon\tday\\\n");
  given.rows_read = 7;
  given.source_bytes = -1;
  given.error = "line 1\nline 2";
  given.started_at = 1'700'000'000'000'000;
  auto writer = sink_.open(request(given.partition), schema());
  writer.commit(given);
  const auto all = sink_.committed("words", "files");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(ledger_text(all[0]), ledger_text(given));
  EXPECT_EQ(all[0].partition, given.partition);
  EXPECT_EQ(all[0].error, given.error);
}

TEST_F(TemplateStageTest, RefusesTypesThatItCannotWrite) {
  EXPECT_NO_THROW(sink_.check(schema()));
  EXPECT_THROW(sink_.check({{"ratio", etl::Type::float64}}), etl::Error);
}

}  // namespace
