/* The plugin ABI: the C interface between the runner (the host) and plugins. C11 and C++20.
 *
 * A plugin is a shared library that exports one *data* symbol, `etl_plugin_v1`, which the host
 * checks before it calls anything. C++ authors include <etl/plugin.hpp> instead, which builds
 * these tables for them.
 *
 * Growth. ETL_ABI_MINOR counts additions. A struct that starts with `struct_size` may only grow at
 * its end; its reader never reads past the size given and takes missing fields as zero or NULL.
 * ETL_..._SIZE_1_0 is the size in version 1.0, the smallest that a plugin may give. Structs passed
 * in arrays (etl_option_spec, etl_option, etl_column_spec, etl_str) never change within a major
 * version. New host services are added as ids of etl_host.extension(). A new major version has a
 * symbol of its own (`etl_plugin_v2`).
 *
 * Ownership. An etl_str is borrowed for the duration of the call and is not NUL-terminated. Arrow
 * structs follow Arrow's rules: the consumer allocates the base struct, the producer owns what it
 * points to until `release`. A parameter marked "moved" passes to the callee, which releases it
 * whether it succeeds or fails.
 *
 * Errors. A function returns an etl_code; unless it is ETL_OK, it has filled `error` (never NULL,
 * allocated by the caller, nothing in it to free). No exception may cross the boundary.
 */
#ifndef ETL_ABI_H
#define ETL_ABI_H

#include <stddef.h>
#include <stdint.h>

#define ETL_ABI_MAJOR 1
#define ETL_ABI_MINOR 0
#define ETL_PLUGIN_MAGIC "ETLPLUG"
#define ETL_PLUGIN_SYMBOL "etl_plugin_v1"
/* Optional: an ELF section that holds the names of the library's stages, each followed by LF. The
 * host can read it from the file, so that it loads the library only when one of them is used. */
#define ETL_STAGES_SECTION "etl_stages"

#if defined(__GNUC__)
#define ETL_EXPORT __attribute__((visibility("default")))
#else
#define ETL_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Arrow C data and stream interface --------------------------------------------------------
 * Field lists and flags from the published specification:
 * https://arrow.apache.org/docs/format/CDataInterface.html and .../CStreamInterface.html
 */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

/* ---- Strings and errors ------------------------------------------------------------------------
 */

typedef struct etl_str {
  const char* data; /* may be NULL when size is 0 */
  size_t size;      /* bytes */
} etl_str;

/* The kind of an error, which decides what the host does next. */
typedef enum etl_code {
  ETL_OK = 0,
  ETL_CONFIG = 1,    /* the pipeline file is wrong: reported before data moves, never retried */
  ETL_TRANSIENT = 2, /* may succeed later: the partition is retried, up to run.retries */
  ETL_PERMANENT = 3, /* will not succeed later: the partition fails */
  ETL_MISSING = 4,   /* the partition's data does not exist (yet): recorded as `missing` */
  ETL_CANCELLED = 5, /* stopped at the host's request */
  ETL_CONFLICT = 6,  /* the ledger already holds this partition as `done` */
  ETL_INTERNAL = 7   /* a bug in the plugin */
} etl_code;

typedef struct etl_error {
  uint32_t struct_size;
  int32_t code;           /* an etl_code */
  int64_t retry_after_ms; /* with ETL_TRANSIENT: wait at least this long; 0 = host decides */
  char option[64];        /* with ETL_CONFIG: the option at fault; the host shows its line */
  char message[2048];     /* NUL-terminated UTF-8 */
} etl_error;
#define ETL_ERROR_SIZE_1_0 (offsetof(etl_error, message) + 2048)

typedef enum etl_log_level {
  ETL_DEBUG = 0,
  ETL_INFO = 1,
  ETL_WARN = 2,
  ETL_ERROR = 3
} etl_log_level;

/* ---- Options ----------------------------------------------------------------------------------
 */

