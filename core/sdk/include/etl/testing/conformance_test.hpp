/// \file
/// The conformance kit for a plugin's own unit tests: checks a stage class without a runner and
/// without a plugin file. Works with any test framework.
///
/// ```
/// TEST(AtLeast, FollowsThePluginAbi) {
///   const auto found = etl::conformance::check<AtLeast>({.options = {{"column", "count"}}});
///   EXPECT_EQ(etl::conformance::failures(found), etl::Strings());
/// }
/// ```
///
/// Each check forks this process, so call it while the process has a single thread. Errors of the
/// stage are findings; etl::Error is thrown only if no child process can be made.
#pragma once

#include <etl/plugin.hpp>
#include <etl/testing/conformance.hpp>
#include <etl/testing/mock_host.hpp>

namespace etl::inline v1::conformance {

/// The setup for checking a stage, as in the check file of `etl check`. `{scratch}` (an empty
/// folder) and `{id}` (a unique word) are replaced in commands and strings.
struct Given {
  std::vector<std::pair<std::string, testing::Value>> options = {};
  std::vector<InputColumn> columns = {};  ///< of filters and sinks; empty = chosen by the kit
  std::string before = {};                ///< shell command: creates what the stage needs
  std::string after = {};                 ///< shell command: cleans up outside the folder
  std::string dump = {};                  ///< shell command: prints the rows a sink has written
  std::chrono::milliseconds limit{std::chrono::minutes(1)};  ///< for one check
};

/// The outcome of one check.
struct Finding {
  std::string check;
  Verdict verdict = Verdict::passed;
  std::string message;  ///< why it did not pass
};

namespace detail {

inline GivenOptions filled(const etl_stage& stage, const Given& given, const Place& place) {
  std::vector<std::pair<std::string_view, testing::Value>> values(given.options.begin(),
                                                                  given.options.end());
  for (auto& [name, value] : values) {
    if (auto* text = std::get_if<std::string>(&value)) *text = place.fill(*text);
    if (auto* list = std::get_if<Strings>(&value)) {
      for (std::string& item : *list) item = place.fill(item);
    }
    if (auto* map = std::get_if<StringMap>(&value)) {
      for (auto& [key, item] : *map) item = place.fill(item);
    }
  }
  auto made = std::make_shared<testing::detail::OptionSet>(
      std::span(stage.options, stage.option_count), values);
  const std::span<const etl_option> options = made->values();
  return {std::move(made), options};
}

inline Strings of_verdict(const std::vector<Finding>& findings, Verdict verdict) {
  Strings lines;
  for (const Finding& one : findings) {
    if (one.verdict == verdict) lines.push_back(one.check + ": " + one.message);
  }
  return lines;
}

}  // namespace detail

/// Runs all checks for the stage's kind, in order.
[[nodiscard]] inline std::vector<Finding> check(const etl_stage& stage, const Given& given) {
  const auto subject = [&] {
    return Subject{
        .stage = &stage,
        .options = [&](const Place& place) { return detail::filled(stage, given, place); },
        .columns = given.columns,
        .before = given.before,
        .dump = given.dump};
  };
  std::vector<Finding> findings;
  run_checks(checks_of(stage.kind), subject, {.limit = given.limit, .after = given.after},
             [&](const Check& one, const Outcome& outcome, std::chrono::nanoseconds) {
               findings.push_back({one.name, outcome.verdict, outcome.message});
             });
  return findings;
}

/// Runs all checks for a stage class.
template <class Stage>
[[nodiscard]] std::vector<Finding> check(const Given& given = {}) {
  return check(etl::v1::detail::stage_of<Stage>, given);
}

/// `CHECK: reason` for every failed check.
[[nodiscard]] inline Strings failures(const std::vector<Finding>& findings) {
  return detail::of_verdict(findings, Verdict::failed);
}

/// `CHECK: reason` for every skipped check.
[[nodiscard]] inline Strings skipped(const std::vector<Finding>& findings) {
  return detail::of_verdict(findings, Verdict::skipped);
}

}  // namespace etl::inline v1::conformance
