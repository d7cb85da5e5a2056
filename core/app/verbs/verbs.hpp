/// \file
/// The list of verbs.
#pragma once

#include "core/app/cli/verb.hpp"

namespace etl::app {

VerbList all_verbs();

}  // namespace etl::app
