/// \file
/// Where the rejects of this process's attempts go while partitions are read.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/rejects/reject_spool.hpp"

#include <memory>
#include <string>
#include <vector>

namespace etl::runtime {

/// Names of the stages that a source's rows pass on the way to a sink, the source among them.
[[nodiscard]] std::vector<std::string> stages_between(const Graph& graph, NodeIndex source,
                                                      NodeIndex sink);

/// Every process of a run that reads partitions has one: where the rejects of its attempts go.
class RejectSpools {
 public:
  /// Throws Error as file_error() does.
  RejectSpools(const RejectPath& path, RunIdentity run, std::string pipeline_file)
      : folder_(path, run.run_id), run_(std::move(run)), pipeline_file_(std::move(pipeline_file)) {}

  [[nodiscard]] std::unique_ptr<SpoolWriter> begin(const Graph& graph,
                                                   const AttemptRequest& request) const;
  /// The entry of a rejected record.
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
