/* A transactional sink of ABI 1.0: FOLDER/SINK.PARTITION.done holds the ledger record in its first
 * line, followed by the rows, so that one link(2) commits both. The fence: it fails if the file
 * exists. */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 1024, LINE = 4096, FIELDS = 17, MOST_COLUMNS = 16 };

typedef struct {
  char* folder;
} sink;

typedef struct {
  const sink* self;
  char partial[PATH], done[PATH], failed[PATH];
  int reload;
  FILE* rows;
  char formats[MOST_COLUMNS][8];
} writer;

static int system_error(etl_error* error, const char* what, const char* path) {
  return FAIL(error, ETL_TRANSIENT, "cannot %s %s: %s", what, path, strerror(errno));
}
static void path_of(const sink* self, etl_str sink_name, etl_str partition, const char* ending,
                    char* out) {
  snprintf(out, PATH, "%s/%.*s.%.*s.%s", self->folder, PRINTED(sink_name), PRINTED(partition),
           ending);
}

/* Writes a text with the characters escaped that end a field or a line. */
static void put_text(FILE* file, etl_str text) {
  for (size_t i = 0; i < text.size; ++i) {
    switch (text.data[i]) {
      case '\t':
        fputs("\\t", file);
        break;
      case '\n':
        fputs("\\n", file);
        break;
      case '\\':
        fputs("\\\\", file);
        break;
      default:
        fputc(text.data[i], file);
    }
  }
}
/* Undoes put_text(), in place. */
static void restore_text(char* text) {
  char* to = text;
  for (const char* from = text; *from != '\0'; ++from, ++to) {
    if (*from != '\\' || from[1] == '\0') {
      *to = *from;
      continue;
    }
    ++from;
    *to = (char)(*from == 't' ? '\t' : *from == 'n' ? '\n' : *from);
  }
  *to = '\0';
}

/* ---- the ledger line ---- */

static void write_record(FILE* file, const etl_ledger_record* record) {
  fprintf(file, "%u\t%.*s\t%.*s\t%.*s\t%.*s", record->state, PRINTED(record->pipeline),
          PRINTED(record->source), PRINTED(record->sink), PRINTED(record->partition));
  const int64_t numbers[] = {record->rows_read,    record->rows_filtered, record->rows_rejected,
                             record->rows_written, record->source_bytes,  record->attempts,
                             record->started_at,   record->finished_at};
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); ++i)
    fprintf(file, "\t%" PRId64, numbers[i]);
  fprintf(file, "\t%.*s\t%.*s\t%.*s\t", PRINTED(record->source_uri), PRINTED(record->definition),
          PRINTED(record->run_id));
  put_text(file, record->error);
  fputc('\n', file);
}

/* Parses a record whose texts point into `line`, which is modified. Returns 1 on success. */
static int read_record(char* line, etl_ledger_record* out) {
  char* fields[FIELDS];
  char* rest = line;
  for (int i = 0; i < FIELDS; ++i) {
    if (rest == NULL) return 0;
    fields[i] = rest;
    rest = strpbrk(rest, "\t\n");
    if (rest != NULL) *rest++ = '\0';
  }
  restore_text(fields[FIELDS - 1]);
  *out = (etl_ledger_record){.struct_size = sizeof(*out),
                             .state = (uint32_t)strtoul(fields[0], NULL, 10),
                             .pipeline = str(fields[1]),
                             .source = str(fields[2]),
                             .sink = str(fields[3]),
                             .partition = str(fields[4]),
                             .rows_read = strtoll(fields[5], NULL, 10),
                             .rows_filtered = strtoll(fields[6], NULL, 10),
                             .rows_rejected = strtoll(fields[7], NULL, 10),
                             .rows_written = strtoll(fields[8], NULL, 10),
                             .source_bytes = strtoll(fields[9], NULL, 10),
                             .attempts = strtoll(fields[10], NULL, 10),
                             .started_at = strtoll(fields[11], NULL, 10),
                             .finished_at = strtoll(fields[12], NULL, 10),
                             .source_uri = str(fields[13]),
                             .definition = str(fields[14]),
                             .run_id = str(fields[15]),
                             .error = str(fields[16])};
  return 1;
}

/* ---- before a partition ---- */

