#include "core/runtime/config/pipeline_file.hpp"

#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/config/interpolate.hpp"
#include "core/runtime/config/overrides.hpp"

#include <etl/detail/split.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>
#include <system_error>

namespace etl::runtime {
namespace {

struct Section {
  std::string_view key;
  Kind kind;
};
constexpr std::array<Section, 3> sections{
    {{"sources", Kind::source}, {"filters", Kind::filter}, {"sinks", Kind::sink}}};

const std::vector<std::string>& top_level_keys() {
  static const std::vector<std::string> keys{"name",    "description", "run",  "sources",
                                             "filters", "sinks",       "tests"};
  return keys;
}

bool is_stage_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '-';
  });
}

/// Reads a document into a PipelineFile and reports mistakes.
class PipelineReader {
 public:
  PipelineReader(const LoadRequest& request, Diagnostics& diagnostics)
      : environment_(request.environment ? request.environment : environment_variable),
        diagnostics_(diagnostics) {
    file_.path = request.path.string();
    std::error_code failure;
    const std::filesystem::path absolute = std::filesystem::absolute(request.path, failure);
    file_.folder = (failure ? request.path : absolute).lexically_normal().parent_path();
    file_.name_position = whole_file();
  }

  PipelineFile read(RawTable document) {
    for (RawOption& option : document) top_level(option);
    if (find_option(document, "name") == nullptr) {
      error(whole_file(), "the pipeline has no name",
            "begin the file with name = \"...\": the name identifies the pipeline in the ledger");
    }
    for (const Section& section : sections) {
      const RawOption* found = find_option(document, section.key);
      if (section.kind != Kind::filter && (found == nullptr || is_empty_table(*found))) {
        error(found == nullptr ? whole_file() : found->key,
              fmt::format("the pipeline has no {}", kind_name(section.kind)),
              fmt::format("add [{}.NAME] with plugin = \"...\"", section.key));
      }
    }
    std::ranges::stable_sort(file_.stages, {}, [](const StageSpec& stage) {
      return std::pair(stage.position.line, stage.position.column);
    });
    return std::move(file_);
  }

 private:
  [[nodiscard]] Position whole_file() const { return {file_.path}; }

  void error(const Position& position, std::string_view message, std::string_view hint = {}) {
    diagnostics_.error(position, message, hint);
  }

  static bool is_empty_table(const RawOption& option) {
    const auto* table = std::get_if<RawTable>(&option.data);
    return table != nullptr && table->empty();
  }

  void top_level(RawOption& option) {
    const auto section = std::ranges::find(sections, option.name, &Section::key);
    if (section != sections.end()) return read_section(option, *section);
    if (option.name == "name") return read_name(option);
    if (option.name == "run") return read_run(option);
    if (option.name == "tests") {
      file_.tests = std::move(option);
      return;
    }
    if (option.name == "description") {
      if (auto text = read_text(option)) file_.description = *std::move(text);
      return;
    }
    error(option.key, fmt::format("unknown key {}", in_quotes(option.name)), hint_for(option));
  }

  /// A hint where an unknown top-level key belongs.
  static std::string hint_for(const RawOption& option) {
    if (is_run_key(option.name)) return fmt::format("{} belongs in [run]", in_quotes(option.name));
    if (option.name == "plugin" || option.name == "input") {
      return fmt::format("{} belongs in a stage: [sources.NAME], [filters.NAME] or [sinks.NAME]",
                         in_quotes(option.name));
    }
    if (const auto near = nearest(option.name, top_level_keys())) {
      return fmt::format("did you mean {}?", in_quotes(*near));
    }
    const auto* table = std::get_if<RawTable>(&option.data);
    if (table != nullptr && find_option(*table, "plugin") != nullptr) {
      const bool source = find_option(*table, "input") == nullptr;
      return source ? fmt::format("did you mean [sources.{}]?", option.name)
                    : fmt::format("did you mean [filters.{0}] or [sinks.{0}]?", option.name);
    }
    std::vector<std::string> run_keys;
    for (const etl_option_spec& spec : run_options())
      run_keys.emplace_back(spec.name.data, spec.name.size);
    if (const auto near = nearest(option.name, run_keys)) {
      return fmt::format("did you mean {} in [run]?", in_quotes(*near));
    }
    return "available: " + listed(top_level_keys());
  }

  void read_name(RawOption& option) {
    file_.name_position = option.value;
    std::optional<std::string> name = read_text(option);
    if (!name) return;
    if (name->find_first_not_of(" \t\r\n") == std::string::npos)
      return error(option.value, "\"name\" must not be empty",
                   "the name identifies the pipeline in the ledger");
    if (name->find('\0') != std::string::npos)
      return error(option.value, "\"name\" must not contain a NUL character");
    file_.name = *std::move(name);
  }

