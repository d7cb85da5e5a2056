/* Today's header has the layout of every release, says a C11 compiler. The boundary is C: it
 * compiles as such, without extensions. */
#include <etl/abi.h>

#include <assert.h>

/* clang-format off: its assertions need the headers above. */
#include "layout.inc"
/* clang-format on */

int abi_header_compiles_as_c(void);
int abi_header_compiles_as_c(void) { return ETL_ABI_MAJOR; }
