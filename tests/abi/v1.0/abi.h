/* The plugin boundary: the one header that the runner and every plugin agree on.
 *
 * C11 and C++20. A plugin is a shared library that exports one *data* symbol, `etl_plugin_v1`. The
 * host reads it before it calls anything. C++ authors never see this file: they include
 * <etl/plugin.hpp>, which writes these tables for them.
 *
 * Growth. ETL_ABI_MINOR counts additions. Structs that start with `struct_size` only append, and a
 * reader looks no further than the size it was given. Structs that travel in arrays
 * (etl_option_spec, etl_option, etl_column_spec, etl_str) never change within a major. New host
 * services come through etl_host.extension(). A new major gets a new symbol name (`etl_plugin_v2`).
 *
 * Ownership. An etl_str is borrowed for the duration of the call and is not NUL-terminated. Arrow
 * structs follow Arrow's rules: the consumer allocates the base struct, the producer owns what it
 * points to until `release`. A parameter marked "moved" is taken over by the callee, which releases
 * it whether it succeeds or fails.
 *
 * Errors. A function returns an etl_code. Where it returns anything but ETL_OK it has filled
 * `error` (never NULL, allocated by the caller, nothing in it to free). No exception crosses this
 * boundary.
 */
#ifndef ETL_ABI_H
#define ETL_ABI_H

#include <stddef.h>
#include <stdint.h>

#define ETL_ABI_MAJOR 1
#define ETL_ABI_MINOR 0
#define ETL_PLUGIN_MAGIC "ETLPLUG"
#define ETL_PLUGIN_SYMBOL "etl_plugin_v1"
/* Optional: a section of the library with the names of its stages, each followed by LF. A host may
 * read it from the file, and load the library only when one of them is wanted. */
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

/* ---- Words ------------------------------------------------------------------------------------
 */

typedef struct etl_str {
  const char* data; /* may be NULL when size is 0 */
  size_t size;      /* bytes */
} etl_str;

/* What went wrong decides what the host does next. */
typedef enum etl_code {
  ETL_OK = 0,
  ETL_CONFIG = 1,    /* the pipeline is wrong: reported before data moves, never retried */
  ETL_TRANSIENT = 2, /* may work later: the partition is tried again, up to run.retries */
  ETL_PERMANENT = 3, /* will not work later: the partition fails */
  ETL_MISSING = 4,   /* the partition's data does not exist (yet): recorded as `missing` */
  ETL_CANCELLED = 5, /* stopped because the host asked for it */
  ETL_CONFLICT = 6,  /* the ledger already holds this partition as `done` */
  ETL_INTERNAL = 7   /* a defect in the plugin */
} etl_code;

typedef struct etl_error {
  uint32_t struct_size;
  int32_t code;           /* an etl_code */
  int64_t retry_after_ms; /* with ETL_TRANSIENT: not before this long from now; 0 = no wish */
  char option[64];    /* with ETL_CONFIG: the option it is about, so that the host shows its line */
  char message[2048]; /* NUL-terminated UTF-8 */
} etl_error;

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
                            date, or a string such as "-15d", "-6h" (before now). */
  ETL_OPTION_DURATION =
      7,               /* value.i, milliseconds. In the file: "250ms", "30s", "5m", "2h", "1d". */
  ETL_OPTION_SIZE = 8, /* value.i, bytes. In the file: an integer or "64KiB", "16MiB", "1GiB". */
  ETL_OPTION_PATH = 9, /* value.s, made absolute against the pipeline file's folder */
  ETL_OPTION_URL = 10  /* value.s */
} etl_option_type;

enum {
  ETL_OPTION_REQUIRED = 1u,    /* no default; the pipeline must give it */
  ETL_OPTION_SECRET = 2u,      /* never shown */
  ETL_OPTION_OPERATIONAL = 4u, /* changes how, not what: left out of the ledger's `definition` */
  ETL_OPTION_BOUNDED = 8u,     /* `minimum`, `maximum` hold: INT, DURATION (ms), SIZE (bytes) */
  ETL_OPTION_OR_ONE = 16u      /* LIST: a string alone is taken as a list of one */
};

