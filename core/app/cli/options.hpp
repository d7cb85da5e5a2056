/// \file
/// Declares the options of a verb. The parser behind it stays in command_line.cc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace etl::app {

/// An option or positional argument: how it is shown, checked and stored.
struct Option {
  std::string name;  ///< "--set"; a positional argument has no dashes: "FILE"
  std::string help;
  std::string type = "TEXT";         ///< also INT, FILE, DIR, STAGE; completions depend on it
  std::string range;                 ///< "[1 - 10]", shown behind the type
  std::vector<std::string> allowed;  ///< empty = any value
  std::string default_value;
  bool required = false;
  bool repeatable = false;
  bool flag = false;
  /// Returns why a value is refused, or "". May be empty.
  std::function<std::string(const std::string& value)> check;
  /// Stores a value; called for each value in turn.
  std::function<void(const std::string& value)> assign;

  [[nodiscard]] bool positional() const { return !name.starts_with("-"); }
};

/// Limits of a number, both included.
struct Range {
  std::int64_t least = 0;
  std::int64_t most = 0;
};

/// The options of one verb. Each is bound to a variable, which must outlive the parsing. Further
/// properties (`required`, `check`, `type`) are set through the returned reference, which is valid
/// until the next option is declared.
class Options {
 public:
  Option& flag(const std::string& name, bool& variable, const std::string& help) {
    Option& option = add(name, help, [&](const std::string&) { variable = true; });
    option.flag = true;
    return option;
  }

  /// `variable`: a string or path, or a vector of them for an option that may be repeated.
  template <class Value>
  Option& value(const std::string& name, Value& variable, const std::string& help) {
    constexpr bool list = requires { variable.emplace_back(std::string()); };
    Option& option = add(name, help, [&](const std::string& given) {
      if constexpr (list) variable.emplace_back(given);
      else variable = given;
    });
    option.repeatable = list;
    if (std::is_same_v<Value, std::filesystem::path> && !option.positional()) option.type = "FILE";
    return option;
  }

  /// `variable`: an integer, whose value is shown as the default, or an optional one.
  template <class Number>
  Option& number(const std::string& name, Number& variable, Range range, const std::string& help) {
    Option& option =
        add(name, help, [&](const std::string& given) { variable = std::stoll(given); });
    if constexpr (std::is_same_v<Number, std::int64_t>)
      option.default_value = std::to_string(variable);
    limit(option, range);
    return option;
  }

  /// One of several words. A value that is not empty is shown as the default.
  Option& word(const std::string& name, std::string& variable, std::vector<std::string> allowed,
               const std::string& help) {
    Option& option = value(name, variable, help);
    option.allowed = std::move(allowed);
    option.default_value = variable;
    return option;
  }

  /// One of several words, each with its meaning. The current value is the default.
  template <class Value>
  Option& choice(const std::string& name, Value& variable,
                 const std::vector<std::pair<std::string, Value>>& meanings,
                 const std::string& help) {
    Option& option = add(name, help, [&variable, meanings](const std::string& given) {
      for (const auto& [word, meaning] : meanings) {
        if (word == given) variable = meaning;
      }
    });
    for (const auto& [word, meaning] : meanings) {
      option.allowed.push_back(word);
      if (meaning == variable) option.default_value = word;
    }
    return option;
  }

  [[nodiscard]] const std::vector<Option>& all() const { return options_; }

 private:
  Option& add(const std::string& name, const std::string& help,
              std::function<void(const std::string&)> assign);
  static void limit(Option& option, Range range);

  std::vector<Option> options_;
};

}  // namespace etl::app
