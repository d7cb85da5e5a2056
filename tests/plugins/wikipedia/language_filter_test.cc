#include "plugins/wikipedia/language_filter.hpp"

#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace wikipedia {
namespace {

using test::OptionValues;

LanguageFilter filter(OptionValues values) { return {values.options(), test::quiet_context()}; }
OptionValues defaults() { return OptionValues::of<LanguageFilter>(); }

std::vector<std::string> kept(const LanguageFilter& filter) {
  std::vector<std::string> kept;
  for (const char* code : {"en", "fr", "fr.b", "fr.m", "fr.m.d", "fr.zero", "frp", "frp.m", "frr",
                           "frr.m", "commons.m", "www.wd", "", "Fr"}) {
    if (filter.keeps(code)) kept.emplace_back(code);
  }
  return kept;
}

using List = std::vector<std::string>;

TEST(LanguageFilter, LanguageIsTheWholeFirstLabel) {
  EXPECT_EQ(kept(filter(defaults().set("languages", List{"fr"}))),
            (List{"fr", "fr.b", "fr.m", "fr.m.d", "fr.zero"}));
  EXPECT_EQ(kept(filter(defaults().set("languages", List{"frr", "frp"}))),
            (List{"frp", "frp.m", "frr", "frr.m"}));
}

TEST(LanguageFilter, EveryTestThatIsGivenMustHold) {
  EXPECT_EQ(kept(filter(defaults().set("codes", List{"fr.m", "en"}))), (List{"en", "fr.m"}));
  EXPECT_EQ(kept(filter(defaults().set("projects", List{"wiktionary", "wikimedia"}))),
            (List{"fr.m.d", "commons.m"}));
  EXPECT_EQ(kept(filter(defaults().set("access", List{"mobile"}))),
            (List{"fr.m", "fr.m.d", "fr.zero", "frp.m", "frr.m"}));
  EXPECT_EQ(kept(filter(defaults().set("languages", List{"fr"}).set("codes", List{"fr.m", "en"}))),
            (List{"fr.m"}));
  EXPECT_EQ(kept(filter(defaults()
                            .set("languages", List{"fr"})
                            .set("projects", List{"wikipedia"})
                            .set("access", List{"mobile"}))),
            (List{"fr.m", "fr.zero"}));
}

TEST(LanguageFilter, OptionsThatKeepNothingAreRefused) {
  const auto option = [](OptionValues values) {
    const test::Thrown thrown = test::thrown_by([&] { (void)filter(std::move(values)); });
    EXPECT_EQ(thrown.code, ETL_CONFIG);
    return thrown.option;
  };
  EXPECT_EQ(option(defaults()), "languages");
  EXPECT_EQ(option(defaults().set("languages", List{})), "languages");
  EXPECT_EQ(option(defaults().set("codes", List{"fr", ""})), "codes");
  EXPECT_EQ(option(defaults().set("languages", List{"fr.m"})), "languages");
}

TEST(LanguageFilter, ColumnMustBeThereAndText) {
  const LanguageFilter by_code =
      filter(defaults().set("languages", List{"fr"}).set("column", "code"));
  const etl::Schema good{{"code", etl::Type::utf8_view}, {"views", etl::Type::int64}};
  EXPECT_EQ(by_code.schema(good), good);
  EXPECT_EQ(by_code.predicate_column(good), "code");
  for (const etl::Schema& bad :
       {etl::Schema{{"domain_code", etl::Type::utf8}, {"views", etl::Type::int64}},
        etl::Schema{{"code", etl::Type::int64}, {"views", etl::Type::int64}}}) {
    const test::Thrown thrown = test::thrown_by([&] { (void)by_code.schema(bad); });
    EXPECT_EQ(thrown.code, ETL_CONFIG);
    EXPECT_EQ(thrown.option, "column");
    EXPECT_NE(thrown.message.find("\"code\""), std::string::npos) << thrown.message;
    EXPECT_NE(thrown.message.find(bad.names()), std::string::npos) << thrown.message;
  }
}

TEST(LanguageFilter, CodesFromAFileAddToThoseListed) {
  const etl_test::TemporaryFolder folder;
  const std::string path = folder.file("codes.txt",
                                       "\xEF\xBB\xBF"
                                       "fr\r\n\n# Wiktionaries\n  fr.d \nde.d");
  const LanguageFilter listed = filter(defaults().set("codes", List{"en"}).set("codes_file", path));
  for (const char* code : {"fr", "fr.d", "de.d", "en"}) EXPECT_TRUE(listed.keeps(code)) << code;
  for (const char* code : {"", "de", "fr.m", "#", "Wiktionaries",
                           "\xEF\xBB\xBF"
                           "fr"})
    EXPECT_FALSE(listed.keeps(code)) << code;
}

TEST(LanguageFilter, AListOfCodesMustBeReadable) {
  const etl_test::TemporaryFolder folder;
  const auto refused = [](const std::filesystem::path& path) {
    return test::thrown_by([&] { (void)filter(defaults().set("codes_file", path.string())); });
  };
  const std::pair<std::string, std::string> cases[] = {
      {"fr\n\nfr de\n", "codes.txt:3: not one domain code"},
      {"# nothing\n\n", "codes.txt has no domain codes: no row would pass"},
      {std::string((16U << 20U) + 1, 'x'), "codes.txt has more than 16 MiB"},
  };
  for (const auto& [text, why] : cases) {
    const test::Thrown thrown = refused(folder.file("codes.txt", text));
    EXPECT_EQ(thrown.code, ETL_CONFIG);
    EXPECT_EQ(thrown.option, "codes_file");
    EXPECT_TRUE(thrown.message.ends_with(why)) << thrown.message;
  }
  EXPECT_TRUE(refused(folder.path() / "none").message.ends_with("none: No such file or directory"));
  EXPECT_TRUE(refused(folder.path()).message.ends_with(" is not a file"));
}

TEST(LanguageFilter, AppliesToBatches) {
  const etl::Schema schema{{"domain_code", etl::Type::utf8, true}, {"views", etl::Type::int64}};
  etl::BatchBuilder builder(schema);
  const std::vector<std::optional<std::string>> codes = {"", "en",  "en",   "fr", "fr",
                                                         {}, "frr", "fr.m", "zh", "fr"};
  for (std::size_t i = 0; i < codes.size(); ++i)
    builder.row(codes[i], static_cast<std::int64_t>(i));
  const LanguageFilter french = filter(defaults().set("languages", List{"fr"}));
  const etl::Batch batch = french.apply(builder.finish());
  ASSERT_EQ(batch.rows(), 4U);
  const std::vector<std::int64_t> expected = {3, 4, 7, 9};
  for (std::size_t row = 0; row < expected.size(); ++row) {
    EXPECT_EQ(batch.column<std::int64_t>(1)[row], expected[row]);
    EXPECT_EQ(batch.column<std::string_view>(0)[row],
              codes[static_cast<std::size_t>(expected[row])]);
  }
  EXPECT_EQ(french.apply(builder.finish()).rows(), 0U);
}

}  // namespace
}  // namespace wikipedia