typedef enum etl_option_type {
  ETL_OPTION_BOOL = 1,   /* value.i is 0 or 1 */
  ETL_OPTION_INT = 2,    /* value.i */
  ETL_OPTION_FLOAT = 3,  /* value.f */
  ETL_OPTION_STRING = 4, /* value.s */
  ETL_OPTION_LIST = 5,   /* value.list, of strings */
  ETL_OPTION_TIME = 6,   /* value.i, microseconds since 1970-01-01 UTC. In the file: a date-time, a
                            date, or a string such as "-15d" or "-6h" (before now) */
  ETL_OPTION_DURATION =
      7,               /* value.i, milliseconds. In the file: "250ms", "30s", "5m", "2h", "1d" */
  ETL_OPTION_SIZE = 8, /* value.i, bytes. In the file: an integer or "64KiB", "16MiB", "1GiB" */
  ETL_OPTION_PATH = 9, /* value.s, absolute: resolved against the pipeline file's folder */
  ETL_OPTION_URL = 10, /* value.s */
  /* value.list, of strings: key, value, key, value, ... in the order of the file. In the file a
   * table of strings: { views = "sum" } */
  ETL_OPTION_MAP = 11
} etl_option_type;

enum {
  ETL_OPTION_REQUIRED = 1u,    /* no default; the pipeline must set it */
  ETL_OPTION_SECRET = 2u,      /* redacted in all output */
  ETL_OPTION_OPERATIONAL = 4u, /* does not change the data: not part of the ledger's `definition` */
  ETL_OPTION_BOUNDED = 8u,     /* `minimum` and `maximum` apply: INT, DURATION (ms), SIZE (bytes) */
  ETL_OPTION_OR_ONE = 16u,     /* LIST: a single string counts as a list of one */
  ETL_OPTION_BY_CONTENT = 32u  /* PATH: the file's content, not its name, is part of `definition` */
};

typedef struct etl_option_spec { /* in arrays: frozen */
  etl_str name;
  etl_str help;     /* one sentence */
  etl_str fallback; /* the default, as TOML text ("2", "\"append\""); empty = none */
  /* The allowed values, separated by '|'; empty = any. For a list or map: of each item. */
  etl_str allowed;
  uint32_t type; /* an etl_option_type */
  uint32_t flags;
  int64_t minimum, maximum;
} etl_option_spec;

typedef struct etl_option { /* in arrays: frozen */
  etl_str name;
  uint32_t type;
  uint32_t given; /* 1 = set by the pipeline, 0 = the default */
  union {
    int64_t i;
    double f;
    etl_str s;
    struct {
      const etl_str* data;
      size_t size;
    } list;
  } value;
} etl_option;

typedef struct etl_column_spec { /* in arrays: frozen; for `etl describe` and the docs */
  etl_str name;
  etl_str type; /* "utf8", "int64", "timestamp[s]", ... as the host prints it */
  etl_str help;
} etl_column_spec;

/* ---- Host services ----------------------------------------------------------------------------
 */

/* Passed to create(); valid until destroy() returns. Its functions may be called from any thread.
 */
typedef struct etl_host {
  uint32_t struct_size;
  uint32_t abi_minor; /* the host's ETL_ABI_MINOR */
  void* ctx;
  void (*log)(void* ctx, uint32_t level, etl_str text);
  int (*cancelled)(void* ctx);                         /* 1 = stop soon and return ETL_CANCELLED */
  const void* (*extension)(void* ctx, const char* id); /* NULL = unknown to this host */
  /* Reports that the stage holds `change` bytes more (or, if negative, fewer) outside batches, as
   * in caches and transfer buffers. They count towards run.memory_limit and the stage's peak in
   * the summary. Changes below 64 KiB are not worth a call. */
  void (*memory)(void* ctx, int64_t change);
  /* Reports that a source's ready() may answer differently now. Must not be called while holding a
   * lock that ready() takes. */
  void (*wake)(void* ctx);
} etl_host;

/* extension(ETL_READS_NOTHING) is not NULL in a verb that reads no partition (graph, plan, status,
 * ...), where an option that only reading needs may be missing. */
#define ETL_READS_NOTHING "etl.reads_nothing/1"
/* extension(ETL_RELOAD) is not NULL in a run that loads again what is done (--reload): a cache must
 * ask the origin whether its copy is still current. */
#define ETL_RELOAD "etl.reload/1"

