#include "core/runtime/config/option_values.hpp"

#include "core/runtime/base/redactor.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/config/option_conversion.hpp"
#include "core/runtime/config/pipeline_file.hpp"
#include "core/runtime/config/run_settings.hpp"
#include "core/runtime/config/task_paths.hpp"

#include <etl/error.hpp>
#include <etl/options.hpp>

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <system_error>

namespace etl::runtime {
namespace {

/// 128 bits, so that definitions with different secrets do not collide; hashed once more, with the
/// rest of the definition, before it is stored.
std::string hash_of(std::string_view kind, std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{}:{:016x}{:016x}", kind, hash.high64, hash.low64);
}

/// An example value for the hint "add: ...".
std::string_view example(std::uint32_t type) {
  constexpr std::array<std::string_view, ETL_OPTION_MAP + 1> examples{// by ETL_OPTION_...
                                                                      "\"...\"",
                                                                      "true",
                                                                      "1",
                                                                      "1.0",
                                                                      "\"...\"",
                                                                      "[\"...\"]",
                                                                      "2024-01-31T00:00:00Z",
                                                                      "\"30s\"",
                                                                      "\"64MiB\"",
                                                                      "\"...\"",
                                                                      "\"...\"",
                                                                      "{ NAME = \"...\" }"};
  return type < examples.size() ? examples.at(type) : examples.front();
}

/// Hashes the content of a file; nothing if it cannot be read or is not a file.
std::optional<std::string> content_hash(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) return std::nullopt;
  return hash_of("content", content);
}

std::string joined(std::string_view one, std::string_view other) {
  if (one.empty() || other.empty()) return std::string(one).append(other);
  return std::string(one).append("; ").append(other);
}

}  // namespace

etl_str OptionValues::keep(std::string text) {
  return detail::to_abi(texts_.emplace_back(std::move(text)));
}

const Position* OptionValues::position(std::string_view option) const {
  const auto found = positions_.find(option);
  return found == positions_.end() ? nullptr : &found->second;
}

std::string OptionValues::definition() const {
  std::string out;
  for (const auto& [name, value] : definition_) out += fmt::format("{}={}\n", name, value);
  return out;
}

/// Checks the options of one stage.
class OptionChecker {
 public:
  OptionChecker(const OptionOwner& owner, std::span<const RawOption> given,
                std::span<const etl_option_spec> table, const OptionContext& context,
                Diagnostics& diagnostics)
      : owner_(owner), given_(given), table_(table), context_(context), diagnostics_(diagnostics) {}

  std::unique_ptr<OptionValues> run() {
    conceal_secrets();
    for (const RawOption& option : given_) {
      if (spec_of(option.name) == nullptr) unknown(option);
    }
    for (const etl_option_spec& spec : table_) {
      const std::string_view name = detail::to_view(spec.name);
      const auto option = std::ranges::find(given_, name, &RawOption::name);
      if (option != given_.end()) take_given(*option, spec);
      else if ((spec.flags & ETL_OPTION_REQUIRED) != 0) missing(spec);
      else if (spec.fallback.size > 0) take_fallback(spec);
    }
    return failed_ ? nullptr : std::move(values_);
  }

 private:
  [[nodiscard]] const etl_option_spec* spec_of(std::string_view name) const {
    const auto found = std::ranges::find_if(
        table_, [&](const etl_option_spec& spec) { return detail::to_view(spec.name) == name; });
    return found == table_.end() ? nullptr : &*found;
  }

  static bool is_secret(const etl_option_spec& spec) {
    return (spec.flags & ETL_OPTION_SECRET) != 0;
  }

  void error(const Position& position, std::string_view message, std::string_view hint) {
    failed_ = true;
    diagnostics_.error(position, message, hint);
  }

  [[nodiscard]] std::string title(std::string_view option) const {
    return fmt::format("option {} in {}", in_quotes(option), owner_.name);
  }

