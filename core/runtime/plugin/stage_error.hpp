/// \file
/// An Error together with where it comes from.
#pragma once

#include "core/runtime/plugin/stage_kind.hpp"

#include <etl/error.hpp>

#include <optional>
#include <string>
#include <utility>

namespace etl::runtime {

/// A stage of the pipeline, or a part of the runner.
struct Origin {
  std::string name;
  std::optional<Kind> kind = std::nullopt;  ///< of the stage; none: a part of the runner

  /// `source "pageviews"`, `runner`
  [[nodiscard]] std::string title() const {
    return kind ? std::string(kind_name(*kind)) + " \"" + name + "\"" : name;
  }
};

/// A failure of a stage or of the runner. The message starts with the origin's title, also where
/// it is caught as an Error.
class StageError : public Error {
 public:
  StageError(const Error& error, Origin origin)
      : Error(Error(error).with(origin.title())),
        cause_(error.message()),
        origin_(std::move(origin)) {}

  [[nodiscard]] const Origin& origin() const { return origin_; }
  /// The message without the title.
  [[nodiscard]] const std::string& cause() const { return cause_; }
  /// The stage's name in the pipeline; empty if the runner failed.
  [[nodiscard]] std::string stage() const { return origin_.kind ? origin_.name : std::string(); }

 private:
  std::string cause_;
  Origin origin_;
};

}  // namespace etl::runtime
