/// \file
/// Expansion of `${NAME}` in strings of a pipeline file.
#pragma once

#include "core/runtime/base/environment.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// A string with its variables expanded.
struct Expansion {
  struct Problem {
    std::string message, hint;
  };
  std::string text;
  bool expanded = false;          ///< the string contained a variable
  std::vector<Problem> problems;  ///< all mistakes; if there are any, `text` is unusable
};

/// Expands `${NAME}` to the variable's value, `${NAME:-default}` to the default if the variable is
/// unset or empty, as in a shell, and `$$` to a dollar sign; keeps any other `$`. Does not expand
/// the result again. A default is literal and ends at the next `}`.
[[nodiscard]] Expansion expand(std::string_view text, const Environment& environment);

}  // namespace etl::runtime
