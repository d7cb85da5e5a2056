/// \file
/// The context of a verb: common options, log, cancellation, stdout and exit codes. Opens
/// pipelines.
#pragma once

#include "core/app/cli/common_options.hpp"
#include "core/runtime/base/cancellation.hpp"
#include "core/runtime/base/log.hpp"
#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/plugin/stage_registry.hpp"

#include <nlohmann/json.hpp>

#include <exception>
#include <filesystem>
#include <memory>
#include <string>

namespace etl::app {

// Exit codes; 64, 70, 75 and 78 are those of sysexits.h.
inline constexpr int exit_ok = 0;         ///< done, also when there was nothing to do
inline constexpr int exit_failed = 1;     ///< something failed; run again to retry just that
inline constexpr int exit_usage = 64;     ///< wrong command line
inline constexpr int exit_internal = 70;  ///< a defect of etl
inline constexpr int exit_retry = 75;     ///< of a task: worth retrying (EX_TEMPFAIL)
inline constexpr int exit_config = 78;    ///< bad pipeline file or plugin
inline constexpr int exit_signal = 128;   ///< + signal number: stopped after rolling back

/// Whether to use colour on this stream (1 or 2): it is a terminal that understands it, and
/// $NO_COLOR is not set (https://no-color.org).
[[nodiscard]] bool colour_on(int descriptor);
/// Writes a result to stdout. Returns false if its reader has closed it, as `head` does: nothing
/// more is wanted, which is not a failure. Throws Error (permanent) if it cannot be written.
bool print(const std::string& text);
/// Prints one JSON document; invalid UTF-8 is replaced. Throws as print().
void print_json(const nlohmann::json& document);

struct Session;

/// Thrown when a pipeline file has errors; main() reports them.
struct InvalidPipeline : std::exception {
  explicit InvalidPipeline(std::shared_ptr<const runtime::Diagnostics> found)
      : diagnostics(std::move(found)) {}
  [[nodiscard]] const char* what() const noexcept override { return "invalid pipeline file"; }

  std::shared_ptr<const runtime::Diagnostics> diagnostics;
};

/// A checked pipeline with the plugins it was made from.
class OpenedPipeline {
 public:
  /// Throws InvalidPipeline.
  OpenedPipeline(const Session& session, const runtime::OpenRequest& request);
  OpenedPipeline(const OpenedPipeline&) = delete;
  OpenedPipeline& operator=(const OpenedPipeline&) = delete;
  ~OpenedPipeline() = default;

  const runtime::Pipeline& operator*() const { return *pipeline_; }
  const runtime::Pipeline* operator->() const { return pipeline_.get(); }

  /// Looks at targets and ledgers; see runtime::run_preflight(). Throws InvalidPipeline.
  [[nodiscard]] runtime::Preflight run_preflight(bool reload) const;

 private:
  runtime::StageRegistry registry_;
  std::shared_ptr<runtime::Diagnostics> diagnostics_;
  std::unique_ptr<runtime::Pipeline> pipeline_;
};

struct Session {
  const CommonOptions& options;
  runtime::Log& log;
  runtime::Cancellation& cancellation;

  /// The stages found on the search path of this command line.
  [[nodiscard]] runtime::StageRegistry registry() const;
  /// How to open a file: with --set and --now, and with a check of its tests.
  [[nodiscard]] runtime::OpenRequest open_request(const std::filesystem::path& file) const;
  /// Opens a pipeline file. Throws InvalidPipeline.
  [[nodiscard]] OpenedPipeline open(const std::filesystem::path& file) const;
  /// Opens a pipeline whose partitions will not be read: options that only reading needs may be
  /// missing. Throws InvalidPipeline.
  [[nodiscard]] OpenedPipeline open_to_look(const std::filesystem::path& file) const;

  [[nodiscard]] bool json() const { return options.format == Format::json; }
  [[nodiscard]] std::string conceal(const std::string& text) const;
  /// The diagnostics with secrets concealed: for people, and as JSON.
  [[nodiscard]] std::string diagnostics_text(const runtime::Diagnostics& diagnostics) const;
  [[nodiscard]] nlohmann::json diagnostics_json(const runtime::Diagnostics& diagnostics) const;
  /// Writes diagnostics to stderr: as `text`, or in a JSON log as a line of JSON each.
  void show_diagnostics(const nlohmann::json& list, const std::string& text) const;

  /// Throws Error (cancelled) once a stop was requested: a partial result must not look complete.
  void require_not_stopped() const;
  /// The exit code of a verb that a signal has stopped.
  [[nodiscard]] int signal_exit_code() const { return exit_signal + cancellation.reason(); }
};

}  // namespace etl::app
