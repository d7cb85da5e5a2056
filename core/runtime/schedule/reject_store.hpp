/// \file
/// The rejects of a run: kept while an attempt reads, published once it has committed, so that the
/// published file always says what the sinks' ledgers say.
///
/// For one sink, a partition has as many entries as its ledger record has `rows_rejected`. For
/// several, that holds for each sink and the entries of the stages on the way to it.
#pragma once

#include "core/runtime/attempt/reject_spools.hpp"
#include "core/runtime/base/log.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/rejects/reject_file.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace etl::runtime {

/// What the sinks' ledgers say of attempts of runs that are over. Each ledger is read when it is
/// first asked for.
class CommittedAttempts {
 public:
  CommittedAttempts(const Graph& graph, std::string pipeline, Log& log)
      : graph_(graph), pipeline_(std::move(pipeline)), log_(log) {}
  /// Nothing when it cannot be told: the pipeline has no such sink, or its ledger cannot be read.
  std::optional<bool> committed(const SpoolHeader& attempt, const std::string& sink);
  /// Whether every sink behind its source has this partition, by whatever run.
  bool done_everywhere(const RejectKey& key);

 private:
  const LedgerRecord* record(NodeIndex sink, const RejectKey& key);
  bool readable(NodeIndex sink);

  const Graph& graph_;
  std::string pipeline_;
  Log& log_;
  LedgerView ledger_;
  std::map<NodeIndex, bool> readable_;
};

/// The runner has one. Members may be called from any thread.
class RejectStore {
 public:
  /// Makes the file or folder. Throws Error as file_error() does.
  RejectStore(const RejectPath& path, RunIdentity run, std::string pipeline_file, Log& log);
  /// Leaves what is not published to the next run.
  ~RejectStore();
  RejectStore(const RejectStore&) = delete;
  RejectStore& operator=(const RejectStore&) = delete;

  [[nodiscard]] const RejectSpools& spools() const { return spools_; }
  /// For the request of an attempt that begins.
  void prepare(const Graph& graph, AttemptRequest& request);
  /// What became of an attempt, before another at the same partition may begin. Publishes what was
  /// committed; what cannot be published now stays for the next run, and is logged.
  void over(const Graph& graph, const AttemptRequest& request, const AttemptResult& result);

  /// Takes lines out of the published file: repaired rejects that have been loaded. Throws Error as
  /// file_error() does.
  void remove(const std::vector<std::string>& lines);

  /// Publishes what runs that were killed had committed.
  void adopt(CommittedAttempts ledgers);
  /// The end of the run: publishes what waits, and clears away what was not committed.
  void close(CommittedAttempts ledgers);

 private:
  /// Removed with the last object that holds it, unless it is to stay.
  struct SpoolFile {
    explicit SpoolFile(std::filesystem::path file) : path(std::move(file)) {}
    ~SpoolFile();
    SpoolFile(const SpoolFile&) = delete;
    SpoolFile& operator=(const SpoolFile&) = delete;
    std::filesystem::path path;
    bool stays = false;
  };
  struct Attempted {
    std::int64_t number;
    std::shared_ptr<SpoolFile> spool;
  };
  struct Waiting {
    Publication publication;
    std::shared_ptr<SpoolFile> spool;
  };

  void publish(Waiting waiting);
  void flush();
  void settle_runs(CommittedAttempts& ledgers, bool last);
  void settle(const SpoolFolder& run, CommittedAttempts& ledgers, bool last);

  RejectPath path_;
  RejectFile file_;  // before the spools, whose folder may lie in it
  RejectSpools spools_;
  Log& log_;

  std::mutex mutex_;
  std::int64_t last_number_ = 0;
  std::map<std::size_t, std::vector<Attempted>> open_;  ///< by job: not known to be of no use
  std::vector<Waiting> waiting_;                        ///< to be published together
  std::set<RejectKey> waiting_keys_;
};

}  // namespace etl::runtime
