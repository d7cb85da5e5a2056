#include "core/app/cli/share_option.hpp"
#include "core/app/cli/verb.hpp"
#include "core/app/verbs/run_report.hpp"
#include "core/runtime/attempt/faults.hpp"
#include "core/runtime/base/units.hpp"
#include "core/runtime/run/runner.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace etl::app {
namespace {

/// Returns why a value of --fault is refused, or "".
std::string check_fault(const std::string& text) {
  try {
    const runtime::FaultPlan plan({text});
    return {};
  } catch (const Error& error) {
    const std::string prefix = "--fault " + text + ": ";  // the parser names the option itself
    const std::string& message = error.message();
    return "is not valid: " + message.substr(message.starts_with(prefix) ? prefix.size() : 0);
  }
}

/// Throws Error (config) if an option of the file is a relative time: tasks start at different
/// times and would plan different partitions.
void require_fixed_times(const runtime::Pipeline& pipeline) {
  for (const runtime::StageSpec& stage : pipeline.file.stages) {
    for (const runtime::RawOption& option : stage.options) {
      const auto* text = std::get_if<std::string>(&option.data);
      if (text == nullptr || !runtime::parse_relative_time(*text)) continue;
      const etl_option_spec* spec = pipeline.graph->option_spec(stage.name, option.name);
      if (spec == nullptr || spec->type != ETL_OPTION_TIME) continue;
      throw Error::config(fmt::format(
          "--task: option \"{}\" of {} \"{}\" is relative (\"{}\"), so tasks that start at "
          "different times would plan different partitions; give all of them the same --now TIME",
          option.name, runtime::kind_name(stage.kind), stage.name, *text));
    }
  }
}

class Run : public Verb {
 public:
  Run() : Verb("run", "Run a pipeline") {}

  void declare(Options& options) override {
    declare_pipeline_file(options, file_);
    common.declare_set(options);
    selection_.declare(options);
    common.declare_format(options);
    common.declare_workers(options);
    common.declare_now(options);
    options
        .value(
            "--task", task_,
            "I/N: load only the I-th (from 0) of N shares of the plan; auto or auto/N: take them "
            "from the\nengine's environment. Exit code 75: worth retrying")
        .check = check_share;
    options.number("--task-offset", task_offset_, {0, 1'000'000},
                   "Number to add to the index of the task, for plans cut into several arrays");
    options.flag("--reload", reload_, reload_help);
    progress_.declare(options);
    options
        .value("--fault", faults_,
               "POINT[@N]=kill|error|delay:TIME: fail on purpose at the N-th (default 1, * = "
               "every) time\nthe run passes source.open, source.opened, source.batch, "
               "sink.commit or sink.committed (repeatable)")
        .check = check_fault;
    options.value("--report", report_, "Also write the summary to this file as JSON");
  }

  int run(const Session& session) override {
    const RunReport report(report_);
    try {
      return run(session, report);
    } catch (const InvalidPipeline& invalid) {
      // An earlier run's report must not pass for that of this one.
      runtime::Summary refused;
      refused.status = "failed";
      refused.failures.push_back({});
      refused.failures.back().error = session.conceal(invalid.diagnostics->text(false));
      static_cast<void>(report.write(refused, session.log));
      throw;
    }
  }

  int transient_exit_code() const override { return task_.empty() ? exit_failed : exit_retry; }

 private:
  int run(const Session& session, const RunReport& report) const {
    const runtime::Selection selection = select();
    runtime::OpenRequest request = session.open_request(file_);
    request.reload = reload_;
    if (selection.share) request.task = selection.share->index;
    const OpenedPipeline pipeline(session, request);
    if (selection.share && common.now.empty()) require_fixed_times(*pipeline);
    const runtime::Summary summary =
        runtime::run_pipeline(*pipeline, pipeline.run_preflight(reload_),
                              {selection, reload_, progress_.resolve(session.log), faults_},
                              session.cancellation, session.log);
    const int code = report.finish(session, summary);
    const bool retry = summary.status == "failed" &&
                       std::ranges::any_of(summary.failures, &runtime::Failure::transient);
    return retry ? transient_exit_code() : code;
  }

  [[nodiscard]] runtime::Selection select() const {
    runtime::Selection selection{selection_.only, selection_.limit};
    if (!task_.empty())
      selection.share = parse_share(task_, task_offset_, runtime::environment_variable);
    return selection;
  }

  std::filesystem::path file_;
  SelectionOptions selection_;
  std::string task_;  ///< empty = the whole plan
  std::int64_t task_offset_ = 0;
  bool reload_ = false;
  ProgressOption progress_;
  std::vector<std::string> faults_;
  std::filesystem::path report_;  ///< empty = none
};

}  // namespace

std::unique_ptr<Verb> run_verb() { return std::make_unique<Run>(); }

}  // namespace etl::app
