#include "plugins/wikipedia/parse/page_view_parser.hpp"

#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace wikipedia {
namespace {

using namespace std::string_literals;
using test::hex;
using test::RecordingTask;
using test::Reject;

struct Row {
  std::string code, title;
  std::int64_t views, response_bytes;
  bool operator==(const Row&) const = default;
};

struct Result {
  std::vector<Row> rows;
  std::vector<Reject> rejects;
  std::int64_t read = 0;
  std::int64_t dropped = 0;
  bool operator==(const Result&) const = default;
};

/// A predicate that keeps a set of values and counts its calls.
struct Wanted {
  Wanted(std::string_view in, std::set<std::string, std::less<>> kept)
      : column(in), values(std::move(kept)) {
    abi.struct_size = sizeof(abi);
    abi.column = etl::detail::to_abi(column);
    abi.ctx = this;
    abi.keep = [](void* ctx, etl_str value) {
      auto& self = *static_cast<Wanted*>(ctx);
      ++self.asked;
      return self.values.contains(etl::detail::to_view(value)) ? 1 : 0;
    };
  }
  std::string column;
  std::set<std::string, std::less<>> values;
  int asked = 0;
  etl_predicate abi{};
};

void collect(const PageViewBlock& block, std::vector<Row>& rows) {
  std::size_t row = 0;
  for (std::size_t run = 0; run < block.runs.size(); ++run) {
    for (std::size_t i = 0; i < block.rows_in(run); ++i, ++row) {
      const PageViewRow& each = block.rows[row];
      rows.push_back(
          {block.runs[run].code, {each.title, each.title_size}, each.views, each.response_bytes});
    }
  }
}

Result parse(std::string_view text, PageViewParser::Settings settings = {},
             Wanted* wanted = nullptr) {
  RecordingTask task;
  PageViewParser parser(
      settings, wanted == nullptr ? etl::Predicate() : etl::Predicate(&wanted->abi), task.task());
  Result result;
  while (!text.empty()) {
    const std::span<char> space = parser.space();
    const std::size_t size = text.copy(space.data(), space.size());
    text.remove_prefix(size);
    collect(parser.parse(size), result.rows);
  }
  collect(parser.finish(), result.rows);
  result.rejects = task.rejects;
  result.read = task.read;
  result.dropped = task.dropped;
  return result;
}

TEST(PageViewParser, RowsOfAPlainFile) {
  const Result result =
      parse("fr A 1 0\nfr B 22 0\nfr C 12345 0\nfr.m A 123456 0\nfrr A 12345678 0\nfrr B 5 9\n");
  const std::vector<Row> expected = {{"fr", "A", 1, 0},         {"fr", "B", 22, 0},
                                     {"fr", "C", 12345, 0},     {"fr.m", "A", 123456, 0},
                                     {"frr", "A", 12345678, 0}, {"frr", "B", 5, 9}};
  EXPECT_EQ(result.rows, expected);
  EXPECT_EQ(result.read, 6);
  EXPECT_TRUE(result.rejects.empty());
}

/// Valid and invalid ends of a line with the code of the previous line.
TEST(PageViewParser, EndsOfALine) {
  for (const bool wanted : {true, false}) {
    for (const char* title : {"A", "Ab", "Page_1", "Some_page_with_a_longer_title"}) {
      const auto parsed = [&](const std::string& end) {
        Wanted codes("domain_code", {wanted ? "fr" : "de"});
        return parse("fr A 1 0\nfr " + std::string(title) + end + "\nfr B 1 0\n", {}, &codes);
      };
      for (const char* end : {" 1 0", " 12345 0", " 1234567 0", " 00000000001 0", " 1 00"}) {
        const Result result = parsed(end);
        EXPECT_EQ(wanted ? result.rows.size() : static_cast<std::size_t>(result.dropped), 3U)
            << title << end;
        EXPECT_TRUE(result.rejects.empty()) << title << end;
      }
      for (const char* end : {"  0", " 0", "", " ", "1 0", " x 0", " 1x 0", " x1 0", " 1 x", " 1 ",
                              "12345 0", " 1\t0", " 99999999999999999999 0", " : 0", " / 0"}) {
        const Result result = parsed(end);
        EXPECT_EQ(result.rejects.size(), 1U) << title << end;
        EXPECT_EQ(wanted ? result.rows.size() : static_cast<std::size_t>(result.dropped), 2U)
            << title << end;
      }
    }
  }
}

TEST(PageViewParser, LastLineNeedsNoEnd) {
  EXPECT_EQ(parse("fr A 1 0\nfr B 2 0").rows.size(), 2U);
  EXPECT_EQ(parse("fr A 1 0").rows.size(), 1U);
  EXPECT_EQ(parse("").read, 0);
  EXPECT_EQ(parse("\n").rejects, (std::vector<Reject>{{"empty line", "", 1, 0}}));
}

TEST(PageViewParser, LinesEndAtLineFeedsOnly) {
  const Result result = parse(
      "fr a\xE2\x80\xA8"
      "b 1 0\nfr a\xC2\x85"
      "b 1 0\nfr a\rb 1 0\r\nfr a\x0B\x0C\x1C"
      "b 1 0\nfr a\tb 1 0\nfr \xC2\xA0 1 0\n");
  ASSERT_EQ(result.rows.size(), 6U);
  EXPECT_EQ(result.rows[0].title,
            "a\xE2\x80\xA8"
            "b");
  EXPECT_EQ(result.rows[2].title, "a\rb");
  EXPECT_EQ(result.rows[5].title, "\xC2\xA0");
}

TEST(PageViewParser, RejectsSayWhyAndWhere) {
  const Result result = parse(
      "fr A 1 0\nMain_Page 5 0\n\n Main_Page 5 0\r\nfr  5 0\nfr A x 0\nfr A 1 y\nfr A\0B 1 0\nfr B 2 0\n"s);
  EXPECT_EQ(result.rows.size(), 2U);
  EXPECT_EQ(result.read, 9);
  const std::vector<Reject> expected = {
      {"fewer than 4 fields", "Main_Page 5 0", 2, 9},
      {"empty line", "", 3, 23},
      {"empty domain code", " Main_Page 5 0", 4, 24},
      {"empty title", "fr  5 0", 5, 40},
      {"views is not a number", "fr A x 0", 6, 48},
      {"response_bytes is not a number", "fr A 1 y", 7, 57},
      {"NUL byte", "fr A\0B 1 0"s, 8, 66},
  };
  EXPECT_EQ(result.rejects, expected);
}

TEST(PageViewParser, QuotesOfBothEras) {
  const Result result =
      parse("fr \"Heroes\" 1 0\nfr \"\\\"W\\\"_x\" 2 0\nfr \"\" 3 0\nfr a\\b 4 0\n");
  ASSERT_EQ(result.rows.size(), 4U);
  EXPECT_EQ(result.rows[0].title, "\"Heroes\"");
  EXPECT_EQ(result.rows[1].title, "\"W\"_x");
  EXPECT_EQ(result.rows[2].title, "");
  EXPECT_EQ(result.rows[3].title, "a\\b");
}

TEST(PageViewParser, InvalidUtf8IsReplacedOrRejected) {
  const std::string text =
      "fr A 1 0\nfr Sch\xFC 2 0\nf\xFFr B 3 0\nfr \"\\\"\xE2\x82\" 4 0\nfr \xEF\xBF\xBD 5 0\n";
  const std::vector<Row> replaced = {{"fr", "A", 1, 0},
                                     {"fr", "Sch\xEF\xBF\xBD", 2, 0},
                                     {"f\xEF\xBF\xBDr", "B", 3, 0},
                                     {"fr", "\"\xEF\xBF\xBD", 4, 0},
                                     {"fr", "\xEF\xBF\xBD", 5, 0}};
  EXPECT_EQ(parse(text).rows, replaced);
  const Result rejected = parse(text, {.invalid_utf8 = InvalidUtf8::reject});
  EXPECT_EQ(rejected.rows, (std::vector<Row>{replaced[0], replaced[4]}));
  ASSERT_EQ(rejected.rejects.size(), 3U);
  EXPECT_EQ(rejected.rejects[0], (Reject{"invalid UTF-8", "fr Sch\xFC 2 0", 2, 9}));
}

/// A line that is `less` bytes shorter than the limit.
std::string longest_line(std::size_t less = 0) {
  return "fr " + std::string(max_line - 7 - less, 'a') + " 1 0";
}

TEST(PageViewParser, LongLinesAreRejectedWithTheirStart) {
  const std::string fits = longest_line();
  const std::string long_line = "fr a" + fits.substr(3);
  const std::string text =
      "fr A 1 0\n" + fits + "\n" + fits + "\r\n" + long_line + "\n" + long_line + "\r\nfr B 2 0\n";
  for (const std::size_t block :
       std::initializer_list<std::size_t>{1000, 65536, 65537, 262144, 1 << 20}) {
    const Result result = parse(text, {.block_size = block});
    EXPECT_EQ(result.rows.size(), 4U) << block;
    ASSERT_EQ(result.rejects.size(), 2U) << block;
    EXPECT_EQ(result.rejects[0].reason, "line longer than 64 KiB");
    EXPECT_EQ(result.rejects[0].raw, long_line.substr(0, 1024));
    EXPECT_EQ(result.rejects[0].line, 4);
    EXPECT_EQ(result.rejects[0].offset, static_cast<std::int64_t>(9 + 2 * fits.size() + 3));
    EXPECT_EQ(result.rejects[1].line, 5);
    EXPECT_EQ(result.rows.back().title, "B");
  }
}

TEST(PageViewParser, LongestLineMayBeCutByABlockAnywhereNearItsEnd) {
  for (std::size_t less = 0; less < 3; ++less) {
    for (const char* end : {"", "\n", "\r", "\r\n"}) {
      const std::string text = longest_line(less) + end;
      for (std::size_t block = max_line - 4; block < max_line + 4; ++block) {
        EXPECT_EQ(parse(text, {.block_size = block}).rows.size(), 1U) << block;
      }
    }
  }
}

TEST(PageViewParser, LongLineToTheEndOfTheFile) {
  for (const std::string_view end : {"", "\n", "\r\n"}) {
    std::string text = "fr A 1 0\n";
    text.resize(20'000'000, 'x');
    const Result result = parse(text.append(end));
    EXPECT_EQ(result.read, 2);
    EXPECT_EQ(result.rejects,
              (std::vector<Reject>{{"line longer than 64 KiB", std::string(1024, 'x'), 2, 9}}));
  }
}

TEST(PageViewParser, PredicateKeepsExactlyWhatItSays) {
  const std::string text =
      "fr A 1 0\nfr.m A 1 0\nfrp A 1 0\nfrr A 1 0\nfrr B 1 0\nfr.d \"\\\"\" 1 0\nfrr A\nfrr  1 0\n";
  Wanted codes("domain_code", {"fr", "fr.d"});
  const Result result = parse(text, {}, &codes);
  EXPECT_EQ(result.rows, (std::vector<Row>{{"fr", "A", 1, 0}, {"fr.d", "\"", 1, 0}}));
  EXPECT_EQ(result.dropped, 4);
  EXPECT_EQ(result.rejects.size(), 2U);  // although their code is dropped
  EXPECT_EQ(result.read, 8);

  Wanted language("language", {"fr"});
  EXPECT_EQ(parse(text, {}, &language).rows.size(), 3U);
  Wanted project("project", {"wiktionary"});
  EXPECT_EQ(parse(text, {}, &project).rows.size(), 1U);
  Wanted access("access", {"mobile"});
  EXPECT_EQ(parse(text, {}, &access).rows.size(), 1U);
}

TEST(PageViewParser, PredicateOnAnotherColumnIsIgnored) {
  Wanted titles("title", {"B"});
  const Result result = parse("fr A 1 0\nfr B 1 0\n", {}, &titles);
  EXPECT_EQ(result.rows.size(), 2U);
  EXPECT_EQ(result.dropped, 0);
  EXPECT_EQ(titles.asked, 0);
}

TEST(PageViewParser, PredicateIsAskedOnceForARunOfCodes) {
  std::string text;
  for (const char* code : {"en", "fr", "zh-classical.m", "zh-classicam.m"}) {
    for (int i = 0; i < 1000; ++i) text += std::string(code) + " A 1 0\n";
  }
  Wanted codes("domain_code", {"fr"});
  EXPECT_EQ(parse(text, {.block_size = 5000}, &codes).dropped, 3000);
  EXPECT_EQ(codes.asked, 4);
}

TEST(PageViewParser, PredicateSeesTheCodeAsTheColumnShowsIt) {
  Wanted codes("domain_code", {"f\xEF\xBF\xBD"});
  EXPECT_EQ(parse("f\xFF A 1 0\nfr B 1 0\n", {}, &codes).rows.size(), 1U);
}

TEST(PageViewParser, CountsAreReportedByBlock) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "fr A 1 0\n";
  RecordingTask task;
  PageViewParser parser({.block_size = text.size()}, {}, task.task());
  text.copy(parser.space().data(), text.size());
  parser.parse(text.size());
  EXPECT_EQ(task.read, 10'000);
  EXPECT_EQ(task.reports, 1);
}

// ---- against the oracle -------------------------------------------------------------------------

std::string pick(std::mt19937& random, const std::vector<std::string>& values) {
  return values[random() % values.size()];
}

std::string random_title(std::mt19937& random) {
  static const std::vector<std::string> titles = {"A",
                                                  "Main_Page",
                                                  "-",
                                                  "na",
                                                  "null",
                                                  "\"\"",
                                                  "\"Heroes\"",
                                                  R"("\"W\"_x")",
                                                  R"("\"")",
                                                  R"("a\\\"b\\")",
                                                  R"("\")",
                                                  R"("a"b")",
                                                  "a\\b",
                                                  "a b",
                                                  "a  b",
                                                  " ",
                                                  "",
                                                  "a\tb",
                                                  "a\rb",
                                                  "\xC2\xA0",
                                                  "\xE2\x80\xA8",
                                                  "\xEF\xBF\xBD",
                                                  "\xFF",
                                                  "Sch\xFC",
                                                  "\xE2\x82",
                                                  "Ann\xC3\xA9_e",
                                                  "\xF0\x9F\x98\x80",
                                                  "\xED\xA0\x80",
                                                  "12",
                                                  "1 0",
                                                  "%C3%A9",
                                                  "a\"b",
                                                  std::string(31, 't'),
                                                  std::string(32, 't'),
                                                  std::string(33, 't'),
                                                  std::string(200, 't')};
  if (random() % 50 == 0) return "a"s + '\0' + "b";
  return pick(random, titles);
}

