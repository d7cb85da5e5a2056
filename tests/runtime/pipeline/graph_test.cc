#include "core/runtime/pipeline/graph.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* diamond = R"(
[sinks.all]
plugin = "probe_parallel"
input = ["red", "twice", "s"]
[filters.twice]
plugin = "probe_expand"
input = "red"
[filters.red]
plugin = "probe_keep"
input = "s"
colour = "red"
[sources.s]
plugin = "probe_source"
[sources.lone]
plugin = "probe_source"
prefix = "q"
[sinks.other]
plugin = "probe_parallel"
input = "lone"
)";

std::vector<std::string> names(const Graph& graph, const std::vector<NodeIndex>& nodes) {
  std::vector<std::string> out;
  for (const NodeIndex node : nodes) out.push_back(graph[node].name);
  return out;
}

TEST(GraphTest, InputsComeBeforeWhatUsesThem) {
  Bench bench(diamond);
  std::map<std::string, std::size_t> position;
  for (NodeIndex at = 0; at < bench.graph().nodes().size(); ++at) {
    position[bench.graph()[at].name] = at;
  }
  EXPECT_LT(position["s"], position["red"]);
  EXPECT_LT(position["red"], position["twice"]);
  EXPECT_LT(position["twice"], position["all"]);
  EXPECT_LT(position["lone"], position["other"]);
}

TEST(GraphTest, ReachAndSinksOfASource) {
  Bench bench(diamond);
  const Graph& graph = bench.graph();
  EXPECT_THAT(names(graph, graph.sinks_of(bench.node("s"))), ElementsAre("all"));
  EXPECT_THAT(names(graph, graph.sinks_of(bench.node("lone"))), ElementsAre("other"));
  EXPECT_TRUE(graph.reaches(bench.node("red"), bench.node("all")));
  EXPECT_FALSE(graph.reaches(bench.node("red"), bench.node("other")));
  EXPECT_THAT(names(graph, graph[bench.node("all")].inputs), ElementsAre("red", "twice", "s"));
}

TEST(GraphTest, TheDefinitionNamesTheStagesOnTheWay) {
  Bench bench(diamond);
  const std::string definition = bench.graph().definition(bench.node("s"), bench.node("all"));
  for (const char* stage : {"s:", "red:", "twice:", "all:"}) {
    EXPECT_THAT(definition, HasSubstr(stage));
  }
  EXPECT_THAT(definition, Not(HasSubstr("lone:")));
}

TEST(GraphTest, TheDefinitionChangesWithWhatChangesTheData) {
  const auto definition = [](const std::string& option, const std::string& colour) {
    Bench bench("[sources.s]\nplugin = \"probe_source\"\n" + option +
                "\n[filters.f]\nplugin = \"probe_keep\"\ninput = \"s\"\ncolour = \"" + colour +
                "\"\n[sinks.db]\nplugin = \"probe_parallel\"\ninput = \"f\"\n");
    return bench.graph().definition(bench.node("s"), bench.node("db"));
  };
  const std::string plain = definition("", "red");
  EXPECT_EQ(definition("rows = 10", "red"), plain) << "the default, written out";
  EXPECT_EQ(definition("batch_rows = 7", "red"), plain) << "operational";
  EXPECT_NE(definition("rows = 11", "red"), plain);
  EXPECT_NE(definition("", "blue"), plain);
}

TEST(GraphTest, ExactlyOnceTakesEverySink) {
  EXPECT_TRUE(Bench(diamond).graph().exactly_once());
  Bench bench(std::string(diamond) + "[sinks.third]\nplugin = \"probe_append\"\ninput = \"s\"\n");
  EXPECT_FALSE(bench.graph().exactly_once());
}

TEST(GraphTest, MistakesOfWiringAreReportedAtOnce) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
[sources.idle]
plugin = "probe_source"
[filters.a]
plugin = "probe_expand"
input = "b"
[filters.b]
plugin = "probe_expand"
input = "a"
[sinks.db]
plugin = "probe_parallel"
input = ["sauce", "a"]
[sinks.after]
plugin = "probe_parallel"
input = "db"
[sinks.filtered]
plugin = "probe_keep"
input = "s"
[sinks.unknown]
plugin = "probe_paralel"
input = "s"
)");
  const std::string mistakes = bench.mistakes();
  for (const char* text :
       {"unknown input \"sauce\" in sink \"db\"",
        "input \"db\" of sink \"after\" is a sink, and a sink has no output",
        "source \"idle\" is not used: no stage has it as input",
        "filter \"a\" is part of a cycle: it is its own input through other stages",
        "filter \"b\" is part of a cycle: it is its own input through other stages",
        "plugin \"probe_keep\" is a filter, not a sink, in sink \"filtered\"",
        "unknown plugin \"probe_paralel\" in sink \"unknown\" | did you mean "
        "\"probe_parallel\"?"}) {
    EXPECT_THAT(mistakes, HasSubstr(text));
  }
  EXPECT_THAT(mistakes, Not(HasSubstr("\xEF\xBF\xBD"))) << "a hint has no control characters";
}

/// A source, so many filters after one another, and a sink.
std::string chain_of(std::size_t filters) {
  std::string text = "[sources.s]\nplugin = \"probe_source\"\n";
  std::string last = "s";
  for (std::size_t i = 1; i <= filters; ++i) {
    const std::string name = "f" + std::to_string(i);
    text += "[filters." + name + "]\nplugin = \"probe_keep\"\ncolour = \"red\"\ninput = \"" + last +
            "\"\n";
    last = name;
  }
  return text + "[sinks.db]\nplugin = \"probe_parallel\"\ninput = \"" + last + "\"\n";
}

TEST(GraphTest, AChainOfFiltersHasALimit) {
  Bench allowed(chain_of(256));
  EXPECT_EQ(allowed.mistakes(), "");
  EXPECT_EQ(allowed.run().status, "ok") << "the stack holds the longest chain";
  Bench refused(chain_of(5000));
  EXPECT_THAT(refused.mistakes(),
              HasSubstr("filter \"f257\" is number 257 in a chain of filters, and at most 256"));
}

TEST(GraphTest, InputsThatDoNotFitTogether) {
  Bench bench(R"(
[sources.wide]
plugin = "probe_source"
[sources.narrow]
plugin = "probe_source"
narrow = true
[sinks.db]
plugin = "probe_parallel"
input = ["wide", "narrow"]
)");
  EXPECT_THAT(bench.mistakes(),
              HasSubstr("the inputs of sink \"db\" do not fit together: 4 columns and 3"));
}

TEST(GraphTest, AStagesObjectionToItsOptionsIsReported) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
[sinks.db]
plugin = "probe_parallel"
input = "s"
fail = "config"
fail_at = "check"
)");
  EXPECT_EQ(bench.mistakes(), "error: sink \"db\": ordered to fail at check\n");
}

TEST(GraphTest, ASecretIsKnownToTheLogBeforeAStageSeesIt) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
token = "hunter22"
fail = "config"
fail_at = "construct"
[sinks.db]
plugin = "probe_parallel"
input = "s"
)");
  EXPECT_THAT(bench.mistakes(), Not(IsEmpty()));
  EXPECT_EQ(bench.log.redactor().conceal("hunter22"), "***");
}

}  // namespace
