/* Layouts of ABI 1.0 on 64-bit machines: a change here breaks every plugin that is already built.
 */
#include <etl/abi.h>

_Static_assert(sizeof(struct ArrowSchema) == 72, "ArrowSchema, as the specification lays it out");
_Static_assert(sizeof(struct ArrowArray) == 80, "ArrowArray");
_Static_assert(sizeof(struct ArrowArrayStream) == 40, "ArrowArrayStream");
_Static_assert(sizeof(etl_str) == 16, "etl_str");
_Static_assert(sizeof(etl_error) == 16 + 64 + 2048, "etl_error");
_Static_assert(sizeof(etl_option_spec) == 88, "etl_option_spec is frozen");
_Static_assert(sizeof(etl_option) == 40, "etl_option is frozen");
_Static_assert(sizeof(etl_column_spec) == 48, "etl_column_spec is frozen");
_Static_assert(offsetof(etl_plugin, abi_major) == 8, "the first four fields are frozen for ever");
_Static_assert(offsetof(etl_plugin, abi_minor) == 10, "the first four fields are frozen for ever");
_Static_assert(offsetof(etl_plugin, struct_size) == 12,
               "the first four fields are frozen for ever");
_Static_assert(offsetof(etl_plugin, name) == 16, "etl_plugin only appends");
_Static_assert(sizeof(etl_plugin) == 56, "etl_plugin of ABI 1.0");
_Static_assert(sizeof(etl_stage) == 104, "etl_stage of ABI 1.0");
_Static_assert(sizeof(etl_source) == 56, "etl_source of ABI 1.0");
_Static_assert(sizeof(etl_filter) == 56, "etl_filter of ABI 1.0");
_Static_assert(offsetof(etl_sink, heartbeat) == 96, "etl_sink of ABI 1.0");
_Static_assert(sizeof(etl_sink) == 120, "etl_sink of ABI 1.1");
_Static_assert(sizeof(etl_running_record) == 144, "etl_running_record of ABI 1.1");
_Static_assert(sizeof(etl_heartbeat) == 72, "etl_heartbeat of ABI 1.1");
_Static_assert(sizeof(etl_merge_request) == 56, "etl_merge_request of ABI 1.1");
_Static_assert(sizeof(etl_partition) == 96, "etl_partition of ABI 1.0");
_Static_assert(sizeof(etl_forget_request) == 64, "etl_forget_request of ABI 1.0");
_Static_assert(sizeof(etl_host) == 48, "etl_host of ABI 1.0");
_Static_assert(sizeof(etl_slots) == 32, "etl_slots of ABI 1.0");
_Static_assert(sizeof(etl_ledger_record) == 200, "etl_ledger_record of ABI 1.0");

int abi_header_compiles_as_c(void);
int abi_header_compiles_as_c(void) { return ETL_ABI_MAJOR; }