std::string random_number(std::mt19937& random) {
  static const std::vector<std::string> numbers = {"0",
                                                   "1",
                                                   "9",
                                                   "10",
                                                   "12345",
                                                   "99999",
                                                   "123456",
                                                   "1234567",
                                                   "12345678",
                                                   "123456789",
                                                   "9223372036854775807",
                                                   "9223372036854775808",
                                                   "99999999999999999999",
                                                   "00000000000000000000001",
                                                   "0000000",
                                                   "007",
                                                   "",
                                                   "x",
                                                   "1x",
                                                   "x1",
                                                   "-1",
                                                   "+1",
                                                   "1.5",
                                                   "1\t",
                                                   "/",
                                                   ":"};
  return random() % 3 != 0 ? std::to_string(random() % 2000) : pick(random, numbers);
}

std::string random_code(std::mt19937& random) {
  static const std::vector<std::string> codes = {"fr",
                                                 "fr.m",
                                                 "frr",
                                                 "frp",
                                                 "fr.m.d",
                                                 "de",
                                                 "f",
                                                 "",
                                                 "en.zero",
                                                 "www.wd",
                                                 "commons.m",
                                                 "zh-classical.m",
                                                 "zh-classical.m.s",
                                                 "zh-classicam.m",
                                                 "f\xFF",
                                                 "f\xEF\xBF\xBD",
                                                 "simple.m",
                                                 "simple.",
                                                 "\xC3\xA9"};
  return pick(random, codes);
}