  void read_run(RawOption& option) {
    auto* run = std::get_if<RawTable>(&option.data);
    if (run == nullptr) {
      return error(option.key,
                   fmt::format("\"run\" must be a table, not {}", type_name(option.data)),
                   "write [run] and the settings under it");
    }
    for (RawOption& one : *run) interpolate(one, "[run]");
    file_.run = read_run_settings(*run, option.key, file_.folder, diagnostics_);
  }

  void read_section(RawOption& section, const Section& what) {
    auto* stages = std::get_if<RawTable>(&section.data);
    if (stages == nullptr) {
      return error(
          section.key,
          fmt::format("{} must be a table, not {}", in_quotes(what.key), type_name(section.data)),
          fmt::format("write [{}.NAME]", what.key));
    }
    for (RawOption& stage : *stages) read_stage(stage, what);
  }

  void read_stage(RawOption& entry, const Section& section) {
    auto* table = std::get_if<RawTable>(&entry.data);
    if (table == nullptr) return not_a_table(entry, section);
    if (!check_name(entry, section)) return;
    StageSpec stage;
    stage.kind = section.kind;
    stage.name = entry.name;
    stage.position = stage.plugin_position = stage.inputs_position = entry.key;
    const std::string title = fmt::format("{} {}", kind_name(stage.kind), in_quotes(stage.name));
    if (find_option(*table, "plugin") == nullptr) {
      error(entry.key, fmt::format("{} has no plugin", title), "add: plugin = \"...\"");
    }
    if (stage.kind != Kind::source && find_option(*table, "input") == nullptr) {
      error(entry.key, fmt::format("{} has no input", title),
            "add: input = \"NAME\", the stage it reads from");
    }
    for (RawOption& option : *table) {
      if (option.name == "plugin") {
        read_plugin(option, stage, title);
      } else if (option.name == "input") {
        read_inputs(option, stage, title);
      } else {
        interpolate(option, title);
        stage.options.push_back(std::move(option));
      }
    }
    file_.stages.push_back(std::move(stage));
  }

  void not_a_table(const RawOption& entry, const Section& section) {
    const bool header = std::holds_alternative<RawList>(entry.data);
    error(entry.key,
          fmt::format("{} in [{}] must be a table, not {}", in_quotes(entry.name), section.key,
                      type_name(entry.data)),
          header ? fmt::format("write [{}.{}], in single brackets", section.key, entry.name)
                 : fmt::format("write [{}.NAME] and put {} under it", section.key,
                               in_quotes(entry.name)));
  }

  bool check_name(const RawOption& entry, const Section& section) {
    if (!is_stage_name(entry.name)) {
      error(entry.key,
            fmt::format("{} cannot be the name of a {}", in_quotes(entry.name),
                        kind_name(section.kind)),
            "use letters, digits, \"-\" and \"_\"");
      return false;
    }
    if (entry.name == "run") {
      error(entry.key, fmt::format("a {} cannot be named \"run\"", kind_name(section.kind)),
            "\"run\" is reserved for settings, as in --set run.OPTION=VALUE");
      return false;
    }
    const auto [first, fresh] = names_.try_emplace(entry.name, entry.key);
    if (!fresh) {
      error(entry.key,
            fmt::format("there are two stages named {}: the other is at {}:{}:{}",
                        in_quotes(entry.name), first->second.file, first->second.line,
                        first->second.column),
            "names must be unique across sources, filters and sinks");
    }
    return fresh;
  }

  void read_plugin(RawOption& option, StageSpec& stage, const std::string& title) {
    stage.plugin_position = option.value;
    std::optional<std::string> plugin = read_text(option, title);
    if (!plugin) return;
    if (plugin->empty())
      return error(option.value, fmt::format("\"plugin\" of {} must not be empty", title));
    stage.plugin = *std::move(plugin);
  }

  void read_inputs(RawOption& option, StageSpec& stage, const std::string& title) {
    stage.inputs_position = option.value;
    if (stage.kind == Kind::source) {
      return error(option.key, fmt::format("{} cannot have an input", title),
                   "only filters and sinks read another stage");
    }
    auto* items = std::get_if<RawList>(&option.data);
    if (items == nullptr) {
      if (auto name = read_text(option, title, "a string or an array of strings")) {
        stage.inputs.push_back({*std::move(name), option.value});
      }
      return;
    }
    if (items->empty())
      return error(option.value, fmt::format("\"input\" of {} must not be empty", title));
    interpolate(option, title);
    std::set<std::string, std::less<>> seen;
    for (const RawItem& item : *items) {
      if (std::holds_alternative<InvalidValue>(item.data)) continue;
      const auto* name = std::get_if<std::string>(&item.data);
      if (name == nullptr) {
        error(item.position, fmt::format("\"input\" of {} must contain strings, not {}", title,
                                         type_name(item.data)));
      } else if (!seen.insert(*name).second) {
        error(item.position, fmt::format("{} has the input {} twice", title, in_quotes(*name)));
      } else {
        stage.inputs.push_back({*name, item.position});
      }
    }
  }

