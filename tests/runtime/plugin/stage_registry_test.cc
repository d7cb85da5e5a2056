#include "core/runtime/plugin/stage_registry.hpp"

#include "support.hpp"

#include <etl/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace {

namespace fs = std::filesystem;
using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::TempFolder;
using runtime_test::test_plugin;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

StageRegistry scan(const std::vector<fs::path>& folders) {
  SearchPath search;
  for (const fs::path& folder : folders) search.directories.push_back({folder, "--plugin-dir"});
  return StageRegistry::scan(search);
}

fs::path folder_of(const std::string& plugin) { return test_plugin(plugin).parent_path(); }

TEST(StageRegistryTest, KnowsEveryStageOfEveryFolder) {
  const StageRegistry registry = scan({folder_of("probe"), folder_of("complete_source")});
  EXPECT_THAT(registry.names(),
              testing::IsSupersetOf({"broken", "probe_source", "probe_keep", "probe_exclusive"}));
  const StageEntry* entry = registry.find("probe_keep");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->plugin.path, fs::canonical(test_plugin("probe")));
  EXPECT_EQ(registry.find("probe"), nullptr);
  EXPECT_THAT(registry.refused(), IsEmpty());
}

TEST(StageRegistryTest, OneLibraryFoundTwiceIsOne) {
  EXPECT_THAT(scan({folder_of("complete_source"), folder_of("complete_source")}).names(),
              ElementsAre("broken"));
}

TEST(StageRegistryTest, AClashNamesBothFiles) {
  try {
    (void)scan({folder_of("clash_one"), folder_of("clash_other")});
    FAIL() << "no clash";
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_EQ(error.message(), "stage \"clash\" is offered by two plugins: " +
                                   fs::canonical(test_plugin("clash_one")).string() +
                                   " (--plugin-dir) and " +
                                   fs::canonical(test_plugin("clash_other")).string() +
                                   " (--plugin-dir); remove one of them");
  }
}

TEST(StageRegistryTest, AClashOfAnInstalledPluginSaysHowToUseEither) {
  EXPECT_EQ(duplicate_stage("often", "/b/often.so", "--plugin-dir", "/i/often.so",
                            "beside the executable"),
            "stage \"often\" is offered by two plugins: /b/often.so (--plugin-dir) and /i/often.so "
            "(beside the executable); to use the first, remove the second; to use the second, "
            "leave --plugin-dir out");
  EXPECT_THAT(duplicate_stage("often", "/b/often.so", "$ETL_PLUGIN_PATH", "/i/often.so",
                              "beside the executable"),
              testing::EndsWith("; to use the second, take the folder of the first out of "
                                "$ETL_PLUGIN_PATH"));
}

TEST(StageRegistryTest, ARefusedLibraryIsRememberedAndTheOthersAreLoaded) {
  const TempFolder folder;
  fs::copy_file(test_plugin("complete_source"), folder.path() / "good.so");
  fs::permissions(folder.path() / "good.so", fs::perms::owner_all);
  folder.file("bad.so", "text");
  folder.file("readme.txt", "no plugin");
  const StageRegistry registry = scan({folder.path()});
  EXPECT_THAT(registry.names(), ElementsAre("broken"));
  ASSERT_EQ(registry.refused().size(), 1U);
  EXPECT_EQ(registry.refused()[0].path, folder.path() / "bad.so");
  EXPECT_EQ(registry.refused()[0].reason,
            (folder.path() / "bad.so").string() +
                ": not a shared library (no ELF header); build it with -shared, or remove it from "
                "the plugin folder");
  EXPECT_THAT(registry.searched(), HasSubstr("(--plugin-dir): 1 loaded, 1 refused"));
}

TEST(StageRegistryTest, AFolderThatOthersCanWriteIsRefusedWhole) {
  const TempFolder folder;
  fs::copy_file(test_plugin("complete_source"), folder.path() / "good.so");
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  const StageRegistry registry = scan({folder.path()});
  EXPECT_THAT(registry.names(), IsEmpty());
  ASSERT_EQ(registry.refused().size(), 1U);
  EXPECT_EQ(registry.refused()[0].reason,
            folder.path().string() + ": refused, because other users can write to it: chmod go-w " +
                folder.path().string());
}

TEST(StageRegistryTest, FoldersThatCannotBeReadDoNotEndTheSearch) {
  const TempFolder folder;
  fs::create_symlink(folder.path() / "loop", folder.path() / "loop");
  const StageRegistry registry =
      scan({folder.path() / "none", folder.path() / "loop", folder_of("complete_source")});
  EXPECT_THAT(registry.names(), ElementsAre("broken"));
  EXPECT_THAT(registry.searched(), HasSubstr("/none (--plugin-dir): no such folder"));
}

TEST(StageRegistryTest, EverySearchedFolderIsALine) {
  const TempFolder folder;
  folder.file("bad.so", "text");
  const std::string text = scan({folder.path(), folder_of("complete_source")}).searched();
  EXPECT_THAT(text, HasSubstr("\n  searched " + folder.path().string()));
  EXPECT_THAT(text, HasSubstr("\n  searched " + folder_of("complete_source").string()));
  EXPECT_THAT(text, HasSubstr("\n  refused " + (folder.path() / "bad.so").string()));
}

}  // namespace
