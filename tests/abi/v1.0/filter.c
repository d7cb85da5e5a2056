/* A filter of ABI 1.0: keeps the rows whose text in one column begins with a prefix, and offers
 * that test to the source. It emits slices that share the input batch; finish() emits the last. */
#include "common.h"

#include <errno.h>

typedef struct {
  char *column, *prefix;
} filter;

typedef struct {
  const filter* self;
  int64_t column;
  char format[4];
  struct ArrowArray held; /* held back from the last batch; release NULL = nothing */
} state;

static int starts_with(const filter* self, etl_str text) {
  const size_t size = strlen(self->prefix);
  return text.size >= size && memcmp(text.data, self->prefix, size) == 0;
}

/* ---- a batch that slices share ---- */

typedef struct {
  struct ArrowArray whole;
  int64_t used;
} shared;

typedef struct {
  shared* of;
  struct ArrowArray* list; /* the columns of this slice */
  struct ArrowArray** pointers;
} slice;

static void let_go(shared* of) {
  if (--of->used > 0) return;
  of->whole.release(&of->whole);
  free(of);
}
static void release_column(struct ArrowArray* array) { array->release = NULL; }
static void release_slice(struct ArrowArray* array) {
  slice* self = array->private_data;
  for (int64_t i = 0; i < array->n_children; ++i) {
    if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
  }
  let_go(self->of);
  free(self->list);
  free(self->pointers);
  free(self);
  array->release = NULL;
}

static struct ArrowArray slice_of(shared* of, int64_t first, int64_t rows) {
  const size_t columns = (size_t)of->whole.n_children;
  slice* self = calloc(1, sizeof(*self));
  if (self == NULL) abort();
  self->of = of;
  self->list = calloc(columns + 1, sizeof(*self->list));
  self->pointers = calloc(columns + 1, sizeof(*self->pointers));
  if (self->list == NULL || self->pointers == NULL) abort();
  for (size_t i = 0; i < columns; ++i) {
    self->list[i] = *of->whole.children[i];
    self->list[i].release = release_column;
    self->pointers[i] = &self->list[i];
  }
  ++of->used;
  struct ArrowArray out = of->whole;
  out.offset += first;
  out.length = rows;
  out.null_count = -1;
  out.children = self->pointers;
  out.release = release_slice;
  out.private_data = self;
  return out;
}

/* ---- the functions of a filter ---- */

/* The position of the column, or -1. */
static int64_t find(const filter* self, const struct ArrowSchema* in) {
  for (int64_t i = 0; i < in->n_children; ++i) {
    if (strcmp(in->children[i]->name, self->column) == 0 && is_text(in->children[i]->format))
      return i;
  }
  return -1;
}

typedef struct {
  struct ArrowSchema* list;
  struct ArrowSchema** pointers;
  char** texts;
} schema_copy;

static void release_column_schema(struct ArrowSchema* schema) { schema->release = NULL; }
static void release_schema(struct ArrowSchema* schema) {
  schema_copy* self = schema->private_data;
  for (int64_t i = 0; i < schema->n_children; ++i) {
    if (schema->children[i]->release != NULL) schema->children[i]->release(schema->children[i]);
    free(self->texts[2 * i]);
    free(self->texts[2 * i + 1]);
  }
  free(self->list);
  free(self->pointers);
  free(self->texts);
  free(self);
  schema->release = NULL;
}

static int schema(void* stage_self, const struct ArrowSchema* in, struct ArrowSchema* out,
                  etl_error* error) {
  const filter* self = stage_self;
  if (find(self, in) < 0) {
    snprintf(error->option, sizeof(error->option), "column");
    return FAIL(error, ETL_CONFIG, "there is no column \"%s\" of text", self->column);
  }
  const size_t count = (size_t)in->n_children;
  schema_copy* copy = calloc(1, sizeof(*copy));
  if (copy == NULL) abort();
  copy->list = calloc(count, sizeof(*copy->list));
  copy->pointers = calloc(count, sizeof(*copy->pointers));
  copy->texts = calloc(2 * count, sizeof(*copy->texts));
  for (size_t i = 0; i < count; ++i) {
    copy->texts[2 * i] = copied(str(in->children[i]->format));
    copy->texts[2 * i + 1] = copied(str(in->children[i]->name));
    copy->list[i] = (struct ArrowSchema){.format = copy->texts[2 * i],
                                         .name = copy->texts[2 * i + 1],
                                         .flags = in->children[i]->flags,
                                         .release = release_column_schema};
    copy->pointers[i] = &copy->list[i];
  }
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = in->n_children,
                              .children = copy->pointers,
                              .release = release_schema,
                              .private_data = copy};
  return ETL_OK;
}