/// Genuine lines, odd lines and fragments of both, with runs of equal codes.
std::string random_file(unsigned seed) {
  std::mt19937 random(seed);
  std::string text, code;
  const bool tidy = random() % 3 == 0;  // most lines take the fast path
  for (std::size_t count = random() % 300; count > 0; --count) {
    if (random() % 6 == 0) code = random_code(random);
    if (tidy && random() % 20 != 0) {
      text += code + " Page_" + std::to_string(random() % 100) + " " +
              std::to_string(random() % 300) + " 0\n";
      continue;
    }
    std::string line = code + " " + random_title(random) + " " + random_number(random) + " " +
                       (random() % 3 == 0 ? random_number(random) : "0");
    if (random() % 30 == 0) line.insert(0, "\xEF\xBB\xBF");
    if (random() % 10 == 0) line.resize(random() % (line.size() + 1));
    if (random() % 10 == 0)
      line.insert(random() % (line.size() + 1), 1, static_cast<char>(random() % 256));
    if (random() % 300 == 0)
      line.insert(line.size() / 2, max_line - line.size() + random() % 3, 'l');
    text += line + (random() % 10 == 0 ? "\r\n" : "\n");
  }
  if (!text.empty() && random() % 3 == 0) text.pop_back();
  return text;
}

