/// \file
/// The JSON Schema of an option, and of strings that may contain variables.
#pragma once

#include <etl/abi.h>

#include <nlohmann/json.hpp>

#include <span>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// The `definitions` that the schemas below refer to.
[[nodiscard]] nlohmann::ordered_json option_definitions();

/// A string that may contain variables.
[[nodiscard]] nlohmann::ordered_json text_schema();

/// What convert_option() accepts before variables are expanded. A string with a variable is
/// accepted for any scalar type, since its value is unknown.
[[nodiscard]] nlohmann::ordered_json option_schema(const etl_option_spec& spec);

/// A string that is one of `values`, which editors offer, or contains a variable.
[[nodiscard]] nlohmann::ordered_json one_of_schema(const std::vector<std::string>& values);

/// Refuses keys other than those of `properties`. Unlike `false`, it makes clients mark the key and
/// not the whole table, and list the available keys.
[[nodiscard]] nlohmann::ordered_json no_other_key(const nlohmann::ordered_json& properties);

/// Adds `properties` and `required` for the options to the schema `table`.
void add_options(std::span<const etl_option_spec> options, nlohmann::ordered_json& table);

}  // namespace etl::runtime