/* extension(ETL_SLOTS): a limit across all processes of the run. NULL if the run is a single
 * process, where the stage can count by itself. */
#define ETL_SLOTS "etl.slots/1"
typedef struct etl_slots {
  uint32_t struct_size;
  void* ctx;
  /* Takes one of the `limit` slots called `name`, without waiting. Returns the slot, for release();
   * -1 if all are taken: try again later; -2 if slots are unavailable (the reason is logged). All
   * processes must use the same limit for the same name. */
  int (*try_acquire)(void* ctx, etl_str name, uint32_t limit);
  void (*release)(void* ctx, int slot);
} etl_slots;

typedef enum etl_counter {
  /* Records seen, malformed ones included. If a source reports it, the host checks that
   * read = emitted + rejected + dropped. */
  ETL_ROWS_READ = 1,
  ETL_ROWS_DROPPED = 2,     /* rows left out because of the predicate */
  ETL_BYTES_DOWNLOADED = 3, /* bytes received over the network for this partition */
  ETL_BYTES_DECODED = 4     /* bytes of decoded input */
} etl_counter;

/* A malformed record; the host stores a copy. Borrowed for the call. */
typedef struct etl_reject {
  uint32_t struct_size;
  int64_t line;   /* 1-based; 0 = unknown */
  int64_t offset; /* byte offset in the decoded input; -1 = unknown */
  etl_str reason; /* a short fixed phrase, so that rejects can be grouped by it */
  etl_str raw;    /* the record's bytes, without its terminator */
} etl_reject;
#define ETL_REJECT_SIZE_1_0 (offsetof(etl_reject, raw) + sizeof(etl_str))

/* One attempt at a partition, as a source or filter sees it. Valid until the stream is released or
 * the filter state closed. Used by one thread at a time. */
typedef struct etl_task {
  uint32_t struct_size;
  void* ctx;
  void (*count)(void* ctx, uint32_t counter, int64_t n);
  void (*reject)(void* ctx, const etl_reject* reject);
  int (*cancelled)(void* ctx);
  /* Reports why the stream's get_next() is about to return an errno. */
  void (*fail)(void* ctx, const etl_error* error);
} etl_task;

/* ---- Source -----------------------------------------------------------------------------------
 */

typedef enum etl_scope_type {
  ETL_SCOPE_NONE = 0,
  ETL_SCOPE_INT = 1,
  ETL_SCOPE_STR = 2
} etl_scope_type;

/* One unit of work, retry, progress and commit. Borrowed for the call. */
typedef struct etl_partition {
  uint32_t struct_size;
  etl_str id;    /* unique within the source, stable across runs and hosts */
  etl_str uri;   /* where it comes from, for messages and the ledger; without credentials */
  int64_t bytes; /* expected size of the input; -1 = unknown */
  /* If one column has the same value in every row of the partition and in no row of another: that
   * column and value. They let a sink replace the partition's rows. */
  etl_str scope_column;
  uint32_t scope_type; /* an etl_scope_type */
  int64_t scope_int;   /* the value when the column is int32, int64 or a timestamp (in its unit) */
  etl_str scope_str;   /* the value when the column is utf8 */
} etl_partition;
#define ETL_PARTITION_SIZE_1_0 (offsetof(etl_partition, scope_str) + sizeof(etl_str))

/* A test on one utf8 column that the filter behind a source will apply anyway. */
typedef struct etl_predicate {
  uint32_t struct_size;
  etl_str column;
  int (*keep)(void* ctx, etl_str value); /* 1 = keep. Pure, callable from any thread. */
  void* ctx;
  const etl_str* values; /* if the test is exactly "is one of these": the values; else none */
  size_t value_count;
} etl_predicate;

/* Threads: plan() is called once, from one thread, before any read(). read(), expect(), ready()
 * and finish() may be called from several threads at once; one stream is used by one thread at a time. */
