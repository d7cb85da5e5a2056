#include "core/runtime/describe/stage_description.hpp"

#include "core/runtime/base/text.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/units.hpp"
#include "core/runtime/plugin/stage_kind.hpp"

#include <etl/detail/split.hpp>
#include <etl/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <limits>
#include <span>

namespace etl::runtime {
namespace {

using detail::to_view;
using nlohmann::json;

std::string_view type_text(const etl_option_spec& spec) {
  if (spec.type == ETL_OPTION_LIST && (spec.flags & ETL_OPTION_OR_ONE) != 0)
    return "string or list of strings";
  constexpr std::array<std::string_view, ETL_OPTION_MAP + 1> names{
      // by ETL_OPTION_...
      "unknown", "bool",     "int",  "float", "string", "list of strings",
      "time",    "duration", "size", "path",  "url",    "table of strings"};
  return spec.type < names.size() ? names.at(spec.type) : names.front();
}

json option_json(const etl_option_spec& spec) {
  json option = {{"name", to_view(spec.name)},
                 {"type", type_text(spec)},
                 {"required", (spec.flags & ETL_OPTION_REQUIRED) != 0},
                 {"default", nullptr},
                 {"allowed", detail::split(to_view(spec.allowed), '|')},
                 {"secret", (spec.flags & ETL_OPTION_SECRET) != 0},
                 {"operational", (spec.flags & ETL_OPTION_OPERATIONAL) != 0},
                 {"help", to_view(spec.help)}};
  if (spec.fallback.size != 0) option["default"] = to_view(spec.fallback);
  if ((spec.flags & ETL_OPTION_BOUNDED) != 0) {
    option["minimum"] = spec.minimum;
    option["maximum"] = spec.maximum;
  }
  return option;
}

/// `1 to 64`, `1ms to 1h`, `at least 0`, in the unit of the option.
std::string bounds(const json& option) {
  const auto text = [&](std::int64_t number) {
    if (option["type"] == "duration") return duration_text(std::chrono::milliseconds(number));
    return option["type"] == "size" ? size_text(number) : fmt::to_string(number);
  };
  const auto low = option["minimum"].get<std::int64_t>();
  const auto high = option["maximum"].get<std::int64_t>();
  if (high == std::numeric_limits<std::int64_t>::max()) return "at least " + text(low);
  return text(low) + " to " + text(high);
}

}  // namespace

std::string option_conditions(const json& option) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  if (option["required"].get<bool>()) add("required");
  if (option["default"].is_string()) add("default " + option["default"].get<std::string>());
  const auto words = option["allowed"].get<std::vector<std::string>>();
  if (!words.empty()) add(fmt::format("one of {}", fmt::join(words, ", ")));
  if (option.contains("minimum")) add(bounds(option));
  if (option["secret"].get<bool>()) add("secret");
  return text;
}

std::string option_example(const json& option) {
  if (option["default"].is_string()) return option["default"];
  const std::string word =
      option["allowed"].empty() ? "..." : option["allowed"].front().get<std::string>();
  const std::string type = option["type"];
  if (type == "list of strings") return fmt::format("[\"{}\"]", word);
  if (type == "table of strings") return fmt::format("{{ name = \"{}\" }}", word);
  if (type == "int")
    return fmt::to_string(option.contains("minimum") ? option["minimum"].get<std::int64_t>() : 1);
  if (type == "bool") return "true";
  if (type == "float") return "1.0";
  if (type == "time") return "\"-1d\"";
  if (type == "duration") return "\"30s\"";
  if (type == "size") return "\"64MiB\"";
  return fmt::format("\"{}\"", word);
}

std::string option_placeholder(const json& option) {
  std::string text = option_example(option);
  const std::size_t dots = text.find("\"...\"");
  if (dots == std::string::npos) return text;
  const std::string word =
      option["type"] == "url" ? "https://example.org" : option["name"].get<std::string>();
  return text.replace(dots + 1, 3, word);
}

