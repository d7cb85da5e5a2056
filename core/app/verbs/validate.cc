#include "core/app/cli/verb.hpp"
#include "core/app/inspect/pipeline_check.hpp"

namespace etl::app {
namespace {

class Validate : public Verb {
 public:
  Validate() : Verb("validate", "Check pipeline files as a run does before it moves data") {}

  void declare(Options& options) override {
    options.value("FILE", files_, "Pipeline files (TOML)").required = true;
    common.declare_set(options);
    common.declare_format(options);
  }

  int run(const Session& session) override {
    const runtime::StageRegistry registry = session.registry();
    nlohmann::json results = nlohmann::json::array();
    bool valid = true;
    for (const std::filesystem::path& file : files_) {
      const nlohmann::json check = check_pipeline(session, registry, file);
      valid = valid && check["valid"];
      results.push_back({{"file", check["file"]},
                         {"valid", check["valid"]},
                         {"diagnostics", check["diagnostics"]}});
      session.show_diagnostics(check["diagnostics"], check["text"]);
      if (!session.json() && check["valid"]) print(file.string() + ": ok\n");
    }
    if (session.json()) print_json({{"valid", valid}, {"files", results}});
    return valid ? exit_ok : exit_config;
  }

 private:
  std::vector<std::filesystem::path> files_;
};

}  // namespace

std::unique_ptr<Verb> validate_verb() { return std::make_unique<Validate>(); }

}  // namespace etl::app