  /// Reads an expanded string; from --set, any value as typed. Reports other values and returns
  /// nothing. `owner` is the stage, or empty at the top of the file.
  std::optional<std::string> read_text(RawOption& option, const std::string& owner = {},
                                       std::string_view wanted = "a string") {
    interpolate(option, owner);
    if (std::holds_alternative<InvalidValue>(option.data)) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(&option.data)) return *text;
    if (option.from_set) return option.text;
    error(option.value, fmt::format("{} must be {}, not {}", key_of(option.name, owner), wanted,
                                    type_name(option.data)));
    return std::nullopt;
  }

  static std::string key_of(std::string_view key, const std::string& owner) {
    return in_quotes(key) + (owner.empty() ? "" : " of " + owner);
  }

  /// Expands the strings of a value from the file. A string with a mistake becomes InvalidValue.
  void interpolate(RawOption& option, const std::string& owner) {
    if (option.from_set) return;
    interpolate(option.data, option.interpolated, option.value, option.name, owner);
    if (auto* entries = std::get_if<RawTable>(&option.data)) {
      for (RawOption& entry : *entries) interpolate(entry, owner);
    }
    auto* items = std::get_if<RawList>(&option.data);
    if (items == nullptr) return;
    for (RawItem& item : *items)
      interpolate(item.data, item.interpolated, item.position, option.name, owner);
  }

  void interpolate(RawValue& value, bool& interpolated, const Position& position,
                   std::string_view key, const std::string& owner) {
    auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return;
    Expansion expansion = expand(*text, environment_);
    interpolated = expansion.expanded;
    for (const Expansion::Problem& problem : expansion.problems) {
      error(position, fmt::format("{}, in {}", problem.message, key_of(key, owner)), problem.hint);
    }
    if (expansion.problems.empty()) *text = std::move(expansion.text);
    else value = InvalidValue{};
  }

  Environment environment_;
  Diagnostics& diagnostics_;
  PipelineFile file_;
  std::map<std::string, Position> names_;
};

bool sounds_secret(std::string_view key) {
  std::string small(key);
  std::ranges::transform(small, small.begin(), lower);
  return std::ranges::any_of(
      std::array<std::string_view, 9>{"password", "passwd", "passphrase", "secret", "token", "dsn",
                                      "credential", "api_key", "private_key"},
      [&](std::string_view word) { return small.find(word) != std::string::npos; });
}

/// Conceals the values of all keys that look like those of secrets ("password", "dsn"): the plugins
/// have not yet declared which options are.
void conceal_likely_secrets(const RawTable& table, Diagnostics& diagnostics) {
  for (const RawOption& option : table) {
    if (const auto* inner = std::get_if<RawTable>(&option.data))
      conceal_likely_secrets(*inner, diagnostics);
    else if (sounds_secret(option.name)) diagnostics.conceal(option.value);
  }
}

/// Does the same for a text that cannot be parsed: masks what follows the "=" on such lines.
void conceal_likely_secrets(std::string_view text, const std::string& file,
                            Diagnostics& diagnostics) {
  std::size_t number = 0;
  for (const std::string_view line : detail::split(text, '\n')) {
    ++number;
    if (!sounds_secret(line)) continue;
    const std::size_t equals = std::min(line.find('='), line.size());
    const std::size_t value = std::min(line.find_first_not_of(" \t=", equals), line.size());
    diagnostics.conceal(
        {file, number, count_characters(line.substr(0, value)) + 1, line.size() + 1});
  }
}

/// Reads a file, up to one byte more than the limit. Reports why it cannot be read. May be a pipe.
std::optional<std::string> read_file(const std::string& path, Diagnostics& diagnostics) {
  const auto failed = [&] {
    const std::string reason = std::generic_category().message(errno);
    diagnostics.error({path}, "cannot read the pipeline file: " + reason);
    return std::nullopt;
  };
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failed();
  std::string text;
  std::array<char, 65536> buffer{};
  while (text.size() <= max_document_size) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed();
    if (count == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace

std::optional<PipelineFile> load_pipeline(const LoadRequest& request, Diagnostics& diagnostics) {
  std::optional<std::string> text = read_file(request.path.string(), diagnostics);
  if (!text) return std::nullopt;
  return parse_pipeline(*text, request, diagnostics);
}

std::optional<PipelineFile> parse_pipeline(const std::string& text, const LoadRequest& request,
                                           Diagnostics& diagnostics) {
  const std::string file = request.path.string();
  diagnostics.source(file, text);
  std::optional<RawTable> document = parse_document(file, text, diagnostics);
  if (!document) {
    conceal_likely_secrets(text, file, diagnostics);
    return std::nullopt;
  }
  conceal_likely_secrets(*document, diagnostics);
  apply_overrides(request.set, *document, diagnostics);
  return PipelineReader(request, diagnostics).read(*std::move(document));
}

}  // namespace etl::runtime
