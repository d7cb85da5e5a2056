/* A source in plain C: the numbers below `until` and their squares, `rows` of them per partition.
 *
 * It shows what the C++ SDK does for its users: the tables of the ABI, hand-made Arrow batches,
 * errors as codes. etl/abi.h documents the functions. */
#include <etl/abi.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 2
#define STR(text) \
  { (text), sizeof(text) - 1 }

static int fail(etl_error* error, int code, const char* message) {
  error->code = code;
  snprintf(error->message, sizeof(error->message), "%s", message);
  return code;
}

/* ---- Schema: two columns of int64 ------------------------------------------------------------ */

/* The schema and its children are one block of memory. */
typedef struct {
  struct ArrowSchema children[COLUMNS];
  struct ArrowSchema* pointers[COLUMNS];
} schema_block;

static void release_child_schema(struct ArrowSchema* schema) { schema->release = NULL; }

static void release_schema(struct ArrowSchema* schema) {
  for (int64_t i = 0; i < schema->n_children; ++i) {
    if (schema->children[i]->release != NULL) schema->children[i]->release(schema->children[i]);
  }
  free(schema->private_data);
  schema->release = NULL;
}

static int export_schema(struct ArrowSchema* out) {
  static const char* const names[COLUMNS] = {"n", "square"};
  schema_block* block = calloc(1, sizeof(*block));
  if (block == NULL) return ENOMEM;
  for (int i = 0; i < COLUMNS; ++i) {
    block->children[i] =
        (struct ArrowSchema){.format = "l", .name = names[i], .release = release_child_schema};
    block->pointers[i] = &block->children[i];
  }
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = COLUMNS,
                              .children = block->pointers,
                              .release = release_schema,
                              .private_data = block};
  return 0;
}

/* ---- Batches --------------------------------------------------------------------------------- */

/* Each column owns its numbers, so that a consumer may move one out and release the rest. */
typedef struct {
  const void* buffers[2]; /* no validity bitmap: nothing is null */
  int64_t values[];
} column_block;

typedef struct {
  struct ArrowArray children[COLUMNS];
  struct ArrowArray* pointers[COLUMNS];
  const void* buffers[1];
} batch_block;

static void release_column(struct ArrowArray* array) {
  free(array->private_data);
  array->release = NULL;
}

static void release_batch(struct ArrowArray* array) {
  for (int64_t i = 0; i < array->n_children; ++i) {
    if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
  }
  free(array->private_data);
  array->release = NULL;
}

static int make_column(int64_t first, int64_t rows, int64_t (*value)(int64_t),
                       struct ArrowArray* out) {
  column_block* block = malloc(sizeof(*block) + (size_t)rows * sizeof(int64_t));
  if (block == NULL) return ENOMEM;
  block->buffers[0] = NULL;
  block->buffers[1] = block->values;
  for (int64_t i = 0; i < rows; ++i) block->values[i] = value(first + i);
  *out = (struct ArrowArray){.length = rows,
                             .n_buffers = 2,
                             .buffers = block->buffers,
                             .release = release_column,
                             .private_data = block};
  return 0;
}

static int64_t itself(int64_t n) { return n; }
static int64_t square(int64_t n) { return n * n; }

static int make_batch(int64_t first, int64_t rows, struct ArrowArray* out) {
  static int64_t (*const values[COLUMNS])(int64_t) = {itself, square};
  batch_block* block = calloc(1, sizeof(*block));
  if (block == NULL) return ENOMEM;
  *out = (struct ArrowArray){.length = rows,
                             .n_buffers = 1,
                             .buffers = block->buffers,
                             .n_children = COLUMNS,
                             .children = block->pointers,
                             .release = release_batch,
                             .private_data = block};
  for (int i = 0; i < COLUMNS; ++i) block->pointers[i] = &block->children[i];
  for (int i = 0; i < COLUMNS; ++i) {
    if (make_column(first, rows, values[i], &block->children[i]) == 0) continue;
    out->release(out);
    return ENOMEM;
  }
  return 0;
}

/* ---- One partition as a stream --------------------------------------------------------------- */

enum { BATCH_ROWS = 4096 };

typedef struct {
  int64_t next, end;
  const etl_task* task;
} reader;

static int stream_schema(struct ArrowArrayStream* stream, struct ArrowSchema* out) {
  (void)stream;
  return export_schema(out);
}

/* Reports the error to the task before get_next() returns an errno. */
static int stream_next(struct ArrowArrayStream* stream, struct ArrowArray* out) {
  reader* self = stream->private_data;
  etl_error error = {.struct_size = sizeof(error)};
  if (self->task->cancelled(self->task->ctx)) {
    fail(&error, ETL_CANCELLED, "stopped");
    self->task->fail(self->task->ctx, &error);
    return ECANCELED;
  }
  const int64_t left = self->end - self->next;
  const int64_t rows = left < BATCH_ROWS ? left : BATCH_ROWS;
  if (rows == 0) { /* a released array marks the end */
    memset(out, 0, sizeof(*out));
    return 0;
  }
  if (make_batch(self->next, rows, out) != 0) {
    fail(&error, ETL_TRANSIENT, "out of memory");
    self->task->fail(self->task->ctx, &error);
    return ENOMEM;
  }
  self->next += rows;
  self->task->count(self->task->ctx, ETL_ROWS_READ, rows);
  return 0;
}

