/// \file
/// `${NAME}` in the strings of a pipeline file.
#pragma once

#include "core/runtime/base/environment.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// A string with its variables put in.
struct Expansion {
  struct Problem {
    std::string message, hint;
  };
  std::string text;
  bool expanded = false;          ///< a variable or a default was put in
  std::vector<Problem> problems;  ///< everything that is wrong; `text` is then of no use
};

/// `${NAME}` is the variable's value; `${NAME:-default}` the default where the variable is not set
/// or empty, as in a shell; `$$` a dollar; any other `$` stays. What is put in is not expanded
/// again, and a default is taken as it stands up to the next `}`.
[[nodiscard]] Expansion expand(std::string_view text, const Environment& environment);

}  // namespace etl::runtime
