/// \file
/// The host name.
#pragma once

#include <string>

namespace etl::runtime {

/// The host name of this machine; "unknown" if the system does not report one.
[[nodiscard]] std::string host_name();

}  // namespace etl::runtime
