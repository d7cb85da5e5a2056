#include "core/runtime/schedule/reject_store.hpp"

#include "core/runtime/base/text_format.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace etl::runtime {
namespace {

namespace fs = std::filesystem;

/// Publications that would each rewrite the whole file wait until there are so many.
constexpr std::size_t max_waiting = 64;

std::optional<SpoolHeader> header_of(const fs::path& spool) {
  const std::string text = read_whole(spool);
  try {
    return parse_spool_header(std::string_view(text).substr(0, text.find('\n')));
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

bool CommittedAttempts::readable(NodeIndex sink) {
  const auto known = readable_.find(sink);
  if (known != readable_.end()) return known->second;
  try {
    ledger_.load(graph_, sink, pipeline_);
    return readable_[sink] = true;
  } catch (const StageError& error) {
    log_.warn("the rejects of earlier attempts are not published yet: " + error.message());
    return readable_[sink] = false;
  }
}

std::optional<bool> CommittedAttempts::committed(const SpoolHeader& attempt,
                                                 const std::string& sink) {
  const std::optional<NodeIndex> node = graph_.find(Kind::sink, sink);
  if (!node || !readable(*node)) return std::nullopt;
  const LedgerRecord* done = ledger_.done(*node, attempt.key.source, attempt.key.partition);
  return done != nullptr && done->run_id == attempt.run_id && done->attempts == attempt.attempt;
}

bool CommittedAttempts::done_everywhere(const RejectKey& key) {
  const std::optional<NodeIndex> source = graph_.find(Kind::source, key.source);
  return source && std::ranges::all_of(graph_.sinks_of(*source), [&](NodeIndex sink) {
           return readable(sink) && ledger_.done(sink, key.source, key.partition) != nullptr;
         });
}

// ---- this run ----------------------------------------------------------------------------------

RejectStore::SpoolFile::~SpoolFile() {
  if (!stays) ::unlink(path.c_str());
}

RejectStore::RejectStore(const RejectPath& path, RunIdentity run, std::string pipeline_file,
                         Log& log)
    : path_(path),
      file_(path, path.spools() / run.run_id),
      spools_(path, std::move(run), std::move(pipeline_file)),
      log_(log) {}

RejectStore::~RejectStore() {
  for (auto& [job, attempts] : open_) {
    for (const SpooledAttempt& attempt : attempts) attempt.spool->stays = true;
  }
  for (const Waiting& waiting : waiting_) {
    if (waiting.spool != nullptr) waiting.spool->stays = true;
  }
  spools_.folder().remove_if_empty();
}

void RejectStore::prepare(const Graph& graph, AttemptRequest& request) {
  const RejectKey key{spools_.run().pipeline, graph[request.source].name, request.partition.id};
  bool replaces = true;
  try {
    replaces = file_.holds(key);
  } catch (const Error&) {
    // One spool too many does no harm, and publishing will report what is wrong with the file.
  }
  const MutexLock lock(mutex_);
  request.spool = ++last_spool_;
  request.replaces_rejects = replaces || waiting_keys_.contains(key);
}

/// An attempt whose end is unknown (a lost answer, a worker that died) keeps its spool: it may turn
/// out to be the one that committed.
void RejectStore::attempt_ended(const Graph& graph, const AttemptRequest& request,
                                const AttemptResult& result) {
  const MutexLock lock(mutex_);
  std::vector<SpooledAttempt>& attempts = open_[request.job];
  const fs::path spool_path = spools_.folder().file(request.spool);
  std::error_code ignored;
  if (fs::exists(spool_path, ignored))
    attempts.push_back({request.number, std::make_shared<SpoolFile>(spool_path)});
  bool known = true;
  std::map<std::shared_ptr<SpoolFile>, std::set<std::string>> committed;
  for (const auto& [sink, outcome] : result.outcomes) {
    if (outcome.kind != SinkOutcome::Kind::committed) {
      known = known && outcome.kind == SinkOutcome::Kind::committed_elsewhere;
      continue;
    }
    const auto spool = std::ranges::find(attempts.rbegin(), attempts.rend(), outcome.attempt,
                                         &SpooledAttempt::number);
    const auto stages = stages_between(graph, request.source, sink);
    committed[spool == attempts.rend() ? nullptr : spool->spool].insert(stages.begin(),
                                                                        stages.end());
  }
  const RejectKey key{spools_.run().pipeline, graph[request.source].name, request.partition.id};
  for (auto& [spool, stages] : committed) {
    publish({{key, std::move(stages), spool ? spool->path : fs::path()}, spool});
  }
  // Replayed rejects go once every sink has them, which finish_run() finds in the ledgers.
  if (known && request.replay == nullptr) open_.erase(request.job);
}

void RejectStore::publish(Waiting waiting) {
  const RejectKey key = waiting.publication.key;
  try {
    const bool holds = file_.holds(key) || waiting_keys_.contains(key);
    if (waiting.publication.spool.empty() && !holds) return;
    if (waiting_keys_.contains(key) || !file_.cheap(waiting.publication)) {
      waiting_keys_.insert(key);
      waiting_.push_back(std::move(waiting));
      if (waiting_.size() >= max_waiting) flush();
      return;
    }
  } catch (const Error&) {
    // Publishing reports what is wrong with the file.
  }
  publish_all({std::move(waiting)});
}

void RejectStore::flush() {
  waiting_keys_.clear();
  publish_all(std::exchange(waiting_, {}));
}

/// What cannot be published stays in the spools.
void RejectStore::publish_all(const std::vector<Waiting>& waiting) {
  std::vector<Publication> publications;
  publications.reserve(waiting.size());
  for (const Waiting& each : waiting) publications.push_back(each.publication);
  try {
    file_.publish(publications);
  } catch (const Error& error) {
    for (const Waiting& each : waiting) {
      if (each.spool != nullptr) each.spool->stays = true;
      unpublished_[each.publication.key] = error.message();
    }
    const std::string& first = waiting.front().publication.key.partition;
    const auto count = static_cast<std::int64_t>(waiting.size());
    log_.error(fmt::format(
        "the rejects of {} are committed but not published; the next run will publish them from "
        "{}: {}",
        count == 1 ? first
                   : fmt::format("{}, beginning with {},", counted(count, "partition"), first),
        spools_.folder().path().string(), error.message()));
  }
}

void RejectStore::add_failures(Summary& summary) const {
  const MutexLock lock(mutex_);
  for (const auto& [key, why] : unpublished_) {
    summary.failures.push_back(
        {key.source, key.partition, "", "", 1,
         fmt::format("its rejects are committed but not published: {}; run the pipeline again to "
                     "publish them",
                     why)});
  }
}

void RejectStore::remove(const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  const MutexLock lock(mutex_);
  file_.publish({{parse_reject(lines.front()).key, {}, {}, lines}});
}

// ---- spools of killed runs ---------------------------------------------------------------------

void RejectStore::recover(CommittedAttempts ledgers) {
  const MutexLock lock(mutex_);
  settle_dead_runs(ledgers, false);
}

void RejectStore::finish_run(CommittedAttempts ledgers) {
  const MutexLock lock(mutex_);
  flush();
  for (auto& [job, attempts] : open_) {
    for (const SpooledAttempt& attempt : attempts) attempt.spool->stays = true;
  }
  open_.clear();
  settle(spools_.folder(), ledgers, true);
  settle_dead_runs(ledgers, true);
}

void RejectStore::settle_dead_runs(CommittedAttempts& ledgers, bool last) {
  std::vector<fs::path> runs;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_.spools(), ignored)) {
    if (entry.path() != spools_.folder().path()) runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end());  // oldest first: a run's id begins with its time
  for (const fs::path& path : runs) {
    const std::optional<SpoolFolder> run = SpoolFolder::of_dead_run(path);
    if (!run) continue;
    settle(*run, ledgers, last);
    run->remove_if_empty();
  }
}

void RejectStore::settle(const SpoolFolder& run, CommittedAttempts& ledgers, bool last) {
  for (const fs::path& path : run.files()) {
    std::optional<SpoolHeader> header;
    std::string why;
    try {
      header = header_of(path);
      if (header && header->key.pipeline == spools_.run().pipeline)
        settle_spool(path, *header, ledgers, last);
    } catch (const Error& error) {
      why = error.message();
    } catch (const fs::filesystem_error& error) {
      why = error.code().message();
    }
    if (!header)
      log_.warn(path.string() + " is not a spool file of rejects; delete it if it is not needed");
    if (why.empty()) continue;
    log_.error(fmt::format("cannot publish the rejects in {}: {}", path.string(), why));
    if (header) unpublished_[header->key] = why;
  }
}

/// Deletes what no ledger knows only at the end of a run (`last`): when this run began, the COMMIT
/// of a killed run may still have been in progress.
void RejectStore::settle_spool(const fs::path& path, const SpoolHeader& header,
                               CommittedAttempts& ledgers, bool last) {
  Publication publication{header.key, {}, path, {}};
  std::string unknown;
  for (const auto& [sink, stages] : header.sinks) {
    const std::optional<bool> committed = ledgers.committed(header, sink);
    if (!committed) unknown = sink;
    else if (*committed) publication.stages.insert(stages.begin(), stages.end());
  }
  const bool any = !publication.stages.empty();
  if (any && !header.repaired.empty() && ledgers.done_everywhere(header.key))
    publication.repaired = header.repaired;
  if (any) {
    file_.publish({publication});
    unpublished_.erase(header.key);
  }
  if (!unknown.empty()) {
    log_.warn(fmt::format(
        "{} is kept because the ledger of sink \"{}\" cannot be read; delete it if that sink no "
        "longer exists",
        path.string(), unknown));
  } else if (any || last) {
    fs::remove(path);
  }
}

}  // namespace etl::runtime
