/// \file
/// Building blocks for checks: the Check itself, and an instance of the stage.
#pragma once

#include <etl/detail/caller.hpp>
#include <etl/detail/option_store.hpp>
#include <etl/testing/conformance/input.hpp>

#include <thread>

namespace etl::inline v1::conformance {

/// The argument of every check.
struct Probe {
  const Subject& subject;
  Places& places;

  [[nodiscard]] const etl_stage& stage() const { return *subject.stage; }
  /// A new place, prepared with the command `before`.
  [[nodiscard]] Place place() const {
    Place place = places.make();
    if (subject.before.empty()) return place;
    const Shown prepared = shell(place, "{\n" + subject.before + "\n} 2>&1");
    require(prepared.ok, "the command `before` failed: " + prepared.text);
    return place;
  }
};

/// A check: a function that throws Failure or Skip unless the stage passes.
struct Check {
  const char* name;
  const char* what;   ///< what the stage must do, one sentence
  unsigned kinds;     ///< bits (1 << etl_kind)
  const char* needs;  ///< the check that must pass first; empty = none
  void (*run)(const Probe&);
};
inline constexpr unsigned sources = 1U << ETL_SOURCE, filters = 1U << ETL_FILTER,
                          sinks = 1U << ETL_SINK, all_kinds = sources | filters | sinks;

/// Options that are valid for one call, as abi.h says: their texts are overwritten afterwards.
class BorrowedOptions : public detail::OptionStore {
 public:
  using detail::OptionStore::OptionStore;
  ~BorrowedOptions() {
    for (std::string& text : texts_) std::ranges::fill(text, '#');
  }
  BorrowedOptions(const BorrowedOptions&) = delete;
  BorrowedOptions& operator=(const BorrowedOptions&) = delete;
};

/// An instance of the stage, destroyed at the end. Threads may use it as abi.h allows.
class Instance {
 public:
  explicit Instance(const Probe& probe) : Instance(probe, probe.place()) {}
  Instance(const Probe& probe, const Place& place) : stage_(probe.stage()) {
    const GivenOptions given = probe.subject.options(place);
    // Overwritten and freed before the instance is used.
    const auto borrowed = std::make_unique<BorrowedOptions>(given.values);
    const std::span<const etl_option> values = borrowed->values();
    made_ = call(stage_.create, host_.abi(), values.data(), values.size(), &self_);
    if (!made_) throw Failure("create() refused the given options: " + made_.text());
  }
  ~Instance() { destroy(); }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  void destroy() {
    if (made_ && !destroyed_) stage_.destroy(self_);
    destroyed_ = true;
  }
  /// Destroys the stage; fails unless it has reported all its memory as freed.
  void require_no_memory() {
    destroy();
    require(host_.held() == 0,
            "memory() still reports " + std::to_string(host_.held()) + " bytes after destroy()");
  }
  [[nodiscard]] void* self() const { return self_; }
  [[nodiscard]] const etl_stage& stage() const { return stage_; }
  [[nodiscard]] MockHost& host() { return host_; }

 private:
  const etl_stage& stage_;
  MockHost host_;
  void* self_ = nullptr;
  Result made_;
  bool destroyed_ = false;
};

/// Runs each body on its own thread; rethrows the first exception.
inline void at_once(const std::vector<std::function<void()>>& bodies) {
  std::vector<Callback> kept(bodies.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    threads.emplace_back([&, i] { kept[i].run(bodies[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Callback& one : kept) one.rethrow();
}

}  // namespace etl::inline v1::conformance
