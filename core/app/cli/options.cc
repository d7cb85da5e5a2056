#include "core/app/cli/options.hpp"

#include "core/runtime/base/units.hpp"

#include <fmt/format.h>

namespace etl::app {

Option& Options::add(const std::string& name, const std::string& help,
                     std::function<void(const std::string&)> assign) {
  Option& option = options_.emplace_back();
  option.name = name;
  option.help = help;
  option.assign = std::move(assign);
  return option;
}

void Options::limit(Option& option, Range range) {
  option.type = "INT";
  option.range = fmt::format("[{} - {}]", range.least, range.most);
  option.check = [range](const std::string& text) {
    const auto number = runtime::whole_number(text);
    const bool valid = number && *number >= range.least && *number <= range.most;
    return valid ? ""
                 : fmt::format("must be a whole number from {} to {}", range.least, range.most);
  };
}

}  // namespace etl::app