std::vector<std::string> facts(const Result& result) {
  std::vector<std::string> facts;
  for (const Row& row : result.rows) {
    facts.push_back("row " + hex(row.code) + " " + hex(row.title) + " " +
                    std::to_string(row.views) + " " + std::to_string(row.response_bytes));
  }
  for (const Reject& reject : result.rejects) {
    std::string reason = reject.reason;
    std::ranges::replace(reason, ' ', '_');
    facts.push_back("reject " + reason + " " + hex(reject.raw) + " " + std::to_string(reject.line) +
                    " " + std::to_string(reject.offset));
  }
  return facts;
}

TEST(PageViewParser, AByteOrderMarkIsNoPartOfACode) {
  const Result result = parse(
      "\xEF\xBB\xBF"
      "fr Paris 5 0\nfr Lyon 3 0\n"
      "\xEF\xBB\xBF"
      "fr Nice 1 0\n\xEF\xBB\xBF"
      "fr\n\xEF\xBB\xBF");
  EXPECT_EQ(result.rows,
            (std::vector<Row>{{"fr", "Paris", 5, 0}, {"fr", "Lyon", 3, 0}, {"fr", "Nice", 1, 0}}));
  EXPECT_EQ(result.rejects, (std::vector<Reject>{{"fewer than 4 fields", "fr", 4, 46}}));
  EXPECT_EQ(result.read, 4);
  EXPECT_EQ(parse("\xEF\xBB\xBF").read, 0);
}