static int keep(void* ctx, etl_str value) { return starts_with(ctx, value); }
static int predicate(void* self, const struct ArrowSchema* in, etl_predicate* out,
                     etl_error* error) {
  (void)in, (void)error;
  out->column = str(((const filter*)self)->column);
  out->keep = keep;
  out->ctx = self;
  return ETL_OK;
}

static int open_partition(void* self, const struct ArrowSchema* in, const etl_task* task,
                          void** made, etl_error* error) {
  (void)task;
  state* begun = calloc(1, sizeof(*begun));
  if (begun == NULL) return FAIL(error, ETL_TRANSIENT, "no memory");
  begun->self = self;
  begun->column = find(self, in);
  snprintf(begun->format, sizeof(begun->format), "%s", in->children[begun->column]->format);
  *made = begun;
  return ETL_OK;
}

/* Emits the batch held back and holds back the new one. */
static int hold(state* self, struct ArrowArray next, etl_emit emit, void* ctx) {
  struct ArrowArray before = self->held;
  self->held = next;
  return before.release == NULL ? 0 : emit(ctx, &before);
}

static int apply(void* filter_state, struct ArrowArray* batch, etl_emit emit, void* ctx,
                 etl_error* error) {
  state* self = filter_state;
  shared* of = calloc(1, sizeof(*of));
  if (of == NULL) abort();
  of->whole = *batch;
  of->used = 1;
  batch->release = NULL;
  const struct ArrowArray* column = of->whole.children[self->column];
  int stopped = 0;
  for (int64_t row = 0; row < of->whole.length && !stopped;) {
    int64_t end = row;
    while (end < of->whole.length && !is_null(column, of->whole.offset + end) &&
           starts_with(self->self, text_at(self->format, column, of->whole.offset + end)))
      ++end;
    if (end > row) stopped = hold(self, slice_of(of, row, end - row), emit, ctx);
    row = end > row ? end : row + 1;
  }
  let_go(of);
  return stopped ? FAIL(error, ETL_CANCELLED, "stopped") : ETL_OK;
}

static int finish(void* filter_state, etl_emit emit, void* ctx, etl_error* error) {
  const struct ArrowArray nothing = {.release = NULL};
  return hold(filter_state, nothing, emit, ctx) ? FAIL(error, ETL_CANCELLED, "stopped") : ETL_OK;
}
static void close_partition(void* filter_state) {
  state* self = filter_state;
  if (self->held.release != NULL) self->held.release(&self->held);
  free(self);
}

/* ---- stage and plugin ---- */

static int create(const etl_host* host, const etl_option* options, size_t count, void** self,
                  etl_error* error) {
  (void)host;
  filter* made = calloc(1, sizeof(*made));
  if (made == NULL) return FAIL(error, ETL_TRANSIENT, "no memory");
  made->column = copied(option(options, count, "column")->value.s);
  made->prefix = copied(option(options, count, "prefix")->value.s);
  *self = made;
  return ETL_OK;
}
static void destroy(void* self) {
  filter* made = self;
  free(made->column);
  free(made->prefix);
  free(made);
}

static const etl_option_spec options[] = {{.name = STR("column"),
                                           .help = STR("The column of text."),
                                           .fallback = STR("\"word\""),
                                           .type = ETL_OPTION_STRING},
                                          {.name = STR("prefix"),
                                           .help = STR("What the text begins with."),
                                           .type = ETL_OPTION_STRING,
                                           .flags = ETL_OPTION_REQUIRED}};
static const etl_filter calls = {.struct_size = sizeof(etl_filter),
                                 .schema = schema,
                                 .predicate = predicate,
                                 .open = open_partition,
                                 .apply = apply,
                                 .finish = finish,
                                 .close = close_partition};
static const etl_stage stage = {.struct_size = sizeof(etl_stage),
                                .kind = ETL_FILTER,
                                .name = "v1_0_prefix",
                                .summary = "Rows that begin with a prefix, by ABI 1.0",
                                .options = options,
                                .option_count = sizeof(options) / sizeof(options[0]),
                                .create = create,
                                .destroy = destroy,
                                .filter = &calls};
static const etl_stage* const stages[] = {&stage};
const etl_plugin etl_plugin_v1 = {.magic = ETL_PLUGIN_MAGIC,
                                  .abi_major = 1,
                                  .abi_minor = 0,
                                  .struct_size = sizeof(etl_plugin),
                                  .name = "v1_0_filter",
                                  .version = "1.0.0",
                                  .built_with = "C11, abi.h 1.0",
                                  .stages = stages,
                                  .stage_count = 1};
