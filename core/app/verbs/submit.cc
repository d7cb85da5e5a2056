#include "core/app/cli/verb.hpp"
#include "core/app/cluster/scripts.hpp"
#include "core/app/cluster/submission.hpp"
#include "core/app/cluster/submission_watch.hpp"
#include "core/app/verbs/run_report.hpp"
#include "core/runtime/base/text_format.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace etl::app {
namespace {

namespace fs = std::filesystem;

void require_reachable(const runtime::Preflight& preflight) {
  for (const runtime::TargetState& target : preflight.targets) {
    if (target.unreachable) throw runtime::StageError(*target.unreachable);
  }
}

/// Creates the targets now, before many tasks would try to at the same time.
void prepare_targets(const runtime::Graph& graph) {
  for (const runtime::NodeIndex sink : graph.of_kind(runtime::Kind::sink)) {
    if (runtime::per_task(graph[sink]).empty()) graph.sink(sink).prepare(graph[sink].in);
  }
}

/// Names and contents of the files of a submission's folder; the one to start comes first.
using Files = std::vector<std::pair<std::string, std::string>>;

Files files_for(const SubmitOptions& options, const Submission& submission,
                const std::vector<TaskArray>& arrays) {
  if (options.engine == "parallel") return {{"job.sh", parallel_script(submission)}};
  if (options.engine == "kubernetes")
    return {{"job.json", kubernetes_manifest(submission, options.image)}};
  Files files;
  for (const TaskArray& array : arrays)
    files.emplace_back(array.script(), slurm_script(submission, array));
  return files;
}

/// Only the user may read the folder: logs and arguments may hold confidential data.
void make_private_folder(const fs::path& folder) {
  std::error_code failure;
  const bool made = fs::create_directories(folder, failure);
  if (!failure && made) fs::permissions(folder, fs::perms::owner_all, failure);
  if (!failure) return;
  throw Error::config(
      fmt::format("--job-dir: cannot create {}: {}", folder.string(), failure.message()));
}

/// Returns the path of the file to start.
fs::path write_files(const Submission& submission, const Files& files) {
  make_private_folder(submission.folder);
  for (const auto& [name, text] : files) {
    const fs::path path = submission.folder / name;
    if (fs::exists(path))
      throw Error::config(fmt::format("--job-dir: {} already exists", path.string()));
    std::ofstream out(path);
    out << text;
    out.close();
    if (out) continue;
    throw Error::permanent(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
  }
  return submission.folder / files.front().first;
}

class Submit : public Verb {
 public:
  Submit() : Verb("submit", "Run a pipeline on the engine of a cluster") {}

  void declare(Options& options) override {
    declare_pipeline_file(options, file_);
    options
        .word("--engine", options_.engine, {"slurm", "kubernetes", "parallel"},
              "slurm: submit a job array. kubernetes, parallel: write a file to start yourself")
        .required = true;
    common.declare_set(options);
    options_.selection.declare(options);
    common.declare_format(options);
    common.declare_workers(options);
    common.declare_now(options);
    options.number(
        "--tasks", options_.tasks, {1, 1'000'000},
        "Number of shares to cut the plan into; default: enough that each takes about ten seconds");
    options.number("--tasks-at-once", options_.tasks_at_once, {1, 100'000},
                   "Number of tasks that may run at once; default: what `connections` allows, at "
                   "most 16");
    options
        .value("--job-dir", options_.folder,
               "Folder for script, logs and reports that all nodes can reach; default: a new one "
               "in etl-jobs")
        .type = "DIR";
    options.value("--image", options_.image, "Container image that has etl (kubernetes)");
    options.flag("--wait", wait_,
                 "Wait until all tasks have ended; progress, summary and exit code are those of a "
                 "run (slurm,\nparallel)");
    options.flag("--reload", options_.reload, reload_help);
    options.flag("--dry-run", dry_run_, "Print the script; write and submit nothing");
    progress_.declare(options);
    options.value("--report", report_, "With --wait, also write the summary to this file as JSON");
  }

  int run(const Session& session) override {
    require_consistent();
    const RunReport report(report_);
    const OpenedPipeline pipeline = session.open(file_);
    const runtime::Preflight preflight = pipeline.run_preflight(options_.reload);
    session.require_not_stopped();
    const Submission submission = make_submission(common, options_, *pipeline, preflight);
    require_reachable(preflight);
    session.require_not_stopped();
    const bool slurm = options_.engine == "slurm";
    const auto arrays =
        slurm ? arrays_of(submission, Slurm::most_tasks()) : std::vector<TaskArray>{};
    const Files files = files_for(options_, submission, arrays);
    if (dry_run_) {
      for (const auto& [name, text] : files) print(text);
      return exit_ok;
    }
    if (submission.pending.empty()) {
      if (wait_) return watch_to_end(session, *pipeline, submission, nullptr, report);
      show_nothing_to_do(submission);
      return exit_ok;
    }
    prepare_targets(*pipeline->graph);
    const fs::path script = write_files(submission, files);
    if (slurm) return submit_to_slurm(session, *pipeline, submission, arrays, report);
    if (!wait_) {
      show(submission, script, {});
      return exit_ok;
    }
    ParallelSubmission running(session, submission, script);
    return watch_to_end(session, *pipeline, submission, &running, report);
  }

 private:
  void require_consistent() const {
    const bool kubernetes = options_.engine == "kubernetes";
    if (wait_ && dry_run_)
      throw Error::config("--wait: with --dry-run there is nothing to wait for");
    if (wait_ && kubernetes) {
      throw Error::config(
          "--wait: etl does not start what it writes for kubernetes; after kubectl apply, watch it "
          "with etl status FILE --watch, or kubectl wait");
    }
    if (!report_.empty() && !wait_)
      throw Error::config("--report: there is a summary to write only with --wait");
    if (kubernetes && options_.image.empty())
      throw Error::config(
          "--engine kubernetes: give the container image that has etl: --image IMAGE");
    if (!kubernetes && !options_.image.empty())
      throw Error::config("--image: only --engine kubernetes runs containers");
  }

  int submit_to_slurm(const Session& session, const runtime::Pipeline& pipeline,
                      const Submission& submission, const std::vector<TaskArray>& arrays,
                      const RunReport& report) const {
    SlurmSubmission running(session, submission, arrays);
    session.log.info(fmt::format("job {} of slurm: {}; logs: {}", running.ids(),
                                 size_text(submission), submission.folder.string()));
    if (wait_) return watch_to_end(session, pipeline, submission, &running, report);
    show(submission, submission.folder / arrays.front().script(), running.ids());
    return exit_ok;
  }

  int watch_to_end(const Session& session, const runtime::Pipeline& pipeline,
                   const Submission& submission, RunningSubmission* running,
                   const RunReport& report) const {
    const runtime::Summary summary =
        watch(session, progress_.resolve(session.log), pipeline, submission, running);
    return report.finish(session, summary);
  }

  static std::string size_text(const Submission& submission) {
    const auto count = [](std::size_t number, const char* noun) {
      return runtime::counted(static_cast<std::int64_t>(number), noun);
    };
    return fmt::format("{} in {}, {} at once", count(submission.partitions_to_do(), "partition"),
                       count(submission.to_start.size(), "task"), submission.at_once);
  }

  [[nodiscard]] std::string next_step(const fs::path& script, const std::string& id) const {
    if (options_.engine == "kubernetes") return "start it: kubectl apply -f " + script.string();
    if (options_.engine == "parallel") return "start it: bash " + script.string();
    return fmt::format("watch it: etl status {} --watch; stop it: scancel {}", file_.string(), id);
  }

  void show_json(const Submission& submission, const fs::path& script,
                 const std::string& id) const {
    nlohmann::json result = {{"pipeline", submission.pipeline},
                             {"engine", options_.engine},
                             {"job", nullptr},
                             {"script", script.string()},
                             {"tasks", submission.tasks},
                             {"tasks_to_start", submission.to_start},
                             {"tasks_at_once", submission.at_once},
                             {"partitions", submission.partitions_to_do()}};
    if (!id.empty()) result["job"] = id;
    print_json(result);
  }

  void show(const Submission& submission, const fs::path& script, const std::string& id) const {
    if (common.format == Format::json) return show_json(submission, script, id);
    print(fmt::format("pipeline \"{}\": {}{}\nscript: {}\n{}\n", submission.pipeline,
                      size_text(submission),
                      id.empty() ? "" : fmt::format(", job {} of {}", id, options_.engine),
                      script.string(), next_step(script, id)));
  }

  void show_nothing_to_do(const Submission& submission) const {
    if (common.format == Format::json) return show_json(submission, {}, {});
    print(fmt::format("pipeline \"{}\": nothing to do, all {} are done\n", submission.pipeline,
                      submission.planned.size()));
  }

  fs::path file_;
  SubmitOptions options_;
  bool wait_ = false;
  bool dry_run_ = false;
  ProgressOption progress_;
  fs::path report_;  ///< empty = none
};

}  // namespace

std::unique_ptr<Verb> submit_verb() { return std::make_unique<Submit>(); }

}  // namespace etl::app
