/// \file
/// Checks of a stage's tables; calls none of its functions.
#pragma once

#include <etl/detail/split.hpp>
#include <etl/testing/conformance/instance.hpp>

namespace etl::inline v1::conformance {
namespace detail {

inline bool is_name(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

/// Requires one line of text without surrounding spaces.
inline void require_sentence(std::string_view text, const std::string& what) {
  require(!text.empty(), what + " is empty: write one sentence");
  require(is_utf8(text) && text.find('\n') == std::string_view::npos,
          what + " must be one line of UTF-8");
  require(text.find_first_not_of(' ') == 0 && text.back() != ' ', what + " has spaces around it");
}

inline std::string option_title(const etl_option_spec& spec) {
  return "option \"" + std::string(to_view(spec.name)) + "\"";
}

inline void require_default_allowed(const etl_option_spec& spec) {
  const std::string title = option_title(spec);
  if (spec.fallback.size == 0 || spec.type == ETL_OPTION_TIME) return;
  testing::Value value;
  try {
    value = testing::detail::Fallback(spec).value();
  } catch (const Error& error) {
    throw Failure(title + " has a default that is not a TOML value of its type: " +
                  std::string(to_view(spec.fallback)));
  }
  const bool boolean = spec.type == ETL_OPTION_BOOL;
  require(!boolean || to_view(spec.fallback) == "true" || to_view(spec.fallback) == "false",
          title + " has the default " + std::string(to_view(spec.fallback)) +
              ", which is not a TOML boolean");
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number != nullptr && (spec.flags & ETL_OPTION_BOUNDED) != 0) {
    require(*number >= spec.minimum && *number <= spec.maximum,
            title + " has the default " + std::to_string(*number) + ", which is not between " +
                std::to_string(spec.minimum) + " and " + std::to_string(spec.maximum));
  }
  if (spec.allowed.size == 0) return;
  const auto allowed = split(to_view(spec.allowed), '|');
  const auto require_in = [&](const std::string& text) {
    require(std::ranges::find(allowed, text) != allowed.end(),
            title + " has the default \"" + text + "\", which is not one of the allowed " +
                std::string(to_view(spec.allowed)));
  };
  if (const auto* text = std::get_if<std::string>(&value)) require_in(*text);
  if (const auto* list = std::get_if<Strings>(&value)) std::ranges::for_each(*list, require_in);
}

inline void require_sane(const etl_option_spec& spec) {
  const std::string title = option_title(spec);
  require(is_name(to_view(spec.name)), title + ": its name may only contain a-z, 0-9 and _");
  require(spec.type >= ETL_OPTION_BOOL && spec.type <= ETL_OPTION_MAP,
          title + " has the unknown type " + std::to_string(spec.type));
  require_sentence(to_view(spec.help), "the help of " + title);
  require((spec.flags & ~std::uint32_t{63}) == 0, title + " has flags that ABI 1 does not define");
  require((spec.flags & ETL_OPTION_REQUIRED) == 0 || spec.fallback.size == 0,
          title + " is required but has a default: remove one of the two");
  const bool counts = spec.type == ETL_OPTION_INT || spec.type == ETL_OPTION_DURATION ||
                      spec.type == ETL_OPTION_SIZE;
  const bool bounded = (spec.flags & ETL_OPTION_BOUNDED) != 0;
  require(!bounded || counts, title + " has bounds, but is not an integer, duration or size");
  require(!bounded || spec.minimum <= spec.maximum, title + " has a minimum above its maximum");
  require((spec.flags & ETL_OPTION_OR_ONE) == 0 || spec.type == ETL_OPTION_LIST,
          title + " accepts a single string, but is not a list");
  const bool texts =
      spec.type == ETL_OPTION_STRING || spec.type == ETL_OPTION_LIST || spec.type == ETL_OPTION_MAP;
  require(spec.allowed.size == 0 || texts,
          title + " has allowed values, but is not a string, list or map");
  require_default_allowed(spec);
}

template <class Table>
void require_table(const char* kind, const Table* table, bool ledger = false) {
  require(table != nullptr, std::string("a ") + kind + " has no table `" + kind + "`");
  for (const auto& [name, there] : required_functions(*table, ledger))
    require(there, std::string("the table of the ") + kind + " lacks " + name + "()");
}

inline void require_table(const etl_stage& stage) {
  const int tables = (stage.source != nullptr ? 1 : 0) + (stage.filter != nullptr ? 1 : 0) +
                     (stage.sink != nullptr ? 1 : 0);
  require(tables == 1, "exactly the table of the stage's kind must be set");
  if (stage.kind == ETL_SOURCE) require_table("source", stage.source);
  else if (stage.kind == ETL_FILTER) require_table("filter", stage.filter);
  else require_table("sink", stage.sink, (stage.flags & ETL_STAGE_TRANSACTIONAL) != 0);
}

inline void check_stage(const Probe& probe) {
  const etl_stage& stage = probe.stage();
  require(stage.name != nullptr && is_name(stage.name),
          "the stage's name may only contain a-z, 0-9 and _");
  require(stage.summary != nullptr, "the stage has no summary");
  require_sentence(stage.summary, "the summary");
  require(stage.kind >= ETL_SOURCE && stage.kind <= ETL_SINK, "the stage's kind is unknown");
  require(stage.create != nullptr && stage.destroy != nullptr,
          "the stage has no create() or no destroy()");
  require(stage.kind == ETL_SINK || (stage.max_writers == 0 && stage.flags == 0),
          "only a sink has max_writers and flags");
  require_table(stage);
}

inline void check_option_table(const Probe& probe) {
  const etl_stage& stage = probe.stage();
  require(stage.option_count == 0 || stage.options != nullptr, "the option table is missing");
  const std::span<const etl_option_spec> table(stage.options, stage.option_count);
  for (std::size_t i = 0; i < table.size(); ++i) {
    require_sane(table[i]);
    for (std::size_t j = 0; j < i; ++j) {
      require(to_view(table[i].name) != to_view(table[j].name),
              option_title(table[i]) + " is in the table twice");
    }
    require(to_view(table[i].name) != "plugin" && to_view(table[i].name) != "input",
            option_title(table[i]) + " has a name that pipeline files reserve");
  }
}

inline void check_column_table(const Probe& probe) {
  const etl_stage& stage = probe.stage();
  require(stage.column_count == 0 || stage.columns != nullptr, "the column table is missing");
  for (std::size_t i = 0; i < stage.column_count; ++i) {
    const etl_column_spec& column = stage.columns[i];
    const std::string title = "column \"" + std::string(to_view(column.name)) + "\"";
    require(column.name.size != 0, "a column of the column table has no name");
    require(column.type.size != 0, title + " of the column table has no type");
    require_sentence(to_view(column.help), "the help of " + title);
    for (std::size_t j = 0; j < i; ++j) {
      require(to_view(stage.columns[j].name) != to_view(column.name),
              title + " is in the column table twice");
    }
  }
}

}  // namespace detail

inline constexpr Check descriptor_checks[] = {
    {"descriptor.stage", "Has a name, a summary and the functions of its kind.", all_kinds, "",
     &detail::check_stage},
    {"descriptor.options", "Has options with unique names, a known type, help and a valid default.",
     all_kinds, "", &detail::check_option_table},
    {"descriptor.columns", "Declares columns with unique names, a type and help.", all_kinds, "",
     &detail::check_column_table},
};

}  // namespace etl::inline v1::conformance
