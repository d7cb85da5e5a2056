/// \file
/// What checks are made with: an instance of the stage, and one pass of rows through it.
#pragma once

#include <etl/conformance/input.hpp>

#include <exception>
#include <thread>

namespace etl {
inline namespace v1 {
namespace conformance {

/// What every check is given.
struct Probe {
  const Subject& subject;
  Places& places;

  [[nodiscard]] const etl_stage& stage() const { return *subject.stage; }
  /// A new place with what the stage needs in it.
  [[nodiscard]] Place place() const {
    Place place = places.make();
    if (subject.before.empty()) return place;
    const Shown prepared = shell(place, "{\n" + subject.before + "\n} 2>&1");
    require(prepared.ok,
            "the command `before` failed, so nothing can be checked: " + prepared.text);
    return place;
  }
};

/// A check: a function that returns where all is well, and throws Failure or Skip where not.
struct Check {
  const char* name;
  const char* what;   ///< what the stage has to do, one sentence
  unsigned kinds;     ///< of (1 << etl_kind)
  const char* needs;  ///< the check without which this one says nothing; empty = none
  void (*run)(const Probe&);
};
inline constexpr unsigned sources = 1U << ETL_SOURCE, filters = 1U << ETL_FILTER,
                          sinks = 1U << ETL_SINK, all_kinds = sources | filters | sinks;

/// Options that are good for one call, as abi.h has it: their texts are overwritten afterwards.
class BorrowedOptions {
 public:
  explicit BorrowedOptions(std::span<const etl_option> from) : values_(from.begin(), from.end()) {
    for (etl_option& option : values_) {
      const bool text = option.type == ETL_OPTION_STRING || option.type == ETL_OPTION_PATH ||
                        option.type == ETL_OPTION_URL;
      if (text) option.value.s = copied(option.value.s);
      if (option.type != ETL_OPTION_LIST) continue;
      auto& list = lists_.emplace_back(option.value.list.data,
                                       option.value.list.data + option.value.list.size);
      for (etl_str& item : list) item = copied(item);
      option.value.list.data = list.data();
    }
  }
  ~BorrowedOptions() {
    for (std::string& text : texts_) std::ranges::fill(text, '#');
  }
  BorrowedOptions(const BorrowedOptions&) = delete;
  BorrowedOptions& operator=(const BorrowedOptions&) = delete;
  [[nodiscard]] std::span<const etl_option> values() const { return values_; }

 private:
  etl_str copied(etl_str text) { return to_abi(texts_.emplace_back(to_view(text))); }

  std::vector<etl_option> values_;
  std::deque<std::string> texts_;
  std::deque<std::vector<etl_str>> lists_;
};

/// A stage made by create(), destroyed at the end. Several threads may use it as abi.h allows.
class Instance {
 public:
  Instance(const Probe& probe, const Place& place) : stage_(probe.stage()) {
    const GivenOptions given = probe.subject.options(place);
    // Freed before anybody looks at the instance, and overwritten before that.
    const auto borrowed = std::make_unique<BorrowedOptions>(given.values);
    const std::span<const etl_option> values = borrowed->values();
    made_ = call([&](etl_error* error) {
      return stage_.create(host_.abi(), values.data(), values.size(), &self_, error);
    });
    if (!made_) throw Failure("create() refused the options given: " + made_.text());
  }
  ~Instance() { destroy(); }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  void destroy() {
    if (made_ && !destroyed_) stage_.destroy(self_);
    destroyed_ = true;
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

/// Lets a callback from C keep what it wants to throw until the call has returned.
class Kept {
 public:
  template <class Body>
  int run(Body&& body) noexcept {
    try {
      if (!thrown_) body();
    } catch (...) {
      thrown_ = std::current_exception();
    }
    return thrown_ ? 1 : 0;
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::exception_ptr thrown_;
};

inline detail::OwnedSchema exported(const Schema& schema) {
  detail::OwnedSchema out;
  detail::export_schema(schema, out.out());
  return out;
}

/// Runs bodies on threads of their own, and throws what the first of them threw.
inline void at_once(const std::vector<std::function<void()>>& bodies) {
  std::vector<Kept> kept(bodies.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    threads.emplace_back([&, i] { kept[i].run(bodies[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Kept& one : kept) one.rethrow();
}

}  // namespace conformance
}  // namespace v1
}  // namespace etl
