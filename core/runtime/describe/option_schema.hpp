/// \file
/// The JSON Schema of one option, and of strings that may hold variables.
#pragma once

#include <etl/abi.h>

#include <nlohmann/json.hpp>

#include <span>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// What the document's `definitions` hold for the schemas below to refer to.
[[nodiscard]] nlohmann::ordered_json option_definitions();

/// A string in which variables may stand.
[[nodiscard]] nlohmann::ordered_json text_schema();

/// What convert_option() takes for this option, before variables are put in: a string with a
/// variable in it is taken for any single value, since nobody knows what it will be.
[[nodiscard]] nlohmann::ordered_json option_schema(const etl_option_spec& spec);

/// A string that is one of these, or has a variable in it. Editors offer them.
[[nodiscard]] nlohmann::ordered_json one_of_schema(const std::vector<std::string>& values);

/// No other key than those of `properties`. Unlike `false`, it makes clients point at the key
/// and not at the whole table, and say which there are.
[[nodiscard]] nlohmann::ordered_json no_other_key(const nlohmann::ordered_json& properties);

/// Adds `properties` and `required` for a table of options.
void add_options(std::span<const etl_option_spec> options, nlohmann::ordered_json& table);

}  // namespace etl::runtime
