/// \file
/// The three kinds of stages.
#pragma once

#include <etl/abi.h>

#include <string_view>

namespace etl::runtime {

enum class Kind { source, filter, sink };

/// "source", "filter", "sink".
[[nodiscard]] constexpr std::string_view kind_name(Kind kind) {
  return kind == Kind::source ? "source" : kind == Kind::filter ? "filter" : "sink";
}

[[nodiscard]] inline Kind kind_of(const etl_stage& stage) {
  return static_cast<Kind>(stage.kind - ETL_SOURCE);
}

}  // namespace etl::runtime
