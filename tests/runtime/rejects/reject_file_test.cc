// Publishing replaces and never duplicates rejects, despite other writers and kills at any point.
#include "core/runtime/rejects/reject_file.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

namespace {

namespace fs = std::filesystem;
using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::read_text;
using runtime_test::TempFolder;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

const char* const own_run = "20240301T000000Z-1";

RejectEntry entry_of(const std::string& partition, std::int64_t line,
                     const std::string& stage = "s", const std::string& raw = "raw") {
  return {{"p", "s", partition}, own_run, stage, line, std::nullopt, "why", raw};
}

class RejectFileTest : public testing::Test {
 protected:
  [[nodiscard]] RejectPath path() const { return RejectPath::of(folder_.path() / "rejects.jsonl"); }
  [[nodiscard]] SpoolFolder spools() const { return {path(), own_run}; }

  /// Writes a complete spool file for RejectFile to read.
  fs::path spool(std::int64_t number, const std::vector<RejectEntry>& entries,
                 const RejectPath& rejects) const {
    const SpoolFolder folder(rejects, own_run);
    SpoolWriter writer(folder.file(number), {}, true);
    for (const RejectEntry& entry : entries) writer.add(entry);
    writer.finish();
    return folder.file(number);
  }
  Publication publication(std::int64_t number, const std::vector<RejectEntry>& entries,
                          const std::set<std::string>& stages = {"s"}) const {
    return {entries.front().key, stages, spool(number, entries, path())};
  }
  [[nodiscard]] RejectFile file() const { return {path(), spools().path()}; }

  /// Every entry as "partition:line:stage", in order.
  static std::vector<std::string> told(const fs::path& published) {
    std::vector<std::string> list;
    const std::string text = read_text(published);
    read_rejects(text, [&](const RejectRecord& record) {
      list.push_back(record.entry ? record.entry->key.partition + ":" +
                                        std::to_string(record.entry->line.value_or(0)) + ":" +
                                        record.entry->stage
                                  : "none");
    });
    return list;
  }
  [[nodiscard]] std::vector<std::string> told() const { return told(path().path); }

