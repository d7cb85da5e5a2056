#include "core/app/cli/command_line_json.hpp"

#include <string>
#include <vector>

namespace etl::app {
namespace {

using nlohmann::json;

/// `TEXT:{text,json}` is how the parser shows a type and the values it allows.
json allowed_of(const std::string& type) {
  json words = json::array();
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return words;
  std::string rest = type.substr(open + 1, close - open - 1);
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    words.push_back(rest.substr(0, comma));
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
  }
  return words;
}

json option_json(const CLI::Option& option) {
  json names = json::array();
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  const bool positional = option.get_positional();
  if (positional) names.push_back(option.get_name(true));
  const std::string type = option.get_type_name();
  return {{"names", names},
          {"positional", positional},
          {"type", type.substr(0, type.find(':'))},
          {"allowed", allowed_of(type)},
          {"default", option.get_default_str()},
          {"required", option.get_required()},
          {"repeatable", option.get_expected_max() > 1},
          {"flag", option.get_expected_max() == 0},
          {"help", option.get_description()}};
}

}  // namespace

json command_line_json(const CLI::App& app) {
  json options = json::array();
  for (const CLI::Option* option : app.get_options({})) {
    if (!option->get_group().empty()) options.push_back(option_json(*option));  // "" = hidden
  }
  json verbs = json::array();
  for (const CLI::App* verb : app.get_subcommands({})) verbs.push_back(command_line_json(*verb));
  return {{"name", app.get_name()},
          {"help", app.get_description()},
          {"footer", app.get_footer()},
          {"options", options},
          {"verbs", verbs}};
}

}  // namespace etl::app
