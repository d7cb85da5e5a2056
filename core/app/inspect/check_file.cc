#include "core/app/inspect/check_file.hpp"

#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/utf8.hpp"

#include <etl/testing/conformance/input.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace etl::app {
namespace {

using conformance::InputColumn;
using runtime::Diagnostics;
using runtime::in_quotes;
using runtime::RawItem;
using runtime::RawOption;
using runtime::RawTable;
using runtime::RawValue;

/// Reads the settings of one stage.
class SetupReader {
 public:
  explicit SetupReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  StageSetup read(const RawOption& stage) {
    setup_.position = stage.key;
    const RawTable* keys = table(stage);
    if (keys == nullptr) return {};
    // Columns first, because other keys refer to them.
    for (const RawOption& key : *keys) {
      if (key.name == "columns") read_columns(key);
    }
    for (const RawOption& key : *keys) read_key(key);
    return std::move(setup_);
  }

 private:
  const RawTable* table(const RawOption& key) {
    const auto* found = std::get_if<RawTable>(&key.data);
    if (found == nullptr) wrong(key, "a table");
    return found;
  }
  std::string text(const RawOption& key) {
    const auto* found = std::get_if<std::string>(&key.data);
    if (found == nullptr) wrong(key, "a string");
    return found == nullptr ? std::string() : *found;
  }
  void wrong(const RawOption& key, std::string_view wanted) {
    diagnostics_.error(key.value, fmt::format("{} must be {}, not {}", in_quotes(key.name), wanted,
                                              runtime::type_name(key.data)));
  }

  void read_key(const RawOption& key) {
    if (key.name == "before") setup_.before = text(key);
    else if (key.name == "after") setup_.after = text(key);
    else if (key.name == "dump") setup_.dump = text(key);
    else if (key.name == "scope") read_scope(key);
    else if (key.name == "values") read_values(key);
    else if (key.name == "options") read_options(key);
    else if (key.name != "columns") {
      diagnostics_.error(key.key, fmt::format("unknown key {}", in_quotes(key.name)),
                         runtime::did_you_mean(key.name, {"before", "after", "dump", "scope",
                                                          "values", "options", "columns"}));
    }
  }
  void read_options(const RawOption& key) {
    if (const RawTable* found = table(key)) setup_.options = *found;
  }
  void read_columns(const RawOption& key) {
    const RawTable* columns = table(key);
    if (columns == nullptr) return;
    for (const RawOption& column : *columns) {
      std::string name = text(column);
      constexpr std::string_view null = " null";
      const bool nullable = name.ends_with(null);
      if (nullable) name.resize(name.size() - null.size());
      const auto type = conformance::type_from(name);
      if (type && *type != Type::utf8_view) {
        setup_.columns.push_back({{column.name, *type, nullable}});
      } else {
        diagnostics_.error(column.value, fmt::format("unknown column type {}", in_quotes(name)),
                           "utf8, int64, int32, double, bool, binary, timestamp[s] or "
                           "timestamp[us], followed by \" null\" if it may be null");
      }
    }
  }
  InputColumn* column(const runtime::Position& position, const std::string& name) {
    const auto found = std::ranges::find(setup_.columns, name,
                                         [](const InputColumn& one) { return one.field.name; });
    if (found != setup_.columns.end()) return &*found;
    diagnostics_.error(position, fmt::format("there is no column {} in columns", in_quotes(name)));
    return nullptr;
  }
  void read_scope(const RawOption& key) {
    if (InputColumn* found = column(key.value, text(key))) found->scope = true;
  }
  void read_values(const RawOption& key) {
    const RawTable* values = table(key);
    if (values == nullptr) return;
    for (const RawOption& one : *values) {
      InputColumn* found = column(one.key, one.name);
      const auto* list = std::get_if<runtime::RawList>(&one.data);
      if (list == nullptr) wrong(one, "an array");
      if (found == nullptr || list == nullptr) continue;
      for (const RawItem& item : *list) found->values.push_back(value(item, found->field.type));
    }
  }
  std::string value(const RawItem& item, Type type) {
    const auto* text = std::get_if<std::string>(&item.data);
    if (text != nullptr && (is_text(type) || type == Type::binary)) return *text;
    const auto* number = std::get_if<std::int64_t>(&item.data);
    const bool whole = type == Type::int64 || type == Type::int32 || is_timestamp(type);
    if (number != nullptr && whole) return std::to_string(*number);
    const auto* real = std::get_if<double>(&item.data);
    if (real != nullptr && type == Type::float64) return fmt::format("{}", *real);
    const auto* flag = std::get_if<bool>(&item.data);
    if (flag != nullptr && type == Type::boolean) return *flag ? "true" : "false";
    diagnostics_.error(item.position, fmt::format("{} is not a value of a column of type {}",
                                                  runtime::type_name(item.data), type_name(type)));
    return {};
  }

  Diagnostics& diagnostics_;
  StageSetup setup_;
};

/// Calls `change` with every string of a value.
void each_text(RawValue& value, const std::function<void(std::string&)>& change) {
  if (auto* text = std::get_if<std::string>(&value)) change(*text);
  if (auto* list = std::get_if<runtime::RawList>(&value)) {
    for (RawItem& item : *list) each_text(item.data, change);
  }
  if (auto* keys = std::get_if<RawTable>(&value)) {
    for (RawOption& key : *keys) each_text(key.data, change);
  }
}

}  // namespace

CheckFile read_check_file(const std::filesystem::path& file, Diagnostics& diagnostics) {
  CheckFile setups;
  const std::string text = runtime::read_whole(file);
  diagnostics.source(file.string(), text);
  auto document = runtime::parse_document(file.string(), text, diagnostics);
  if (!document) return setups;
  const std::string here = std::filesystem::absolute(file).parent_path().string();
  for (RawOption& stage : *document) {
    each_text(stage.data,
              [&](std::string& each) { conformance::replace_all(each, "{here}", here); });
    setups.emplace(stage.name, SetupReader(diagnostics).read(stage));
  }
  return setups;
}

conformance::GivenOptions given_options(const etl_stage& stage, const StageSetup& setup,
                                        const runtime::OptionContext& context,
                                        const conformance::Place& place) {
  RawTable given = setup.options;
  for (RawOption& option : given) {
    each_text(option.data, [&](std::string& text) { text = place.fill(text); });
    option.text = place.fill(option.text);
  }
  Diagnostics diagnostics;
  const runtime::OptionOwner owner{fmt::format("stage \"{}\"", stage.name), setup.position, {}};
  std::shared_ptr<runtime::OptionValues> values = runtime::check_options(
      owner, given, {stage.options, stage.option_count}, context, diagnostics);
  if (values == nullptr) {
    throw Error::config(
        "the options do not fit the stage (set them with --set OPTION=VALUE "
        "or in the check file):\n" +
        diagnostics.text(false));
  }
  const std::span<const etl_option> all = values->values();
  return {std::move(values), all};
}

}  // namespace etl::app