typedef struct etl_source {
  uint32_t struct_size;
  int (*schema)(void* self, struct ArrowSchema* out, etl_error* error);
  /* Lists the partitions in a fixed order, calling `add` for each. The same options and the same
   * time of the run must give the same list on any host. */
  int (*plan)(void* self, void (*add)(void* ctx, const etl_partition*), void* ctx,
              etl_error* error);
  /* Optional (NULL). Announces the partitions that will be read next, in order, so that a source
   * can fetch ahead. */
  int (*expect)(void* self, const etl_str* ids, size_t count, etl_error* error);
  /* Opens one partition. `predicate` may be NULL and may be ignored; it and `task` outlive the
   * stream. A stream reports an error to task->fail before get_next() returns an errno. */
  int (*read)(void* self, const etl_partition* partition, const etl_predicate* predicate,
              const etl_task* task, struct ArrowArrayStream* out, etl_error* error);
  /* Optional (NULL). Tells that the partition is committed in every sink, or given up, so that its
   * caches can be deleted. */
  void (*finish)(void* self, etl_str id);
  /* Optional (NULL). Reads records that were rejected from this partition and have been repaired
   * since, as read() would have read them in place. `records` come without terminators; their bytes
   * (not the array) are borrowed until the stream is released. */
  int (*replay)(void* self, const etl_partition* partition, const etl_str* records, size_t count,
                const etl_task* task, struct ArrowArrayStream* out, etl_error* error);
  /* Optional (NULL). Returns 1 if read() would find the partition's data here, or an error to
   * report; 0 if the data has yet to arrive. Never waits. After 0 the source fetches the data and
   * calls etl_host.wake() once it is here. The host reads what is ready before what is not. */
  int (*ready)(void* self, etl_str id);
} etl_source;
#define ETL_SOURCE_SIZE_1_0 (offsetof(etl_source, ready) + sizeof(void*))

/* ---- Filter -----------------------------------------------------------------------------------
 */

/* Takes `batch` (moved). Returns 0 to go on; otherwise the filter returns ETL_CANCELLED. */
typedef int (*etl_emit)(void* ctx, struct ArrowArray* batch);

/* Threads: schema(), predicate() and open() may be called from several threads at once; one state
 * is used by one thread at a time. */
typedef struct etl_filter {
  uint32_t struct_size;
  /* Checks that the filter can read columns `in`, and returns those it emits. */
  int (*schema)(void* self, const struct ArrowSchema* in, struct ArrowSchema* out,
                etl_error* error);
  /* Optional (NULL). Offers the filter's test to the source in front of it. `out` is zeroed except
   * for struct_size; if keep stays NULL, there is none. The predicate is valid until destroy(). */
  int (*predicate)(void* self, const struct ArrowSchema* in, etl_predicate* out, etl_error* error);
  /* Begins a partition. */
  int (*open)(void* self, const struct ArrowSchema* in, const etl_task* task, void** state,
              etl_error* error);
  int (*apply)(void* state, struct ArrowArray* batch /* moved */, etl_emit emit, void* ctx,
               etl_error* error);
  /* Optional (NULL). Called after the partition's last batch; emits what was held back. */
  int (*finish)(void* state, etl_emit emit, void* ctx, etl_error* error);
  void (*close)(void* state);
} etl_filter;
#define ETL_FILTER_SIZE_1_0 (offsetof(etl_filter, close) + sizeof(void*))

/* ---- Sink -------------------------------------------------------------------------------------
 */

typedef enum etl_state { ETL_DONE = 1, ETL_FAILED = 2, ETL_MISSED = 3 } etl_state;

/* A row of the table `etl_ledger`. Primary key: pipeline, source, sink, partition. */
typedef struct etl_ledger_record {
  uint32_t struct_size;
  uint32_t state; /* an etl_state; in the table "done", "failed", "missing" */
  etl_str pipeline, source, sink, partition;
  int64_t rows_read, rows_filtered, rows_rejected, rows_written;
  etl_str source_uri;
  int64_t source_bytes; /* -1 = unknown, NULL in the table */
  etl_str definition; /* what the data depends on, per stage: "pageviews:9f3c…;french:…;db:…" */
  etl_str run_id;
  int64_t attempts;
  etl_str error;                   /* empty = NULL in the table */
  int64_t started_at, finished_at; /* microseconds since 1970-01-01 UTC */
} etl_ledger_record;
#define ETL_LEDGER_RECORD_SIZE_1_0 (offsetof(etl_ledger_record, finished_at) + sizeof(int64_t))

