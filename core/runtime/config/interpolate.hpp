/// \file
/// `${NAME}` in the strings of a pipeline file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// The value of an environment variable, or nothing where it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

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

/// The environment of this process.
[[nodiscard]] std::optional<std::string> process_environment(const std::string& name);

}  // namespace etl::runtime
