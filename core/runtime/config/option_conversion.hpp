/// \file
/// Conversion of a raw value to the type its option declares. Internal to the option checks.
#pragma once

#include "core/runtime/config/option_values.hpp"

#include <etl/options.hpp>

#include <string>
#include <variant>
#include <vector>

namespace etl::runtime {

/// A value of the declared type, and its canonical text for the definition.
struct ConvertedOption {
  std::variant<std::int64_t, double, std::string, Strings, StringMap> value;
  std::string canonical;
};

/// Why a value does not match its option: completes a sentence that begins with
/// `option "x" in source "y"`.
struct OptionMismatch {
  Position position;
  std::string what;  ///< `must be an integer, not the string "two"`
  std::string hint;  ///< may be empty
};

using Conversion = std::variant<ConvertedOption, std::vector<OptionMismatch>>;

/// Checks type, bounds and allowed values. REQUIRES: `raw.data` is not InvalidValue. Does not quote
/// values of secret options. An option type unknown to this host gives an OptionMismatch.
[[nodiscard]] Conversion convert_option(const RawOption& raw, const etl_option_spec& spec,
                                        const OptionContext& context);

/// The allowed values of an option; empty if any value is allowed.
[[nodiscard]] std::vector<std::string> allowed_values(const etl_option_spec& spec);

}  // namespace etl::runtime
