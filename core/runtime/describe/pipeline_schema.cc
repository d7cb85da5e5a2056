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

using json = nlohmann::ordered_json;

std::string definition_name(Kind kind, std::string_view stage) {
  return fmt::format("{}.{}", kind_name(kind), stage);
}

json reference(const std::string& name) { return {{"$ref", "#/definitions/" + name}}; }

json described(std::string_view text, const json& schema) {
  json out{{"description", text}};
  out.update(schema);
  return out;
}

/// The schema of `input`.
json input_schema() {
  return {{"description", "The stages it reads from: a name, or an array of names."},
          {"type", {"string", "array"}},
          {"items", {{"type", "string"}}},
          {"minItems", 1},
          {"uniqueItems", true}};
}

/// The table of a stage with a known plugin.
json stage_schema(const etl_stage& stage) {
  json table{{"description", stage.summary},
             {"type", "object"},
             {"properties", {{"plugin", json::object()}}},
             {"required", {"plugin"}}};
  if (kind_of(stage) != Kind::source) table["properties"]["input"] = json::object();
  add_options({stage.options, stage.option_count}, table);
  table["additionalProperties"] = no_other_key(table["properties"]);
  return table;
}

/// The table of a stage of this kind; `plugin` decides which options it has. Uses `if` and `then`
/// because for oneOf clients report only that no alternative matches. Clients take suggestions and
/// hover texts from `anyOf`, whose first part always matches.
json kind_schema(Kind kind, const std::vector<const etl_stage*>& stages) {
  std::vector<std::string> names;
  names.reserve(stages.size());
  for (const etl_stage* stage : stages) names.emplace_back(stage->name);
  json table{{"type", "object"}, {"required", {"plugin"}}};
  table["properties"]["plugin"] =
      described("The name of an installed stage.", one_of_schema(names));
  if (kind != Kind::source) {
    table["required"].push_back("input");
    table["properties"]["input"] = input_schema();
  }
  table["anyOf"] = json::array({{{"type", "object"}}});
  for (const std::string& name : names) {
    const json it_is{{"properties", {{"plugin", {{"const", name}}}}}, {"required", {"plugin"}}};
    const json options = reference(definition_name(kind, name));
    table["allOf"].push_back({{"if", it_is}, {"then", options}});
    table["anyOf"].push_back(options);
  }
  return table;
}

json section_schema(Kind kind) {
  json section{{"description", fmt::format("The {}s of the pipeline, by name.", kind_name(kind))},
               {"type", "object"},
               {"propertyNames", {{"pattern", "^[A-Za-z0-9_-]+$"}, {"not", {{"const", "run"}}}}},
               {"additionalProperties", reference(std::string(kind_name(kind)))}};
  if (kind != Kind::filter) section["minProperties"] = 1;
  return section;
}

json run_schema() {
  json run{{"description", "Run settings. None of them changes the data."}, {"type", "object"}};
  add_options(run_options(), run);
  run["additionalProperties"] = no_other_key(run["properties"]);
  return run;
}

/// A table with a value per stage.
json by_stage(json value) {
  return {{"type", "object"}, {"minProperties", 1}, {"additionalProperties", std::move(value)}};
}

/// Allows `{ file = "..." }` in place of the value.
json or_file(json here) {
  json file{{"type", "object"},
            {"required", {"file"}},
            {"properties", {{"file", {{"type", "string"}, {"minLength", 1}}}}}};
  file["additionalProperties"] = no_other_key(file["properties"]);
  return {{"if", {{"type", "object"}}}, {"then", std::move(file)}, {"else", std::move(here)}};
}

/// The tests; columns and stages are unknown here.
json test_schema() {
  const json text{{"type", "string"}, {"minLength", 1}};
  const json number{{"type", "integer"}, {"minimum", 0}};
  const json rows = by_stage(or_file({{"type", "array"}, {"items", {{"type", "object"}}}}));
  const json values{
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
  json properties;
  for (const TestKey& key : test_keys())
    properties[std::string(key.name)] = described(key.help, values.at(std::string(key.name)));
  json test{{"type", "object"}, {"required", {"name"}}, {"properties", properties}};
  test["additionalProperties"] = no_other_key(properties);
  return {{"description", "Tests of the pipeline, for etl test."},
          {"type", "array"},
          {"items", std::move(test)}};
}

}  // namespace

json pipeline_schema(const StageRegistry& registry) {
  json definitions = option_definitions();
  for (const Kind kind : {Kind::source, Kind::filter, Kind::sink}) {
    std::vector<const etl_stage*> stages;
    for (const auto& [name, entry] : registry.stages()) {
      if (kind_of(*entry.stage) == kind) stages.push_back(entry.stage);
    }
    definitions[std::string(kind_name(kind))] = kind_schema(kind, stages);
    for (const etl_stage* stage : stages)
      definitions[definition_name(kind, stage->name)] = stage_schema(*stage);
  }
  json properties{{"name", described("The pipeline's identity in the ledger.",
                                     {{"type", "string"}, {"pattern", "[^ \\t\\r\\n]"}})},
                  {"description", described("What the pipeline is for.", text_schema())},
                  {"run", run_schema()}};
  for (const Kind kind : {Kind::source, Kind::filter, Kind::sink})
    properties[fmt::format("{}s", kind_name(kind))] = section_schema(kind);
  properties["tests"] = test_schema();
  json document{{"$schema", "http://json-schema.org/draft-07/schema#"},
                {"title", "etl pipeline"},
                {"type", "object"},
                {"required", {"name", "sources", "sinks"}},
                {"properties", properties}};
  document["additionalProperties"] = no_other_key(properties);
  document["definitions"] = std::move(definitions);
  return document;
}

}  // namespace etl::runtime
