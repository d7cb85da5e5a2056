/// \file
/// Checks today's header against the layout of every release, with a C++20 compiler.
#include <etl/abi.h>

// clang-format off: the assertions need the headers above.
#include "layout.inc"
// clang-format on
