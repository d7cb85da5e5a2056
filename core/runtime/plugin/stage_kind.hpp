/// \file
/// The three kinds of stages.
#pragma once

#include <string_view>

namespace etl::runtime {

enum class Kind { source, filter, sink };
/// "source", "filter", "sink".
[[nodiscard]] std::string_view kind_name(Kind kind);

}  // namespace etl::runtime
