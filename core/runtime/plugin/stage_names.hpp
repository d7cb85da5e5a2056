/// \file
/// What a plugin library offers, read from its file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// The names of a library's stages as its section ETL_STAGES_SECTION lists them. The library is not
/// loaded, and none of its code runs: loading it would load what it needs as well, which is where
/// the time of a short command goes. They are a hint, for whoever then loads the library.
///
/// Nothing where there is no such section, or anything about the file is odd: loading it will tell
/// why. Pure but for reading the file; never throws for what is in it.
[[nodiscard]] std::optional<std::vector<std::string>> stage_names(
    const std::filesystem::path& library);

}  // namespace etl::runtime
