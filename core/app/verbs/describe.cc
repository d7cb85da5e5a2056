#include "core/app/cli/verb.hpp"
#include "core/app/inspect/plugin_examination.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/describe/stage_description.hpp"

#include <fmt/format.h>

namespace etl::app {
namespace {

/// Describes an installed stage, or the stages of a plugin file, loaded in a child process.
nlohmann::json stages_of(const Session& session, const std::string& name, bool file) {
  if (file) {
    const nlohmann::ordered_json found = examine_plugin(name, session.cancellation);
    if (!found["ok"].get<bool>()) throw Error::config(found["refused"]);
    return found["stages"];
  }
  const runtime::StageRegistry registry = session.registry();
  const runtime::StageEntry* entry = registry.find(name);
  if (entry == nullptr) {
    throw Error::config(fmt::format("there is no stage \"{}\"; {}{}", name,
                                    runtime::did_you_mean(name, registry.names()),
                                    registry.searched()));
  }
  return nlohmann::json::array({runtime::describe_json(*entry)});
}

class ListPlugins : public Verb {
 public:
  ListPlugins() : Verb("plugins", "List the installed stages") {}

  void declare(Options& options) override { common.declare_format(options); }

  int run(const Session& session) override {
    const runtime::StageRegistry registry = session.registry();
    if (session.json()) {
      nlohmann::json stages = nlohmann::json::array();
      for (const auto& [name, entry] : registry.stages())
        stages.push_back(runtime::describe_json(entry));
      nlohmann::json refused = nlohmann::json::array();
      for (const runtime::RefusedLibrary& refusal : registry.refused()) {
        refused.push_back({{"file", refusal.path.string()}, {"reason", refusal.reason}});
      }
      print_json({{"stages", stages}, {"refused", refused}});
      return exit_ok;
    }
    std::vector<std::vector<std::string>> table = {
        {"stage", "kind", "plugin", "version", "summary"}};
    for (const auto& [name, entry] : registry.stages()) {
      table.push_back({name, runtime::describe_json(entry)["kind"], entry.plugin.table->name,
                       entry.plugin.table->version, entry.stage->summary});
    }
    print(runtime::aligned(table));
    for (const runtime::RefusedLibrary& refusal : registry.refused())
      session.log.warn(refusal.reason);
    if (registry.stages().empty()) session.log.warn("no stages found:" + registry.searched());
    return exit_ok;
  }
};

class Describe : public Verb {
 public:
  Describe() : Verb("describe", "Describe a stage: kind, options, columns") {}

  void declare(Options& options) override {
    Option& name = options.value("NAME", name_, "A stage's name, or a plugin file (FILE.so)");
    name.type = "STAGE";
    name.required = true;
    common.declare_format(options, {{"markdown", Format::markdown}});
  }

  int run(const Session& session) override {
    const bool file = name_.find('/') != std::string::npos || name_.ends_with(".so");
    const nlohmann::json stages = stages_of(session, name_, file);
    if (session.json()) {
      // One stage is one object; a file is a list, however many it holds.
      print_json(file ? stages : stages.front());
      return exit_ok;
    }
    const bool markdown = common.format == Format::markdown;
    for (const nlohmann::json& stage : stages)
      print(markdown ? runtime::describe_markdown(stage) : runtime::describe_text(stage));
    return exit_ok;
  }

 private:
  std::string name_;
};

}  // namespace

std::unique_ptr<Verb> describe_verb() { return std::make_unique<Describe>(); }
std::unique_ptr<Verb> plugins_verb() { return std::make_unique<ListPlugins>(); }

}  // namespace etl::app
