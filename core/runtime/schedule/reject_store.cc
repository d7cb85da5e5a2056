#include "core/runtime/schedule/reject_store.hpp"

#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace etl::runtime {
namespace {

namespace fs = std::filesystem;

/// Publications that each would write the whole file anew wait for as many others.
constexpr std::size_t most_waiting = 64;

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
    log_.warn("rejects of earlier attempts have to wait: " + error.message());
    return readable_[sink] = false;
  }
}

const LedgerRecord* CommittedAttempts::record(NodeIndex sink, const RejectKey& key) {
  return ledger_.done(sink, key.source, key.partition);
}

std::optional<bool> CommittedAttempts::committed(const SpoolHeader& attempt,
                                                 const std::string& sink) {
  for (const NodeIndex node : graph_.of_kind(Kind::sink)) {
    if (graph_[node].name != sink) continue;
    if (!readable(node)) return std::nullopt;
    const LedgerRecord* done = record(node, attempt.key);
    return done != nullptr && done->run_id == attempt.run_id && done->attempts == attempt.attempt;
  }
  return std::nullopt;
}

bool CommittedAttempts::done_everywhere(const RejectKey& key) {
  for (const NodeIndex source : graph_.of_kind(Kind::source)) {
    if (graph_[source].name != key.source) continue;
    const std::vector<NodeIndex> sinks = graph_.sinks_of(source);
    return std::all_of(sinks.begin(), sinks.end(), [&](NodeIndex sink) {
      return readable(sink) && record(sink, key) != nullptr;
    });
  }
  return false;
}

// ---- the run -----------------------------------------------------------------------------------

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
    for (const Attempted& attempt : attempts) attempt.spool->stays = true;
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
    // A spool too many does no harm; publishing says what is wrong with the file.
    replaces = true;
  }
  const std::scoped_lock lock(mutex_);
  request.spool = ++last_number_;
  request.replaces_rejects = replaces || waiting_keys_.contains(key);
}

/// An attempt whose end is not known (a lost answer, a worker that died) keeps its spool: it may
/// turn out to be the one that committed.
void RejectStore::over(const Graph& graph, const AttemptRequest& request,
                       const AttemptResult& result) {
  const std::scoped_lock lock(mutex_);
  std::vector<Attempted>& attempts = open_[request.job];
  const fs::path own = spools_.folder().file(request.spool);
  std::error_code ignored;
  if (fs::exists(own, ignored))
    attempts.push_back({request.number, std::make_shared<SpoolFile>(own)});
  bool known = true;
  std::map<std::shared_ptr<SpoolFile>, std::set<std::string>> committed;
  for (const auto& [sink, outcome] : result.outcomes) {
    if (outcome.kind != Outcome::Kind::committed) {
      known = known && outcome.kind == Outcome::Kind::lost;
      continue;
    }
    const auto spool = std::find_if(
        attempts.rbegin(), attempts.rend(),
        [&, &outcome = outcome](const Attempted& each) { return each.number == outcome.attempt; });
    const auto stages = stages_between(graph, request.source, sink);
    committed[spool == attempts.rend() ? nullptr : spool->spool].insert(stages.begin(),
                                                                        stages.end());
  }
  const RejectKey key{spools_.run().pipeline, graph[request.source].name, request.partition.id};
  for (auto& [spool, stages] : committed) {
    publish({{key, std::move(stages), spool ? spool->path : fs::path()}, spool});
  }
  // What was replayed goes once every sink has it; close() asks the ledgers.
  if (known && request.replay == nullptr) open_.erase(request.job);
}

void RejectStore::publish(Waiting waiting) {
  const RejectKey& key = waiting.publication.key;
  try {
    const bool holds = file_.holds(key) || waiting_keys_.contains(key);
    if (waiting.publication.spool.empty() && !holds) return;
    if (!waiting_keys_.contains(key) && file_.cheap(waiting.publication)) {
      file_.publish({waiting.publication});
      return;
    }
    waiting_keys_.insert(key);
    waiting_.push_back(std::move(waiting));
    if (waiting_.size() >= most_waiting) flush();
  } catch (const Error& error) {
    if (waiting.spool != nullptr) waiting.spool->stays = true;
    log_.error(
        fmt::format("the rejects of {} are committed but not published; the next run does it "
                    "from {}: {}",
                    key.partition, spools_.folder().path().string(), error.message()));
  }
}

