#include "core/runtime/plugin/plugin_loader.hpp"

#include "support.hpp"

#include <etl/error.hpp>

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ostream>
#include <string>

namespace {

namespace fs = std::filesystem;
using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::read_text;
using runtime_test::TempFolder;
using runtime_test::test_plugin;
using testing::HasSubstr;

/// The reason why load_plugin() refuses the file.
std::string refusal(const fs::path& path) {
  try {
    (void)load_plugin(path);
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::config);
    return error.message();
  }
  return "it was loaded";
}

// ---- plugins that are wrong in one way ---------------------------------------------------------

struct Wrong {
  std::string plugin;
  std::string reason;
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.plugin; }

class WrongPluginTest : public testing::TestWithParam<Wrong> {};

TEST_P(WrongPluginTest, IsRefusedWithPathReasonAndRemedy) {
  const fs::path path = test_plugin(GetParam().plugin);
  EXPECT_EQ(refusal(path), path.string() + ": " + GetParam().reason);
}

const std::string rebuild = "; rebuild the plugin with the headers of this etl";

/// The message about a table that contradicts its header.
std::string damaged(const std::string& what) { return "damaged plugin header: " + what + rebuild; }
std::string bytes(std::size_t found, std::size_t wanted) {
  return std::to_string(found) + " bytes where ABI 1.0 has " + std::to_string(wanted);
}
std::string lacks(const std::string& function) {
  return "stage \"broken\" lacks the function " + function +
         ", which every stage of its kind must have; implement it and rebuild the plugin";
}
/// The ABI of this etl.
const std::string own =
    std::to_string(ETL_ABI_MAJOR) + "." + std::to_string(ETL_ABI_MINOR);  // NOLINT(cert-err58-cpp)

INSTANTIATE_TEST_SUITE_P(
    Header, WrongPluginTest,
    testing::Values(
        Wrong{
            "no_symbol",
            "not a plugin of etl (no symbol etl_plugin_v1): export it with ETL_PLUGIN(...) in one "
            "of its "
            "sources, or move the library elsewhere if it is not a plugin"},
        Wrong{"only_v2", "built for plugin ABI 2, this etl speaks ABI " + own +
                             ": upgrade etl or rebuild the plugin against this etl"},
        Wrong{"bad_magic", damaged("etl_plugin_v1 does not start with \"ETLPLUG\"")},
        Wrong{"other_major", "built for plugin ABI 3.0, this etl speaks ABI " + own +
                                 ": upgrade etl or rebuild the plugin against this etl"},
        Wrong{"older_major", "built for plugin ABI 0.7, this etl speaks ABI " + own +
                                 ": rebuild the plugin against this etl"},
        Wrong{"newer_minor", "needs ABI 1.9, this etl has " + own +
                                 " (plugin built with g++ 14.1, etl-sdk 1.9): upgrade etl or "
                                 "rebuild the plugin against this one"},
        Wrong{"small_header", damaged(bytes(16, 56))},
        Wrong{"no_stages", damaged("no name, version, compiler or stages")},
        Wrong{"no_built_with", damaged("no name, version, compiler or stages")}),
    [](const auto& test) { return test.param.plugin; });

INSTANTIATE_TEST_SUITE_P(
    Stage, WrongPluginTest,
    testing::Values(
        Wrong{"null_stage", damaged("a stage without name or summary, or of the wrong size")},
        Wrong{"small_stage", damaged("a stage without name or summary, or of the wrong size")},
        Wrong{"no_summary", damaged("a stage without name or summary, or of the wrong size")},
        Wrong{
            "bad_name",
            "stage names may contain only a-z, 0-9 and _, unlike \"Broken\\u001B[31m\"; rename it "
            "and rebuild the plugin"},
        Wrong{"no_create", lacks("create")},
        Wrong{"no_options",
              damaged("stage \"broken\" declares options or columns but has no table of them")},
        Wrong{"no_source_table",
              "stage \"broken\" lacks the table of its functions; set the one of its kind and "
              "rebuild the plugin"},
        Wrong{"small_source",
              damaged("stage \"broken\" has a table of functions of " + bytes(8, 64))},
        Wrong{"source_without_plan", lacks("plan")}, Wrong{"filter_without_apply", lacks("apply")},
        Wrong{"sink_without_commit", lacks("commit")},
        Wrong{"ledger_without_committed", lacks("committed")},
        Wrong{"unknown_kind",
              "stage \"broken\" is of the unknown kind 4 (1 is a source, 2 a filter, 3 a sink); "
              "correct it and rebuild the plugin"},
        Wrong{"twice_in_one",
              "offers the stage \"broken\" twice; rename one of the two and rebuild the plugin"}),
    [](const auto& test) { return test.param.plugin; });

