// SIGINT and SIGTERM in every phase of every verb that can take long.
#include "etl_process.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <ostream>

namespace {

using runtime_test::Ended;
using runtime_test::EtlProcess;
using runtime_test::TempFolder;
using runtime_test::test_plugin;
using runtime_test::wait_until;

struct Phase {
  const char* name;
  const char* verb;
  const char* stage;  ///< "source" or "sink": whose point it is
  const char* point;
};
void PrintTo(const Phase& phase, std::ostream* out) { *out << phase.name; }

std::string pipeline(const TempFolder& folder, const Phase& phase) {
  const std::string hold = std::string("hold_at = \"") + phase.point + "\"\nhold = \"" +
                           (folder.path() / "go").string() + "\"\n";
  const bool source = std::string(phase.stage) == "source";
  return "name = \"signals\"\n[sources.s]\nplugin = \"probe_source\"\npartitions = 4\n" +
         (source ? hold : "") + "[sinks.db]\nplugin = \"probe_exclusive\"\ninput = \"s\"\n" +
         (source ? "" : hold);
}

class SignalTest : public testing::TestWithParam<Phase> {
 protected:
  [[nodiscard]] std::vector<std::string> arguments(const std::string& verb) const {
    return {verb,           (folder_.path() / "p.toml").string(),
            "--plugin-dir", test_plugin("probe").parent_path().string(),
            "--format",     "json"};
  }
  [[nodiscard]] bool reached() const {
    return wait_until([&] { return std::filesystem::exists(folder_.path() / "go.reached"); });
  }
  TempFolder folder_;
};

TEST_P(SignalTest, EndsWithItsNumberAndOneDocument) {
  folder_.file("p.toml", pipeline(folder_, GetParam()));
  for (const int number : {SIGINT, SIGTERM}) {
    std::filesystem::remove(folder_.path() / "go.reached");
    EtlProcess process(arguments(GetParam().verb));
    ASSERT_TRUE(reached());
    process.signal(number);
    const Ended ended = process.wait();
    EXPECT_EQ(ended.code, 128 + number) << ended.err;
    const nlohmann::json document = ended.json();
    if (document.contains("status")) {
      EXPECT_EQ(document["status"], "interrupted");
      EXPECT_EQ(document["partitions"]["failed"], 0);
      EXPECT_EQ(document["partitions"]["done"], 0);
    } else {
      EXPECT_EQ(document["error"]["code"], "cancelled") << document;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryPhase, SignalTest,
                         testing::Values(Phase{"RunSchema", "run", "source", "schema"},
                                         Phase{"RunLedger", "run", "sink", "committed"},
                                         Phase{"RunInspect", "run", "sink", "inspect"},
                                         Phase{"RunPlan", "run", "source", "plan"},
                                         Phase{"RunPrepare", "run", "sink", "prepare"},
                                         Phase{"RunExpect", "run", "source", "expect"},
                                         Phase{"RunRead", "run", "source", "read"},
                                         Phase{"RunNext", "run", "source", "next"},
                                         Phase{"RunOpen", "run", "sink", "open"},
                                         Phase{"RunWrite", "run", "sink", "write"},
                                         Phase{"RunCommit", "run", "sink", "commit"},
                                         Phase{"PlanLedger", "plan", "sink", "committed"},
                                         Phase{"PlanPlan", "plan", "source", "plan"},
                                         Phase{"ValidateInspect", "validate", "sink", "inspect"},
                                         Phase{"PreviewNext", "preview", "source", "next"}),
                         [](const auto& test) { return std::string(test.param.name); });

using SecondSignalTest = SignalTest;

TEST_P(SecondSignalTest, EndsAtOnceWhatDoesNotStop) {
  folder_.file("p.toml", pipeline(folder_, GetParam()) + "stubborn = true\n");
  EtlProcess process(arguments("run"));
  ASSERT_TRUE(reached());
  process.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // two signals, not one
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait().code, 128 + SIGTERM);
}

INSTANTIATE_TEST_SUITE_P(AtCommit, SecondSignalTest,
                         testing::Values(Phase{"Commit", "run", "sink", "commit"}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
