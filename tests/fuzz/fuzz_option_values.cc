// Checks a value against an option of any type: it is converted within the bounds, or refused.
//
// Input: type, flags, origin, bounds, allowed values up to a line feed, the value.
#include "core/runtime/config/option_values.hpp"
#include "fuzz.hpp"

#include <etl/error.hpp>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t types = ETL_OPTION_MAP + 1;

etl_option_spec spec_from(fuzz::Input& input, std::string_view& allowed) {
  etl_option_spec spec{};
  spec.name = etl::detail::to_abi("it");
  spec.help = etl::detail::to_abi("What it is.");
  spec.type = input.byte() % (types + 1);  // one more: unknown to this version
  spec.flags = input.byte() & (ETL_OPTION_SECRET | ETL_OPTION_OPERATIONAL | ETL_OPTION_BOUNDED |
                               ETL_OPTION_OR_ONE);
  spec.minimum = static_cast<std::int8_t>(input.byte());
  spec.maximum = spec.minimum + input.byte() * 1000;
  allowed = input.until('\n');
  spec.allowed = etl::detail::to_abi(allowed);
  return spec;
}

void check_value(const etl_option& value, const etl_option_spec& spec) {
  const bool bounded = (spec.flags & ETL_OPTION_BOUNDED) != 0;
  switch (spec.type) {
    case ETL_OPTION_INT:
    case ETL_OPTION_DURATION:
    case ETL_OPTION_SIZE:
      fuzz::require(!bounded || (value.value.i >= spec.minimum && value.value.i <= spec.maximum),
                    "a number out of bounds");
      break;
    case ETL_OPTION_BOOL:
      fuzz::require(value.value.i == 0 || value.value.i == 1, "a boolean of another kind");
      break;
    case ETL_OPTION_STRING:
    case ETL_OPTION_PATH:
    case ETL_OPTION_URL:
      fuzz::require(etl::detail::to_view(value.value.s).find('\0') == std::string_view::npos,
                    "a NUL character came through");
      break;
    default:
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::string_view allowed;
  const etl_option_spec spec = spec_from(input, allowed);
  const std::uint8_t origin = input.byte();
  RawOption option;
  option.name = "it";
  option.key = option.value = {"f.toml", 1, 1, 1};
  option.from_set = origin % 4 == 1;
  option.interpolated = origin % 4 == 2;
  option.text = input.rest();
  const std::optional<RawValue> parsed = parse_value(option.text, option.value);
  const bool as_text = option.interpolated || !parsed;
  option.data = as_text ? RawValue(option.text) : *parsed;

  Diagnostics diagnostics;
  const OptionOwner owner{"source \"s\"", {"f.toml", 1, 1, 1}, {}};
  const OptionContext context{"/folder", {}};
  const auto values = check_options(owner, {&option, 1}, {&spec, 1}, context, diagnostics);
  fuzz::require((values == nullptr) == diagnostics.failed(), "neither a value nor a finding");
  if (values == nullptr) {
    for (const Diagnostic& one : diagnostics.all()) fuzz::require(!one.message.empty(), "no word");
    (void)diagnostics.text(false);
    return 0;
  }
  fuzz::require(values->values().size() == 1, "another number of values");
  check_value(values->values().front(), spec);
  const bool operational = (spec.flags & ETL_OPTION_OPERATIONAL) != 0;
  fuzz::require(values->definition().empty() == operational, "the definition lost it, or has it");
  return 0;
}
