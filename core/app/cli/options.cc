#include "core/app/cli/options.hpp"

#include <fmt/format.h>

#include <charconv>

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
    std::int64_t number = 0;
    const char* const last = text.data() + text.size();
    const auto [end, failure] = std::from_chars(text.data(), last, number);
    const bool valid =
        failure == std::errc() && end == last && number >= range.least && number <= range.most;
    return valid ? ""
                 : fmt::format("must be a whole number from {} to {}", range.least, range.most);
  };
}

}  // namespace etl::app
