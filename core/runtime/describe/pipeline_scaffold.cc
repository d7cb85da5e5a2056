#include "core/runtime/describe/pipeline_scaffold.hpp"

#include "core/runtime/base/utf8.hpp"
#include "core/runtime/describe/stage_description.hpp"
#include "core/runtime/plugin/stage_kind.hpp"

#include <etl/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace etl::runtime {
namespace {

using nlohmann::json;

constexpr std::size_t line_width = 98;

/// Formats a comment, wrapped between words. Line breaks in the text do not end it.
std::string comment(const std::string& words) {
  const std::string text = printable(words, " ");
  std::string out = "#";
  std::size_t width = out.size();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (width + 1 + (end - at) > line_width && width > 1) {
      out += "\n#";
      width = 1;
    }
    out += " " + text.substr(at, end - at);
    width += 1 + (end - at);
    at = end + 1;
  }
  return out + "\n";
}

std::string option_lines(const json& option) {
  const std::string conditions = option_conditions(option);
  const bool required = option["required"].get<bool>();
  return comment(option["help"].get<std::string>() + " (" + option["type"].get<std::string>() +
                 (conditions.empty() ? "" : "; " + conditions) + ")") +
         fmt::format("{}{} = {}\n", required ? "" : "# ", option["name"].get<std::string>(),
                     option_placeholder(option));
}

std::string input_text(const std::vector<std::string>& names) {
  const std::string list = fmt::format("\"{}\"", fmt::join(names, "\", \""));
  return names.size() == 1 ? list : "[" + list + "]";
}

class Scaffold {
 public:
  explicit Scaffold(const std::string& name)
      : text_(fmt::format("name = \"{}\"\n# description = \"What it is for.\"\n\n"
                          "# Lines starting with # are comments; a commented-out option shows its "
                          "default.\n"
                          "# [run]\n# workers = 0        # partitions at once; 0 = one per core\n"
                          "# retries = 5        # per partition, for transient errors\n"
                          "# max_rejects = 1000 # per partition; one more fails it\n",
                          name)) {}

  /// Adds the stages of one kind; the next kind reads from them.
  void add(Kind kind, const std::vector<const StageEntry*>& stages) {
    std::vector<std::string> names;
    for (const StageEntry* entry : stages) {
      const json stage = describe_json(*entry);
      if (stage["kind"] != kind_name(kind)) continue;
      names.push_back(add(stage));
      if (kind == Kind::filter) inputs_ = {names.back()};
    }
    if (kind == Kind::source) inputs_ = names;
    if (kind != Kind::filter && names.empty()) {
      throw Error::config(
          fmt::format("--stages names no {}: a pipeline needs at least one source and "
                      "one sink; etl plugins lists what is installed",
                      kind_name(kind)));
    }
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  /// Adds a stage and returns its name: that of the plugin, with a number if it is taken.
  std::string add(const json& stage) {
    const std::string plugin = stage["name"];
    std::string name = plugin;
    for (int number = 2; !taken_.insert(name).second; ++number) {
      name = fmt::format("{}_{}", plugin, number);
    }
    text_ +=
        "\n" + comment(stage["summary"]) +
        fmt::format("[{}s.{}]\nplugin = \"{}\"\n", stage["kind"].get<std::string>(), name, plugin);
    if (stage["kind"] != "source") text_ += "input = " + input_text(inputs_) + "\n";
    for (const json& option : stage["options"]) text_ += option_lines(option);
    return name;
  }

  std::string text_;
  std::set<std::string> taken_ = {"run"};  // reserved
  std::vector<std::string> inputs_;
};

}  // namespace

std::string pipeline_scaffold(const std::string& name,
                              const std::vector<const StageEntry*>& stages) {
  Scaffold scaffold(name);
  scaffold.add(Kind::source, stages);
  scaffold.add(Kind::filter, stages);
  scaffold.add(Kind::sink, stages);
  return scaffold.text();
}

}  // namespace etl::runtime