static int printable_type(const char* format) {
  return is_text(format) || strcmp(format, "l") == 0 || strncmp(format, "ts", 2) == 0;
}
static int check(void* self, const struct ArrowSchema* schema, etl_error* error) {
  (void)self;
  if (schema->n_children > MOST_COLUMNS)
    return FAIL(error, ETL_CONFIG, "more than %d columns", MOST_COLUMNS);
  for (int64_t i = 0; i < schema->n_children; ++i) {
    if (!printable_type(schema->children[i]->format))
      return FAIL(error, ETL_CONFIG, "column \"%s\" is no text and no int64",
                  schema->children[i]->name);
  }
  return ETL_OK;
}
static int inspect(void* self, const struct ArrowSchema* schema,
                   void (*target)(void* ctx, etl_str name, etl_str ddl), void* ctx,
                   etl_error* error) {
  const etl_str nothing = {NULL, 0};
  (void)schema, (void)error;
  target(ctx, str(((const sink*)self)->folder), nothing);
  return ETL_OK;
}
static int prepare(void* self, const struct ArrowSchema* schema, etl_error* error) {
  const char* folder = ((const sink*)self)->folder;
  (void)schema;
  if (mkdir(folder, 0777) != 0 && errno != EEXIST) return system_error(error, "create", folder);
  return ETL_OK;
}

static int committed(void* stage_self, etl_str pipeline, etl_str sink_name,
                     void (*add)(void* ctx, const etl_ledger_record*), void* ctx,
                     etl_error* error) {
  const sink* self = stage_self;
  DIR* folder = opendir(self->folder);
  if (folder == NULL) return errno == ENOENT ? ETL_OK : system_error(error, "read", self->folder);
  for (const struct dirent* entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    const char* ending = strrchr(entry->d_name, '.');
    if (ending == NULL || (strcmp(ending, ".done") != 0 && strcmp(ending, ".failed") != 0))
      continue;
    char path[PATH], line[LINE];
    snprintf(path, sizeof(path), "%s/%s", self->folder, entry->d_name);
    FILE* file = fopen(path, "r");
    if (file == NULL) continue; /* removed in the meantime */
    etl_ledger_record record;
    if (fgets(line, sizeof(line), file) != NULL && read_record(line, &record) &&
        equal(record.pipeline, pipeline) && equal(record.sink, sink_name))
      add(ctx, &record);
    fclose(file);
  }
  closedir(folder);
  return ETL_OK;
}

static int record_failure(void* self, const etl_ledger_record* record, etl_error* error) {
  char done[PATH], failed[PATH], partial[PATH + 8];
  path_of(self, record->sink, record->partition, "done", done);
  if (access(done, F_OK) == 0) return ETL_OK;
  path_of(self, record->sink, record->partition, "failed", failed);
  snprintf(partial, sizeof(partial), "%s.part", failed);
  FILE* file = fopen(partial, "w");
  if (file == NULL) return system_error(error, "create", partial);
  write_record(file, record);
  if (fclose(file) != 0 || rename(partial, failed) != 0)
    return system_error(error, "write", failed);
  return ETL_OK;
}

/* ---- one partition ---- */

static int open_partition(void* self, const etl_write_request* request,
                          const struct ArrowSchema* schema, void** made, etl_error* error) {
  writer* begun = calloc(1, sizeof(*begun));
  if (begun == NULL) return FAIL(error, ETL_TRANSIENT, "no memory");
  begun->self = self;
  begun->reload = (int)request->reload;
  path_of(self, request->sink, request->partition->id, "part", begun->partial);
  path_of(self, request->sink, request->partition->id, "done", begun->done);
  path_of(self, request->sink, request->partition->id, "failed", begun->failed);
  for (int64_t i = 0; i < schema->n_children; ++i)
    snprintf(begun->formats[i], sizeof(begun->formats[i]), "%s", schema->children[i]->format);
  int code = ETL_OK;
  if (!begun->reload && access(begun->done, F_OK) == 0) {
    code = FAIL(error, ETL_CONFLICT, "%s is there", begun->done);
  } else {
    begun->rows = tmpfile(); /* a separate file, because commit() writes the ledger line first */
    if (begun->rows == NULL) code = system_error(error, "create", "a temporary file");
  }
  if (code == ETL_OK) *made = begun;
  else free(begun);
  return code;
}

static int write_batch(void* writer_self, struct ArrowArray* batch, etl_error* error) {
  writer* self = writer_self;
  for (int64_t row = 0; row < batch->length; ++row) {
    for (int64_t i = 0; i < batch->n_children; ++i) {
      const struct ArrowArray* column = batch->children[i];
      const int64_t at = batch->offset + row;
      if (i != 0) fputc('\t', self->rows);
      if (is_null(column, at)) {
        fputs("NULL", self->rows);
      } else if (is_text(self->formats[i])) {
        put_text(self->rows, text_at(self->formats[i], column, at));
      } else {
        fprintf(self->rows, "%" PRId64, ((const int64_t*)column->buffers[1])[at + column->offset]);
      }
    }
    fputc('\n', self->rows);
  }
  batch->release(batch);
  return ferror(self->rows) ? system_error(error, "write", self->partial) : ETL_OK;
}