typedef struct etl_option_spec { /* in arrays: frozen */
  etl_str name;
  etl_str help;     /* one sentence */
  etl_str fallback; /* the default as TOML text ("2", "\"append\""); empty = none */
  etl_str
      allowed;   /* the allowed values, separated by '|'; empty = any. For a list: of each item. */
  uint32_t type; /* an etl_option_type */
  uint32_t flags;
  int64_t minimum, maximum;
} etl_option_spec;

typedef struct etl_option { /* in arrays: frozen */
  etl_str name;
  uint32_t type;
  uint32_t given; /* 1 = from the pipeline, 0 = the default */
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

typedef struct etl_column_spec { /* in arrays: frozen; for `describe` and the reference docs */
  etl_str name;
  etl_str type; /* "utf8", "int64", "timestamp[s]", ... as the host prints them */
  etl_str help;
} etl_column_spec;

/* ---- Services of the host ---------------------------------------------------------------------
 */

/* Given to create(); valid until destroy() returns. Every function may be called from any thread.
 */
typedef struct etl_host {
  uint32_t struct_size;
  uint32_t abi_minor; /* what the host speaks */
  void* ctx;
  void (*log)(void* ctx, uint32_t level, etl_str text);
  int (*cancelled)(void* ctx);                         /* 1 = stop soon and return ETL_CANCELLED */
  const void* (*extension)(void* ctx, const char* id); /* NULL = this host has no such service */
  /* The stage holds so many bytes more (or fewer) outside of batches: caches, buffers for a
   * transfer. They count towards run.memory_limit and the stage's peak in the summary. Steps of
   * less than 64 KiB are not worth a call. */
  void (*memory)(void* ctx, int64_t change);
} etl_host;

/* extension(ETL_SLOTS): a limit over all processes of the run. NULL where the run is one process
 * and the stage's own count is enough. */
#define ETL_SLOTS "etl.slots/1"
typedef struct etl_slots {
  uint32_t struct_size;
  void* ctx;
  /* Takes one of `limit` slots called `name`, without waiting. The slot, to be given to release();
   * -1 = all are taken, ask again in a while; -2 = not to be had at all (the reason is logged). All
   * processes use one limit for one name. */
  int (*try_acquire)(void* ctx, etl_str name, uint32_t limit);
  void (*release)(void* ctx, int slot);
} etl_slots;

typedef enum etl_counter {
  ETL_ROWS_READ = 1,    /* records seen, malformed ones included. A source that reports it is held
                           to it: read = emitted + rejected + dropped. */
  ETL_ROWS_DROPPED = 2, /* rows left out because of the predicate */
  ETL_BYTES_DOWNLOADED = 3, /* bytes that came over the network for this partition */
  ETL_BYTES_DECODED = 4     /* bytes of decoded input */
} etl_counter;

/* A malformed record, kept by the host. Borrowed for the call. */
typedef struct etl_reject {
  uint32_t struct_size;
  int64_t line;   /* 1-based; 0 = unknown */
  int64_t offset; /* byte offset in the decoded input; -1 = unknown */
  etl_str reason; /* a short fixed phrase, so that rejects can be summed by it */
  etl_str raw;    /* the record's bytes, without its terminator */
} etl_reject;

/* One attempt at one partition, seen from a source or a filter. Valid until the stream or the
 * filter state is released. Used by one thread at a time. */
typedef struct etl_task {
  uint32_t struct_size;
  void* ctx;
  void (*count)(void* ctx, uint32_t counter, int64_t n);
  void (*reject)(void* ctx, const etl_reject* reject);
  int (*cancelled)(void* ctx);
  void (*fail)(void* ctx,
               const etl_error* error); /* a stream says why get_next() returns an errno */
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
  etl_str id;    /* unique in the source, stable between runs and hosts */
  etl_str uri;   /* where it comes from, for messages and the ledger; no password in it */
  int64_t bytes; /* expected size of the input; -1 = unknown */
  /* When every row of the partition, and of no other, has the same value in one column: that column
   * and value, so that a sink can replace the partition's rows. */
  etl_str scope_column;
  uint32_t scope_type; /* an etl_scope_type */
  int64_t scope_int;   /* the value when the column is int32, int64 or a timestamp (in its unit) */
  etl_str scope_str;   /* the value when the column is utf8 */
} etl_partition;

/* A test on one utf8 column that the filter behind a source will make anyway. */
typedef struct etl_predicate {
  uint32_t struct_size;
  etl_str column;
  int (*keep)(void* ctx, etl_str value); /* 1 = keep. Pure, callable from any thread. */
  void* ctx;
  const etl_str* values; /* where the test is exactly "one of these", else count 0 */
  size_t value_count;
} etl_predicate;

/* Threads: plan() is called once, from one thread, before any read(). read(), expect() and finish()
 * may be called from several threads at once; one stream is used by one thread at a time. */
typedef struct etl_source {
  uint32_t struct_size;
  int (*schema)(void* self, struct ArrowSchema* out, etl_error* error);
  /* Lists the partitions in a fixed order by calling `add` for each. The same options and the same
   * time of run give the same list on any host. */
  int (*plan)(void* self, void (*add)(void* ctx, const etl_partition*), void* ctx,
              etl_error* error);
  /* Optional (NULL). The partitions that will be read next, in order: a source may fetch ahead. */
  int (*expect)(void* self, const etl_str* ids, size_t count, etl_error* error);
  /* Opens one partition. `predicate` may be NULL, and may be ignored. Both it and `task` outlive
   * the stream. An error while streaming is told to task->fail before get_next() returns an errno.
   */
  int (*read)(void* self, const etl_partition* partition, const etl_predicate* predicate,
              const etl_task* task, struct ArrowArrayStream* out, etl_error* error);
  /* Optional (NULL). The partition is committed everywhere, or given up: caches may go. */
  void (*finish)(void* self, etl_str id);
  /* Optional (NULL). Reads records that this partition's source rejected and somebody has repaired
   * since, as read() would have read them there. `records` come without their terminators; the
   * bytes (not the array) are borrowed until the stream is released. */
  int (*replay)(void* self, const etl_partition* partition, const etl_str* records, size_t count,
                const etl_task* task, struct ArrowArrayStream* out, etl_error* error);
} etl_source;

/* ---- Filter -----------------------------------------------------------------------------------
 */

/* Takes over `batch` (moved). Returns 0, or non-zero: stop and return ETL_CANCELLED. */
typedef int (*etl_emit)(void* ctx, struct ArrowArray* batch);

/* Threads: schema(), predicate() and open() may be called from several threads at once; one state
 * is used by one thread at a time. */
typedef struct etl_filter {
  uint32_t struct_size;
  /* Checks that it can work on `in` and says what comes out. */
  int (*schema)(void* self, const struct ArrowSchema* in, struct ArrowSchema* out,
                etl_error* error);
  /* Optional (NULL). Offers the test it will make, for the source in front of it. `out` comes
   * zeroed but for struct_size; keep == NULL means nothing to offer. Valid until destroy(). */
  int (*predicate)(void* self, const struct ArrowSchema* in, etl_predicate* out, etl_error* error);
  /* Begins a partition. */
  int (*open)(void* self, const struct ArrowSchema* in, const etl_task* task, void** state,
              etl_error* error);
  int (*apply)(void* state, struct ArrowArray* batch /* moved */, etl_emit emit, void* ctx,
               etl_error* error);
  /* Optional (NULL). The partition's last batch has been applied; what is held back comes out now.
   */
  int (*finish)(void* state, etl_emit emit, void* ctx, etl_error* error);
  void (*close)(void* state);
} etl_filter;

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

/* What open() is told about the partition to write. */
typedef struct etl_write_request {
  uint32_t struct_size;
  uint32_t reload; /* 1 = replace what an earlier run committed for this partition */
  etl_str pipeline, source, sink, run_id;
  const etl_partition* partition;
} etl_write_request;

/* What forget() is told. */
typedef struct etl_forget_request {
  uint32_t struct_size;
  uint32_t delete_rows; /* 1 = the partition's rows go as well */
  etl_str pipeline, source, sink;
  const etl_partition* partition;
} etl_forget_request;

enum {
  ETL_STAGE_TRANSACTIONAL = 1u /* a sink that keeps the ledger in the transaction of the rows */
};

/* Threads: every function that takes `self` may be called from several threads at once. A writer is
 * used by one thread at a time. The host opens at most etl_stage.max_writers writers of a sink at
 * once. */
typedef struct etl_sink {
  uint32_t struct_size;
  /* Checks options against the columns, without touching the target. */
  int (*check)(void* self, const struct ArrowSchema* schema, etl_error* error);
  /* Optional. Looks at the target and changes nothing. ETL_CONFIG where it does not fit;
   * ETL_TRANSIENT where it cannot be reached. Says the target's name and the statements that
   * prepare() would run. */
  int (*inspect)(void* self, const struct ArrowSchema* schema,
                 void (*target)(void* ctx, etl_str name, etl_str ddl), void* ctx, etl_error* error);
  /* Optional. Creates what is needed, the ledger included. Called once a run, before open(). */
  int (*prepare)(void* self, const struct ArrowSchema* schema, etl_error* error);
  /* Transactional sinks. Every ledger record of this pipeline and sink; none where there is no
   * ledger yet. Changes nothing. */
  int (*committed)(void* self, etl_str pipeline, etl_str sink,
                   void (*add)(void* ctx, const etl_ledger_record*), void* ctx, etl_error* error);
  /* Transactional sinks. Records `failed` or `missing`, in a transaction of its own. Never replaces
   * a `done` record. */
  int (*record)(void* self, const etl_ledger_record* record, etl_error* error);
  /* Begins the partition's transaction. ETL_CONFLICT when the ledger has it `done` and it is no
   * reload. */
  int (*open)(void* self, const etl_write_request* request, const struct ArrowSchema* schema,
              void** writer, etl_error* error);
  int (*write)(void* writer, struct ArrowArray* batch /* moved */, etl_error* error);
  /* Writes the ledger record and commits, all or nothing. ETL_CONFLICT when another run has
   * committed this partition meanwhile; everything is then rolled back. */
  int (*commit)(void* writer, const etl_ledger_record* record, etl_error* error);
  /* Ends the writer; rolls back what commit() did not commit. */
  void (*close)(void* writer);
  /* Optional. Names what a writer locks for all others (a database file, as an absolute path), so
   * that sinks of one pipeline that share it take turns: over all sinks that name the same
   * resource, the host opens at most max_writers writers at once. Valid until destroy(). */
  etl_str (*resource)(void* self);
  /* Transactional sinks, optional. Removes the partition's ledger record, and its rows if that is
   * asked for, in one transaction. `rows` is set to the number of rows deleted. ETL_PERMANENT where
   * nobody can say which rows are the partition's; nothing is changed then. Nothing to forget is no
   * error. */
  int (*forget)(void* self, const etl_forget_request* request, const struct ArrowSchema* schema,
                int64_t* rows, etl_error* error);
} etl_sink;

/* ---- Stage and plugin --------------------------------------------------------------------------
 */

typedef enum etl_kind { ETL_SOURCE = 1, ETL_FILTER = 2, ETL_SINK = 3 } etl_kind;

typedef struct etl_stage {
  uint32_t struct_size;
  uint32_t kind; /* an etl_kind */
  uint32_t flags;
  uint32_t max_writers; /* sinks: writers at once; 0 = no limit */
  const char* name;     /* what `plugin = "..."` says; [a-z0-9_]+, unique over all plugins */
  const char* summary;  /* one sentence */
  const etl_option_spec* options;
  size_t option_count;
  const etl_column_spec* columns; /* a source's: what it can give. A filter's: what it needs. */
  size_t column_count;
  /* Options are complete (defaults filled in) and of the declared types when this is called. Must
   * not connect to anything. */
  int (*create)(const etl_host* host, const etl_option* options, size_t count, void** self,
                etl_error* error);
  void (*destroy)(void* self); /* every stream, state and writer has been released before */
  const etl_source* source;    /* the one of its kind is set, the others are NULL */
  const etl_filter* filter;
  const etl_sink* sink;
} etl_stage;

typedef struct etl_plugin {
  char magic[8];        /* ETL_PLUGIN_MAGIC; this and the next three fields are frozen for ever */
  uint16_t abi_major;   /* ETL_ABI_MAJOR */
  uint16_t abi_minor;   /* the lowest minor the plugin needs, not the one it was built with */
  uint32_t struct_size; /* of this struct */
  const char* name;
  const char* version;
  const char* built_with; /* compiler and SDK, for messages only */
  const etl_stage* const* stages;
  size_t stage_count;
} etl_plugin;

extern ETL_EXPORT const etl_plugin etl_plugin_v1;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ETL_ABI_H */