  /// If a stage has secret options, an unknown key may be a misspelled one: conceal its value too.
  void conceal_secrets() {
    const bool any = std::ranges::any_of(table_, is_secret);
    for (const RawOption& option : given_) {
      const etl_option_spec* spec = spec_of(option.name);
      const auto* text = std::get_if<std::string>(&option.data);
      // In a URL that is not well-formed, any part before an '@' may be a password.
      const bool may_have_password =
          text != nullptr &&
          (!passwords_in(*text).empty() || (spec != nullptr && spec->type == ETL_OPTION_URL &&
                                            text->find('@') != std::string::npos));
      if (may_have_password || (spec == nullptr ? any : is_secret(*spec)))
        diagnostics_.conceal(option.value);
    }
  }

  void unknown(const RawOption& option) {
    std::string hint = owner_.elsewhere ? owner_.elsewhere(option.name) : std::string{};
    if (hint.empty()) {
      std::vector<std::string> names;
      for (const etl_option_spec& spec : table_) names.emplace_back(detail::to_view(spec.name));
      hint = did_you_mean(option.name, names);
      if (nearest(option.name, names)) hint += " available: " + listed(names);
      if (names.empty()) hint = "it takes no options";
    }
    error(option.key, "unknown " + title(option.name), hint);
  }

  void missing(const etl_option_spec& spec) {
    const std::string_view name = detail::to_view(spec.name);
    error(owner_.position,
          fmt::format("{} is missing: {}", title(name), detail::to_view(spec.help)),
          fmt::format("add: {} = {}", name, example(spec.type)));
  }

  void take_given(const RawOption& option, const etl_option_spec& spec) {
    values_->positions_.insert_or_assign(option.name, option.value);
    if (is_invalid(option.data)) {
      failed_ = true;  // reported already
      return;
    }
    Conversion result = convert_option(option, spec, context_);
    if (auto* converted = std::get_if<ConvertedOption>(&result))
      return store(spec, std::move(*converted), true);
    for (const OptionMismatch& mismatch : std::get<std::vector<OptionMismatch>>(result)) {
      error(mismatch.position, fmt::format("{} {}", title(option.name), mismatch.what),
            joined(mismatch.hint, detail::to_view(spec.help)));
    }
  }

  static bool is_invalid(const RawValue& value) {
    const auto invalid = [](const auto& item) {
      return std::holds_alternative<InvalidValue>(item.data);
    };
    if (const auto* items = std::get_if<RawList>(&value))
      return std::ranges::any_of(*items, invalid);
    if (const auto* entries = std::get_if<RawTable>(&value))
      return std::ranges::any_of(*entries, invalid);
    return std::holds_alternative<InvalidValue>(value);
  }

  /// Converts a default like a given value, so that it has the same meaning.
  void take_fallback(const etl_option_spec& spec) {
    const std::string_view text = detail::to_view(spec.fallback);
    RawOption option;
    option.name = detail::to_view(spec.name);
    option.key = option.value = owner_.position;
    const std::optional<RawValue> parsed = parse_value(text, owner_.position);
    if (!parsed) return invalid_default(spec, "is not a valid TOML value");
    option.data = *parsed;
    Conversion result = convert_option(option, spec, context_);
    if (auto* converted = std::get_if<ConvertedOption>(&result))
      return store(spec, std::move(*converted), false);
    invalid_default(spec, std::get<std::vector<OptionMismatch>>(result).front().what);
  }

  void invalid_default(const etl_option_spec& spec, std::string_view what) {
    const std::string shown =
        is_secret(spec) ? std::string{} : fmt::format(" ({})", detail::to_view(spec.fallback));
    error(owner_.position,
          fmt::format("the default of {} is invalid{}: it {}", title(detail::to_view(spec.name)),
                      shown, what),
          "this is a bug in the plugin; set the option to work around it");
  }