INSTANTIATE_TEST_SUITE_P(
    Linking, WrongPluginTest,
    testing::Values(
        Wrong{"missing_library",
              "cannot be loaded: libfixture_elsewhere.so: cannot open shared object file: No such "
              "file or directory; install that library, or rebuild the plugin without it"},
        Wrong{"undefined_symbol",
              "cannot be loaded: undefined symbol: fx_nowhere; link the plugin with the library "
              "that defines it; -Wl,-z,defs reports this at build time"}),
    [](const auto& test) { return test.param.plugin; });

const std::string no_library =
    ": not a shared library (no ELF header); build it with -shared, or remove it from the "
    "plugin folder";

TEST(NewerCompilerTest, IsToldFromAMissingLibrary) {
  const fs::path path = test_plugin("newer_compiler");
  EXPECT_THAT(refusal(path), testing::StartsWith(path.string() + ": cannot be loaded: "));
  EXPECT_THAT(refusal(path), HasSubstr("version `GLIBCXX_9.9' not found"));
  EXPECT_THAT(refusal(path),
              testing::EndsWith("; it was built with a newer g++ than this machine's "
                                "libstdc++: rebuild it here"));
}

// ---- files that are not plugins ---------------------------------------------------------------

class PluginFileTest : public testing::Test {
 protected:
  /// A copy of a good plugin.
  [[nodiscard]] fs::path copy() const {
    const fs::path path = folder_.path() / "copy.so";
    fs::copy_file(test_plugin("complete_source"), path);
    fs::permissions(path, fs::perms::owner_all);
    return path;
  }
  TempFolder folder_;
};

TEST_F(PluginFileTest, AGoodOneIsLoadedOnce) {
  const fs::path path = copy();
  const LoadedPlugin first = load_plugin(path);
  const LoadedPlugin again = load_plugin(folder_.path() / "." / "copy.so");
  EXPECT_EQ(first.path, fs::canonical(path));
  EXPECT_EQ(first.table, again.table);
  EXPECT_STREQ(first.table->stages[0]->name, "broken");
}

TEST_F(PluginFileTest, MissingFile) {
  const fs::path path = folder_.path() / "none.so";
  EXPECT_EQ(refusal(path), path.string() + ": No such file or directory; check the path");
}

TEST_F(PluginFileTest, NoElf) {
  const fs::path path = folder_.file("text.so", std::string(200, 'x'));
  EXPECT_EQ(refusal(path), path.string() + no_library);
}

TEST_F(PluginFileTest, EmptyFile) {
  const fs::path path = folder_.file("empty.so");
  EXPECT_EQ(refusal(path), path.string() + no_library);
}

TEST_F(PluginFileTest, AFolder) {
  const fs::path path = folder_.path() / "folder.so";
  fs::create_directory(path);
  EXPECT_EQ(refusal(path), path.string() + no_library);
}

TEST_F(PluginFileTest, ANamedPipeIsNotWaitedFor) {
  const fs::path path = folder_.path() / "pipe.so";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(refusal(path), path.string() + no_library);
}

TEST_F(PluginFileTest, CutShort) {
  const fs::path path = copy();
  fs::resize_file(path, 64);
  EXPECT_THAT(refusal(path), HasSubstr(path.string() + ": cannot be loaded: "));
  EXPECT_THAT(refusal(path), HasSubstr("; the file is damaged: build or install it again"));
}

TEST_F(PluginFileTest, AnotherMachine) {
  std::string text = read_text(copy());
  constexpr std::size_t machine_at = EI_NIDENT + 2;
#if defined(__x86_64__)
  text[machine_at] = static_cast<char>(EM_AARCH64);
  const std::string machines = "aarch64, 64 bits; this one is x86-64, 64 bits";
#else
  text[machine_at] = static_cast<char>(EM_X86_64);
  const std::string machines = "x86-64, 64 bits; this one is";
#endif
  const fs::path path = folder_.file("other.so", text);
  EXPECT_THAT(refusal(path), HasSubstr(path.string() + ": built for another machine (" + machines));
  EXPECT_THAT(refusal(path), HasSubstr("): rebuild the plugin here"));
}

