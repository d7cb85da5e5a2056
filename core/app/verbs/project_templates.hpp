/// \file
/// The files of core/app/templates, which the build puts into the program.
#pragma once

#include <span>
#include <string_view>

namespace etl::app {

struct ProjectTemplate {
  std::string_view path;  ///< below core/app/templates: "filter/template_stage.hpp"
  std::string_view text;
};

std::span<const ProjectTemplate> project_templates();

}  // namespace etl::app
