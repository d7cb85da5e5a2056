/* A source of ABI 1.0 with all optional functions: numbers, words and the partition's name. The
 * fourth record of a partition is malformed; replay() reads it once it is repaired. */
#include "common.h"

#include <errno.h>

enum { COLUMNS = 3, BATCH_ROWS = 4, BAD_RECORD = 3, WORDS = 7, TEXT = 32 };

typedef struct {
  int64_t partitions, rows;
  const etl_host* host;
} source;

/* ---- schema ---- */

static const char* const names[COLUMNS] = {"part", "n", "word"};
static const char* const formats[COLUMNS] = {"u", "l", "u"};

typedef struct {
  struct ArrowSchema columns[COLUMNS];
  struct ArrowSchema* list[COLUMNS];
} schema_block;

static void release_column_schema(struct ArrowSchema* schema) { schema->release = NULL; }
static void release_schema(struct ArrowSchema* schema) {
  for (int i = 0; i < COLUMNS; ++i) {
    if (schema->children[i]->release != NULL) schema->children[i]->release(schema->children[i]);
  }
  free(schema->private_data);
  schema->release = NULL;
}

static int give_schema(struct ArrowSchema* out) {
  schema_block* block = calloc(1, sizeof(*block));
  if (block == NULL) return ENOMEM;
  for (int i = 0; i < COLUMNS; ++i) {
    block->columns[i] = (struct ArrowSchema){
        .format = formats[i], .name = names[i], .release = release_column_schema};
    block->list[i] = &block->columns[i];
  }
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = COLUMNS,
                              .children = block->list,
                              .release = release_schema,
                              .private_data = block};
  return 0;
}

/* ---- batches: all of one lies in one block, columns are not moved out of it ---- */

typedef struct {
  char part[TEXT], word[TEXT];
  int64_t n;
} record;

typedef struct {
  struct ArrowArray columns[COLUMNS];
  struct ArrowArray* list[COLUMNS];
  const void* buffers[COLUMNS][3];
  const void* none[1];
  int32_t part_ends[BATCH_ROWS + 1], word_ends[BATCH_ROWS + 1];
  int64_t numbers[BATCH_ROWS];
  char parts[BATCH_ROWS * TEXT], words[BATCH_ROWS * TEXT];
  int used; /* by the batch and by each column moved out of it */
} batch_block;

static void drop(struct ArrowArray* array) {
  batch_block* block = array->private_data;
  array->release = NULL;
  if (--block->used == 0) free(block);
}
static void release_batch(struct ArrowArray* array) {
  for (int i = 0; i < COLUMNS; ++i) {
    if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
  }
  drop(array);
}

static void append(int32_t* ends, char* bytes, int64_t row, const char* text) {
  const size_t size = strlen(text);
  memcpy(bytes + ends[row], text, size);
  ends[row + 1] = ends[row] + (int32_t)size;
}

static int give_batch(const record* records, int64_t rows, struct ArrowArray* out) {
  batch_block* block = calloc(1, sizeof(*block));
  if (block == NULL) return ENOMEM;
  for (int64_t row = 0; row < rows; ++row) {
    append(block->part_ends, block->parts, row, records[row].part);
    append(block->word_ends, block->words, row, records[row].word);
    block->numbers[row] = records[row].n;
  }
  const void* const data[COLUMNS][3] = {{NULL, block->part_ends, block->parts},
                                        {NULL, block->numbers, NULL},
                                        {NULL, block->word_ends, block->words}};
  memcpy(block->buffers, data, sizeof(data));
  for (int i = 0; i < COLUMNS; ++i) {
    block->columns[i] = (struct ArrowArray){.length = rows,
                                            .n_buffers = formats[i][0] == 'u' ? 3 : 2,
                                            .buffers = block->buffers[i],
                                            .release = drop,
                                            .private_data = block};
    block->list[i] = &block->columns[i];
  }
  block->used = COLUMNS + 1;
  *out = (struct ArrowArray){.length = rows,
                             .n_buffers = 1,
                             .buffers = block->none,
                             .n_children = COLUMNS,
                             .children = block->list,
                             .release = release_batch,
                             .private_data = block};
  return 0;
}

/* ---- one partition, or repaired records of it, as a stream ---- */

typedef struct {
  const source* self;
  char part[TEXT];
  int64_t next, end;      /* numbers; while replaying, positions in `raw` */
  const etl_str* records; /* NULL = reads */
  char** raw;
  const etl_predicate* predicate;
  const etl_task* task;
} reader;

