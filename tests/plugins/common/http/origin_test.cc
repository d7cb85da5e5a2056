// Where the files in the cache came from: other servers, newer contents, other users.
#include "plugins/common/http/cached_file.hpp"
#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace fetch_test {
namespace {

namespace fs = std::filesystem;
using etl::Code;

class OriginTest : public FetchTest {
 protected:
  [[nodiscard]] http::FetchOptions keeping(bool ask_again = false) const {
    auto options = this->options();
    options.keep_files = true;
    options.ask_again = ask_again;
    return options;
  }
  /// Gets a file and keeps it, as a run does that loads it.
  std::string keep(const http::Remote& remote, bool ask_again = false) {
    http::Fetcher fetcher(keeping(ask_again), host_.context());
    const std::string content = read_text(fetcher.get(remote, go_on).path);
    fetcher.verified(remote.name);
    fetcher.finish(remote.name);
    return content;
  }
  std::string keep(bool ask_again = false) { return keep(remote("a.gz"), ask_again); }
};

TEST_F(OriginTest, AFileOfAnotherServerIsNotUsed) {
  const std::string ours = serve("a.gz");
  EXPECT_EQ(keep(), ours);
  fs::create_directory(root_ / "mirror");
  const std::string theirs = make_bytes(ours.size(), 7);
  write_file(root_ / "mirror" / "a.gz", theirs);
  const ServerProcess mirror(root_ / "mirror");
  EXPECT_EQ(keep({"a.gz", mirror.url() + "/a.gz"}), theirs);
  EXPECT_EQ(keep(), ours);
  EXPECT_EQ(requests().size(), 2U);
}

TEST_F(OriginTest, APasswordMakesNoOtherServer) {
  const std::string content = serve("a.gz");
  EXPECT_EQ(keep(), content);
  const std::string address = server_->url().substr(std::string("http://").size());
  EXPECT_EQ(keep({"a.gz", "http://me:hunter2@" + address + "/a.gz"}), content);
  EXPECT_EQ(requests().size(), 1U);
}

TEST_F(OriginTest, WhoHoldsAFileReadsOnWhenItIsReplaced) {
  const std::string ours = serve("a.gz");
  EXPECT_EQ(keep(), ours);
  http::Fetcher fetcher(keeping(), host_.context());
  const http::Fetched held = fetcher.get(remote("a.gz"), go_on);
  write_file(root_ / "new", "of another server");
  fs::rename(root_ / "new", cached("a.gz"));
  const fs::path open = "/proc/self/fd/" + std::to_string(held.file.get());
  EXPECT_EQ(read_text(open), ours);
  EXPECT_EQ(fetch(fetcher, "a.gz"), ours) << "downloaded once more";
}

TEST_F(OriginTest, AFileThatIsNotTheOneDescribedIsNotUsed) {
  const std::string content = serve("a.gz");
  EXPECT_EQ(keep(), content);
  write_file(cached("a.gz"), make_bytes(content.size(), 9));
  EXPECT_EQ(keep(), content);
  const std::string sidecar = read_text(cached("a.gz.meta"));
  write_file(cached("a.gz.meta"), sidecar.substr(0, sidecar.size() / 2));
  EXPECT_EQ(keep(), content);
  EXPECT_EQ(requests().size(), 3U);
  EXPECT_EQ(keep(), content);
  EXPECT_EQ(requests().size(), 3U) << "described again";
}

TEST_F(OriginTest, ASecondLookCostsOneByteIfNothingHasChanged) {
  const std::string content = serve("a.gz");
  EXPECT_EQ(keep(), content);
  EXPECT_EQ(keep(true), content);
  ASSERT_EQ(requests().size(), 2U);
  EXPECT_EQ(requests().back().at("sent"), 1);
  EXPECT_TRUE(fs::exists(cached("a.gz")));
  EXPECT_FALSE(fs::exists(cached("a.gz.part")));
}

TEST_F(OriginTest, ASecondLookFindsANewContent) {
  EXPECT_EQ(keep(), serve("a.gz"));
  const std::string changed = serve("a.gz", 100'000, 2);
  EXPECT_NE(keep(), changed) << "nobody has asked";
  script({{{"if_range", false}, {"times", 1}}});
  EXPECT_EQ(keep(true), changed);
  EXPECT_EQ(keep(), changed) << "and keeps it";
}

TEST_F(OriginTest, ASecondLookTrustsNothingWithoutAValidator) {
  script({{{"etag", nullptr}, {"last_modified", nullptr}}});
  EXPECT_EQ(keep(), serve("a.gz"));
  const std::string changed = serve("a.gz", 100'000, 2);
  EXPECT_EQ(keep(true), changed);
}

TEST_F(OriginTest, ASecondLookComesAlsoWithReadAhead) {
  EXPECT_EQ(keep(), serve("a.gz"));
  const std::string changed = serve("a.gz", 100'000, 2);
  http::Fetcher fetcher(keeping(true), host_.context());
  fetcher.expect({remote("a.gz")});
  ASSERT_TRUE(wait_until([&] { return requests().size() == 2; }));
  EXPECT_EQ(fetch(fetcher, "a.gz"), changed);
  EXPECT_EQ(requests().size(), 2U);
}

TEST_F(OriginTest, ASecondLookNeedsTheServer) {
  serve("a.gz");
  EXPECT_FALSE(keep().empty());
  const http::Remote remote = this->remote("a.gz");
  server_.reset();
  http::Fetcher fetcher(keeping(true), host_.context());
  EXPECT_EQ(error_of(fetcher, remote).code(), Code::transient);
}

/// Acts as a user without rights, for whom a read-only folder is read-only, if this is root.
class AsNobody {
 public:
  AsNobody() { changed_ = ::geteuid() == 0 && ::seteuid(65534) == 0; }
  ~AsNobody() {
    if (changed_ && ::seteuid(0) != 0) ADD_FAILURE() << "cannot become root again";
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool changed_ = false;
};

TEST_F(OriginTest, AReadOnlyFolderServesWhatItHolds) {
  fs::permissions(root_, fs::perms(0755));
  fs::create_directory(cache_);
  for (const char* name : {"a.gz", "b.gz", "c.gz"}) write_file(cached(name), name);
  fs::permissions(cache_, fs::perms(0555));
  {
    const AsNobody nobody;
    auto fetcher = this->fetcher();
    fetcher.expect(remotes({"a.gz", "b.gz", "c.gz"}));
    for (const char* name : {"a.gz", "b.gz", "c.gz"}) EXPECT_EQ(fetch(fetcher, name), name);
  }
  EXPECT_TRUE(requests().empty());
}

TEST_F(OriginTest, ALinkIsNotFollowed) {
  const std::string content = serve("a.gz");
  fs::create_directory(cache_);
  write_file(root_ / "elsewhere", "not from the cache");
  fs::create_symlink(root_ / "elsewhere", cached("a.gz"));
  EXPECT_EQ(keep(), content);
  EXPECT_FALSE(fs::is_symlink(cached("a.gz")));
  EXPECT_EQ(read_text(root_ / "elsewhere"), "not from the cache");
  fs::rename(cached("a.gz.meta"), root_ / "sidecar");
  fs::create_symlink(root_ / "sidecar", cached("a.gz.meta"));
  EXPECT_EQ(keep(), content);
  EXPECT_EQ(requests().size(), 2U);
}

TEST_F(OriginTest, AFolderThatOthersCanWriteToIsRefused) {
  serve("a.gz");
  fs::create_directory(cache_);
  for (const auto mode : {fs::perms(0777), fs::perms(0775), fs::perms(01777)}) {
    fs::permissions(cache_, mode);
    auto fetcher = this->fetcher();
    const etl::Error error = error_of(fetcher, "a.gz");
    EXPECT_EQ(error.code(), Code::permanent);
    EXPECT_NE(error.message().find("other users can write to " + cache_.string()),
              std::string::npos)
        << error.message();
  }
  EXPECT_TRUE(requests().empty());
}

TEST_F(OriginTest, AFolderOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "NOT TESTED: only root can give a folder away";
  fs::create_directory(cache_);
  write_file(cached("a.gz"), "theirs");
  constexpr uid_t other = 65534;
  ASSERT_EQ(::chown(cache_.c_str(), other, other), 0);
  EXPECT_NE(http::why_not_private(cache_).find("belongs to another user (uid 65534)"),
            std::string::npos);
  auto fetcher = this->fetcher();
  EXPECT_EQ(error_of(fetcher, "a.gz").code(), Code::permanent);
}

}  // namespace
}  // namespace fetch_test