  TempFolder folder_;
};

TEST_F(RejectFileTest, AppendsWhatIsNewAndReplacesWhatWasThere) {
  RejectFile out = file();
  out.publish({publication(1, {entry_of("a", 1), entry_of("a", 2)})});
  out.publish({publication(2, {entry_of("b", 1)})});
  EXPECT_THAT(told(), ElementsAre("a:1:s", "a:2:s", "b:1:s"));
  out.publish({publication(3, {entry_of("a", 7)})});
  EXPECT_THAT(told(), ElementsAre("b:1:s", "a:7:s"));
  out.publish({{{"p", "s", "a"}, {"s"}, {}}});
  EXPECT_THAT(told(), ElementsAre("b:1:s"));
}

TEST_F(RejectFileTest, ReplacesTheEntriesOfTheseStagesAlone) {
  RejectFile out = file();
  const std::vector<RejectEntry> both{entry_of("a", 1), entry_of("a", 2, "f")};
  out.publish({publication(1, both, {"s", "f"})});
  out.publish({publication(2, {entry_of("a", 9), entry_of("a", 8, "f")}, {"s"})});
  EXPECT_THAT(told(), UnorderedElementsAre("a:9:s", "a:2:f"));
}

TEST_F(RejectFileTest, OfTwoForOnePartitionTheLaterHolds) {
  file().publish({publication(1, {entry_of("a", 1)}), publication(2, {entry_of("a", 2)})});
  EXPECT_THAT(told(), ElementsAre("a:2:s"));
}

TEST_F(RejectFileTest, WhereverAnAppendWasKilledTheNextMakesItWhole) {
  const Publication before = publication(1, {entry_of("a", 1)});
  file().publish({before});
  const std::string whole = read_text(path().path);
  const Publication second = publication(2, {entry_of("b", 1), entry_of("b", 2)});
  file().publish({second});
  const std::string both = read_text(path().path);
  fs::remove(before.spool);
  for (std::size_t size = whole.size(); size <= both.size(); ++size) {
    folder_.file("rejects.jsonl", both.substr(0, size));
    file().publish({second});
    EXPECT_EQ(read_text(path().path), both) << "killed after " << size - whole.size() << " bytes";
  }
  // Even if another partition is published first.
  const Publication third = publication(3, {entry_of("c", 1)});
  for (const std::size_t size : {whole.size() + 3, both.size() - 1}) {
    folder_.file("rejects.jsonl", both.substr(0, size));
    file().publish({third});
    file().publish({second});
    EXPECT_THAT(told(), UnorderedElementsAre("a:1:s", "b:1:s", "b:2:s", "c:1:s"));
  }
}

TEST_F(RejectFileTest, ForeignLinesStay) {
  folder_.file("rejects.jsonl", reject_line(entry_of("a", 1)) + "\nnot ours\n{\"cut\": ");
  RejectFile out = file();
  out.publish({publication(1, {entry_of("b", 1)})});
  EXPECT_THAT(told(), ElementsAre("a:1:s", "none", "none", "b:1:s"));
  out.publish({publication(2, {entry_of("a", 2)})});
  EXPECT_THAT(told(), ElementsAre("none", "none", "b:1:s", "a:2:s"));
}

TEST_F(RejectFileTest, AnEditorsMissingEndOfLineIsAdded) {
  folder_.file("rejects.jsonl", reject_line(entry_of("a", 1)));
  file().publish({publication(1, {entry_of("b", 1)})});
  EXPECT_THAT(told(), ElementsAre("a:1:s", "b:1:s"));
}

TEST_F(RejectFileTest, RepairedLinesGoAsOftenAsTheyWereRepaired) {
  const std::string line = reject_line(entry_of("a", 1));
  const std::string other = reject_line(entry_of("a", 2));
  folder_.file("rejects.jsonl", line + "\n" + line + "\n" + other + "\n");
  file().publish({{{"p", "s", "a+replay"}, {}, {}, {line, other}}});
  EXPECT_EQ(read_text(path().path), line + "\n");
}

TEST_F(RejectFileTest, KeepsALinkAndThePermissions) {
  const fs::path real = folder_.file("real.jsonl");
  fs::permissions(real, fs::perms::owner_read | fs::perms::owner_write);
  const fs::path link = path().path;
  fs::create_symlink(real, link);
  RejectFile out = file();
  out.publish({publication(1, {entry_of("a", 1)})});
  out.publish({publication(2, {entry_of("a", 2)})});
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_THAT(told(real), ElementsAre("a:2:s"));
  EXPECT_EQ(fs::status(real).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(RejectFileTest, AFolderHasAFileForEveryPartition) {
  const RejectPath rejects = RejectPath::of(folder_.path() / "rejects/");
  ASSERT_TRUE(rejects.folder);
  RejectFile out(rejects, rejects.spools() / own_run);
  const std::vector<std::string> ids{"../../a", "/etc/b", ".hidden", "d/e", std::string(300, 'x'),
                                     "a"};
  std::int64_t number = 0;
  for (const std::string& id : ids) {
    for (const std::int64_t line : {1, 2})  // the second replaces the first
      out.publish({{{"p", "s", id}, {"s"}, spool(++number, {entry_of(id, line)}, rejects)}});
  }
  const std::vector<fs::path> files = published_files(rejects);
  ASSERT_EQ(files.size(), ids.size());
  std::vector<std::string> all;
  for (const fs::path& each : files) {
    EXPECT_EQ(each.parent_path(), rejects.path);
    for (const std::string& one : told(each)) all.push_back(one);
  }
  std::vector<std::string> expected;
  for (const std::string& id : ids) expected.push_back(id + ":2:s");
  EXPECT_THAT(all, testing::UnorderedElementsAreArray(expected));
  out.publish({{{"p", "s", "a"}, {"s"}, {}}});
  EXPECT_EQ(published_files(rejects).size(), ids.size() - 1) << "without entries there is no file";
}

TEST_F(RejectFileTest, ManyProcessesAtOnceLoseAndDoubleNothing) {
  constexpr int processes = 4;
  constexpr int rounds = 25;
  std::vector<pid_t> children;
  for (int process = 0; process < processes; ++process) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const RejectPath rejects = path();
      const std::string own = "run" + std::to_string(process);
      const SpoolFolder mine(rejects, own);
      RejectFile out(rejects, mine.path());
      for (int round = 0; round < rounds; ++round) {
        // Every second publication replaces earlier entries of this process and so rewrites the
        // file.
        const std::string id = own + "." + std::to_string(round / 2);
        SpoolWriter writer(mine.file(round), {}, true);
        writer.add(entry_of(id, round));
        writer.finish();
        out.publish({{{"p", "s", id}, {"s"}, mine.file(round)}});
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  std::vector<std::string> expected;
  for (int process = 0; process < processes; ++process) {
    for (int id = 0; id * 2 < rounds; ++id)
      expected.push_back("run" + std::to_string(process) + "." + std::to_string(id) + ":" +
                         std::to_string(std::min(id * 2 + 1, rounds - 1)) + ":s");
  }
  EXPECT_THAT(told(), testing::UnorderedElementsAreArray(expected));
}

TEST_F(RejectFileTest, KilledAnywhereItIsWholeAfterTheNext) {
  const Publication first = publication(1, {entry_of("a", 1), entry_of("a", 2)});
  const Publication again = publication(2, {entry_of("a", 3)});
  const Publication other = publication(3, {entry_of("b", 1)});
  file().publish({other});
  for (int attempt = 0; attempt < 30; ++attempt) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      RejectFile out = file();
      while (true) {
        out.publish({first});
        out.publish({again});
      }
    }
    ::usleep(static_cast<useconds_t>(2000 + attempt * 137));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    file().publish({again});
    EXPECT_THAT(told(), UnorderedElementsAre("b:1:s", "a:3:s"));
  }
}

TEST_F(RejectFileTest, ReplacesTheTargetOfALinkToAnotherFileSystem) {
  char name[] = "/dev/shm/rejects.XXXXXX";
  if (::mkdtemp(name) == nullptr) GTEST_SKIP() << "no other file system";
  const fs::path elsewhere = name;
  const fs::path link = path().path;
  fs::create_symlink(elsewhere / "real.jsonl", link);
  {
    const SpoolFolder run = spools();
    RejectFile out(path(), run.path());
    out.publish({publication(1, {entry_of("a", 1)})});
    out.publish({publication(2, {entry_of("a", 2)})});
  }
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_THAT(told(elsewhere / "real.jsonl"), ElementsAre("a:2:s"));
  fs::remove_all(elsewhere);
}

TEST_F(RejectFileTest, TrustsNoSpoolFolderThatOthersMayWrite) {
  const fs::path spool_folder = path().spools();
  fs::create_directory(spool_folder);
  fs::permissions(spool_folder, fs::perms::all);
  EXPECT_THAT(why_unwritable(path()), testing::HasSubstr("other users can write to it"));
  EXPECT_THROW(spools(), etl::Error);
  fs::permissions(spool_folder, fs::perms::owner_all);
  EXPECT_EQ(why_unwritable(path()), "");
  EXPECT_NO_THROW(spools());
}

TEST_F(RejectFileTest, TrustsNoSpoolFolderOfAnotherUser) {
  const fs::path spool_folder = path().spools();
  fs::create_directory(spool_folder);
  if (::chown(spool_folder.c_str(), 12345, 12345) != 0) GTEST_SKIP() << "takes root";
  EXPECT_THAT(why_unwritable(path()), testing::HasSubstr("another user (uid 12345)"));
  EXPECT_THROW(spools(), etl::Error);
}

TEST_F(RejectFileTest, TrustsNoLinkInThePlaceOfItsSpoolFolder) {
  fs::create_directory(folder_.path() / "elsewhere");
  fs::create_directory_symlink(folder_.path() / "elsewhere", path().spools());
  EXPECT_THAT(why_unwritable(path()), testing::EndsWith("is not a folder"));
  EXPECT_THROW(spools(), etl::Error);
}

TEST_F(RejectFileTest, SaysWhyItCannotBeWritten) {
  const auto why = [](const fs::path& path) { return why_unwritable(RejectPath::of(path)); };
  EXPECT_EQ(why(path().path), "");
  EXPECT_EQ(why(folder_.path() / "new/"), "");
  EXPECT_FALSE(fs::exists(folder_.path() / "new")) << "looking makes nothing";
  EXPECT_THAT(why(folder_.path() / "none/x.jsonl"), testing::EndsWith("does not exist"));
  const fs::path plain = folder_.file("plain");
  EXPECT_THAT(why(plain / ""), testing::EndsWith("plain is not a folder"));
  EXPECT_THAT(why("/dev/null"), "/dev/null is not a regular file");
}

TEST_F(RejectFileTest, ASpoolIsNothingUntilItIsFinished) {
  const SpoolFolder folder = spools();
  {
    SpoolWriter dropped(folder.file(1), {}, true);
    dropped.add(entry_of("a", 1));
  }
  {
    SpoolWriter untouched(folder.file(2), {}, false);
    untouched.finish();
  }
  EXPECT_THAT(folder.files(), IsEmpty());
  EXPECT_FALSE(SpoolFolder::of_dead_run(folder.path())) << "somebody is there";
  folder.remove_if_empty();
  EXPECT_FALSE(fs::exists(path().spools()));
}

TEST_F(RejectFileTest, ADeadRunsFolderIsFree) {
  fs::path run;
  {
    const SpoolFolder folder = spools();
    run = folder.path();
  }
  const auto dead = SpoolFolder::of_dead_run(run);
  ASSERT_TRUE(dead);
  EXPECT_FALSE(SpoolFolder::of_dead_run(run)) << "to one at a time";
}

}  // namespace
