/// \file
/// Runs something in a child process: what loads a stranger's library does so there. It lies in the
/// SDK, for authors' tests check their plugins in child processes too.
#pragma once

#include <etl/testing/conformance/child_process.hpp>

namespace etl::app {

using conformance::ChildEnd;
using conformance::run_in_child;
using conformance::Say;

}  // namespace etl::app