TEST(PageViewParser, AByteOrderMarkDoesNotMakeALineTooLong) {
  const std::string line = "fr " + std::string(max_line - 7, 'a') + " 1 0";
  ASSERT_EQ(line.size(), max_line);
  const std::string text = "\xEF\xBB\xBF" + line + "\n\xEF\xBB\xBF" + line + "b\n";
  for (const std::size_t block : {std::size_t{1000}, text.size()}) {
    PageViewParser::Settings settings;
    settings.block_size = block;
    const Result result = parse(text, settings);
    EXPECT_EQ(result.rows.size(), 1U) << block;
    ASSERT_EQ(result.rejects.size(), 1U) << block;
    EXPECT_EQ(result.rejects[0], (Reject{std::string(reason::too_long), line.substr(0, 1024), 2,
                                         std::int64_t{max_line} + 7}))
        << block;
  }
}

constexpr unsigned files = 300;

/// The results of the oracle for every random file: rows, then rejects.
std::vector<std::vector<std::string>> expected_facts(const std::string& mode) {
  const etl_test::TemporaryFolder folder;
  std::vector<std::string> arguments = {"lines", mode};
  for (unsigned seed = 0; seed < files; ++seed) {
    arguments.push_back(folder.file(std::to_string(seed), random_file(seed)).string());
  }
  std::vector<std::vector<std::string>> all;
  for (const std::string& line : test::reference(arguments)) {
    if (line.starts_with('=')) all.emplace_back();
    else all.back().push_back(line);
  }
  for (auto& each : all)
    std::stable_partition(each.begin(), each.end(),
                          [](const auto& fact) { return fact.starts_with("row"); });
  return all;
}

