/// Calls the tables that ETL_PLUGIN generates as a host does.
#include <etl/plugin.hpp>

#include <gmock/gmock.h>

namespace {

int alive = 0;  // filters that exist

struct Doubler {
  static constexpr auto name = "doubler";
  static constexpr auto summary = "Adds a column";
  static constexpr auto options =
      etl::options(etl::optional<std::string>("fail", "", "When to throw"));

  Doubler(const etl::Options& given, const etl::Context&)
      : fail(given.find<std::string>("fail").value_or("")) {
    if (fail == "create") throw etl::Error::config("no").about("fail");
    ++alive;
  }
  Doubler(const Doubler&) = delete;
  Doubler& operator=(const Doubler&) = delete;
  ~Doubler() { --alive; }

  etl::Schema schema(const etl::Schema& in) const {
    static_cast<void>(in.at("n"));
    return {{"n", etl::Type::int64}, {"twice", etl::Type::int64}};
  }
  etl::Batch apply(etl::Batch batch) {
    if (fail == "apply") throw std::runtime_error("apply threw");
    const auto n = batch.column<std::int64_t>("n");
    etl::BatchBuilder builder({{"n", etl::Type::int64}, {"twice", etl::Type::int64}});
    for (std::size_t row = 0; row < batch.rows(); ++row) builder.row(n[row], 2 * n[row]);
    seen += static_cast<std::int64_t>(batch.rows());
    return builder.finish();
  }
  std::optional<etl::Batch> finish() {
    etl::BatchBuilder builder({{"n", etl::Type::int64}, {"twice", etl::Type::int64}});
    builder.row(std::int64_t{-1}, seen);
    return builder.finish();
  }
  std::string fail;
  std::int64_t seen = 0;
};

struct Even {
  static constexpr auto name = "even";
  static constexpr auto summary = "Keeps short words";
  static constexpr auto options = etl::options();
  Even(const etl::Options&, const etl::Context&) {}
  etl::Batch apply(etl::Batch batch) const { return batch; }
  std::optional<std::string> predicate_column(const etl::Schema&) const { return "word"; }
  bool keeps(std::string_view word) const {
    if (word == "bad") throw std::runtime_error("a bad word");
    return word.size() % 2 == 0;
  }
};

struct Failing {
  static constexpr auto name = "failing";
  static constexpr auto summary = "Fails in the second batch";
  static constexpr auto options = etl::options();
  Failing(const etl::Options&, const etl::Context&) {}
  etl::Schema schema() const { return {{"n", etl::Type::int64}}; }
  std::vector<etl::Partition> plan() {
    return {{"one", "mem:one", 7, {"n", std::int64_t{5}}}, {"two", "mem:two"}};
  }
  struct Reader {
    etl::Task task;
    int batches = 0;
    std::optional<etl::Batch> next() {
      if (++batches == 2)
        throw etl::Error::transient("cut").retry_after(std::chrono::milliseconds(9));
      task.read(1);
      etl::BatchBuilder builder({{"n", etl::Type::int64}});
      builder.row(std::int64_t{5});
      return builder.finish();
    }
  };
  Reader read(const etl::Partition&, const etl::Predicate&, const etl::Task& task) {
    return {task};
  }
};

etl_host quiet_host() {
  return {sizeof(etl_host),
          ETL_ABI_MINOR,
          nullptr,
          [](void*, std::uint32_t, etl_str) {},
          [](void*) { return 0; },
          [](void*, const char*) -> const void* { return nullptr; },
          [](void*, std::int64_t) {},
          [](void*) {}};
}

/// An instance of a stage, destroyed at the end of the test.
template <class Stage>
struct Made {
  explicit Made(std::vector<etl_option> options = {}) {
    code = table.create(&host, options.data(), options.size(), &self, &error);
  }
  ~Made() {
    if (self != nullptr) table.destroy(self);
  }
  const etl_stage& table = etl::v1::detail::stage_of<Stage>;
  etl_host host = quiet_host();
  void* self = nullptr;
  etl_error error = etl::v1::detail::empty_error();
  int code = 0;
};

etl_option text_option(std::string_view name, std::string_view value) {
  etl_option option{};
  option.name = {name.data(), name.size()};
  option.type = ETL_OPTION_STRING;
  option.value.s = {value.data(), value.size()};
  return option;
}

etl::v1::detail::OwnedSchema exported(const etl::Schema& schema) {
  etl::v1::detail::OwnedSchema out;
  etl::v1::detail::export_schema(schema, out.out());
  return out;
}

ArrowArray batch_of(std::int64_t n) {
  etl::BatchBuilder builder({{"n", etl::Type::int64}});
  builder.row(n);
  ArrowArray array;
  builder.finish().move_to(&array);
  return array;
}

struct Collected {
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;
  static int emit(void* ctx, ArrowArray* array) {
    const etl::Batch batch(array, std::make_shared<const etl::Schema>(etl::Schema{
                                      {"n", etl::Type::int64}, {"twice", etl::Type::int64}}));
    const auto n = batch.column<std::int64_t>("n");
    const auto twice = batch.column<std::int64_t>("twice");
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      static_cast<Collected*>(ctx)->rows.emplace_back(n[row], twice[row]);
    }
    return 0;
  }
};

