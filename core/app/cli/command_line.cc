#include "core/app/cli/command_line.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text.hpp"
#include "core/runtime/base/utf8.hpp"

#include <etl/error.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <span>
#include <stdexcept>
#include <string_view>

namespace etl::app {
namespace {

using nlohmann::json;
using runtime::did_you_mean;
using runtime::in_quotes;

/// Given alone, prints the command line as JSON, which man pages and completions are made from. It
/// is for the build, so help does not show it.
constexpr std::string_view command_line_flag = "--command-line";

/// A value that its option refuses, or options that do not go together.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// {names, positional, type, allowed, default, required, repeatable, flag, help}. The `type` is
/// FILE, DIR, STAGE and the like where values are of that kind, else TEXT or INT.
json option_json(const Option& option) {
  return {{"names", json::array({option.name})},
          {"positional", option.positional()},
          {"type", option.flag ? "" : option.type},
          {"allowed", option.allowed},
          {"default", option.default_value},
          {"required", option.required},
          {"repeatable", option.repeatable},
          {"flag", option.flag},
          {"help", option.help}};
}

json built_in_json(const CLI::Option& option) {
  Option flag;
  flag.flag = true;
  flag.help = option.get_description();
  json entry = option_json(flag);
  entry["names"] = json::array();
  for (const std::string& name : option.get_snames()) entry["names"].push_back("-" + name);
  for (const std::string& name : option.get_lnames()) entry["names"].push_back("--" + name);
  entry["positional"] = false;
  return entry;
}

std::string shown_type(const Option& option) {
  if (!option.allowed.empty())
    return fmt::format("{}:{{{}}}", option.type, fmt::join(option.allowed, ","));
  return option.range.empty() ? option.type : fmt::format("{}:{}", option.type, option.range);
}

void store(const Option& option, const std::vector<std::string>& values) {
  if (values.size() > 1 && !option.repeatable)
    throw UsageError(option.name + " is given more than once");
  for (const std::string& value : values) {
    const auto refuse = [&](const std::string& why) {
      throw UsageError(fmt::format("{}: {} {}", option.name, in_quotes(value), why));
    };
    if (!option.allowed.empty() && std::ranges::find(option.allowed, value) == option.allowed.end())
      refuse("is not a valid value; " + did_you_mean(value, option.allowed));
    const std::string why = option.check ? option.check(value) : "";
    if (!why.empty()) refuse(why);
    option.assign(value);
  }
}

void bind(CLI::App& app, const Option& option) {
  if (option.flag) {
    app.add_flag_callback(
           option.name, [&option] { option.assign(""); }, option.help)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    return;
  }
  CLI::Option* made = app.add_option(
      option.name,
      [&option](const CLI::results_t& values) {
        store(option, values);
        return true;
      },
      option.help);
  made->type_name(shown_type(option));
  // A positional takes all words that remain; an option takes one value each time it is given.
  if (option.repeatable)
    made->expected(option.required || !option.positional() ? 1 : 0, -1)
        ->allow_extra_args(option.positional());
  // Repeated options are refused by store(), in words of our own.
  made->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  if (option.required) made->required();
  if (!option.default_value.empty()) made->default_str(option.default_value);
}

class Parser {
 public:
  explicit Parser(const VerbList& list) {
    app_.set_version_flag("--version", "etl " ETL_VERSION);
    app_.require_subcommand(1);
    app_.footer(
        "etl VERB --help explains each verb. Exit codes: 0 done, 1 some partitions failed, 64 "
        "wrong\n"
        "command line, 70 internal error, 75 of a task: worth retrying, 78 bad pipeline file or "
        "plugin,\n"
        "130/143 stopped by a signal.");
    app_.get_formatter()->label("SUBCOMMAND", "VERB");
    for (const auto& verb : list.verbs) add(*verb, list.groups);
  }

  ParsedCommandLine parse(int argc, char** argv) {
    if (argc == 2 && argv[1] == command_line_flag) {
      std::puts(as_json(app_).dump(2).c_str());
      return {};
    }
    const std::span words(argv, static_cast<std::size_t>(argc));
    try {
      app_.parse(argc, argv);
      if (const std::string misuse = chosen_verb().misuse(); !misuse.empty())
        throw UsageError(misuse);
      return {&chosen_verb()};
    } catch (const CLI::Success& help_or_version) {
      app_.exit(help_or_version);
      return {};
    } catch (const CLI::ParseError& error) {
      return refuse(describe(error), words);
    } catch (const UsageError& error) {
      return refuse(error.what(), words);
    }
  }

 private:
  void add(Verb& verb, const std::map<std::string, std::string>& groups) {
    CLI::App* parent = &app_;
    std::string name = verb.name();
    if (const std::size_t blank = name.find(' '); blank != std::string::npos) {
      const std::string group = name.substr(0, blank);
      if (!groups_.contains(group)) {
        groups_[group] = app_.add_subcommand(group, groups.at(group))->group("Verbs");
        groups_[group]->require_subcommand(1);
      }
      parent = groups_[group];
      name.erase(0, blank + 1);
    }
    CLI::App* app = parent->add_subcommand(name, verb.help())->group("Verbs");
    Entry& entry = entries_[app];
    entry.verb = &verb;
    verb.common.declare(entry.options);
    verb.declare(entry.options);
    for (const Option& option : entry.options.all()) bind(*app, option);
  }