static void word_of(int64_t n, char* out) { snprintf(out, TEXT, "word%" PRId64, n % WORDS); }

/* 1 = there is a row, 0 = the record was rejected or dropped. */
static int read_record(reader* self, int64_t at, record* out) {
  const etl_task* task = self->task;
  task->count(task->ctx, ETL_ROWS_READ, 1);
  int64_t n = at;
  char raw[TEXT];
  if (self->raw == NULL) {
    const int bad = at % self->self->rows == BAD_RECORD;
    snprintf(raw, sizeof(raw), bad ? "bad:%" PRId64 : "n:%" PRId64, at);
  } else {
    snprintf(raw, sizeof(raw), "%s", self->raw[at]);
  }
  if (sscanf(raw, "n:%" SCNd64, &n) != 1) {
    const etl_reject reject = {.struct_size = sizeof(reject),
                               .line = self->raw == NULL ? at % self->self->rows + 1 : 0,
                               .offset = -1,
                               .reason = STR("no number"),
                               .raw = str(raw)};
    task->reject(task->ctx, &reject);
    return 0;
  }
  out->n = n;
  word_of(n, out->word);
  memcpy(out->part, self->part, TEXT);
  const etl_predicate* test = self->predicate;
  if (test != NULL && equal(test->column, str("word")) && !test->keep(test->ctx, str(out->word))) {
    task->count(task->ctx, ETL_ROWS_DROPPED, 1);
    return 0;
  }
  return 1;
}

static int next(struct ArrowArrayStream* stream, struct ArrowArray* out) {
  reader* self = stream->private_data;
  if (self->task->cancelled(self->task->ctx)) {
    etl_error error = {.struct_size = sizeof(error)};
    FAIL(&error, ETL_CANCELLED, "stopped");
    self->task->fail(self->task->ctx, &error);
    return ECANCELED;
  }
  record records[BATCH_ROWS];
  int64_t rows = 0;
  while (rows < BATCH_ROWS && self->next < self->end)
    rows += read_record(self, self->next++, &records[rows]);
  if (rows != 0) return give_batch(records, rows, out);
  memset(out, 0, sizeof(*out));
  return 0;
}
static int stream_schema(struct ArrowArrayStream* stream, struct ArrowSchema* out) {
  (void)stream;
  return give_schema(out);
}
static const char* last_error(struct ArrowArrayStream* stream) {
  (void)stream;
  return "no memory";
}
static void release_stream(struct ArrowArrayStream* stream) {
  reader* self = stream->private_data;
  for (int64_t i = 0; self->raw != NULL && i < self->end; ++i) free(self->raw[i]);
  free(self->raw);
  free(self);
  stream->release = NULL;
}

static int open_stream(const source* self, const etl_partition* partition, const etl_task* task,
                       struct ArrowArrayStream* out, reader** made, etl_error* error) {
  int64_t number = 0;
  char part[TEXT] = {0};
  if (partition->id.size < sizeof(part)) memcpy(part, partition->id.data, partition->id.size);
  if (sscanf(part, "part-%" SCNd64, &number) != 1 || number >= self->partitions)
    return FAIL(error, ETL_PERMANENT, "there is no partition \"%.*s\"", PRINTED(partition->id));
  reader* stream = calloc(1, sizeof(*stream));
  if (stream == NULL) return FAIL(error, ETL_TRANSIENT, "no memory");
  stream->self = self;
  memcpy(stream->part, part, sizeof(part));
  stream->next = number * self->rows;
  stream->end = stream->next + self->rows;
  stream->task = task;
  *out = (struct ArrowArrayStream){.get_schema = stream_schema,
                                   .get_next = next,
                                   .get_last_error = last_error,
                                   .release = release_stream,
                                   .private_data = stream};
  *made = stream;
  return ETL_OK;
}

/* ---- the functions of a source ---- */