void RejectStore::flush() {
  if (waiting_.empty()) return;
  std::vector<Publication> publications;
  for (const Waiting& waiting : waiting_) publications.push_back(waiting.publication);
  const std::vector<Waiting> done = std::move(waiting_);
  waiting_.clear();
  waiting_keys_.clear();
  try {
    file_.publish(publications);
  } catch (const Error& error) {
    for (const Waiting& waiting : done) {
      if (waiting.spool != nullptr) waiting.spool->stays = true;
    }
    log_.error(fmt::format(
        "the rejects of {} partitions, the first of them {}, are committed but not published; the "
        "next run does it from {}: {}",
        done.size(), done.front().publication.key.partition, spools_.folder().path().string(),
        error.message()));
  }
}

void RejectStore::remove(const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  const std::scoped_lock lock(mutex_);
  file_.publish({{parse_reject(lines.front()).key, {}, {}, lines}});
}

// ---- what killed runs left ---------------------------------------------------------------------

void RejectStore::adopt(CommittedAttempts ledgers) {
  const std::scoped_lock lock(mutex_);
  settle_runs(ledgers, false);
}

void RejectStore::close(CommittedAttempts ledgers) {
  const std::scoped_lock lock(mutex_);
  flush();
  for (auto& [job, attempts] : open_) {
    for (const Attempted& attempt : attempts) attempt.spool->stays = true;
  }
  open_.clear();
  settle(spools_.folder(), ledgers, true);
  settle_runs(ledgers, true);
}

void RejectStore::settle_runs(CommittedAttempts& ledgers, bool last) {
  std::vector<fs::path> runs;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_.spools(), ignored)) {
    if (entry.path() != spools_.folder().path()) runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end());  // a run's id begins with its time
  for (const fs::path& path : runs) {
    const std::optional<SpoolFolder> run = SpoolFolder::of_dead_run(path);
    if (!run) continue;
    settle(*run, ledgers, last);
    run->remove_if_empty();
  }
}

/// Only at the end of a run (`last`) does it remove what no ledger knows: the answer to the killed
/// run's COMMIT may still have been on its way when this run began.
void RejectStore::settle(const SpoolFolder& run, CommittedAttempts& ledgers, bool last) {
  for (const fs::path& path : run.files()) {
    try {
      const std::optional<SpoolHeader> header = header_of(path);
      if (!header) {
        log_.warn(path.string() + " is no spool file of rejects; remove it if nobody needs it");
        continue;
      }
      if (header->key.pipeline != spools_.run().pipeline) continue;
      Publication publication{header->key, {}, path, {}};
      std::string unknown;
      for (const auto& [sink, stages] : header->sinks) {
        const std::optional<bool> committed = ledgers.committed(*header, sink);
        if (!committed) unknown = sink;
        else if (*committed) publication.stages.insert(stages.begin(), stages.end());
      }
      const bool any = !publication.stages.empty();
      if (any && !header->repaired.empty() && ledgers.done_everywhere(header->key))
        publication.repaired = header->repaired;
      if (any) file_.publish({publication});
      if (!unknown.empty()) {
        log_.warn(fmt::format(
            "{} waits for the ledger of sink \"{}\", which cannot be read; remove it if that sink "
            "is gone",
            path.string(), unknown));
      } else if (any || last) {
        fs::remove(path);
      }
    } catch (const Error& error) {
      log_.error(fmt::format("the rejects in {} stay there: {}", path.string(), error.message()));
    } catch (const fs::filesystem_error& error) {
      log_.error(
          fmt::format("the rejects in {} stay there: {}", path.string(), error.code().message()));
    }
  }
}

}  // namespace etl::runtime
