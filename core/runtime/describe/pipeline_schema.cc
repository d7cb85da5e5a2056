#include "core/runtime/describe/pipeline_schema.hpp"

#include "core/runtime/config/document.hpp"
#include "core/runtime/config/option_conversion.hpp"
#include "core/runtime/config/run_settings.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <etl/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <span>
#include <string>
#include <vector>

namespace etl::runtime {
namespace {

using detail::to_view;
using nlohmann::ordered_json;

// ---- options -----------------------------------------------------------------------------------

// As in interpolate.cc: "$$" is a dollar sign, "${" starts a variable, any other "$" is literal.
constexpr std::string_view variable = R"(\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\})";
constexpr std::string_view plain = R"([^$]|\$[^{])";

// As in units.cc.
constexpr std::string_view duration = "[0-9]+(ms|s|m|h|d)|0+";
constexpr std::string_view size = "[0-9]+( ?(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB))?";
// Clients convert TOML dates to strings before they validate them.
constexpr std::string_view moment =
    "[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?"
    "([Zz]|[+-][0-9]{2}:[0-9]{2})?)?";

ordered_json reference(const std::string& name) { return {{"$ref", "#/definitions/" + name}}; }

ordered_json with_pattern(std::string_view pattern) {
  return {{"type", "string"}, {"pattern", "^(" + std::string(pattern) + ")$"}};
}

/// Applies `schema` unless the value is a string with a variable. Not with anyOf, for which clients
/// only report that nothing matches, and not why.
void unless_variable(ordered_json schema, ordered_json& out) {
  out["if"] = reference("variable");
  out["then"] = reference("text");
  out["else"] = std::move(schema);
}

/// A string that may contain variables.
// Inlined at each use: an allOf with nothing but a reference sends taplo's language server (0.7)
// into endless recursion.
ordered_json text_schema() {
  const std::string any = "^(" + std::string(plain) + "|" + std::string(variable) + ")*\\$?$";
  return {{"type", "string"}, {"pattern", any}};
}

/// A string that is one of `values`, which editors offer, or contains a variable.
ordered_json one_of_schema(const std::vector<std::string>& values) {
  // Editors take their suggestions from `anyOf`, not from `else`; its second part always matches.
  ordered_json out{{"type", "string"}, {"anyOf", {{{"enum", values}}, {{"type", "string"}}}}};
  unless_variable({{"enum", values}}, out);
  return out;
}

/// Adds the bounds to the schema of a number.
void add_bounds(const etl_option_spec& spec, ordered_json& number) {
  if ((spec.flags & ETL_OPTION_BOUNDED) == 0) return;
  if (spec.minimum != std::numeric_limits<std::int64_t>::min()) number["minimum"] = spec.minimum;
  if (spec.maximum != std::numeric_limits<std::int64_t>::max()) number["maximum"] = spec.maximum;
}

ordered_json integer(const etl_option_spec& spec) {
  ordered_json out{{"type", "integer"}};
  add_bounds(spec, out);
  for (const std::string& each : allowed_values(spec)) {
    const std::optional<RawValue> value = parse_value(each, {});
    const auto* number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
    if (number != nullptr) out["enum"].push_back(*number);
  }
  return out;
}

ordered_json size_in_bytes(const etl_option_spec& spec) {
  ordered_json number{{"type", "integer"}, {"minimum", 0}};
  add_bounds(spec, number);
  return {{"if", {{"type", "string"}}}, {"then", with_pattern(size)}, {"else", number}};
}

ordered_json span_of_time() {
  return {{"if", {{"type", "string"}}},
          {"then", with_pattern(duration)},
          {"else", {{"type", "integer"}, {"enum", {0}}}}};
}

/// One of the allowed strings; if any is allowed, a string with valid variables.
ordered_json text(const etl_option_spec& spec) {
  const std::vector<std::string> allowed = allowed_values(spec);
  return allowed.empty() ? text_schema() : one_of_schema(allowed);
}

void add_list(const etl_option_spec& spec, ordered_json& out) {
  const bool or_one = (spec.flags & ETL_OPTION_OR_ONE) != 0;
  if (or_one) {
    out["type"] = {"array", "string"};
    out["if"] = {{"type", "string"}};
    out["then"] = text(spec);
  } else {
    out["type"] = "array";
  }
  out["items"] = text(spec);
  out["items"]["description"] = to_view(spec.help);  // taplo shows this for an array
}

/// The default as JSON, or null if JSON cannot express it.
ordered_json default_of(const etl_option_spec& spec) {
  const std::optional<RawValue> parsed = parse_value(to_view(spec.fallback), {});
  if (!parsed) return nullptr;
  if (const auto* flag = std::get_if<bool>(&*parsed)) return *flag;
  if (const auto* number = std::get_if<std::int64_t>(&*parsed)) return *number;
  if (const auto* number = std::get_if<double>(&*parsed)) return *number;
  if (const auto* string = std::get_if<std::string>(&*parsed)) return *string;
  const auto* items = std::get_if<RawList>(&*parsed);
  if (items == nullptr) return nullptr;
  ordered_json list = ordered_json::array();
  for (const RawItem& item : *items) {
    const auto* string = std::get_if<std::string>(&item.data);
    if (string == nullptr) return nullptr;
    list.push_back(*string);
  }
  return list;
}

void add_type(const etl_option_spec& spec, ordered_json& out) {
  switch (spec.type) {
    case ETL_OPTION_BOOL:
      return unless_variable({{"type", "boolean"}}, out);
    case ETL_OPTION_INT:
      return unless_variable(integer(spec), out);
    case ETL_OPTION_FLOAT:
      return unless_variable({{"type", "number"}}, out);
    case ETL_OPTION_LIST:
      return add_list(spec, out);
    case ETL_OPTION_MAP:
      return out.update({{"type", "object"}, {"additionalProperties", text(spec)}});
    case ETL_OPTION_TIME:
      return unless_variable(
          with_pattern("now|-(" + std::string(duration) + ")|" + std::string(moment)), out);
    case ETL_OPTION_DURATION:
      return unless_variable(span_of_time(), out);
    case ETL_OPTION_SIZE:
      return unless_variable(size_in_bytes(spec), out);
    case ETL_OPTION_URL:
      if (spec.allowed.size != 0) return out.update(text(spec));
      return unless_variable(with_pattern("|[A-Za-z0-9+.-]+://(.|\\n)*"), out);
    case ETL_OPTION_PATH:
      return out.update(text_schema());  // without allowed values: a path is made absolute
    case ETL_OPTION_STRING:
      return out.update(text(spec));
    default:
      break;  // from a later ABI minor: accept anything
  }
}

/// The `definitions` that the schemas of options refer to.
ordered_json option_definitions() {
  return {{"text", text_schema()},
          {"variable",
           {{"$comment", "A string with a variable; its value is known only at run time."},
            {"type", "string"},
            {"pattern", "^(" + std::string(plain) + ")*" + std::string(variable)}}}};
}

/// What convert_option() accepts before variables are expanded. A string with a variable is
/// accepted for any scalar type, since its value is unknown.
ordered_json option_schema(const etl_option_spec& spec) {
  ordered_json out{{"description", to_view(spec.help)}};
  if (spec.fallback.size != 0 && (spec.flags & ETL_OPTION_SECRET) == 0) {
    if (ordered_json value = default_of(spec); !value.is_null()) out["default"] = std::move(value);
  }
  add_type(spec, out);
  return out;
}

/// Refuses keys other than those of `properties`. Unlike `false`, it makes clients mark the key and
/// not the whole table, and list the available keys.
ordered_json no_other_key(const ordered_json& properties) {
  std::string names;
  for (const auto& [name, schema] : properties.items()) names += (names.empty() ? "" : ", ") + name;
  return {{"not", {{"description", "unknown key; available: " + names}}}};
}

/// Adds `properties` and `required` for the options to the schema `table`.
void add_options(std::span<const etl_option_spec> options, ordered_json& table) {
  for (const etl_option_spec& spec : options) {
    const std::string name(to_view(spec.name));
    table["properties"][name] = option_schema(spec);
    if ((spec.flags & ETL_OPTION_REQUIRED) != 0) table["required"].push_back(name);
  }
}

// ---- tables ------------------------------------------------------------------------------------

std::string definition_name(Kind kind, std::string_view stage) {
  return fmt::format("{}.{}", kind_name(kind), stage);
}

ordered_json described(std::string_view text, const ordered_json& schema) {
  ordered_json out{{"description", text}};
  out.update(schema);
  return out;
}

/// The schema of `input`.
ordered_json input_schema() {
  return {{"description", "The stages it reads from: a name, or an array of names."},
          {"type", {"string", "array"}},
          {"items", {{"type", "string"}}},
          {"minItems", 1},
          {"uniqueItems", true}};
}

/// The table of a stage with a known plugin.
ordered_json stage_schema(const etl_stage& stage) {
  ordered_json table{{"description", stage.summary},
                     {"type", "object"},
                     {"properties", {{"plugin", ordered_json::object()}}},
                     {"required", {"plugin"}}};
  if (kind_of(stage) != Kind::source) table["properties"]["input"] = ordered_json::object();
  add_options({stage.options, stage.option_count}, table);
  table["additionalProperties"] = no_other_key(table["properties"]);
  return table;
}

/// The table of a stage of this kind; `plugin` decides which options it has. Uses `if` and `then`
/// because for oneOf clients report only that no alternative matches. Clients take suggestions and
/// hover texts from `anyOf`, whose first part always matches.
ordered_json kind_schema(Kind kind, const std::vector<const etl_stage*>& stages) {
  std::vector<std::string> names;
  names.reserve(stages.size());
  for (const etl_stage* stage : stages) names.emplace_back(stage->name);
  ordered_json table{{"type", "object"}, {"required", {"plugin"}}};
  table["properties"]["plugin"] =
      described("The name of an installed stage.", one_of_schema(names));
  if (kind != Kind::source) {
    table["required"].push_back("input");
    table["properties"]["input"] = input_schema();
  }
  table["anyOf"] = ordered_json::array({{{"type", "object"}}});
  for (const std::string& name : names) {
    const ordered_json it_is{{"properties", {{"plugin", {{"const", name}}}}},
                             {"required", {"plugin"}}};
    const ordered_json options = reference(definition_name(kind, name));
    table["allOf"].push_back({{"if", it_is}, {"then", options}});
    table["anyOf"].push_back(options);
  }
  return table;
}

ordered_json section_schema(Kind kind) {
  ordered_json section{
      {"description", fmt::format("The {}s of the pipeline, by name.", kind_name(kind))},
      {"type", "object"},
      {"propertyNames", {{"pattern", "^[A-Za-z0-9_-]+$"}, {"not", {{"const", "run"}}}}},
      {"additionalProperties", reference(std::string(kind_name(kind)))}};
  if (kind != Kind::filter) section["minProperties"] = 1;
  return section;
}

ordered_json run_schema() {
  ordered_json run{{"description", "Run settings. None of them changes the data."},
                   {"type", "object"}};
  add_options(run_options(), run);
  run["additionalProperties"] = no_other_key(run["properties"]);
  return run;
}

/// A table with a value per stage.
ordered_json by_stage(ordered_json value) {
  return {{"type", "object"}, {"minProperties", 1}, {"additionalProperties", std::move(value)}};
}

/// Allows `{ file = "..." }` in place of the value.
ordered_json or_file(ordered_json here) {
  ordered_json file{{"type", "object"},
                    {"required", {"file"}},
                    {"properties", {{"file", {{"type", "string"}, {"minLength", 1}}}}}};
  file["additionalProperties"] = no_other_key(file["properties"]);
  return {{"if", {{"type", "object"}}}, {"then", std::move(file)}, {"else", std::move(here)}};
}

/// The tests; columns and stages are unknown here.
ordered_json test_schema() {
  const ordered_json text{{"type", "string"}, {"minLength", 1}};
  const ordered_json number{{"type", "integer"}, {"minimum", 0}};
  const ordered_json rows = by_stage(or_file({{"type", "array"}, {"items", {{"type", "object"}}}}));
  const ordered_json values{
      {"name", text},
      {"partition", {{"type", "string"}}},
      {"inputs", rows},
      {"records",
       by_stage(or_file({{"type", {"array", "string"}}, {"items", {{"type", "string"}}}}))},
      {"outputs", rows},
      {"every", by_stage({{"type", "object"}})},
      {"counts", by_stage(number)},
      {"rejects",
       {{"if", {{"type", "object"}}},
        {"then", {{"additionalProperties", number}}},
        {"else", number}}},
      {"error", text}};
  ordered_json properties;
  for (const TestKey& key : test_keys())
    properties[std::string(key.name)] = described(key.help, values.at(std::string(key.name)));
  ordered_json test{{"type", "object"}, {"required", {"name"}}, {"properties", properties}};
  test["additionalProperties"] = no_other_key(properties);
  return {{"description", "Tests of the pipeline, for etl test."},
          {"type", "array"},
          {"items", std::move(test)}};
}

}  // namespace

ordered_json pipeline_schema(const StageRegistry& registry) {
  ordered_json definitions = option_definitions();
  for (const Kind kind : {Kind::source, Kind::filter, Kind::sink}) {
    std::vector<const etl_stage*> stages;
    for (const auto& [name, entry] : registry.stages()) {
      if (kind_of(*entry.stage) == kind) stages.push_back(entry.stage);
    }
    definitions[std::string(kind_name(kind))] = kind_schema(kind, stages);
    for (const etl_stage* stage : stages)
      definitions[definition_name(kind, stage->name)] = stage_schema(*stage);
  }
  ordered_json properties{{"name", described("The pipeline's identity in the ledger.",
                                             {{"type", "string"}, {"pattern", "[^ \\t\\r\\n]"}})},
                          {"description", described("What the pipeline is for.", text_schema())},
                          {"run", run_schema()}};
  for (const Kind kind : {Kind::source, Kind::filter, Kind::sink})
    properties[fmt::format("{}s", kind_name(kind))] = section_schema(kind);
  properties["tests"] = test_schema();
  ordered_json document{{"$schema", "http://json-schema.org/draft-07/schema#"},
                        {"title", "etl pipeline"},
                        {"type", "object"},
                        {"required", {"name", "sources", "sinks"}},
                        {"properties", properties}};
  document["additionalProperties"] = no_other_key(properties);
  document["definitions"] = std::move(definitions);
  return document;
}

}  // namespace etl::runtime
