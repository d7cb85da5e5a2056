#include "core/runtime/plugin/stage_names.hpp"

#include "core/runtime/plugin/stage_registry.hpp"
#include "support.hpp"

#include <etl/error.hpp>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

namespace {

namespace fs = std::filesystem;
using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::TempFolder;
using runtime_test::test_plugin;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A copy of the probe that no other test has loaded.
fs::path copy_of_probe(const TempFolder& folder, const std::string& name) {
  const fs::path path = folder.path() / name;
  fs::create_directories(path.parent_path());
  fs::copy_file(test_plugin("probe"), path);
  fs::permissions(path, fs::perms::owner_all);
  return path;
}

bool loaded(const fs::path& path) {
  void* library = ::dlopen(fs::canonical(path).c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (library != nullptr) ::dlclose(library);
  return library != nullptr;
}

StageRegistry scan(const std::vector<fs::path>& folders) {
  SearchPath search;
  for (const fs::path& folder : folders) search.directories.push_back({folder, "--plugin-dir"});
  return StageRegistry::scan(search);
}

TEST(StageNamesTest, AreThoseOfTheTable) {
  const auto names = stage_names(test_plugin("probe"));
  ASSERT_TRUE(names.has_value());
  std::vector<std::string> table;
  const LoadedPlugin plugin = load_plugin(test_plugin("probe"));
  for (std::size_t i = 0; i < plugin.table->stage_count; ++i) {
    table.emplace_back(plugin.table->stages[i]->name);
  }
  EXPECT_EQ(*names, table);
}

TEST(StageNamesTest, NothingWhereThereAreNone) {
  const TempFolder folder;
  folder.file("text.so", "text");
  folder.file("empty.so", "");
  EXPECT_EQ(stage_names(test_plugin("complete_source")),
            std::nullopt);  // in C, without the section
  EXPECT_EQ(stage_names(folder.path() / "text.so"), std::nullopt);
  EXPECT_EQ(stage_names(folder.path() / "empty.so"), std::nullopt);
  EXPECT_EQ(stage_names(folder.path() / "none.so"), std::nullopt);
  EXPECT_EQ(stage_names(folder.path()), std::nullopt);
}

TEST(StageNamesTest, ADamagedFileIsReadNoFurther) {
  const TempFolder folder;
  const std::string whole = bytes_of(test_plugin("probe"));
  const fs::path path = folder.path() / "damaged.so";
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = whole.substr(0, round % 2 == 0 ? whole.size() : random() % whole.size());
    // The header, and the section headers at the end of the file.
    for (int flips = 0; flips < 8 && !bytes.empty(); ++flips) {
      const std::size_t near = random() % std::min<std::size_t>(bytes.size(), 64);
      const std::size_t at = flips % 2 == 0 ? near : bytes.size() - 1 - random() % bytes.size() / 8;
      bytes[at] = static_cast<char>(random());
    }
    std::ofstream(path, std::ios::binary) << bytes;
    static_cast<void>(stage_names(path));  // returns, whatever the result
  }
}

TEST(StageRegistryLoadsTest, OnlyWhatIsAskedFor) {
  const TempFolder folder;
  const fs::path probe = copy_of_probe(folder, "probe.so");
  const StageRegistry registry = scan({folder.path()});
  EXPECT_THAT(registry.names(), Contains("probe_keep"));
  EXPECT_FALSE(loaded(probe));
  ASSERT_NE(registry.find("probe_keep"), nullptr);
  EXPECT_TRUE(loaded(probe));
  EXPECT_EQ(registry.find("probe_keep"), registry.find("probe_keep"));
  EXPECT_NE(registry.find("probe_source"), nullptr);
}

TEST(StageRegistryLoadsTest, EverythingForAStageThatIsNotThere) {
  const TempFolder folder;
  const fs::path probe = copy_of_probe(folder, "probe.so");
  const StageRegistry registry = scan({folder.path()});
  EXPECT_EQ(registry.find("probe_keeep"), nullptr);
  EXPECT_TRUE(loaded(probe));
  EXPECT_THAT(registry.searched(), HasSubstr("1 loaded, 0 refused"));
}

TEST(StageRegistryLoadsTest, EverythingForAListOfStages) {
  const TempFolder folder;
  const fs::path probe = copy_of_probe(folder, "probe.so");
  const StageRegistry registry = scan({folder.path()});
  EXPECT_TRUE(registry.stages().contains("probe_keep"));
  EXPECT_TRUE(loaded(probe));
}

TEST(StageRegistryLoadsTest, ALibraryThatIsRefusedThen) {
  const TempFolder folder;
  const fs::path probe = copy_of_probe(folder, "probe.so");
  fs::permissions(probe, fs::perms::all);
  const StageRegistry registry = scan({folder.path()});
  EXPECT_EQ(registry.find("probe_keep"), nullptr);
  ASSERT_EQ(registry.refused().size(), 1U);
  EXPECT_THAT(registry.refused()[0].reason, HasSubstr("other users can write to it"));
  EXPECT_THAT(registry.searched(), HasSubstr("0 loaded, 1 refused"));
  EXPECT_THAT(registry.names(), Not(Contains("probe_keep")));
}

TEST(StageRegistryLoadsTest, AClashIsFoundWithoutLoadingFirst) {
  const TempFolder folder;
  copy_of_probe(folder, "one/probe.so");
  copy_of_probe(folder, "other/probe.so");
  try {
    (void)scan({folder.path() / "one", folder.path() / "other"});
    FAIL() << "no clash";
  } catch (const etl::Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("is offered by two plugins"));
  }
}

TEST(StageRegistryLoadsTest, NoClashWithALibraryThatIsRefused) {
  const TempFolder folder;
  for (const bool first : {true, false}) {
    const std::string name = first ? "first" : "second";
    const fs::path bad = copy_of_probe(folder, name + "/bad/probe.so");
    const fs::path good = copy_of_probe(folder, name + "/good/probe.so");
    fs::permissions(bad, fs::perms::all);
    std::vector<fs::path> order = {bad.parent_path(), good.parent_path()};
    if (!first) std::swap(order[0], order[1]);
    const StageRegistry registry = scan(order);
    const StageEntry* entry = registry.find("probe_keep");
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->plugin.path, fs::canonical(good));
    EXPECT_EQ(registry.refused().size(), 1U);
  }
}

TEST(StageRegistryLoadsTest, TheTableCountsNotTheSection) {
  const TempFolder folder;
  const fs::path probe = copy_of_probe(folder, "probe.so");
  std::string bytes = bytes_of(probe);
  const std::size_t at = bytes.find("probe_keep\n");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 11, "probe_else\n");
  std::ofstream(probe, std::ios::binary) << bytes;
  const StageRegistry registry = scan({folder.path()});
  EXPECT_EQ(registry.find("probe_else"), nullptr);
  EXPECT_NE(registry.find("probe_keep"), nullptr);
  EXPECT_THAT(registry.names(), Not(Contains("probe_else")));
  EXPECT_THAT(registry.refused(), IsEmpty());
}

}  // namespace