TEST(TablesTest, AFilterHasOneObjectPerPartition) {
  Made<Doubler> made;
  ASSERT_EQ(made.code, ETL_OK);
  const auto in = exported({{"n", etl::Type::int64}});
  const etl_filter& filter = *made.table.filter;
  void* states[2] = {};
  for (void*& state : states) {
    ASSERT_EQ(filter.open(made.self, in.get(), etl::v1::detail::idle_task(), &state, &made.error),
              ETL_OK);
  }
  EXPECT_EQ(alive, 3);
  Collected first;
  Collected second;
  for (std::int64_t n : {1, 2, 3}) {
    ArrowArray array = batch_of(n);
    ASSERT_EQ(filter.apply(states[0], &array, &Collected::emit, &first, &made.error), ETL_OK);
  }
  ASSERT_EQ(filter.finish(states[0], &Collected::emit, &first, &made.error), ETL_OK);
  ASSERT_EQ(filter.finish(states[1], &Collected::emit, &second, &made.error), ETL_OK);
  EXPECT_THAT(first.rows, testing::ElementsAre(std::pair(1, 2), std::pair(2, 4), std::pair(3, 6),
                                               std::pair(-1, 3)));
  EXPECT_THAT(second.rows, testing::ElementsAre(std::pair(-1, 0)));
  for (void* state : states) filter.close(state);
  EXPECT_EQ(alive, 1);
}

TEST(TablesTest, AnErrorOfAConstructorNamesItsOption) {
  Made<Doubler> made({text_option("fail", "create")});
  EXPECT_EQ(made.code, ETL_CONFIG);
  EXPECT_EQ(made.self, nullptr);
  EXPECT_STREQ(made.error.option, "fail");
  EXPECT_STREQ(made.error.message, "no");
}

TEST(TablesTest, AFilterThatThrowsReportsItAndReleasesTheBatch) {
  Made<Doubler> made({text_option("fail", "apply")});
  const auto in = exported({{"n", etl::Type::int64}});
  void* state = nullptr;
  ASSERT_EQ(made.table.filter->open(made.self, in.get(), etl::v1::detail::idle_task(), &state,
                                    &made.error),
            ETL_OK);
  ArrowArray array = batch_of(1);
  EXPECT_EQ(made.table.filter->apply(state, &array, &Collected::emit, nullptr, &made.error),
            ETL_INTERNAL);
  EXPECT_STREQ(made.error.message, "apply threw");
  EXPECT_EQ(array.release, nullptr);
  made.table.filter->close(state);
}

TEST(TablesTest, ASchemaThatDoesNotFitIsAConfigError) {
  Made<Doubler> made;
  const auto in = exported({{"m", etl::Type::int64}});
  etl::v1::detail::OwnedSchema out;
  EXPECT_EQ(made.table.filter->schema(made.self, in.get(), out.out(), &made.error), ETL_CONFIG);
  EXPECT_STREQ(made.error.message, "there is no column \"n\"; available: \"m\"");
}

TEST(TablesTest, APredicateIsTheFiltersOwnTest) {
  Made<Even> made;
  const auto in = exported({{"word", etl::Type::utf8}});
  etl_predicate abi{};
  abi.struct_size = sizeof(abi);
  ASSERT_EQ(made.table.filter->predicate(made.self, in.get(), &abi, &made.error), ETL_OK);
  const etl::Predicate predicate(&abi);
  EXPECT_EQ(predicate.column(), "word");
  EXPECT_TRUE(predicate.keeps("even"));
  EXPECT_FALSE(predicate.keeps("odd"));
  EXPECT_TRUE(predicate.keeps("bad")) << "the filter itself meets the row, and can fail";
  EXPECT_TRUE(predicate.values().empty());
  EXPECT_EQ(etl::v1::detail::stage_of<Doubler>.filter->predicate, nullptr) << "it offers none";
}

TEST(TablesTest, ASourcePlansWithScope) {
  Made<Failing> made;
  std::vector<etl::Partition> planned;
  const auto add = [](void* ctx, const etl_partition* partition) {
    static_cast<std::vector<etl::Partition>*>(ctx)->push_back(
        etl::v1::detail::from_abi(*partition));
  };
  ASSERT_EQ(made.table.source->plan(made.self, add, &planned, &made.error), ETL_OK);
  ASSERT_EQ(planned.size(), 2U);
  EXPECT_EQ(planned[0].bytes, 7);
  EXPECT_EQ(planned[0].scope.column, "n");
  EXPECT_EQ(std::get<std::int64_t>(planned[0].scope.value), 5);
  EXPECT_EQ(planned[1].bytes, -1);
  EXPECT_EQ(planned[1].scope.column, "");
}

struct Reported {
  std::int64_t read = 0;
  etl_error failure = etl::v1::detail::empty_error();
};

TEST(TablesTest, AStreamReportsItsErrorToTheTask) {
  Made<Failing> made;
  Reported reported;
  const etl_task task = {
      sizeof(etl_task),
      &reported,
      [](void* ctx, std::uint32_t, std::int64_t n) { static_cast<Reported*>(ctx)->read += n; },
      [](void*, const etl_reject*) {},
      [](void*) { return 0; },
      [](void* ctx, const etl_error* error) { static_cast<Reported*>(ctx)->failure = *error; }};
  const etl::Partition partition{"one", "mem:one"};
  const etl_partition abi = etl::v1::detail::to_abi(partition);
  etl::v1::detail::OwnedStream stream;
  ASSERT_EQ(made.table.source->read(made.self, &abi, nullptr, &task, stream.out(), &made.error),
            ETL_OK);
  ArrowArray array{};
  ASSERT_EQ(stream.get()->get_next(stream.get(), &array), 0);
  ASSERT_NE(array.release, nullptr);
  array.release(&array);
  EXPECT_NE(stream.get()->get_next(stream.get(), &array), 0);
  EXPECT_STREQ(stream.get()->get_last_error(stream.get()), "cut");
  EXPECT_EQ(reported.read, 1);
  EXPECT_EQ(reported.failure.code, ETL_TRANSIENT);
  EXPECT_EQ(reported.failure.retry_after_ms, 9);
}

}  // namespace
