#include "core/app/cli/exit_codes.hpp"
#include "core/app/cluster/follow.hpp"
#include "core/app/cluster/job_script.hpp"
#include "core/app/cluster/submission.hpp"
#include "core/app/verbs/run_report.hpp"
#include "core/runtime/pipeline/preflight.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>

namespace etl::app {
namespace {

namespace fs = std::filesystem;

void check_arguments(const Arguments& arguments) {
  const std::string& engine = arguments.engine;
  if (arguments.wait && arguments.dry_run)
    throw Error::config("--wait: with --dry-run there is no job to follow");
  if (arguments.wait && engine == "kubernetes") {
    throw Error::config(
        "--wait: etl does not start what it writes for kubernetes; after kubectl apply, follow it "
        "with etl status FILE --watch, or kubectl wait");
  }
  if (!arguments.report.empty() && !arguments.wait)
    throw Error::config("--report: only with --wait is there a summary to write");
  if (engine == "kubernetes" && arguments.image.empty())
    throw Error::config("--engine kubernetes: say which container image has etl: --image IMAGE");
  if (engine != "kubernetes" && !arguments.image.empty())
    throw Error::config("--image: only --engine kubernetes runs containers");
}

void require_reachable(const runtime::Preflight& preflight) {
  for (const runtime::TargetState& target : preflight.targets) {
    if (target.unreachable) throw runtime::StageError(*target.unreachable);
  }
}

/// Once, before many tasks would do it at the same moment.
void prepare_targets(const runtime::Graph& graph) {
  for (const runtime::NodeIndex sink : graph.of_kind(runtime::Kind::sink)) {
    if (runtime::per_task(graph[sink]).empty()) graph.sink(sink).prepare(graph[sink].in);
  }
}

/// What is written into the job's folder: file names and contents, what is started first.
using Files = std::vector<std::pair<std::string, std::string>>;

Files files_for(const Arguments& arguments, const Job& job, const std::vector<TaskArray>& arrays) {
  if (arguments.engine == "parallel") return {{"job.sh", parallel_script(job)}};
  if (arguments.engine == "kubernetes")
    return {{"job.json", kubernetes_manifest(job, arguments.image)}};
  Files files;
  for (const TaskArray& array : arrays)
    files.emplace_back(array.script(), slurm_script(job, array));
  return files;
}

/// For nobody else's eyes: logs and arguments may tell more than they should.
void make_folder(const fs::path& folder) {
  std::error_code failure;
  const bool made = fs::create_directories(folder, failure);
  if (!failure && made) fs::permissions(folder, fs::perms::owner_all, failure);
  if (!failure) return;
  throw Error::config(
      fmt::format("--job-dir: cannot make {}: {}", folder.string(), failure.message()));
}

/// The path of the first of them.
fs::path write_job(const Job& job, const Files& files) {
  make_folder(job.folder);
  for (const auto& [name, text] : files) {
    const fs::path path = job.folder / name;
    if (fs::exists(path))
      throw Error::config(fmt::format("--job-dir: {} is there already", path.string()));
    std::ofstream out(path);
    out << text;
    out.close();
    if (out) continue;
    throw Error::permanent(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
  }
  return job.folder / files.front().first;
}

std::string next_step(const Arguments& arguments, const fs::path& script, const std::string& id) {
  const std::string file = arguments.files.front().string();
  if (arguments.engine == "kubernetes") return "start it: kubectl apply -f " + script.string();
  if (arguments.engine == "parallel") return "start it: bash " + script.string();
  return fmt::format("follow it: etl status {} --watch; stop it: scancel {}", file, id);
}

void tell(const Session& session, const Job& job, const fs::path& script, const std::string& id) {
  const Arguments& arguments = session.arguments;
  if (arguments.format == Format::json) {
    nlohmann::json result = {{"pipeline", job.pipeline},
                             {"engine", arguments.engine},
                             {"job", nullptr},
                             {"script", script.string()},
                             {"tasks", job.tasks},
                             {"tasks_to_start", job.to_start},
                             {"tasks_at_once", job.at_once},
                             {"partitions", job.partitions_to_do()}};
    if (!id.empty()) result["job"] = id;
    return print_json(result);
  }
  print(fmt::format("pipeline \"{}\": {} partitions in {} tasks, {} at once{}\nscript: {}\n{}\n",
                    job.pipeline, job.partitions_to_do(), job.to_start.size(), job.at_once,
                    id.empty() ? "" : fmt::format(", job {} of {}", id, arguments.engine),
                    script.string(), next_step(arguments, script, id)));
}

int nothing_to_do(const Session& session, const Job& job) {
  if (session.arguments.format == Format::json) tell(session, job, {}, {});
  else
    print(fmt::format("pipeline \"{}\": nothing to do, all of {} partitions are done\n",
                      job.pipeline, job.planned.size()));
  return exit_ok;
}

int follow(const Session& session, const runtime::Pipeline& pipeline, const Job& job,
           EngineJob* engine, const RunReport& file) {
  const runtime::Summary summary = follow_job(session, pipeline, job, engine);
  file.write(summary.json());
  if (session.arguments.format == Format::json) print_json(summary.json());
  else print(summary.text());
  if (summary.status == "interrupted") return exit_signal + session.cancellation.reason();
  return summary.status == "failed" ? exit_failed : exit_ok;
}

int submit_to_slurm(const Session& session, const runtime::Pipeline& pipeline, const Job& job,
                    const std::vector<TaskArray>& arrays, const RunReport& file) {
  SlurmJob submitted(session, job, arrays);
  session.log.info(fmt::format("job {} of slurm: {} partitions in {} tasks, {} at once; logs: {}",
                               submitted.ids(), job.partitions_to_do(), job.to_start.size(),
                               job.at_once, job.folder.string()));
  if (session.arguments.wait) return follow(session, pipeline, job, &submitted, file);
  tell(session, job, job.folder / arrays.front().script(), submitted.ids());
  return exit_ok;
}

}  // namespace

int submit(const Session& session) {
  const Arguments& arguments = session.arguments;
  check_arguments(arguments);
  const RunReport file(arguments.report);
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline(session.open_request(), registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  const runtime::Preflight preflight =
      runtime::run_preflight(*pipeline, arguments.reload, diagnostics);
  if (diagnostics.failed()) return report(session, diagnostics);
  require_not_stopped(session);
  const Job job = make_job(session, *pipeline, preflight);
  require_reachable(preflight);
  require_not_stopped(session);
  const bool slurm = arguments.engine == "slurm";
  const auto arrays = slurm ? arrays_of(job, Slurm::most_tasks()) : std::vector<TaskArray>{};
  const Files files = files_for(arguments, job, arrays);
  if (arguments.dry_run) {
    for (const auto& [name, text] : files) print(text);
    return exit_ok;
  }
  if (job.wanted.empty() && !arguments.wait) return nothing_to_do(session, job);
  if (job.wanted.empty()) return follow(session, *pipeline, job, nullptr, file);
  prepare_targets(*pipeline->graph);
  const fs::path script = write_job(job, files);
  if (slurm) return submit_to_slurm(session, *pipeline, job, arrays, file);
  if (!arguments.wait) {
    tell(session, job, script, {});
    return exit_ok;
  }
  ParallelJob parallel(session, job, script);
  return follow(session, *pipeline, job, &parallel, file);
}

}  // namespace etl::app
