#include "core/runtime/config/interpolate.hpp"

#include "core/runtime/base/text.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/config/diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace etl::runtime {
namespace {

bool is_name(std::string_view text) {
  const auto is_word = [](char c) { return is_letter_or_digit(c) || c == '_'; };
  return !text.empty() && !is_digit(text.front()) && std::ranges::all_of(text, is_word);
}

/// Expands one variable; `inside` is the text between the braces.
void substitute(std::string_view inside, const Environment& environment, Expansion& out) {
  const std::size_t colon = inside.find(":-");
  const std::string name(inside.substr(0, colon));
  if (!is_name(name)) {
    // Quote the name only: the rest may be a default, and that may be a secret.
    const std::size_t end = std::min(name.find_first_of(":-=?+ "), name.size());
    out.problems.push_back({fmt::format("{} is not the name of an environment variable",
                                        in_quotes(std::string_view(name).substr(0, end + 1))),
                            "write ${NAME} or ${NAME:-default}; $$ is a dollar sign"});
    return;
  }
  const std::optional<std::string> value = environment(name);
  if (colon != std::string_view::npos) {
    out.text += value && !value->empty() ? *value : inside.substr(colon + 2);
  } else if (value) {
    out.text += *value;
  } else {
    out.problems.push_back({fmt::format("environment variable {} is not set", in_quotes(name)),
                            fmt::format("set it, or write ${{{}:-default}}", name)});
  }
  out.expanded = true;
}

}  // namespace

Expansion expand(std::string_view text, const Environment& environment) {
  Expansion out;
  while (true) {
    const std::size_t dollar = text.find('$');
    out.text += text.substr(0, dollar);
    if (dollar == std::string_view::npos) return out;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      out.text += '$';
      text.remove_prefix(1);
    } else if (!text.starts_with('{')) {
      out.text += '$';
    } else if (const std::size_t end = text.find('}'); end != std::string_view::npos) {
      substitute(text.substr(1, end - 1), environment, out);
      text.remove_prefix(end + 1);
    } else {
      out.problems.push_back(
          {"\"${\" has no closing \"}\"", "write ${NAME}, or $${ for a literal \"${\""});
      return out;
    }
  }
}

}  // namespace etl::runtime
