#include <etl/detail/option_store.hpp>
#include <etl/options.hpp>

#include <gtest/gtest.h>

namespace {

constexpr auto table = etl::options(
    etl::required<std::string>("path", "Where to"),
    etl::optional<std::int64_t>("connections", "2", "How many").between(1, 64).operational(),
    etl::optional<std::string>("mode", "\"append\"", "How").one_of("append|upsert"),
    etl::optional<std::string>("password", "", "Word").secret());

std::string_view text(etl_str value) { return {value.data, value.size}; }

TEST(OptionsTest, TheTableSaysWhatWasDeclared) {
  static_assert(table.size() == 4);
  EXPECT_EQ(text(table[0].name), "path");
  EXPECT_EQ(table[0].flags, ETL_OPTION_REQUIRED);
  EXPECT_EQ(table[0].type, ETL_OPTION_STRING);
  EXPECT_EQ(text(table[1].fallback), "2");
  EXPECT_EQ(table[1].flags, ETL_OPTION_BOUNDED | ETL_OPTION_OPERATIONAL);
  EXPECT_EQ(table[1].minimum, 1);
  EXPECT_EQ(table[1].maximum, 64);
  EXPECT_EQ(text(table[2].allowed), "append|upsert");
  EXPECT_EQ(table[3].flags, ETL_OPTION_SECRET);
}

etl_option integer(std::string_view name, std::int64_t value) {
  etl_option option{};
  option.name = {name.data(), name.size()};
  option.type = ETL_OPTION_INT;
  option.given = 1;
  option.value.i = value;
  return option;
}

TEST(OptionsTest, GetsByNameAndType) {
  const std::vector<etl_option> values = {integer("a", 1), integer("b", 2)};
  const etl::Options options(values);
  EXPECT_EQ(options.get<std::int64_t>("b"), 2);
  EXPECT_TRUE(options.given("b"));
  EXPECT_FALSE(options.given("c"));
  EXPECT_FALSE(options.find<std::int64_t>("c").has_value());
  EXPECT_THROW(static_cast<void>(options.get<std::int64_t>("c")), etl::Error);
  EXPECT_THROW(static_cast<void>(options.get<std::string>("b")), etl::Error);
}

TEST(OptionsTest, AStoreOutlivesWhatItCopied) {
  std::unique_ptr<etl::v1::detail::OptionStore> store;
  {
    const std::string name = "list";
    const std::vector<std::string> items = {"one", "a text longer than any small string"};
    const std::vector<etl_str> abi = {{items[0].data(), items[0].size()},
                                      {items[1].data(), items[1].size()}};
    etl_option option{};
    option.name = {name.data(), name.size()};
    option.type = ETL_OPTION_LIST;
    option.value.list.data = abi.data();
    option.value.list.size = abi.size();
    store = std::make_unique<etl::v1::detail::OptionStore>(std::span(&option, 1));
  }
  EXPECT_EQ(store->view().get<etl::Strings>("list"),
            (etl::Strings{"one", "a text longer than any small string"}));
}

TEST(OptionsTest, AMapIsAListOfKeysAndTexts) {
  const std::vector<etl_str> abi = {etl::detail::to_abi("views"), etl::detail::to_abi("sum"),
                                    etl::detail::to_abi("at"), etl::detail::to_abi("max")};
  etl_option option{};
  option.name = etl::detail::to_abi("combine");
  option.type = ETL_OPTION_MAP;
  option.value.list = {abi.data(), abi.size()};
  const etl::v1::detail::OptionStore store(std::span(&option, 1));
  EXPECT_EQ(store.view().get<etl::StringMap>("combine"),
            (etl::StringMap{{"views", "sum"}, {"at", "max"}}));
}

}  // namespace
