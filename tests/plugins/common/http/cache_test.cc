// The cache folder: names and lifetime of files, other processes, and failing disks.
#include "plugins/common/http/part_file.hpp"
#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace fetch_test {
namespace {

namespace fs = std::filesystem;
using etl::Code;

class CacheTest : public FetchTest {
 protected:
  [[nodiscard]] std::vector<std::string> cache_names() const {
    std::vector<std::string> names;
    for (const auto& each : fs::directory_iterator(cache_)) names.push_back(each.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] http::FetchOptions keeping() const {
    auto options = this->options();
    options.keep_files = true;
    return options;
  }
  using Names = std::vector<std::string>;
};

TEST_F(CacheTest, TheFolderIsMadeWithItsParentsAndForUsOnly) {
  const std::string content = serve("a.gz");
  cache_ = root_ / "deep" / "er" / "cache";
  auto fetcher = this->fetcher();
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  EXPECT_EQ(fs::status(cache_).permissions(), fs::perms::owner_all);
}

TEST_F(CacheTest, AnExistingFolderKeepsItsMode) {
  serve("a.gz");
  fs::create_directory(cache_);
  fs::permissions(cache_, fs::perms(0755));
  auto fetcher = this->fetcher();
  EXPECT_FALSE(fetch(fetcher, "a.gz").empty());
  EXPECT_EQ(fs::status(cache_).permissions(), fs::perms(0755));
}

TEST_F(CacheTest, AVerifiedFileGetsItsNameIfItIsToBeKept) {
  const std::string content = serve("a.gz");
  http::Fetcher fetcher(keeping(), host_.context());
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  EXPECT_EQ(cache_names(), (Names{"a.gz.part", "a.gz.part.meta"}));
  fetcher.verified("a.gz");
  EXPECT_EQ(cache_names(), (Names{"a.gz", "a.gz.meta"}));
  EXPECT_EQ(fetcher.get(remote("a.gz"), go_on).path, cached("a.gz"));
  fetcher.finish("a.gz");
  EXPECT_EQ(read_text(cached("a.gz")), content);
}

TEST_F(CacheTest, AKeptFileNeedsNoServer) {
  const std::string content = serve("a.gz");
  const http::Remote remote = this->remote("a.gz");
  {
    http::Fetcher fetcher(keeping(), host_.context());
    EXPECT_EQ(fetch(fetcher, "a.gz"), content);
    fetcher.verified("a.gz");
  }
  server_.reset();
  http::Fetcher fetcher(keeping(), host_.context());
  fetcher.expect({remote});
  const http::Fetched fetched = fetcher.get(remote, go_on);
  EXPECT_EQ(fetched.path, cached("a.gz"));
  EXPECT_EQ(fetched.downloaded, 0);
  EXPECT_EQ(read_text(fetched.path), content);
}

TEST_F(CacheTest, AnUnverifiedFileNeverGetsItsName) {
  serve("a.gz");
  {
    http::Fetcher fetcher(keeping(), host_.context());
    EXPECT_FALSE(fetch(fetcher, "a.gz").empty());
    fetcher.finish("a.gz");
  }
  EXPECT_EQ(cache_names(), (Names{"a.gz.part", "a.gz.part.meta"}));
}

TEST_F(CacheTest, AFileThatIsNotKeptGoesWithFinish) {
  serve("a.gz");
  auto fetcher = this->fetcher();
  EXPECT_FALSE(fetch(fetcher, "a.gz").empty());
  fetcher.verified("a.gz");
  EXPECT_EQ(cache_names(), (Names{"a.gz.part", "a.gz.part.meta"}));
  fetcher.finish("a.gz");
  EXPECT_EQ(cache_names(), Names{});
}

TEST_F(CacheTest, AFileFoundUnderItsNameIsNotOursToDelete) {
  fs::create_directory(cache_);
  write_file(cached("a.gz"), "somebody's");
  auto fetcher = this->fetcher();
  EXPECT_EQ(fetch(fetcher, "a.gz"), "somebody's");
  fetcher.finish("a.gz");
  EXPECT_EQ(read_text(cached("a.gz")), "somebody's");
  EXPECT_TRUE(requests().empty());
}

TEST_F(CacheTest, ACorruptFileIsDownloadedAnewFromItsBeginning) {
  const std::string content = serve("a.gz");
  auto fetcher = this->fetcher();
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  fetcher.corrupt("a.gz");
  EXPECT_EQ(cache_names(), Names{});
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  ASSERT_EQ(requests().size(), 2U);
  EXPECT_FALSE(requests().back().at("headers").contains("range"));
}

TEST_F(CacheTest, ACorruptFileUnderItsNameIsReplaced) {
  const std::string content = serve("a.gz");
  fs::create_directory(cache_);
  write_file(cached("a.gz"), "rubbish");
  http::Fetcher fetcher(keeping(), host_.context());
  EXPECT_EQ(fetch(fetcher, "a.gz"), "rubbish");
  fetcher.corrupt("a.gz");
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  fetcher.verified("a.gz");
  EXPECT_EQ(read_text(cached("a.gz")), content);
}

TEST_F(CacheTest, WhoCannotRenameReadsOnWithAWarning) {
  const std::string content = serve("a.gz");
  http::Fetcher fetcher(keeping(), host_.context());
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  fs::create_directories(cached("a.gz") / "in the way");
  fetcher.verified("a.gz");
  EXPECT_TRUE(host_.has_warned(cached("a.gz.part").string()));
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  fetcher.finish("a.gz");
}

TEST_F(CacheTest, TwoFetchersOnOneFolderDoNotDisturbEachOther) {
  const std::string content = serve("a.gz");
  auto one = this->fetcher();
  const http::Fetched first = one.get(remote("a.gz"), go_on);
  {
    auto two = this->fetcher();
    const http::Fetched second = two.get(remote("a.gz"), go_on);
    EXPECT_NE(second.path, first.path);
    EXPECT_TRUE(second.path.filename().string().starts_with("a.gz."));
    EXPECT_EQ(read_text(second.path), content);
    two.finish("a.gz");
    EXPECT_FALSE(fs::exists(second.path));
    EXPECT_EQ(fetch(two, "a.gz"), content);
  }
  EXPECT_EQ(cache_names(), (Names{"a.gz.part", "a.gz.part.meta"}))
      << "private files go with their Fetcher";
  EXPECT_EQ(read_text(first.path), content);
}

TEST_F(CacheTest, WhileOneFetcherDownloadsAnotherDoesNotWaitForIt) {
  const std::string content = serve("a.gz");
  script({{{"stall", 1000}, {"nth", 1}}});
  auto one = this->fetcher();
  one.expect({remote("a.gz")});
  ASSERT_TRUE(wait_until([&] { return requests().size() == 1; }));
  auto two = this->fetcher();
  EXPECT_EQ(fetch(two, "a.gz"), content);
  EXPECT_FALSE(requests().front().at("done").get<bool>());
}

TEST_F(CacheTest, APrivateFileCanBeKeptToo) {
  const std::string content = serve("a.gz");
  auto one = this->fetcher();
  EXPECT_EQ(fetch(one, "a.gz"), content);
  http::Fetcher two(keeping(), host_.context());
  EXPECT_EQ(fetch(two, "a.gz"), content);
  two.verified("a.gz");
  EXPECT_EQ(read_text(cached("a.gz")), content);
  EXPECT_EQ(fetch(one, "a.gz"), content);
  one.finish("a.gz");
  EXPECT_EQ(cache_names(), (Names{"a.gz", "a.gz.meta"}));
}

TEST_F(CacheTest, APrivateDownloadThatFailsLeavesNothing) {
  serve("a.gz");
  auto one = this->fetcher();
  EXPECT_FALSE(fetch(one, "a.gz").empty());
  script({{{"cut", 1000}}});
  auto two = this->fetcher();
  EXPECT_EQ(error_of(two, "a.gz").code(), Code::transient);
  EXPECT_EQ(cache_names(), (Names{"a.gz.part", "a.gz.part.meta"}));
}

TEST_F(CacheTest, PrivateFilesOfDeadProcessesAreSweptThoseOfLivingOnesStay) {
  serve("a.gz");
  fs::create_directory(cache_);
  write_file(cached("b.gz.123-1.part"), "left behind");
  write_file(cached("c.gz.123-2.part"), "in use");
  write_file(cached("c.gz.123-2.partner"), "not ours");
  write_file(cached("d.gz.part"), "to be resumed");
  const fs::path used = cached("c.gz.123-2.part");
  const files::FileHandle handle(::open(used.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(http::lock_file(handle, used));
  auto fetcher = this->fetcher();
  EXPECT_FALSE(fetch(fetcher, "a.gz").empty());
  EXPECT_EQ(cache_names(), (Names{"a.gz.part", "a.gz.part.meta", "c.gz.123-2.part",
                                  "c.gz.123-2.partner", "d.gz.part"}));
}

TEST_F(CacheTest, ASymbolicLinkInPlaceOfAFileIsRefused) {
  serve("a.gz");
  fs::create_directory(cache_);
  write_file(root_ / "victim", "precious");
  fs::create_symlink(root_ / "victim", cached("a.gz.part"));
  auto fetcher = this->fetcher();
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), Code::permanent);
  EXPECT_NE(error.message().find(cached("a.gz.part").string()), std::string::npos)
      << error.message();
  EXPECT_EQ(read_text(root_ / "victim"), "precious");
}

TEST_F(CacheTest, AFolderThatCannotBeIsPermanent) {
  serve("a.gz");
  write_file(root_ / "file", "");
  for (const fs::path& folder :
       {root_ / "file", root_ / "file" / "cache", root_ / "file" / "a" / "cache"}) {
    auto options = this->options();
    options.cache_dir = folder;
    http::Fetcher fetcher(options, host_.context());
    const etl::Error error = error_of(fetcher, "a.gz");
    EXPECT_EQ(error.code(), Code::permanent) << error.message();
    EXPECT_NE(error.message().find((root_ / "file").string()), std::string::npos)
        << error.message();
    EXPECT_NE(error.message().find("Not a directory"), std::string::npos) << error.message();
  }
  EXPECT_TRUE(requests().empty());
}

TEST_F(CacheTest, ANameTooLongForTheDiskIsPermanent) {
  auto fetcher = this->fetcher();
  const etl::Error error =
      error_of(fetcher, http::Remote{std::string(300, 'a'), server_->url() + "/a.gz"});
  EXPECT_EQ(error.code(), Code::permanent) << error.message();
}

/// Mounts a small tmpfs on cache_, which requires the right to mount.
class FullDiskTest : public CacheTest {
 protected:
  void SetUp() override {
    fs::create_directory(cache_);
    mounted_ = ::mount("tmpfs", cache_.c_str(), "tmpfs", 0, "size=64k,mode=700") == 0;
    if (!mounted_) GTEST_SKIP() << "no right to mount a memory disk, which a full disk takes";
  }
  void TearDown() override {
    if (mounted_) ::umount2(cache_.c_str(), MNT_DETACH);
  }
  bool mounted_ = false;
};

TEST_F(FullDiskTest, IsTransientAndTheDownloadGoesOnOnceThereIsRoom) {
  const std::string content = serve("a.gz", 200'000);
  auto fetcher = this->fetcher();
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), Code::transient);
  EXPECT_NE(error.message().find("No space left on device"), std::string::npos) << error.message();
  EXPECT_NE(error.message().find(cached("a.gz.part").string()), std::string::npos)
      << error.message();
  ASSERT_EQ(::mount("tmpfs", cache_.c_str(), "tmpfs", MS_REMOUNT, "size=4m,mode=700"), 0);
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  EXPECT_TRUE(requests().back().at("headers").contains("range"));
}

}  // namespace
}  // namespace fetch_test