/* The partition that open() is to write. */
typedef struct etl_write_request {
  uint32_t struct_size;
  uint32_t reload; /* 1 = replace what an earlier run committed for this partition */
  etl_str pipeline, source, sink, run_id;
  const etl_partition* partition;
} etl_write_request;

/* The partition that forget() is to remove. */
typedef struct etl_forget_request {
  uint32_t struct_size;
  uint32_t delete_rows; /* 1 = delete the partition's rows too */
  etl_str pipeline, source, sink;
  const etl_partition* partition;
} etl_forget_request;

/* A row of the table `etl_running`: a partition that a run is working on. Primary key: pipeline,
 * source, sink, partition, run_id. */
typedef struct etl_running_record {
  uint32_t struct_size;
  uint32_t pid;
  etl_str pipeline, source, sink, partition, run_id;
  etl_str task; /* "3/8": a share of the plan; empty = all of it */
  etl_str host;
  int64_t attempt;
  int64_t since;  /* microseconds since 1970-01-01 UTC, by the clock of `host` */
  int64_t silent; /* set by running(): microseconds since the run's last heartbeat, by the
                     database's clock, which all runs share */
} etl_running_record;
#define ETL_RUNNING_RECORD_SIZE_1_0 (offsetof(etl_running_record, silent) + sizeof(int64_t))

/* The partitions that a run is working on now. */
typedef struct etl_heartbeat {
  uint32_t struct_size;
  uint32_t count;
  etl_str pipeline, sink, run_id;
  const etl_running_record* const* records;
  int64_t forget_after; /* microseconds: delete records of runs silent for longer */
} etl_heartbeat;

/* The partitions that merge() is to copy. */
typedef struct etl_merge_request {
  uint32_t struct_size;
  uint32_t count;
  etl_str pipeline, sink;
  const etl_str* sources; /* the source of each partition */
  const etl_partition* const* partitions;
} etl_merge_request;

enum {
  ETL_STAGE_TRANSACTIONAL = 1u /* a sink that commits the ledger record with the rows */
};

/* Threads: every function that takes `self` may be called from several threads at once. A writer is
 * used by one thread at a time. The host opens at most etl_stage.max_writers writers of a sink at
 * once. */
