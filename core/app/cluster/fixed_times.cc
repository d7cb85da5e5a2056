#include "core/app/cluster/fixed_times.hpp"

#include "core/runtime/base/units.hpp"

#include <fmt/format.h>

#include <string>
#include <variant>

namespace etl::app {

void require_fixed_times(const runtime::Pipeline& pipeline) {
  for (const runtime::StageSpec& stage : pipeline.file.stages) {
    for (const runtime::RawOption& option : stage.options) {
      const auto* text = std::get_if<std::string>(&option.data);
      if (text == nullptr || !runtime::parse_relative_time(*text)) continue;
      const etl_option_spec* spec = pipeline.graph->option_spec(stage.name, option.name);
      if (spec == nullptr || spec->type != ETL_OPTION_TIME) continue;
      throw Error::config(fmt::format(
          "--task: option \"{}\" of {} \"{}\" is relative (\"{}\"), and tasks that start at "
          "another "
          "moment would plan other partitions; fix the moment for all of them: --now TIME",
          option.name, runtime::kind_name(stage.kind), stage.name, *text));
    }
  }
}

}  // namespace etl::app
