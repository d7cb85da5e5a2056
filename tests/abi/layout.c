/* Checks today's header against the layout of every release, with a C11 compiler and without
 * extensions. */
#include <etl/abi.h>

#include <assert.h>

/* clang-format off: the assertions need the headers above. */
#include "layout.inc"
/* clang-format on */

int abi_header_compiles_as_c(void);
int abi_header_compiles_as_c(void) { return ETL_ABI_MAJOR; }