static int schema(void* self, struct ArrowSchema* out, etl_error* error) {
  (void)self;
  return give_schema(out) == 0 ? ETL_OK : FAIL(error, ETL_TRANSIENT, "no memory");
}
static int plan(void* ctx_of_stage, void (*add)(void* ctx, const etl_partition*), void* ctx,
                etl_error* error) {
  const source* self = ctx_of_stage;
  (void)error;
  for (int64_t i = 0; i < self->partitions; ++i) {
    char id[TEXT];
    snprintf(id, sizeof(id), "part-%" PRId64, i);
    const etl_partition partition = {.struct_size = sizeof(partition),
                                     .id = str(id),
                                     .uri = STR("numbers:"),
                                     .bytes = self->rows,
                                     .scope_column = STR("part"),
                                     .scope_type = ETL_SCOPE_STR,
                                     .scope_str = str(id)};
    add(ctx, &partition);
  }
  return ETL_OK;
}
static int expect(void* self, const etl_str* ids, size_t count, etl_error* error) {
  const etl_host* host = ((const source*)self)->host;
  (void)error;
  for (size_t i = 0; i < count; ++i) host->log(host->ctx, ETL_DEBUG, ids[i]);
  return ETL_OK;
}
static int read_partition(void* self, const etl_partition* partition,
                          const etl_predicate* predicate, const etl_task* task,
                          struct ArrowArrayStream* out, etl_error* error) {
  reader* stream = NULL;
  const int code = open_stream(self, partition, task, out, &stream, error);
  if (code == ETL_OK) stream->predicate = predicate;
  return code;
}
static void finish(void* self, etl_str id) {
  const etl_host* host = ((const source*)self)->host;
  char text[TEXT + 16];
  snprintf(text, sizeof(text), "finished %.*s", PRINTED(id));
  host->log(host->ctx, ETL_INFO, str(text));
}
/* The numbers are always here. */
static int ready(void* self, etl_str id) {
  (void)self;
  (void)id;
  return 1;
}
static int replay(void* self, const etl_partition* partition, const etl_str* records, size_t count,
                  const etl_task* task, struct ArrowArrayStream* out, etl_error* error) {
  reader* stream = NULL;
  const int code = open_stream(self, partition, task, out, &stream, error);
  if (code != ETL_OK) return code;
  stream->next = 0;
  stream->end = (int64_t)count;
  stream->raw = calloc(count + 1, sizeof(char*));
  for (size_t i = 0; i < count; ++i) stream->raw[i] = copied(records[i]);
  return ETL_OK;
}

/* ---- stage and plugin ---- */

static int create(const etl_host* host, const etl_option* options, size_t count, void** self,
                  etl_error* error) {
  source* made = calloc(1, sizeof(*made));
  if (made == NULL) return FAIL(error, ETL_TRANSIENT, "no memory");
  made->partitions = option(options, count, "partitions")->value.i;
  made->rows = option(options, count, "rows")->value.i;
  made->host = host;
  host->memory(host->ctx, (int64_t)sizeof(*made));
  *self = made;
  return ETL_OK;
}
static void destroy(void* self) {
  const source* made = self;
  made->host->memory(made->host->ctx, -(int64_t)sizeof(*made));
  free(self);
}

static const etl_option_spec options[] = {{.name = STR("partitions"),
                                           .help = STR("How many partitions."),
                                           .fallback = STR("2"),
                                           .type = ETL_OPTION_INT,
                                           .flags = ETL_OPTION_BOUNDED,
                                           .minimum = 0,
                                           .maximum = 1000},
                                          {.name = STR("rows"),
                                           .help = STR("Records of a partition."),
                                           .fallback = STR("10"),
                                           .type = ETL_OPTION_INT,
                                           .flags = ETL_OPTION_BOUNDED,
                                           .minimum = 4,
                                           .maximum = 100000}};
static const etl_column_spec columns[] = {
    {.name = STR("part"), .type = STR("utf8"), .help = STR("The partition.")},
    {.name = STR("n"), .type = STR("int64"), .help = STR("A number.")},
    {.name = STR("word"), .type = STR("utf8"), .help = STR("One of seven words.")}};
static const etl_source calls = {.struct_size = sizeof(etl_source),
                                 .schema = schema,
                                 .plan = plan,
                                 .expect = expect,
                                 .read = read_partition,
                                 .finish = finish,
                                 .replay = replay,
                                 .ready = ready};
static const etl_stage stage = {.struct_size = sizeof(etl_stage),
                                .kind = ETL_SOURCE,
                                .name = "v1_0_numbers",
                                .summary = "Numbers and words, by ABI 1.0",
                                .options = options,
                                .option_count = sizeof(options) / sizeof(options[0]),
                                .columns = columns,
                                .column_count = COLUMNS,
                                .create = create,
                                .destroy = destroy,
                                .source = &calls};
static const etl_stage* const stages[] = {&stage};
const etl_plugin etl_plugin_v1 = {.magic = ETL_PLUGIN_MAGIC,
                                  .abi_major = 1,
                                  .abi_minor = 0,
                                  .struct_size = sizeof(etl_plugin),
                                  .name = "v1_0_source",
                                  .version = "1.0.0",
                                  .built_with = "C11, abi.h 1.0",
                                  .stages = stages,
                                  .stage_count = 1};
