#include "core/runtime/describe/option_schema.hpp"

#include "core/runtime/config/document.hpp"
#include "core/runtime/config/option_conversion.hpp"

#include <etl/error.hpp>

#include <limits>
#include <string>

namespace etl::runtime {
namespace {

using detail::to_view;
using nlohmann::ordered_json;

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

ordered_json reference(const char* name) {
  return {{"$ref", std::string("#/definitions/") + name}};
}

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

/// Its properties have no names that a schema could list.
json map_of_text(const etl_option_spec& spec) {
  return {{"type", "object"}, {"additionalProperties", text(spec)}};
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
      return out.update(map_of_text(spec));
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

}  // namespace

ordered_json option_definitions() {
  return {{"text", text_schema()},
          {"variable",
           {{"$comment", "A string with a variable; its value is known only at run time."},
            {"type", "string"},
            {"pattern", "^(" + std::string(plain) + ")*" + std::string(variable)}}}};
}

// Inlined at each use: an allOf with nothing but a reference sends taplo's language server (0.7)
// into endless recursion.
ordered_json text_schema() {
  const std::string any = "^(" + std::string(plain) + "|" + std::string(variable) + ")*\\$?$";
  return {{"type", "string"}, {"pattern", any}};
}

ordered_json one_of_schema(const std::vector<std::string>& values) {
  // Editors take their suggestions from `anyOf`, not from `else`; its second part always matches.
  ordered_json out{{"type", "string"}, {"anyOf", {{{"enum", values}}, {{"type", "string"}}}}};
  unless_variable({{"enum", values}}, out);
  return out;
}

ordered_json option_schema(const etl_option_spec& spec) {
  ordered_json out{{"description", to_view(spec.help)}};
  if (spec.fallback.size != 0 && (spec.flags & ETL_OPTION_SECRET) == 0) {
    if (ordered_json value = default_of(spec); !value.is_null()) out["default"] = std::move(value);
  }
  add_type(spec, out);
  return out;
}

ordered_json no_other_key(const ordered_json& properties) {
  std::string names;
  for (const auto& [name, schema] : properties.items()) names += (names.empty() ? "" : ", ") + name;
  return {{"not", {{"description", "unknown key; available: " + names}}}};
}

void add_options(std::span<const etl_option_spec> options, ordered_json& table) {
  for (const etl_option_spec& spec : options) {
    const std::string name(to_view(spec.name));
    table["properties"][name] = option_schema(spec);
    if ((spec.flags & ETL_OPTION_REQUIRED) != 0) table["required"].push_back(name);
  }
}

}  // namespace etl::runtime
