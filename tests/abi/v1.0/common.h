/* Shared by the three plugins of ABI 1.0: texts, errors, options, Arrow columns. It includes only
 * the frozen header beside this file, as plugins did when it was new. */
#include "abi.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STR(text) \
  { (text), sizeof(text) - 1 }
#define PRINTED(text) (int)(text).size, (text).data

#define FAIL(error, error_code, ...) \
  (snprintf((error)->message, sizeof((error)->message), __VA_ARGS__), (error)->code = (error_code))

static inline etl_str str(const char* text) { return (etl_str){text, strlen(text)}; }
static inline int equal(etl_str one, etl_str other) {
  return one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

/* The option of this name; options are complete. */
static inline const etl_option* option(const etl_option* options, size_t count, const char* name) {
  for (size_t i = 0; i < count; ++i) {
    if (equal(options[i].name, str(name))) return &options[i];
  }
  abort();
}

/* A copy that ends with NUL. */
static inline char* copied(etl_str text) {
  char* copy = malloc(text.size + 1);
  if (copy == NULL) abort();
  if (text.size != 0) memcpy(copy, text.data, text.size);
  copy[text.size] = '\0';
  return copy;
}

/* ---- values of a column ---- */

static inline int is_text(const char* format) {
  return strcmp(format, "u") == 0 || strcmp(format, "vu") == 0;
}

static inline int is_null(const struct ArrowArray* column, int64_t row) {
  const uint8_t* valid = column->buffers[0];
  const int64_t at = row + column->offset;
  return valid != NULL && (valid[at / 8] >> (at % 8) & 1) == 0;
}

static inline etl_str text_at(const char* format, const struct ArrowArray* column, int64_t row) {
  const int64_t at = row + column->offset;
  if (strcmp(format, "u") == 0) {
    const int32_t* offsets = column->buffers[1];
    const char* bytes = column->buffers[2];
    return (etl_str){bytes + offsets[at], (size_t)(offsets[at + 1] - offsets[at])};
  }
  const char* view = (const char*)column->buffers[1] + 16 * at;
  int32_t words[4];
  memcpy(words, view, sizeof(words));
  const size_t size = (size_t)words[0];
  if (size <= 12) return (etl_str){view + 4, size};
  return (etl_str){(const char*)column->buffers[2 + words[2]] + words[3], size};
}
