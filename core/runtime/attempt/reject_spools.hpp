/// \file
/// The spool files for the rejects of this process's attempts.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/rejects/reject_spool.hpp"

#include <memory>
#include <string>
#include <vector>

namespace etl::runtime {

/// Names of the stages on the way from a source to a sink, including the source.
[[nodiscard]] std::vector<std::string> stages_between(const Graph& graph, NodeIndex source,
                                                      NodeIndex sink);

/// One per process that reads partitions. Thread-safe.
class RejectSpools {
 public:
  /// Throws Error as file_error() does.
  RejectSpools(const RejectPath& path, RunIdentity run, std::string pipeline_file)
      : folder_(path, run.run_id), run_(std::move(run)), pipeline_file_(std::move(pipeline_file)) {}

  [[nodiscard]] std::unique_ptr<SpoolWriter> begin(const Graph& graph,
                                                   const AttemptRequest& request) const;
  /// The entry for a rejected record.
  [[nodiscard]] RejectEntry entry(const Graph& graph, const AttemptRequest& request,
                                  NodeIndex stage, const etl_reject& reject) const;
  [[nodiscard]] const SpoolFolder& folder() const { return folder_; }
  [[nodiscard]] const RunIdentity& run() const { return run_; }

 private:
  SpoolFolder folder_;
  RunIdentity run_;
  std::string pipeline_file_;
};

}  // namespace etl::runtime