TEST_F(PluginFileTest, AnotherWordSize) {
  std::string text = read_text(copy());
  text[EI_CLASS] = static_cast<char>(text[EI_CLASS] == ELFCLASS64 ? ELFCLASS32 : ELFCLASS64);
  EXPECT_THAT(refusal(folder_.file("other.so", text)), HasSubstr("built for another machine ("));
}

// ---- owners and permissions --------------------------------------------------------------------

TEST_F(PluginFileTest, WritableByTheGroup) {
  const fs::path path = copy();
  ASSERT_EQ(::chmod(path.c_str(), 0775), 0);
  EXPECT_EQ(refusal(path), path.string() +
                               ": refused, because other users can write to it: chmod go-w " +
                               path.string());
}

TEST_F(PluginFileTest, WritableByOthers) {
  const fs::path path = copy();
  ASSERT_EQ(::chmod(path.c_str(), 0757), 0);
  EXPECT_EQ(refusal(path), path.string() +
                               ": refused, because other users can write to it: chmod go-w " +
                               path.string());
}

TEST_F(PluginFileTest, InAFolderWritableByOthers) {
  const fs::path path = copy();
  ASSERT_EQ(::chmod(folder_.path().c_str(), 01777), 0);
  EXPECT_EQ(refusal(path), folder_.path().string() +
                               ": refused, because other users can write to it: chmod go-w " +
                               folder_.path().string());
}

TEST_F(PluginFileTest, ALinkIsJudgedByItsTarget) {
  const fs::path path = copy();
  ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  const TempFolder other;
  fs::create_symlink(path, other.path() / "link.so");
  EXPECT_THAT(refusal(other.path() / "link.so"), HasSubstr(path.string() + ": refused"));
}

TEST_F(PluginFileTest, OfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const fs::path path = copy();
  ASSERT_EQ(::chown(path.c_str(), 12345, static_cast<gid_t>(-1)), 0);
  EXPECT_EQ(refusal(path),
            path.string() +
                ": refused, because it belongs to another user (uid 12345): copy it to a "
                "folder of your own, or change its owner to root");
}

// ---- the search path ---------------------------------------------------------------------------

std::vector<std::string> places(const SearchPath& search) {
  std::vector<std::string> texts;
  for (const SearchPath::Directory& directory : search.directories) {
    texts.push_back(directory.path.string() + " " + directory.origin);
  }
  return texts;
}

TEST(SearchPathTest, TheCommandLineThenTheEnvironmentThenTheInstallation) {
  EXPECT_THAT(places(SearchPath::from({"/a", "/b"}, "/c:/d", "/opt/etl/bin/etl")),
              testing::ElementsAre("/a --plugin-dir", "/b --plugin-dir", "/c $ETL_PLUGIN_PATH",
                                   "/d $ETL_PLUGIN_PATH",
                                   "/opt/etl/lib/etl/plugins beside the executable"));
}

TEST(SearchPathTest, EmptyPartsOfTheEnvironmentAreNotTheCurrentFolder) {
  for (const char* text : {"", ":", "::"}) {
    EXPECT_THAT(places(SearchPath::from({}, text, "/bin/etl")),
                testing::ElementsAre("/lib/etl/plugins beside the executable"));
  }
  EXPECT_THAT(places(SearchPath::from({}, "", "/bin/etl")), testing::SizeIs(1));
  EXPECT_THAT(places(SearchPath::from({}, ":/c:", "/bin/etl")),
              testing::ElementsAre("/c $ETL_PLUGIN_PATH", testing::_));
}

TEST(SearchPathTest, RelativePartsOfTheEnvironmentAreRefused) {
  for (const std::string part : {".", "plugins", "./x", "~/plugins"}) {
    try {
      (void)SearchPath::from({}, "/a:" + part, "/bin/etl");
      ADD_FAILURE() << part;
    } catch (const etl::Error& error) {
      EXPECT_EQ(error.message(), "$ETL_PLUGIN_PATH: \"" + part + "\" is not an absolute path");
      EXPECT_EQ(error.code(), etl::Code::config);
    }
  }
}

TEST(SearchPathTest, AnEmptyPluginDirIsRefused) {
  EXPECT_THROW((void)SearchPath::from({""}, "", "/bin/etl"), etl::Error);
}

}  // namespace