typedef struct etl_sink {
  uint32_t struct_size;
  /* Checks options against the columns, without touching the target. */
  int (*check)(void* self, const struct ArrowSchema* schema, etl_error* error);
  /* Optional. Looks at the target without changing it. Calls `target` with its name and the
   * statements that prepare() would run. ETL_CONFIG if it does not fit; ETL_TRANSIENT if it cannot
   * be reached. */
  int (*inspect)(void* self, const struct ArrowSchema* schema,
                 void (*target)(void* ctx, etl_str name, etl_str ddl), void* ctx, etl_error* error);
  /* Optional. Creates what is needed, including the ledger. Called once per run, before open(). */
  int (*prepare)(void* self, const struct ArrowSchema* schema, etl_error* error);
  /* Transactional sinks. Lists every ledger record of this pipeline and sink; none if there is no
   * ledger yet. Changes nothing. */
  int (*committed)(void* self, etl_str pipeline, etl_str sink,
                   void (*add)(void* ctx, const etl_ledger_record*), void* ctx, etl_error* error);
  /* Transactional sinks. Records `failed` or `missing` in a separate transaction. Never replaces a
   * `done` record. */
  int (*record)(void* self, const etl_ledger_record* record, etl_error* error);
  /* Begins the partition's transaction. ETL_CONFLICT if the ledger has it as `done`, unless this is
   * a reload. */
  int (*open)(void* self, const etl_write_request* request, const struct ArrowSchema* schema,
              void** writer, etl_error* error);
  int (*write)(void* writer, struct ArrowArray* batch /* moved */, etl_error* error);
  /* Writes the ledger record and commits, all or nothing. ETL_CONFLICT if another run has committed
   * this partition meanwhile; everything is then rolled back. */
  int (*commit)(void* writer, const etl_ledger_record* record, etl_error* error);
  /* Ends the writer; rolls back unless commit() succeeded. */
  void (*close)(void* writer);
  /* Optional. Names what a writer locks for all others (a database file, as an absolute path). The
   * host opens at most max_writers writers at once over all sinks that name the same resource.
   * Valid until destroy(). */
  etl_str (*resource)(void* self);
  /* Transactional sinks, optional. Removes the partition's ledger record, and its rows on request,
   * in one transaction. Sets `rows` to the number of rows deleted. ETL_PERMANENT if the partition's
   * rows cannot be identified; nothing is changed then. Succeeds if there is no such record. */
  int (*forget)(void* self, const etl_forget_request* request, const struct ArrowSchema* schema,
                int64_t* rows, etl_error* error);
  /* Transactional sinks, optional. Replaces this run's records in the table `etl_running`, which it
   * creates beside the ledger for the first record. With count 0 the run is over. Never waits for a
   * lock: ETL_TRANSIENT if it cannot write at once. The only function that may be called while a
   * writer of the same sink is open and waits for rows. */
  int (*heartbeat)(void* self, const etl_heartbeat* beat, etl_error* error);
  /* Optional; comes with heartbeat(). Lists the records of `etl_running` of this pipeline and sink;
   * none if there is no such table. Changes nothing. */
  int (*running)(void* self, etl_str pipeline, etl_str sink,
                 void (*add)(void* ctx, const etl_running_record*), void* ctx, etl_error* error);
  /* Transactional sinks, optional. Copies partitions with their `done` records from the target of
   * `from`, another instance of this stage that writes nothing meanwhile, in one transaction. Sets
   * `rows` to the number of rows copied. ETL_CONFLICT if one of them is done here already;
   * ETL_PERMANENT if their rows cannot be identified. Nothing is changed then. */
  int (*merge)(void* self, void* from, const etl_merge_request* request,
               const struct ArrowSchema* schema, int64_t* rows, etl_error* error);
} etl_sink;
#define ETL_SINK_SIZE_1_0 (offsetof(etl_sink, merge) + sizeof(void*))

/* ---- Stage and plugin --------------------------------------------------------------------------
 */

typedef enum etl_kind { ETL_SOURCE = 1, ETL_FILTER = 2, ETL_SINK = 3 } etl_kind;

typedef struct etl_stage {
  uint32_t struct_size;
  uint32_t kind; /* an etl_kind */
  uint32_t flags;
  uint32_t max_writers; /* sinks: writers at once; 0 = no limit */
  const char* name;     /* the value of `plugin = "..."`; [a-z0-9_]+, unique over all plugins */
  const char* summary;  /* one sentence */
  const etl_option_spec* options;
  size_t option_count;
  const etl_column_spec* columns; /* a source's output; the columns a filter needs */
  size_t column_count;
  /* Makes an instance from complete options (defaults filled in) of the declared types. Must not
   * connect to anything. */
  int (*create)(const etl_host* host, const etl_option* options, size_t count, void** self,
                etl_error* error);
  void (*destroy)(void* self); /* after every stream, state and writer is released */
  const etl_source* source;    /* the table of its kind is set, the others are NULL */
  const etl_filter* filter;
  const etl_sink* sink;
} etl_stage;
#define ETL_STAGE_SIZE_1_0 (offsetof(etl_stage, sink) + sizeof(void*))

typedef struct etl_plugin {
  char magic[8];        /* ETL_PLUGIN_MAGIC; this and the next three fields never change */
  uint16_t abi_major;   /* ETL_ABI_MAJOR */
  uint16_t abi_minor;   /* the lowest minor the plugin needs, not the one it was built with */
  uint32_t struct_size; /* of this struct */
  const char* name;
  const char* version;
  const char* built_with; /* compiler and SDK, for messages only */
  const etl_stage* const* stages;
  size_t stage_count;
} etl_plugin;
#define ETL_PLUGIN_SIZE_1_0 (offsetof(etl_plugin, stage_count) + sizeof(size_t))

extern ETL_EXPORT const etl_plugin etl_plugin_v1;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ETL_ABI_H */
