/// \file
/// The option `codes_file`: a list of domain codes.
#pragma once

#include <etl/options.hpp>

#include <filesystem>

namespace wikipedia {

/// Reads domain codes from a text file, one per line. Empty lines and those that begin with `#` are
/// skipped, and so are blanks around a code, a CR and a byte order mark. Throws etl::Error (config,
/// about `codes_file`) for a file that cannot be read or has more than 16 MiB, and for a line with
/// more than one word.
[[nodiscard]] etl::Strings read_codes(const std::filesystem::path& path);

}  // namespace wikipedia
