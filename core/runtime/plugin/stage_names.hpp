/// \file
/// Reads the names of a plugin library's stages without loading it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// The stage names listed in the library's section ETL_STAGES_SECTION. Reading them is much faster
/// than loading the library with all that it depends on. They are a hint: the loaded library
/// decides.
///
/// Returns nothing if the section is missing or the file is malformed; loading the library then
/// explains why. Never throws because of the file's content.
[[nodiscard]] std::optional<std::vector<std::string>> stage_names(
    const std::filesystem::path& library);

}  // namespace etl::runtime
