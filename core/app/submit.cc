#include "core/app/exit_codes.hpp"
#include "core/app/follow.hpp"
#include "core/app/job.hpp"
#include "core/app/job_script.hpp"
#include "core/app/run_report.hpp"
#include "core/app/slurm.hpp"

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
  if (arguments.wait && (engine != "slurm" || arguments.dry_run)) {
    throw Error::config(
        "--wait follows a job that etl submitted: with --engine slurm, and without --dry-run");
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
  for (const runtime::NodeIndex sink : graph.of_kind(runtime::Kind::sink))
    graph[sink].stage->prepare(graph[sink].in);
}

std::string text_for(const Arguments& arguments, const Job& job) {
  if (arguments.engine == "slurm") return slurm_script(job);
  if (arguments.engine == "parallel") return parallel_script(job);
  return kubernetes_manifest(job, arguments.image);
}

/// For nobody else's eyes: logs and arguments may tell more than they should.
fs::path write_job(const Arguments& arguments, const Job& job) {
  const fs::path path = job.folder / (arguments.engine == "kubernetes" ? "job.json" : "job.sh");
  std::error_code failure;
  const bool made = fs::create_directories(job.folder, failure);
  if (!failure && made) fs::permissions(job.folder, fs::perms::owner_all, failure);
  if (failure) {
    throw Error::config(
        fmt::format("--job-dir: cannot make {}: {}", job.folder.string(), failure.message()));
  }
  if (fs::exists(path))
    throw Error::config(fmt::format("--job-dir: {} is there already", path.string()));
  std::ofstream out(path);
  out << text_for(arguments, job);
  out.close();
  if (!out) {
    throw Error::permanent(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
  }
  return path;
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
           const std::string& id, const RunReport& file) {
  const runtime::Summary summary = follow_job(session, pipeline, job, id);
  file.write(summary.json());
  if (session.arguments.format == Format::json) print_json(summary.json());
  else print(summary.text());
  if (summary.status == "interrupted") return exit_signal + session.cancellation.reason();
  return summary.status == "failed" ? exit_failed : exit_ok;
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
  const runtime::Preflight preflight = runtime::look_ahead(*pipeline, false, diagnostics);
  if (diagnostics.failed()) return report(session, diagnostics);
  require_not_stopped(session);
  const bool slurm = arguments.engine == "slurm";
  const Job job = make_job(session, *pipeline, preflight, slurm ? Slurm::most_tasks() : 100'000);
  require_reachable(preflight);
  require_not_stopped(session);
  if (arguments.dry_run) {
    print(text_for(arguments, job));
    return exit_ok;
  }
  if (job.wanted.empty() && !arguments.wait) return nothing_to_do(session, job);
  if (job.wanted.empty()) return follow(session, *pipeline, job, {}, file);
  prepare_targets(*pipeline->graph);
  const fs::path script = write_job(arguments, job);
  if (!slurm) {
    tell(session, job, script, {});
    return exit_ok;
  }
  const std::string id = Slurm::submit(script);
  session.log.info(fmt::format("job {} of slurm: {} partitions in {} tasks, {} at once; logs: {}",
                               id, job.partitions_to_do(), job.to_start.size(), job.at_once,
                               job.folder.string()));
  if (arguments.wait) return follow(session, *pipeline, job, id, file);
  tell(session, job, script, id);
  return exit_ok;
}

}  // namespace etl::app
