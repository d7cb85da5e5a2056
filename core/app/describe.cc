#include "core/app/exit_codes.hpp"
#include "core/app/verbs.hpp"
#include "core/runtime/stage_description.hpp"
#include "core/runtime/suggest.hpp"
#include "core/runtime/text_format.hpp"

#include <fmt/format.h>

namespace etl::app {

int plugins(const Session& session) {
  const runtime::StageRegistry registry = session.registry();
  if (session.arguments.format == Format::json) {
    nlohmann::json stages = nlohmann::json::array();
    for (const auto& [name, entry] : registry.stages())
      stages.push_back(runtime::describe_json(entry));
    nlohmann::json refused = nlohmann::json::array();
    for (const runtime::Refusal& refusal : registry.refusals()) {
      refused.push_back({{"file", refusal.path.string()}, {"reason", refusal.reason}});
    }
    print_json({{"stages", stages}, {"refused", refused}});
    return exit_ok;
  }
  std::vector<std::vector<std::string>> table = {{"stage", "kind", "plugin", "version", "summary"}};
  for (const auto& [name, entry] : registry.stages()) {
    table.push_back({name, runtime::describe_json(entry)["kind"], entry.plugin.table->name,
                     entry.plugin.table->version, entry.stage->summary});
  }
  print(runtime::aligned(table));
  for (const runtime::Refusal& refusal : registry.refusals()) session.log.warn(refusal.reason);
  if (registry.stages().empty()) session.log.warn("no stages found:" + registry.searched());
  return exit_ok;
}

int describe(const Session& session) {
  const std::string& name = session.arguments.name;
  runtime::StageRegistry registry;
  std::vector<std::string> names = {name};
  if (name.find('/') != std::string::npos || name.ends_with(".so")) {
    registry.add(runtime::load_plugin(name));
    names = registry.names();
  } else {
    registry = session.registry();
    if (registry.find(name) == nullptr) {
      throw Error::config(fmt::format("there is no stage \"{}\"; {}{}", name,
                                      runtime::did_you_mean(name, registry.names()),
                                      registry.searched()));
    }
  }
  nlohmann::json documents = nlohmann::json::array();
  for (const std::string& one : names) {
    const runtime::StageEntry& entry = *registry.find(one);
    if (session.arguments.format == Format::json)
      documents.push_back(runtime::describe_json(entry));
    else if (session.arguments.format == Format::markdown) print(runtime::describe_markdown(entry));
    else print(runtime::describe_text(entry));
  }
  // One stage is one object; a file is a list, however many it holds.
  if (session.arguments.format == Format::json) {
    print_json(names.size() == 1 && names.front() == name ? documents.front() : documents);
  }
  return exit_ok;
}

}  // namespace etl::app