static const char* stream_last_error(struct ArrowArrayStream* stream) {
  (void)stream;
  return NULL;
}

static void stream_release(struct ArrowArrayStream* stream) {
  free(stream->private_data);
  stream->release = NULL;
}

/* ---- The source ------------------------------------------------------------------------------ */

typedef struct {
  int64_t until, rows;
} squares;

static int source_schema(void* self, struct ArrowSchema* out, etl_error* error) {
  (void)self;
  return export_schema(out) == 0 ? ETL_OK : fail(error, ETL_TRANSIENT, "out of memory");
}

/* A partition's id is its first number, padded with zeros so that ids sort like numbers. */
static int source_plan(void* self, void (*add)(void* ctx, const etl_partition*), void* ctx,
                       etl_error* error) {
  const squares* source = self;
  (void)error;
  for (int64_t first = 0; first < source->until; first += source->rows) {
    char id[24];
    const int size = snprintf(id, sizeof(id), "%019" PRId64, first);
    const etl_partition partition = {.struct_size = sizeof(partition),
                                     .id = {id, (size_t)size},
                                     .uri = STR("squares:"),
                                     .bytes = -1};
    add(ctx, &partition);
  }
  return ETL_OK;
}

static int source_read(void* self, const etl_partition* partition, const etl_predicate* predicate,
                       const etl_task* task, struct ArrowArrayStream* out, etl_error* error) {
  const squares* source = self;
  (void)predicate; /* may be ignored */
  char id[24] = {0};
  if (partition->id.size >= sizeof(id)) return fail(error, ETL_PERMANENT, "no such partition");
  memcpy(id, partition->id.data, partition->id.size);
  char* end = NULL;
  const int64_t first = strtoll(id, &end, 10);
  if (end == id || *end != '\0' || first < 0 || first >= source->until) {
    return fail(error, ETL_PERMANENT, "no such partition");
  }
  reader* stream = malloc(sizeof(*stream));
  if (stream == NULL) return fail(error, ETL_TRANSIENT, "out of memory");
  const int64_t left = source->until - first;
  *stream = (reader){
      .next = first, .end = first + (left < source->rows ? left : source->rows), .task = task};
  *out = (struct ArrowArrayStream){.get_schema = stream_schema,
                                   .get_next = stream_next,
                                   .get_last_error = stream_last_error,
                                   .release = stream_release,
                                   .private_data = stream};
  return ETL_OK;
}

/* ---- The stage and the plugin ---------------------------------------------------------------- */

static const etl_option_spec options[] = {
    {.name = STR("until"),
     .help = STR("The first number that is left out."),
     .type = ETL_OPTION_INT,
     .flags = ETL_OPTION_REQUIRED | ETL_OPTION_BOUNDED,
     .minimum = 0,
     .maximum = 3037000499}, /* the largest number whose square is an int64 */
    {.name = STR("rows"),
     .help = STR("Numbers to a partition."),
     .fallback = STR("10000"),
     .type = ETL_OPTION_INT,
     .flags = ETL_OPTION_BOUNDED,
     .minimum = 1,
     .maximum = 1000000000},
};

static const etl_column_spec columns[] = {
    {.name = STR("n"), .type = STR("int64"), .help = STR("A number.")},
    {.name = STR("square"), .type = STR("int64"), .help = STR("Its square.")},
};

static int is(etl_str text, const char* word) {
  return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/* The options are complete, with defaults filled in, and have the declared types. */
static int create(const etl_host* host, const etl_option* given, size_t count, void** self,
                  etl_error* error) {
  (void)host;
  squares* source = calloc(1, sizeof(*source));
  if (source == NULL) return fail(error, ETL_TRANSIENT, "out of memory");
  for (size_t i = 0; i < count; ++i) {
    if (is(given[i].name, "until")) source->until = given[i].value.i;
    if (is(given[i].name, "rows")) source->rows = given[i].value.i;
  }
  *self = source;
  return ETL_OK;
}

static void destroy(void* self) { free(self); }

static const etl_source calls = {.struct_size = sizeof(etl_source),
                                 .schema = source_schema,
                                 .plan = source_plan,
                                 .read = source_read};

static const etl_stage stage = {.struct_size = sizeof(etl_stage),
                                .kind = ETL_SOURCE,
                                .name = "squares",
                                .summary = "Numbers and their squares.",
                                .options = options,
                                .option_count = sizeof(options) / sizeof(options[0]),
                                .columns = columns,
                                .column_count = sizeof(columns) / sizeof(columns[0]),
                                .create = create,
                                .destroy = destroy,
                                .source = &calls};

static const etl_stage* const stages[] = {&stage};

const etl_plugin etl_plugin_v1 = {.magic = ETL_PLUGIN_MAGIC,
                                  .abi_major = ETL_ABI_MAJOR,
                                  .abi_minor = 0,
                                  .struct_size = sizeof(etl_plugin),
                                  .name = "example_squares",
                                  .version = "1.0.0",
                                  .built_with = "C11",
                                  .stages = stages,
                                  .stage_count = 1};
