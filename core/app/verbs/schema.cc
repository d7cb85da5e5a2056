#include "core/app/cli/verb.hpp"
#include "core/runtime/describe/pipeline_schema.hpp"

namespace etl::app {
namespace {

class Schema : public Verb {
 public:
  Schema() : Verb("schema", "Print the JSON Schema of pipeline files, for editors") {}

  void declare(Options& /*options*/) override {}

  int run(const Session& session) override {
    const runtime::StageRegistry registry = session.registry();
    // Only a plugin's help can have bytes that are not UTF-8.
    const std::string document = runtime::pipeline_schema(registry).dump(
        2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    for (const runtime::RefusedLibrary& refused : registry.refused())
      session.log.warn("without " + refused.path.string() + ": " + refused.reason);
    print(document + "\n");
    return exit_ok;
  }
};

}  // namespace

std::unique_ptr<Verb> schema_verb() { return std::make_unique<Schema>(); }

}  // namespace etl::app