  void store(const etl_option_spec& spec, ConvertedOption converted, bool given) {
    etl_option option{};
    option.name = values_->keep(std::string(detail::to_view(spec.name)));
    option.type = spec.type;
    option.given = given ? 1 : 0;
    if (is_secret(spec)) remember_secret(converted);
    else if (const auto* text = std::get_if<std::string>(&converted.value))
      remember_passwords(*text);
    if ((spec.flags & ETL_OPTION_BY_CONTENT) != 0 && !take_content(spec, converted)) return;
    if ((spec.flags & ETL_OPTION_OPERATIONAL) == 0) {
      values_->definition_[std::string(detail::to_view(spec.name))] =
          is_secret(spec) ? hash_of("secret", converted.canonical) : converted.canonical;
    }
    if (const auto* number = std::get_if<std::int64_t>(&converted.value)) option.value.i = *number;
    if (const auto* number = std::get_if<double>(&converted.value)) option.value.f = *number;
    fill_in_task(spec, converted);
    if (auto* text = std::get_if<std::string>(&converted.value))
      option.value.s = values_->keep(std::move(*text));
    if (auto* items = std::get_if<Strings>(&converted.value)) {
      std::vector<etl_str>& list = values_->lists_.emplace_back();
      for (std::string& item : *items) list.push_back(values_->keep(std::move(item)));
      option.value.list = {list.data(), list.size()};
    }
    if (auto* entries = std::get_if<StringMap>(&converted.value)) {
      std::vector<etl_str>& list = values_->lists_.emplace_back();
      for (auto& [key, text] : *entries) {
        list.push_back(values_->keep(std::move(key)));
        list.push_back(values_->keep(std::move(text)));
      }
      option.value.list = {list.data(), list.size()};
    }
    values_->values_.push_back(option);
  }

  /// Replaces the canonical form of a path by the hash of the file's content. Returns false after
  /// an error.
  bool take_content(const etl_option_spec& spec, ConvertedOption& converted) {
    const auto* path = std::get_if<std::string>(&converted.value);
    if (path == nullptr) return true;
    const std::string_view name = detail::to_view(spec.name);
    const std::optional<std::string> hash = content_hash(*path);
    if (!hash) {
      const Position* position = values_->position(name);
      error(position == nullptr ? owner_.position : *position,
            fmt::format("{} is not a file that can be read: {}", title(name), in_quotes(*path)),
            "check the path");
      return false;
    }
    converted.canonical = *hash;
    return true;
  }

  /// Called after the definition is computed, which must not depend on the task.
  void fill_in_task(const etl_option_spec& spec, ConvertedOption& converted) {
    auto* text = std::get_if<std::string>(&converted.value);
    if (!context_.task || spec.type != ETL_OPTION_PATH || text == nullptr || !is_per_task(*text))
      return;
    values_->per_task_.emplace(detail::to_view(spec.name), *text);
    *text = with_task(*text, std::to_string(*context_.task));
  }

  void remember_secret(const ConvertedOption& converted) {
    const auto add = [&](const std::string& text) {
      if (!text.empty()) values_->secrets_.push_back(text);
    };
    if (const auto* text = std::get_if<std::string>(&converted.value)) add(*text);
    else if (const auto* items = std::get_if<Strings>(&converted.value))
      std::ranges::for_each(*items, add);
    else if (const auto* entries = std::get_if<StringMap>(&converted.value))
      std::ranges::for_each(*entries, add, &StringMap::value_type::second);
    else add(converted.canonical);
  }

  /// A URL may be shown, but not the password in it.
  void remember_passwords(std::string_view text) {
    for (std::string& password : passwords_in(text))
      values_->secrets_.push_back(std::move(password));
  }

  const OptionOwner& owner_;
  std::span<const RawOption> given_;
  std::span<const etl_option_spec> table_;
  const OptionContext& context_;
  Diagnostics& diagnostics_;
  std::unique_ptr<OptionValues> values_ = std::make_unique<OptionValues>();
  bool failed_ = false;
};

std::unique_ptr<OptionValues> check_options(const OptionOwner& owner,
                                            std::span<const RawOption> given,
                                            std::span<const etl_option_spec> table,
                                            const OptionContext& context,
                                            Diagnostics& diagnostics) {
  return OptionChecker(owner, given, table, context, diagnostics).run();
}

std::unique_ptr<OptionValues> check_options(const StageSpec& stage,
                                            std::span<const etl_option_spec> table,
                                            const OptionContext& context,
                                            Diagnostics& diagnostics) {
  const auto elsewhere = [](std::string_view key) -> std::string {
    if (is_run_key(key)) return fmt::format("{} belongs in [run]", in_quotes(key));
    return belongs_at_top(key);
  };
  const OptionOwner owner{fmt::format("{} {}", kind_name(stage.kind), in_quotes(stage.name)),
                          stage.position, elsewhere};
  return check_options(owner, stage.options, table, context, diagnostics);
}

}  // namespace etl::runtime
