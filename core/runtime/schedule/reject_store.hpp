/// \file
/// The rejects of a run: spooled while an attempt reads, published once it has committed, so that
/// the published file always agrees with the sinks' ledgers.
///
/// With one sink, a partition has as many entries as its ledger record has `rows_rejected`. With
/// several, that holds for each sink and the entries of the stages on the way to it.
#pragma once

#include "core/runtime/attempt/reject_spools.hpp"
#include "core/runtime/base/log.hpp"
#include "core/runtime/base/mutex.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/rejects/reject_file.hpp"
#include "core/runtime/schedule/summary.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace etl::runtime {

/// Tells from the sinks' ledgers which attempts of earlier runs committed. Reads each ledger when
/// it is first needed.
class CommittedAttempts {
 public:
  CommittedAttempts(const Graph& graph, std::string pipeline, Log& log)
      : graph_(graph), pipeline_(std::move(pipeline)), log_(log) {}
  /// Returns nothing if that is unknown: the pipeline has no such sink, or its ledger is
  /// unreadable.
  std::optional<bool> committed(const SpoolHeader& attempt, const std::string& sink);
  /// Whether every sink behind its source has this partition, from any run.
  bool done_everywhere(const RejectKey& key);

 private:
  bool readable(NodeIndex sink);

  const Graph& graph_;
  std::string pipeline_;
  Log& log_;
  LedgerView ledger_;
  std::map<NodeIndex, bool> readable_;
};

/// One per run. Members may be called from any thread.
class RejectStore {
 public:
  /// Creates the file or folder. Throws Error as file_error() does.
  RejectStore(const RejectPath& path, RunIdentity run, std::string pipeline_file, Log& log);
  /// Leaves what is not published for the next run.
  ~RejectStore();
  RejectStore(const RejectStore&) = delete;
  RejectStore& operator=(const RejectStore&) = delete;

  [[nodiscard]] const RejectSpools& spools() const { return spools_; }
  /// Completes the request of an attempt that begins.
  void prepare(const Graph& graph, AttemptRequest& request);
  /// Publishes the rejects of an attempt that committed. Call it before the next attempt at the
  /// same partition begins. What cannot be published now is logged and stays for the next run.
  void attempt_ended(const Graph& graph, const AttemptRequest& request,
                     const AttemptResult& result);

  /// Removes lines from the published file: repaired rejects that have been loaded. Throws Error as
  /// file_error() does.
  void remove(const std::vector<std::string>& lines);

  /// Adds a failure for every partition whose rejects are committed, but could not be published.
  void add_failures(Summary& summary) const;

  /// Publishes what killed runs had committed.
  void recover(CommittedAttempts ledgers);
  /// Publishes what waits, and deletes what was not committed.
  void finish_run(CommittedAttempts ledgers);

 private:
  /// Deletes the file with the last owner, unless it stays.
  struct SpoolFile {
    explicit SpoolFile(std::filesystem::path file) : path(std::move(file)) {}
    ~SpoolFile();
    SpoolFile(const SpoolFile&) = delete;
    SpoolFile& operator=(const SpoolFile&) = delete;
    std::filesystem::path path;
    bool stays = false;
  };
  struct SpooledAttempt {
    std::int64_t number;
    std::shared_ptr<SpoolFile> spool;
  };
  struct Waiting {
    Publication publication;
    std::shared_ptr<SpoolFile> spool;
  };

  void publish(Waiting waiting) ETL_REQUIRES(mutex_);
  void flush() ETL_REQUIRES(mutex_);
  void publish_all(const std::vector<Waiting>& waiting) ETL_REQUIRES(mutex_);
  void settle_dead_runs(CommittedAttempts& ledgers, bool last) ETL_REQUIRES(mutex_);
  void settle(const SpoolFolder& run, CommittedAttempts& ledgers, bool last) ETL_REQUIRES(mutex_);
  void settle_spool(const std::filesystem::path& path, const SpoolHeader& header,
                    CommittedAttempts& ledgers, bool last) ETL_REQUIRES(mutex_);

  RejectPath path_;
  RejectFile file_;  // before the spools, whose folder may be inside it
  RejectSpools spools_;
  Log& log_;

  mutable Mutex mutex_;
  std::int64_t last_spool_ ETL_GUARDED_BY(mutex_) = 0;
  /// By job: attempts that may still turn out to have committed.
  std::map<std::size_t, std::vector<SpooledAttempt>> open_ ETL_GUARDED_BY(mutex_);
  std::vector<Waiting> waiting_ ETL_GUARDED_BY(mutex_);  ///< to be published together
  std::set<RejectKey> waiting_keys_ ETL_GUARDED_BY(mutex_);
  std::map<RejectKey, std::string> unpublished_ ETL_GUARDED_BY(mutex_);  ///< and why
};

}  // namespace etl::runtime