namespace {

/// A section of a pipeline file: required options, then the others as comments.
std::string snippet(const json& stage) {
  const std::string name = stage["name"];
  std::string text =
      fmt::format("[{}s.{}]\nplugin = \"{}\"\n", stage["kind"].get<std::string>(), name, name);
  if (stage["kind"] != "source") text += "input = \"...\"\n";
  for (const bool required : {true, false}) {
    for (const json& option : stage["options"]) {
      if (option["required"].get<bool>() != required) continue;
      text += fmt::format("{}{} = {}\n", required ? "" : "# ", option["name"].get<std::string>(),
                          option_placeholder(option));
    }
  }
  return text;
}

std::string properties(const json& stage) {
  if (stage["kind"] != "sink") return {};
  const std::int64_t writers = stage["max_writers"];
  return fmt::format("{}; {}",
                     stage["transactional"].get<bool>()
                         ? "commits its ledger in the transaction of the rows"
                         : "keeps no ledger: every run writes every partition",
                     writers == 0 ? "any number of writers at once"
                                  : fmt::format("at most {} at once", counted(writers, "writer")));
}

/// Adds a full stop unless the author wrote one.
std::string sentence(std::string text) {
  if (!text.ends_with('.')) text += '.';
  return text;
}

std::string escaped_cell(const std::string& text) { return replaced(text, "|", "\\|"); }

}  // namespace

json describe_json(const StageEntry& entry) {
  const etl_stage& stage = *entry.stage;
  json options = json::array();
  for (const etl_option_spec& spec : std::span(stage.options, stage.option_count)) {
    options.push_back(option_json(spec));
  }
  json columns = json::array();
  for (const etl_column_spec& spec : std::span(stage.columns, stage.column_count)) {
    columns.push_back(
        {{"name", to_view(spec.name)}, {"type", to_view(spec.type)}, {"help", to_view(spec.help)}});
  }
  json all = {{"name", stage.name},
              {"kind", kind_name(kind_of(stage))},
              {"summary", stage.summary},
              {"plugin", entry.plugin.table->name},
              {"version", entry.plugin.table->version},
              {"built_with", entry.plugin.table->built_with},
              {"abi_minor", entry.plugin.table->abi_minor},
              {"file", entry.plugin.path.string()},
              {"transactional", (stage.flags & ETL_STAGE_TRANSACTIONAL) != 0},
              {"max_writers", stage.max_writers},
              {"options", std::move(options)},
              {"columns", std::move(columns)}};
  all["example"] = snippet(all);
  return all;
}

std::string describe_text(const json& stage) {
  const auto word = [&](const char* key) { return stage[key].get<std::string>(); };
  std::string text =
      fmt::format("{} ({}): {}\nplugin {} {}, {}, needs ABI 1.{}, {}\n", word("name"), word("kind"),
                  word("summary"), word("plugin"), word("version"), word("built_with"),
                  stage["abi_minor"].get<int>(), word("file"));
  if (const std::string how = properties(stage); !how.empty()) text += how + "\n";
  std::vector<std::vector<std::string>> options;
  for (const json& option : stage["options"]) {
    const std::string how = option_conditions(option);
    options.push_back({"  " + option["name"].get<std::string>(), option["type"],
                       option["help"].get<std::string>() + (how.empty() ? "" : " (" + how + ")")});
  }
  if (!options.empty()) text += "\noptions\n" + aligned(options);
  std::vector<std::vector<std::string>> columns;
  for (const json& column : stage["columns"]) {
    columns.push_back({"  " + column["name"].get<std::string>(), column["type"], column["help"]});
  }
  if (!columns.empty()) text += "\ncolumns\n" + aligned(columns);
  return text + "\nexample: required options, then optional ones as comments\n" + word("example");
}

std::string describe_markdown(const json& stage) {
  const auto word = [&](const char* key) { return stage[key].get<std::string>(); };
  std::string text = fmt::format("# {}\n\n{} A {} of the plugin `{}`.\n", word("name"),
                                 sentence(word("summary")), word("kind"), word("plugin"));
  if (const std::string how = properties(stage); !how.empty()) text += "\nIt " + how + ".\n";
  text += "\n```toml\n" + word("example") + "```\n";
  if (!stage["options"].empty())
    text += "\n## Options\n\n| option | type | | meaning |\n|---|---|---|---|\n";
  for (const json& option : stage["options"]) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", option["name"].get<std::string>(),
                        option["type"].get<std::string>(), escaped_cell(option_conditions(option)),
                        escaped_cell(option["help"].get<std::string>()));
  }
  if (!stage["columns"].empty())
    text += "\n## Columns\n\n| column | type | meaning |\n|---|---|---|\n";
  for (const json& column : stage["columns"]) {
    text += fmt::format("| `{}` | {} | {} |\n", column["name"].get<std::string>(),
                        column["type"].get<std::string>(),
                        escaped_cell(column["help"].get<std::string>()));
  }
  return text;
}

}  // namespace etl::runtime
