/// \file
/// The name of this machine.
#pragma once

#include <string>

namespace etl::runtime {

/// The name of this machine, as it is written.
[[nodiscard]] std::string host_name();

}  // namespace etl::runtime
