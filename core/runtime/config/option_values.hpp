/// \file
/// Checks what a pipeline file says against the option table that a stage declares, and owns the
/// result in the form that plugins take.
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

/// What values are relative to.
struct OptionContext {
  std::filesystem::path folder;                          ///< the pipeline file's, absolute
  std::chrono::sys_time<std::chrono::microseconds> now;  ///< "-15d" is 15 days before it
  /// What `{task}` in a path becomes; nothing = it stays.
  std::optional<std::int64_t> task = std::nullopt;
};

/// The checked values of one stage. Owns everything that values() points to; neither copied nor
/// moved. Safe to read from several threads.
class OptionValues {
 public:
  OptionValues() = default;
  OptionValues(const OptionValues&) = delete;
  OptionValues& operator=(const OptionValues&) = delete;

  /// In the order of the table; every option that was given or has a default.
  [[nodiscard]] std::span<const etl_option> values() const { return values_; }
  /// Where the value stands in the file; nullptr when the file does not give the option.
  [[nodiscard]] const Position* position(std::string_view option) const;
  /// One line per option that is not operational, defaults included, sorted by name. Equal for
  /// equal values however they are spelled ("60m", "1h"), and on another day: relative times stay
  /// relative. Paths inside the pipeline file's folder are told relative to it, so that the folder
  /// can move. Secrets come as a hash.
  [[nodiscard]] std::string definition() const;
  /// The paths that differ from task to task, by option, absolute and with `{task}` in them.
  [[nodiscard]] const std::map<std::string, std::string>& per_task() const { return per_task_; }
  /// What must not come out: the values of secret options, and passwords inside of others, as in a
  /// URL. No empty strings.
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

/// Whose options are checked.
struct OptionOwner {
  std::string name;   ///< as messages name it: `source "pageviews"`, `[run]`
  Position position;  ///< where a missing option is reported
  /// For a key that the table does not have: where it belongs instead, as a hint; empty = unknown.
  std::function<std::string(std::string_view key)> elsewhere;
};

/// Checks `given` against `table` and fills in defaults. Reports every mistake; nullptr when there
/// is one. A default that the table itself gets wrong is reported as a defect of the plugin.
///
/// Beside the declared types: an integer is taken where a float is wanted; a string that a variable
/// was put into is converted ("4" is 4); a value of --set that looks like a number is taken as text
/// where text is wanted. An empty path stays empty. NUL characters are refused.
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
