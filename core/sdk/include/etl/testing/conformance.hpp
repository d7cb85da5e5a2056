/// \file
/// The conformance kit: checks that a stage follows the plugin ABI. `etl check FILE.so` runs it;
/// unit tests of a plugin use it through <etl/testing/conformance_test.hpp>.
///
/// Every check runs in a separate child process: a crash, an exit or a hang is a failed check. A
/// check that depends on a failed one, or that does not apply, is skipped and says why.
#pragma once

#include <etl/testing/conformance/child_process.hpp>
#include <etl/testing/conformance/filter_checks.hpp>
#include <etl/testing/conformance/option_checks.hpp>
#include <etl/testing/conformance/process_checks.hpp>
#include <etl/testing/conformance/sink_checks.hpp>
#include <etl/testing/conformance/source_checks.hpp>

#include <set>

namespace etl::inline v1::conformance {

/// All checks; each comes after those it depends on.
inline const std::vector<Check>& all_checks() {
  static const std::vector<Check> all = [] {
    std::vector<Check> list;
    const auto add = [&](std::span<const Check> some) {
      list.insert(list.end(), some.begin(), some.end());
    };
    add(descriptor_checks);
    add(option_checks);
    add(source_checks);
    add(filter_checks);
    add(sink_checks);
    add(process_checks);
    return list;
  }();
  return all;
}

/// The checks of one kind of stage.
inline std::vector<Check> checks_of(std::uint32_t kind) {
  std::vector<Check> list;
  for (const Check& check : all_checks()) {
    if (kind < 32 && (check.kinds & (1U << kind)) != 0) list.push_back(check);
  }
  return list;
}

enum class Verdict { passed, failed, skipped, stopped };

struct Outcome {
  Verdict verdict = Verdict::passed;
  std::string message;  ///< why it did not pass
};

/// Settings for running checks.
struct CheckSettings {
  std::chrono::milliseconds limit{std::chrono::minutes(1)};  ///< for one check
  std::function<bool()> stop = {};                           ///< polled; true = stop
  /// A shell command that cleans up outside the check's folders; run in each of them at the end,
  /// with `{scratch}` and `{id}` replaced.
  std::string after = {};
};

namespace detail {

/// The temporary folder of one check.
class CheckFolder {
 public:
  CheckFolder() {
    std::string path = (fs::temp_directory_path() / "etl_check.XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) {
      throw Error::transient("cannot create a folder in " + fs::temp_directory_path().string());
    }
    path_ = path;
  }
  ~CheckFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  CheckFolder(const CheckFolder&) = delete;
  CheckFolder& operator=(const CheckFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

  /// Runs `after` in every place, including those of processes that were killed.
  void clean_up(const std::string& after) const {
    if (after.empty()) return;
    for (const auto& place : fs::directory_iterator(path_)) {
      shell({place.path(), place.path().filename().string()}, after);
    }
  }

 private:
  fs::path path_;
};

constexpr std::string_view failed_mark = "failed ", skipped_mark = "skipped ";

inline std::string last_lines(const std::string& text) {
  constexpr std::size_t most = 2000;
  if (text.empty()) return {};
  const std::string tail = text.size() > most ? "..." + text.substr(text.size() - most) : text;
  return "\nIt wrote:\n" + tail;
}

inline Outcome outcome_of(const ChildEnd& end, std::chrono::milliseconds limit) {
  if (end.how == ChildEnd::How::stopped) return {Verdict::stopped, "stopped"};
  if (end.how == ChildEnd::How::returned) {
    if (end.answer.starts_with(failed_mark)) {
      return {Verdict::failed, end.answer.substr(failed_mark.size())};
    }
    if (end.answer.starts_with(skipped_mark)) {
      return {Verdict::skipped, end.answer.substr(skipped_mark.size())};
    }
    return {};
  }
  std::string text = "the stage's process " + end.text();
  if (end.how == ChildEnd::How::too_long) {
    const std::int64_t ms = limit.count();
    text += " (" +
            (ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms") + ")";
  }
  return {Verdict::failed, text + last_lines(end.output)};
}

}  // namespace detail

/// Runs one check in a child process. `subject` is called there: it may load a library.
inline Outcome run_check(const Check& check, const std::function<Subject()>& subject,
                         const CheckSettings& settings = {}) {
  const detail::CheckFolder folder;
  const ChildEnd end = run_in_child(
      [&](const Say& say) {
        std::string answer;
        try {
          const Subject checked = subject();
          Places places(folder.path());
          check.run({checked, places});
        } catch (const Failure& failure) {
          answer = std::string(detail::failed_mark) + failure.what();
        } catch (const Skip& skip) {
          answer = std::string(detail::skipped_mark) + skip.what();
        } catch (const Error& error) {  // the options are invalid
          answer = std::string(detail::failed_mark) + error.message();
        }
        say(answer);
      },
      settings.limit, settings.stop);
  folder.clean_up(settings.after);
  return detail::outcome_of(end, settings.limit);
}

/// Runs checks in order and calls `report` with each outcome. Skips a check if the one it depends
/// on was run and did not pass. Returns early if `settings.stop` returns true.
inline void run_checks(
    const std::vector<Check>& checks, const std::function<Subject()>& subject,
    const CheckSettings& settings,
    const std::function<void(const Check&, const Outcome&, std::chrono::nanoseconds)>& report) {
  std::set<std::string_view> not_passed;
  for (const Check& check : checks) {
    const auto begin = std::chrono::steady_clock::now();
    Outcome outcome{Verdict::skipped, std::string("needs ") + check.needs + ", which did not pass"};
    if (!not_passed.contains(check.needs)) outcome = run_check(check, subject, settings);
    if (outcome.verdict == Verdict::stopped) return;
    if (outcome.verdict != Verdict::passed) not_passed.insert(check.name);
    report(check, outcome, std::chrono::steady_clock::now() - begin);
  }
}

}  // namespace etl::inline v1::conformance
