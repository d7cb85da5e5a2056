/// \file
/// Today's header has the layout of every release, says a C++20 compiler.
#include <etl/abi.h>

#include "layout.inc"
