#include "core/app/verbs/verbs.hpp"

namespace etl::app {

// Each is defined in the file of its verb.
using MakeVerb = std::unique_ptr<Verb>();
MakeVerb check_verb, describe_verb, doctor_verb, graph_verb, merge_verb, new_pipeline_verb,
    new_plugin_verb, plan_verb, plugins_verb, preview_verb, rejects_verb, run_verb, schema_verb,
    state_verb, status_verb, submit_verb, test_verb, validate_verb;

VerbList all_verbs() {
  VerbList list;
  for (MakeVerb* make :
       {run_verb, submit_verb, status_verb, plan_verb, merge_verb, state_verb, validate_verb,
        preview_verb, graph_verb, plugins_verb, describe_verb, check_verb, doctor_verb, schema_verb,
        test_verb, new_plugin_verb, new_pipeline_verb, rejects_verb})
    list.verbs.push_back(make());
  list.groups = {{"new", "Write a plugin project or a pipeline to start from"}};
  return list;
}

}  // namespace etl::app
