/* Today's header has the layout of every release, says a C11 compiler. The boundary is C: it
 * compiles as such, without extensions. */
#include <assert.h>
#include <etl/abi.h>

#include "layout.inc"

int abi_header_compiles_as_c(void);
int abi_header_compiles_as_c(void) { return ETL_ABI_MAJOR; }
