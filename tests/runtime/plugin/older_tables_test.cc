#include "core/runtime/plugin/older_tables.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)

/// A struct of an earlier minor at the end of a page; reading beyond it crashes.
template <class Struct>
class AtTheEdge {
 public:
  explicit AtTheEdge(const Struct& value, std::size_t size)
      : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
        pages_(::mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0)) {
    EXPECT_NE(pages_, MAP_FAILED);
    EXPECT_EQ(::mprotect(static_cast<char*>(pages_) + page_, page_, PROT_NONE), 0);
    at_ = static_cast<char*>(pages_) + page_ - size;
    std::memcpy(at_, &value, size);
  }
  ~AtTheEdge() { ::munmap(pages_, 2 * page_); }
  AtTheEdge(const AtTheEdge&) = delete;
  AtTheEdge& operator=(const AtTheEdge&) = delete;

  [[nodiscard]] const Struct* get() const { return reinterpret_cast<const Struct*>(at_); }

 private:
  std::size_t page_;
  void* pages_;
  char* at_ = nullptr;
};

/// A struct to which a later minor has appended a field.
struct Grown {
  std::uint32_t struct_size;
  std::uint32_t kind;
  void (*first)();
  void (*appended)();
};

}  // namespace

template <>
inline constexpr std::size_t etl::runtime::first_size<Grown> = offsetof(Grown, appended);

namespace {

TEST(WholeTest, FieldsMissingInAnEarlierMinorAreZeroAndAreNotRead) {
  const Grown early{offsetof(Grown, appended), 7, +[] {}, nullptr};
  const AtTheEdge<Grown> edge(early, offsetof(Grown, appended));
  const Grown all = whole(edge.get());
  EXPECT_EQ(all.kind, 7U);
  EXPECT_EQ(all.first, early.first);
  EXPECT_EQ(all.appended, nullptr);
}

TEST(WholeTest, GivenFieldsAreKept) {
  const Grown given{sizeof(Grown), 7, +[] {}, +[] {}};
  EXPECT_EQ(whole(&given).appended, given.appended);
}

TEST(WholeTest, AdditionalFieldsOfALaterMinorAreIgnored) {
  struct Later {
    Grown known;
    std::uint64_t unknown = ~0ULL;
  };
  const Later later{{sizeof(Later), 7, +[] {}, +[] {}}};
  EXPECT_EQ(whole(&later.known).appended, later.known.appended);
}

/// Whether nothing but zeros lies beyond the first size.
template <class Struct>
bool zero_beyond_first_size(const Struct& value) {
  const auto* bytes = reinterpret_cast<const char*>(&value);
  return std::all_of(bytes + first_size<Struct>, bytes + sizeof(Struct),
                     [](char byte) { return byte == 0; });
}

/// Reads every struct that a plugin gives at its size of version 1.0. tests/abi builds this file
/// once more with the header of a made-up next minor, in which every struct is longer than that.
template <class Struct>
class FirstSizeTest : public testing::Test {};
using GivenStructs =
    testing::Types<etl_error, etl_reject, etl_partition, etl_ledger_record, etl_running_record,
                   etl_source, etl_filter, etl_sink, etl_stage, etl_plugin>;
TYPED_TEST_SUITE(FirstSizeTest, GivenStructs);

TYPED_TEST(FirstSizeTest, IsAllThatIsRead) {
  TypeParam value;
  std::memset(static_cast<void*>(&value), 'x', sizeof(value));
  value.struct_size = first_size<TypeParam>;
  const AtTheEdge<TypeParam> edge(value, first_size<TypeParam>);
  const TypeParam all = whole(edge.get());
  EXPECT_EQ(std::memcmp(&all, &value, first_size<TypeParam>), 0);
  EXPECT_TRUE(zero_beyond_first_size(all));
#ifdef ETL_NEXT_ABI
  EXPECT_EQ(all.next, nullptr);
#endif
}

/// The sizes in tests/abi/v1.0/abi.dump, whatever the structs have grown to since.
static_assert(first_size<etl_error> == 2128 && first_size<etl_reject> == 56);
static_assert(first_size<etl_partition> == 96 && first_size<etl_ledger_record> == 200);
static_assert(first_size<etl_source> == 64 && first_size<etl_filter> == 56);
static_assert(first_size<etl_sink> == 120 && first_size<etl_running_record> == 144);
static_assert(first_size<etl_stage> == 104 && first_size<etl_plugin> == 56);

TEST(WholePluginTest, EveryTableOfEveryStageIsWhole) {
  etl_source source{};
  source.struct_size = first_size<etl_source>;
  source.finish = [](void*, etl_str) {};
  etl_sink sink{};
  sink.struct_size = first_size<etl_sink>;
  sink.close = [](void*) {};
  const AtTheEdge<etl_source> source_edge(source, first_size<etl_source>);
  const AtTheEdge<etl_sink> sink_edge(sink, first_size<etl_sink>);
  etl_stage reads{};
  reads.struct_size = first_size<etl_stage>;
  reads.name = "reads";
  reads.source = source_edge.get();
  etl_stage writes = reads;
  writes.name = "writes";
  writes.source = nullptr;
  writes.sink = sink_edge.get();
  const AtTheEdge<etl_stage> reads_edge(reads, first_size<etl_stage>);
  const AtTheEdge<etl_stage> writes_edge(writes, first_size<etl_stage>);
  const etl_stage* const list[] = {reads_edge.get(), writes_edge.get()};
  etl_plugin plugin{};
  plugin.struct_size = first_size<etl_plugin>;
  plugin.stages = list;
  plugin.stage_count = 2;
  const AtTheEdge<etl_plugin> plugin_edge(plugin, first_size<etl_plugin>);

  const WholePlugin all(*plugin_edge.get());
  ASSERT_EQ(all.plugin().stage_count, 2U);
  EXPECT_STREQ(all.plugin().stages[0]->name, "reads");
  EXPECT_EQ(all.plugin().stages[0]->source->finish, source.finish);
  EXPECT_EQ(all.plugin().stages[0]->sink, nullptr);
  EXPECT_EQ(all.plugin().stages[1]->source, nullptr);
  EXPECT_EQ(all.plugin().stages[1]->sink->close, sink.close);
  EXPECT_TRUE(zero_beyond_first_size(all.plugin()));
  EXPECT_TRUE(zero_beyond_first_size(*all.plugin().stages[0]));
  EXPECT_TRUE(zero_beyond_first_size(*all.plugin().stages[0]->source));
  EXPECT_TRUE(zero_beyond_first_size(*all.plugin().stages[1]->sink));
}

}  // namespace
