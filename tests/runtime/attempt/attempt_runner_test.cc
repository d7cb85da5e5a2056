#include "core/runtime/attempt/attempt_runner.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <mutex>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;
using runtime_test::store;
using runtime_test::Watchdog;
using testing::ElementsAre;

/// Slots as all processes of a run share them, and the order of what happens to them.
class RecordedSlots {
 public:
  RecordedSlots() {
    abi_.struct_size = sizeof(abi_);
    abi_.ctx = this;
    abi_.try_acquire = [](void* ctx, etl_str /*name*/, std::uint32_t /*limit*/) {
      static_cast<RecordedSlots*>(ctx)->note("acquire");
      return 0;
    };
    abi_.release = [](void* ctx, int /*slot*/) {
      static_cast<RecordedSlots*>(ctx)->note("release");
    };
  }
  void note(const char* event) {
    const std::scoped_lock lock(mutex_);
    events_.emplace_back(event);
  }
  [[nodiscard]] const etl_slots* abi() const { return &abi_; }
  [[nodiscard]] const std::vector<std::string>& events() const { return events_; }

 private:
  etl_slots abi_{};
  std::mutex mutex_;
  std::vector<std::string> events_;
};

/// Whoever is called when an attempt ends may wait for writers of other sinks. If the slot were
/// returned before, these could wait for the thread that makes the call.
TEST(AttemptRunnerTest, ReturnsAWriteSlotOnlyAfterTheAttemptHasBeenReported) {
  const Watchdog watchdog;
  Bench bench(
      "[sources.s]\nplugin = \"probe_source\"\n"
      "[sinks.db]\nplugin = \"probe_exclusive\"\ninput = \"s\"\nstore = \"@\"\n"
      "hold_at = \"commit\"\nhold = \"%/commit\"\n");
  const NodeIndex sink = bench.node("db");
  bench.graph().sink(sink).prepare(bench.graph()[sink].in);
  RecordedSlots slots;
  {
    AttemptSettings settings = attempt_settings(bench.pipeline(), {"bench", "run"});
    settings.slots = slots.abi();
    AttemptRunner runner(bench.graph(), std::move(settings), bench.cancellation);
    AttemptRequest request;
    request.source = bench.node("s");
    request.partition = {"p0", "probe://p0", -1, {"part", "p0"}};
    request.sinks = {sink};
    runner.run(request, [&](const AttemptResult& result) {
      EXPECT_EQ(result.outcomes.at(sink).kind, SinkOutcome::Kind::committed);
      slots.note("reported");
    });
    // The reading side is done: the writer, which waits at its commit, will report the attempt.
    std::ofstream(bench.folder() / "commit").put('\n');
  }
  EXPECT_THAT(slots.events(), ElementsAre("acquire", "reported", "release"));
  EXPECT_EQ(store().rows().size(), 10U);
}

}  // namespace
