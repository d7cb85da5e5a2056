/// \file
/// One raw value into the type that an option declares. Internal to the option checks.
#pragma once

#include "core/runtime/config/option_values.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace etl::runtime {

/// A value of its declared type, and its canonical text for the definition.
struct Converted {
  std::variant<std::int64_t, double, std::string, std::vector<std::string>> value;
  std::string canonical;
};

/// Why a value does not fit: the rest of a sentence that begins `option "x" in source "y"`.
struct Misfit {
  Position position;
  std::string what;  ///< `must be an integer, not the string "two"`
  std::string hint;  ///< may be empty
};

using Conversion = std::variant<Converted, std::vector<Misfit>>;

/// Type, bounds and allowed values. REQUIRES: `raw.data` is not Faulty. Values of secret options
/// are not quoted in what comes back. A type that this host does not know gives a Misfit.
[[nodiscard]] Conversion convert_option(const RawOption& raw, const etl_option_spec& spec,
                                        const OptionContext& context);

/// `text` split at '|'.
[[nodiscard]] std::vector<std::string> allowed_values(const etl_option_spec& spec);

}  // namespace etl::runtime
