#include "core/runtime/describe/pipeline_schema.hpp"

#include "core/runtime/config/pipeline_file.hpp"
#include "core/runtime/config/run_settings.hpp"
#include "core/runtime/describe/option_schema.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

namespace etl::runtime {
namespace {

using nlohmann::ordered_json;

std::string definition_name(Kind kind, std::string_view stage) {
  return fmt::format("{}.{}", kind_name(kind), stage);
}

ordered_json reference(const std::string& name) { return {{"$ref", "#/definitions/" + name}}; }

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
