#include "core/runtime/config/overrides.hpp"

#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>

namespace etl::runtime {
namespace {

constexpr std::string_view form =
    "write STAGE.OPTION=VALUE, run.OPTION=VALUE, name=VALUE or description=VALUE";

RawTable* table_at(RawTable& table, std::string_view name) {
  RawOption* found = find_option(table, name);
  return found == nullptr ? nullptr : std::get_if<RawTable>(&found->data);
}

/// Sets an option; `option.KEY` sets one entry of an option that is a table.
void put_option(RawTable& options, std::string_view path, std::string_view text,
                const Position& position) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == path.size())
    return put_override(options, path, text, position);
  const std::string_view name = path.substr(0, dot);
  if (table_at(options, name) == nullptr) {
    put_override(options, name, {}, position);
    find_option(options, name)->data = RawTable{};
  }
  put_override(*table_at(options, name), path.substr(dot + 1), text, position);
}

/// The table of a stage of any kind; adds the names of all stages to `names`.
RawTable* stage_table(RawTable& document, std::string_view stage, std::vector<std::string>& names) {
  RawTable* found = nullptr;
  for (const std::string_view section : {"sources", "filters", "sinks"}) {
    RawTable* stages = table_at(document, section);
    if (stages == nullptr) continue;
    for (RawOption& one : *stages) {
      auto* options = std::get_if<RawTable>(&one.data);
      if (options == nullptr) continue;
      names.push_back(one.name);
      if (found == nullptr && one.name == stage) found = options;
    }
  }
  return found;
}

/// The table [run], created if missing; nullptr if it is not a table, which is reported elsewhere.
RawTable* run_table(RawTable& document, const Position& position) {
  if (find_option(document, "run") == nullptr)
    document.push_back({"run", position, position, RawTable{}});
  return table_at(document, "run");
}

void apply(std::string_view argument, std::size_t number, RawTable& document,
           Diagnostics& diagnostics) {
  const std::size_t equals = argument.find('=');
  const std::string_view key = argument.substr(0, equals);
  if (equals == std::string_view::npos || key.empty()) {
    // Without a key the text may be a secret value: do not quote it.
    return diagnostics.error({"--set"},
                             fmt::format("argument {} has no {}", number,
                                         key.empty() ? "key before its \"=\"" : "\"=\""),
                             form);
  }
  const Position position{fmt::format("--set {}", key)};
  const std::string_view value = argument.substr(equals + 1);
  if (key == "name" || key == "description") return put_override(document, key, value, position);

  const std::size_t dot = key.find('.');
  const std::string_view stage = key.substr(0, dot);
  const std::string_view option = dot == std::string_view::npos ? "" : key.substr(dot + 1);
  if (stage.empty() || option.empty()) {
    return diagnostics.error(position, fmt::format("{} does not name an option", in_quotes(key)),
                             form);
  }
  if (stage == "run") {
    if (RawTable* run = run_table(document, position)) put_option(*run, option, value, position);
    return;
  }
  std::vector<std::string> names;
  if (RawTable* options = stage_table(document, stage, names))
    return put_option(*options, option, value, position);
  names.emplace_back("run");
  diagnostics.error(position, fmt::format("there is no stage {}", in_quotes(stage)),
                    did_you_mean(stage, names));
}

}  // namespace

void put_override(RawTable& table, std::string_view name, std::string_view text,
                  const Position& position) {
  std::optional<RawValue> parsed = parse_value(text, position);
  RawOption option{.name = std::string(name),
                   .key = position,
                   .value = position,
                   .data = parsed ? *std::move(parsed) : RawValue(std::string(text)),
                   .from_set = true,
                   .text = std::string(text)};
  if (RawOption* old = find_option(table, name)) *old = std::move(option);
  else table.push_back(std::move(option));
}

void apply_overrides(std::span<const std::string> set, RawTable& document,
                     Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < set.size(); ++i) apply(set[i], i + 1, document, diagnostics);
}

}  // namespace etl::runtime
