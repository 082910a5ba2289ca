#include "mtc/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mtc/runtime.h"

#define YAML_MAX_LEN (1u << 20)

/* What libcyaml said while loading: the message and, from its backtrace, the innermost place. */
struct complaint {
  char message[256];
  char place[128];
};

MTC_PRINTF(3, 0)
static void collect(cyaml_log_t level, void *context, const char *format, va_list args) {
  struct complaint *complaint = context;
  char text[256];
  (void)level;
  (void)vsnprintf(text, sizeof text, format, args);
  text[strcspn(text, "\n")] = 0;
  const char *line = strstr(text, "line: ");
  if (line) {
    if (!complaint->place[0]) {
      (void)snprintf(complaint->place, sizeof complaint->place, "%s", text);
    }
  } else if (!complaint->message[0] && !strstr(text, "Backtrace")) {
    const char *body = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
    (void)snprintf(complaint->message, sizeof complaint->message, "%s", body);
  }
}

static void *allocate(void *context, void *memory, size_t size) {
  (void)context;
  if (size) return mtc_realloc(memory, size);
  mtc_free(memory);
  return NULL;
}

static cyaml_config_t configuration(struct complaint *complaint) {
  return (cyaml_config_t){
      .log_fn = collect,
      .log_ctx = complaint,
      .mem_fn = allocate,
      .log_level = CYAML_LOG_ERROR,
      .flags = CYAML_CFG_DEFAULT,
  };
}

/* libcyaml gives the place of the mapping that holds an unknown key; people need the key's own
 * line. Returns 0 when no line starts with that key. */
static unsigned line_of_key(struct mtc_span file, const char *key) {
  struct mtc_reader reader = mtc_reader_of(file);
  size_t key_len = strlen(key);
  struct mtc_span line;
  for (unsigned number = 1; reader.len; number++) {
    if (!mtc_read_line(&reader, &line) && !mtc_read_span(&reader, reader.len, &line)) break;
    while (line.len && (line.data[0] == ' ' || line.data[0] == '-')) {
      line.data++;
      line.len--;
    }
    if (line.len > key_len && memcmp(line.data, key, key_len) == 0 && line.data[key_len] == ':') {
      return number;
    }
  }
  return 0;
}

/* "in mapping field 'name' (line: 3, column: 5)": the name, cut off in place; NULL without one. */
static const char *field_of(char *place) {
  static const char start[] = "mapping field '";
  char *name = strstr(place, start);
  if (!name) return NULL;
  name += sizeof start - 1;
  name[strcspn(name, "'")] = 0;
  return name;
}

/* Says what libcyaml complained about with the line and the field. */
static mtc_status complain(const char *path, struct mtc_span file, struct complaint *complaint,
                           const char *what, struct mtc_error *error) {
  static const char unexpected[] = "Unexpected key: ";
  const char *key = strstr(what, unexpected), *at = strstr(complaint->place, "line: ");
  unsigned line = key ? line_of_key(file, key + sizeof unexpected - 1) : 0;
  if (!line && at) line = (unsigned)strtoul(at + strlen("line: "), NULL, 10);
  const char *field = key ? NULL : field_of(complaint->place);
  if (!line) return mtc_fail(error, MTC_INPUT, "%s: %s", path, what);
  return mtc_fail(error, MTC_INPUT, "%s:%u: %s%s%s", path, line, field ? field : "",
                  field ? ": " : "", what);
}

mtc_status mtc_yaml_load(const char *path, const cyaml_schema_value_t *schema, void **out,
                         struct mtc_error *error) {
  struct mtc_bytes file = {0};
  struct complaint complaint = {0};
  *out = NULL;
  mtc_status status = mtc_file_read(path, YAML_MAX_LEN, &file, error);
  if (status) goto out;
  cyaml_config_t config = configuration(&complaint);
  cyaml_err_t result = cyaml_load_data(file.data, file.len, &config, schema, out, NULL);
  if (result == CYAML_OK && *out) goto out;
  if (result == CYAML_ERR_OOM) {
    status = mtc_fail(error, MTC_NOMEM, "%s: out of memory", path);
    goto out;
  }
  const char *what = complaint.message[0] ? complaint.message : cyaml_strerror(result);
  status = complain(path, mtc_span_of_bytes(&file), &complaint,
                    result == CYAML_OK ? "the file is empty" : what, error);
  *out = NULL;
out:
  mtc_bytes_free(&file);
  return status;
}

void mtc_yaml_free(const cyaml_schema_value_t *schema, void *data) {
  struct complaint complaint = {0};
  cyaml_config_t config = configuration(&complaint);
  if (data) (void)cyaml_free(&config, schema, data, 0);
}
