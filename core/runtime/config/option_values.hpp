/// \file
/// Checking the options of a stage against the table it declares, and the checked values in the
/// form that plugins take.
#pragma once

#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/document.hpp"

#include <etl/abi.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

struct StageSpec;

/// The context in which relative values are resolved.
struct OptionContext {
  std::filesystem::path folder;                          ///< of the pipeline file, absolute
  std::chrono::sys_time<std::chrono::microseconds> now;  ///< "-15d" is 15 days before it
  /// Replaces `{task}` in a path; nothing = keep it.
  std::optional<std::int64_t> task = std::nullopt;
};

/// The checked option values of one stage. Owns everything that values() points to, so it is
/// neither copied nor moved. Safe to read from several threads.
class OptionValues {
 public:
  OptionValues() = default;
  OptionValues(const OptionValues&) = delete;
  OptionValues& operator=(const OptionValues&) = delete;

  /// Every option that was given or has a default, in the order of the table.
  [[nodiscard]] std::span<const etl_option> values() const { return values_; }
  /// The position of the value, or nullptr if the option was not given.
  [[nodiscard]] const Position* position(std::string_view option) const;
  /// One line per non-operational option, defaults included, sorted by name. Does not depend on how
  /// a value is spelled ("60m", "1h") or on the current time: relative times stay relative. Paths
  /// inside the pipeline file's folder are relative to it, so that the folder can move. Secrets are
  /// hashed.
  [[nodiscard]] std::string definition() const;
  /// The paths that contain `{task}`, by option; absolute, before replacement.
  [[nodiscard]] const std::map<std::string, std::string>& per_task() const { return per_task_; }
  /// What to conceal: values of secret options, and passwords inside other values, such as URLs. No
  /// empty strings.
  [[nodiscard]] std::vector<std::string> secrets() const { return secrets_; }

 private:
  friend class OptionChecker;
  etl_str keep(std::string text);

  std::vector<etl_option> values_;
  std::deque<std::string> texts_;
  std::deque<std::vector<etl_str>> lists_;
  std::map<std::string, Position, std::less<>> positions_;
  std::map<std::string, std::string> definition_;
  std::map<std::string, std::string> per_task_;
  std::vector<std::string> secrets_;
};

/// The stage or table whose options are checked.
struct OptionOwner {
  std::string name;   ///< as in messages: `source "pageviews"`, `[run]`
  Position position;  ///< where missing options are reported
  /// Suggests where an unknown key belongs; empty = no suggestion.
  std::function<std::string(std::string_view key)> elsewhere;
};

/// Checks `given` against `table` and fills in defaults. Reports every mistake and returns nullptr
/// if there is one. An invalid default in the table is reported as a bug in the plugin.
///
/// Accepts, beside the declared types, an integer for a float; a string with expanded variables for
/// any scalar ("4" is 4); and a --set value that looks like a number for a string. An empty path
/// stays empty. NUL characters are refused.
[[nodiscard]] std::unique_ptr<OptionValues> check_options(const OptionOwner& owner,
                                                          std::span<const RawOption> given,
                                                          std::span<const etl_option_spec> table,
                                                          const OptionContext& context,
                                                          Diagnostics& diagnostics);

/// The same for a stage of a pipeline file.
[[nodiscard]] std::unique_ptr<OptionValues> check_options(const StageSpec& stage,
                                                          std::span<const etl_option_spec> table,
                                                          const OptionContext& context,
                                                          Diagnostics& diagnostics);

}  // namespace etl::runtime