static int commit(void* writer_self, const etl_ledger_record* record, etl_error* error) {
  writer* self = writer_self;
  FILE* file = fopen(self->partial, "w");
  if (file == NULL) return system_error(error, "create", self->partial);
  write_record(file, record);
  rewind(self->rows);
  char part[LINE];
  for (size_t size = 1; (size = fread(part, 1, sizeof(part), self->rows)) != 0;)
    fwrite(part, 1, size, file);
  const int whole = fflush(file) == 0 && fsync(fileno(file)) == 0 && !ferror(self->rows);
  if (fclose(file) != 0 || !whole) return system_error(error, "write", self->partial);
  if (self->reload) {
    if (rename(self->partial, self->done) != 0) return system_error(error, "write", self->done);
  } else if (link(self->partial, self->done) != 0) {
    if (errno == EEXIST) return FAIL(error, ETL_CONFLICT, "%s is there", self->done);
    return system_error(error, "write", self->done);
  }
  unlink(self->failed);
  return ETL_OK;
}
static void close_partition(void* writer_self) {
  writer* self = writer_self;
  fclose(self->rows);
  unlink(self->partial);
  free(self);
}

static etl_str resource(void* self) { return str(((const sink*)self)->folder); }

static int forget(void* self, const etl_forget_request* request, const struct ArrowSchema* schema,
                  int64_t* rows, etl_error* error) {
  char done[PATH], failed[PATH], kept[PATH];
  (void)schema;
  path_of(self, request->sink, request->partition->id, "done", done);
  path_of(self, request->sink, request->partition->id, "failed", failed);
  path_of(self, request->sink, request->partition->id, "rows", kept);
  unlink(failed);
  *rows = 0;
  FILE* file = fopen(done, "r");
  if (file == NULL) return ETL_OK;
  for (int c = fgetc(file); request->delete_rows && c != EOF; c = fgetc(file)) *rows += c == '\n';
  fclose(file);
  if (*rows != 0) --*rows; /* the ledger line */
  if ((request->delete_rows ? unlink(done) : rename(done, kept)) != 0)
    return system_error(error, "remove", done);
  return ETL_OK;
}

/* ---- stage and plugin ---- */

static int create(const etl_host* host, const etl_option* options, size_t count, void** self,
                  etl_error* error) {
  (void)host;
  sink* made = calloc(1, sizeof(*made));
  if (made == NULL) return FAIL(error, ETL_TRANSIENT, "no memory");
  made->folder = copied(option(options, count, "folder")->value.s);
  *self = made;
  return ETL_OK;
}
static void destroy(void* self) {
  free(((sink*)self)->folder);
  free(self);
}

static const etl_option_spec options[] = {{.name = STR("folder"),
                                           .help = STR("The folder of the files."),
                                           .type = ETL_OPTION_PATH,
                                           .flags = ETL_OPTION_REQUIRED}};
static const etl_sink calls = {.struct_size = sizeof(etl_sink),
                               .check = check,
                               .inspect = inspect,
                               .prepare = prepare,
                               .committed = committed,
                               .record = record_failure,
                               .open = open_partition,
                               .write = write_batch,
                               .commit = commit,
                               .close = close_partition,
                               .resource = resource,
                               .forget = forget};
static const etl_stage stage = {.struct_size = sizeof(etl_stage),
                                .kind = ETL_SINK,
                                .flags = ETL_STAGE_TRANSACTIONAL,
                                .max_writers = 1,
                                .name = "v1_0_files",
                                .summary = "Files with their ledger, by ABI 1.0",
                                .options = options,
                                .option_count = sizeof(options) / sizeof(options[0]),
                                .create = create,
                                .destroy = destroy,
                                .sink = &calls};
static const etl_stage* const stages[] = {&stage};
const etl_plugin etl_plugin_v1 = {.magic = ETL_PLUGIN_MAGIC,
                                  .abi_major = 1,
                                  .abi_minor = 0,
                                  .struct_size = sizeof(etl_plugin),
                                  .name = "v1_0_sink",
                                  .version = "1.0.0",
                                  .built_with = "C11, abi.h 1.0",
                                  .stages = stages,
                                  .stage_count = 1};
