/// \file
/// The three kinds of stages.
#pragma once

#include <etl/abi.h>

#include <string_view>

namespace etl::runtime {

enum class Kind { source, filter, sink };

/// "source", "filter", "sink".
[[nodiscard]] constexpr std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::source:
      return "source";
    case Kind::filter:
      return "filter";
    case Kind::sink:
      break;
  }
  return "sink";
}

[[nodiscard]] inline Kind kind_of(const etl_stage& stage) {
  return static_cast<Kind>(stage.kind - ETL_SOURCE);
}

}  // namespace etl::runtime
