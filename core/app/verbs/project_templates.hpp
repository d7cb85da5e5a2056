/// \file
/// The files of core/app/templates, embedded in the program by the build.
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
