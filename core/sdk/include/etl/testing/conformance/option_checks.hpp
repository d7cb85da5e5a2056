/// \file
/// Checks of create() and destroy().
#pragma once

#include <etl/testing/conformance/descriptor_checks.hpp>

namespace etl::inline v1::conformance {
namespace detail {

/// The names of all files below a folder.
inline std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    names.push_back(entry.path().string());
  }
  std::ranges::sort(names);
  return names;
}

inline void check_create(const Probe& probe) {
  const Place place = probe.place();
  const auto before = names_in(place.scratch);
  Instance(probe, place).destroy();
  require(names_in(place.scratch) == before,
          "create() made files: it must not touch anything, because `etl validate` calls it too");
}

inline void check_memory(const Probe& probe) { Instance(probe).require_no_memory(); }

/// Values that a careless user might write for an option.
inline std::vector<testing::Value> tried_values(const etl_option_spec& spec) {
  const bool bounded = (spec.flags & ETL_OPTION_BOUNDED) != 0;
  constexpr std::int64_t large = 1'000'000'000'000;
  switch (spec.type) {
    case ETL_OPTION_BOOL:
      return {false, true};
    case ETL_OPTION_FLOAT:
      return {0.0, -1.5, 1e300};
    case ETL_OPTION_TIME:
      return {std::int64_t{0}, large * 1000};
    case ETL_OPTION_INT:
      if (!bounded) return {std::int64_t{0}, std::int64_t{-1}, large};
      return {spec.minimum, spec.maximum};
    case ETL_OPTION_DURATION:
    case ETL_OPTION_SIZE:
      if (!bounded) return {std::int64_t{0}, large};
      return {spec.minimum, spec.maximum};
    default:
      break;
  }
  const auto allowed = split(to_view(spec.allowed), '|');
  Strings texts(allowed.begin(), allowed.end());
  if (texts.empty()) texts = {"", "no such thing", "a/../b", "%s'\";--{}", std::string(5000, 'x')};
  std::vector<testing::Value> values;
  if (spec.type == ETL_OPTION_LIST) values.emplace_back(Strings{});
  if (spec.type == ETL_OPTION_MAP) values.emplace_back(StringMap{});
  for (const std::string& text : texts) {
    if (spec.type == ETL_OPTION_LIST) values.emplace_back(Strings{text, text});
    else if (spec.type == ETL_OPTION_MAP) values.emplace_back(StringMap{{"no such key", text}});
    else values.emplace_back(text);
  }
  return values;
}

/// The options with one value replaced.
class Changed {
 public:
  Changed(const GivenOptions& given, const etl_option_spec& spec, const testing::Value& value)
      : given_(given), values_(given.values.begin(), given.values.end()), value_(value) {
    auto found = std::ranges::find_if(values_, [&](const etl_option& option) {
      return to_view(option.name) == to_view(spec.name);
    });
    if (found == values_.end()) found = values_.insert(found, etl_option{});
    found->name = spec.name;
    found->type = spec.type;
    found->given = 1;
    testing::detail::set_value(*found, value_, list_);
  }
  Changed(const Changed&) = delete;
  Changed& operator=(const Changed&) = delete;
  [[nodiscard]] std::span<const etl_option> values() const { return values_; }

 private:
  GivenOptions given_;
  std::vector<etl_option> values_;
  testing::Value value_;
  std::vector<etl_str> list_;
};

inline void require_refused_well(const etl_stage& stage, const etl_option_spec& spec,
                                 const Result& refused) {
  const std::string title = "create() with another value of " + option_title(spec);
  require(refused.code == ETL_CONFIG,
          title + " failed with " + refused.text() + "; an invalid option is ETL_CONFIG");
  require(!refused.message().empty(), title + " failed without a message");
  require(is_utf8(refused.message()), title + " failed with a message that is not UTF-8");
  require(!refused.option().empty(), title + " failed with \"" + refused.message() +
                                         "\", but error.option does not name the option");
  for (std::size_t i = 0; i < stage.option_count; ++i) {
    if (to_view(stage.options[i].name) == refused.option()) return;
  }
  throw Failure(title + " was refused for option \"" + refused.option() +
                "\", which the stage does not have");
}

inline void check_refusals(const Probe& probe) {
  const etl_stage& stage = probe.stage();
  if (stage.option_count == 0) throw Skip("the stage has no options");
  const Place place = probe.place();
  const GivenOptions given = probe.subject.options(place);
  for (const etl_option_spec& spec : std::span(stage.options, stage.option_count)) {
    for (const testing::Value& value : tried_values(spec)) {
      const Changed changed(given, spec, value);
      const MockHost host;
      void* self = nullptr;
      const Result made =
          call(stage.create, host.abi(), changed.values().data(), changed.values().size(), &self);
      if (made) stage.destroy(self);
      else require_refused_well(stage, spec, made);
    }
  }
}

}  // namespace detail

inline constexpr Check option_checks[] = {
    {"options.create", "Can be created with the given options, without touching anything.",
     all_kinds, "descriptor.stage", &detail::check_create},
    {"options.refused", "Refuses an invalid value with ETL_CONFIG and names the option.", all_kinds,
     "options.create", &detail::check_refusals},
    {"options.memory", "Reports 0 bytes of memory after destroy().", all_kinds, "options.create",
     &detail::check_memory},
};

}  // namespace etl::inline v1::conformance
