/// \file
/// Today's header has the layout of every release, says a C++20 compiler.
#include <etl/abi.h>

// clang-format off: its assertions need the headers above.
#include "layout.inc"
// clang-format on