class AgainstOracle : public ::testing::TestWithParam<InvalidUtf8> {};

TEST_P(AgainstOracle, RandomFiles) {
  const auto expected = expected_facts(GetParam() == InvalidUtf8::reject ? "reject" : "replace");
  ASSERT_EQ(expected.size(), files);
  std::size_t rows = 0;
  std::size_t rejects = 0;
  for (unsigned seed = 0; seed < files; ++seed) {
    const Result result = parse(random_file(seed), {.invalid_utf8 = GetParam()});
    ASSERT_EQ(facts(result), expected[seed]) << "seed " << seed;
    EXPECT_EQ(result.read, static_cast<std::int64_t>(expected[seed].size())) << "seed " << seed;
    rows += result.rows.size();
    rejects += result.rejects.size();
  }
  EXPECT_GT(rows, 10'000U);
  EXPECT_GT(rejects, 5'000U);
}

TEST_P(AgainstOracle, BlocksOfAnySizeGiveTheSame) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const std::string text = random_file(seed);
    const Result whole = parse(text, {.invalid_utf8 = GetParam()});
    for (const std::size_t block :
         std::initializer_list<std::size_t>{1, 2, 3, 5, 7, 16, 31, 64, 333, 4096}) {
      const Result divided = parse(text, {.invalid_utf8 = GetParam(), .block_size = block});
      ASSERT_EQ(facts(divided), facts(whole)) << seed << " by " << block;
      ASSERT_EQ(divided, whole) << seed << " by " << block;
    }
  }
}

TEST_P(AgainstOracle, PredicateChangesNoCount) {
  for (unsigned seed = 0; seed < files; ++seed) {
    const std::string text = random_file(seed);
    const Result all = parse(text, {.invalid_utf8 = GetParam()});
    Wanted wanted("domain_code", {"fr", "fr.m", "zh-classical.m", "f\xEF\xBF\xBD"});
    const Result some = parse(text, {.invalid_utf8 = GetParam()}, &wanted);
    std::vector<Row> kept = all.rows;
    std::erase_if(kept, [&](const Row& row) { return !wanted.values.contains(row.code); });
    ASSERT_EQ(some.rows, kept) << "seed " << seed;
    ASSERT_EQ(some.rejects, all.rejects) << "seed " << seed;
    ASSERT_EQ(some.read, all.read) << "seed " << seed;
    ASSERT_EQ(some.dropped, static_cast<std::int64_t>(all.rows.size() - kept.size()))
        << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(InvalidUtf8, AgainstOracle,
                         ::testing::Values(InvalidUtf8::replace, InvalidUtf8::reject),
                         [](const auto& each) {
                           return each.param == InvalidUtf8::reject ? "reject" : "replace";
                         });

}  // namespace
}  // namespace wikipedia