  /// The app of each word so far: `etl`, `new`, `plugin`.
  [[nodiscard]] std::vector<const CLI::App*> path() const {
    std::vector<const CLI::App*> apps = {&app_};
    while (!apps.back()->get_subcommands().empty())
      apps.push_back(apps.back()->get_subcommands().front());
    return apps;
  }
  [[nodiscard]] Verb& chosen_verb() const { return *entries_.at(path().back()).verb; }

  static std::vector<std::string> verbs_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
    return names;
  }
  static std::vector<std::string> options_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options({})) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
  }

  /// Describes a word that the parser could not place; "" = none. A mistyped option often makes the
  /// parser complain about something else first.
  [[nodiscard]] std::string unexpected_word() const {
    for (const CLI::App* app : path()) {
      const std::vector<std::string> rest = app->remaining();
      if (rest.empty()) continue;
      const std::vector<std::string> verbs = verbs_of(*app);
      if (!verbs.empty() && !is_option(rest.front())) return unknown_verb(rest.front(), *app);
      const auto option = std::ranges::find_if(rest, is_option);
      if (option == rest.end()) return "unexpected argument " + in_quotes(rest.front());
      return unknown_option(option->substr(0, option->find('=')), *app);
    }
    return {};
  }

  static bool is_option(const std::string& word) { return word.starts_with("-"); }

  static std::string unknown_option(const std::string& name, const CLI::App& app) {
    const std::vector<std::string> options = options_of(app);
    // "-V" probably means "--version".
    const auto found = std::ranges::find_if(options, [&](const std::string& option) {
      return name.size() == 2 && option[2] == runtime::lower(name[1]);
    });
    const std::string near = found == options.end() ? name : *found;
    return fmt::format("unknown option {}; {}", in_quotes(name), did_you_mean(near, options));
  }

  /// Also suggests options: "help" probably means "--help".
  static std::string unknown_verb(const std::string& name, const CLI::App& app) {
    const std::vector<std::string> verbs = verbs_of(app);
    std::vector<std::string> all = verbs;
    for (const std::string& option : options_of(app)) all.push_back(option);
    return fmt::format("unknown verb {}; {}", in_quotes(name),
                       did_you_mean(name, runtime::nearest(name, all) ? all : verbs));
  }

  [[nodiscard]] std::string describe(const CLI::ParseError& error) const {
    std::string what = error.what();
    if (!verbs_of(*path().back()).empty()) return "no verb is given";
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
      return what.substr(0, what.find(':')) + " needs a value";
    return what;
  }

  [[nodiscard]] ParsedCommandLine refuse(std::string message, std::span<char* const> words) const {
    if (const std::string unexpected = unexpected_word(); !unexpected.empty()) message = unexpected;
    std::string command;
    for (const CLI::App* app : path()) command += (command.empty() ? "" : " ") + app->get_name();
    std::string text = fmt::format("{}: {}\nSee {} --help\n", command, message, command);
    if (wants_json(words, "--log-format")) {
      text = json({{"time_ms", runtime::now_us() / 1000},
                   {"level", "error"},
                   {"message", fmt::format("{}: {}; see {} --help", command, message, command)}})
                 .dump(-1, ' ', false, json::error_handler_t::replace) +
             "\n";
    }
    std::fputs(text.c_str(), stderr);
    if (wants_json(words, "--format")) {
      try {
        print_json({{"error", {{"code", "usage"}, {"message", message}}}});
      } catch (const Error&) {
        // Writing to stdout failed; the error has gone to stderr.
      }
    }
    return {nullptr, exit_usage};
  }

  static bool wants_json(std::span<char* const> words, std::string_view option) {
    std::string_view before;
    for (const std::string_view word : words) {
      if (word == std::string(option) + "=json" || (word == "json" && before == option))
        return true;
      before = word;
    }
    return false;
  }

  /// {name, help, footer, options, verbs: [the same, one level down]}.
  [[nodiscard]] json as_json(const CLI::App& app) const {
    json options = json::array();
    for (const CLI::Option* option : app.get_options({})) {
      if (option->get_expected_max() == 0 && !option->get_positional() && is_built_in(*option))
        options.push_back(built_in_json(*option));
    }
    const auto entry = entries_.find(&app);
    if (entry != entries_.end()) {
      for (const Option& option : entry->second.options.all())
        options.push_back(option_json(option));
    }
    json verbs = json::array();
    for (const CLI::App* verb : app.get_subcommands({})) verbs.push_back(as_json(*verb));
    return {{"name", app.get_name()},
            {"help", app.get_description()},
            {"footer", app.get_footer()},
            {"options", options},
            {"verbs", verbs}};
  }
  static bool is_built_in(const CLI::Option& option) {
    return option.check_name("--help") || option.check_name("--version");
  }

  struct Entry {
    Verb* verb = nullptr;
    Options options;
  };

  CLI::App app_{"etl runs pipelines: sources, filters and sinks, each a plugin.", "etl"};
  std::map<const CLI::App*, Entry> entries_;
  std::map<std::string, CLI::App*> groups_;
};

}  // namespace

ParsedCommandLine parse_command_line(const VerbList& verbs, int argc, char** argv) {
  return Parser(verbs).parse(argc, argv);
}

}  // namespace etl::app
