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

/* Takes lines off the front until one starts with `key`, counting them in *number. */
static bool skip_to_key(struct mtc_reader *reader, struct mtc_span key, unsigned *number) {
  struct mtc_span line;
  while (reader->len) {
    if (!mtc_read_line(reader, &line) && !mtc_read_span(reader, reader->len, &line)) break;
    (*number)++;
    while (line.len && (line.data[0] == ' ' || line.data[0] == '-')) {
      line.data++;
      line.len--;
    }
    if (line.len > key.len && memcmp(line.data, key.data, key.len) == 0 &&
        line.data[key.len] == ':')
      return true;
  }
  return false;
}

unsigned mtc_yaml_line(struct mtc_span file, const char *path) {
  struct mtc_reader reader = mtc_reader_of(file);
  unsigned number = 0, last = 0;
  while (*path) {
    size_t len = strcspn(path, ".");
    if (!skip_to_key(&reader, mtc_span_of(path, len), &number)) return last;
    last = number;
    path += len;
    if (*path == '.') path++;
  }
  return last;
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
  unsigned line = 0;
  /* libcyaml gives the place of the mapping that holds an unknown key; people need its own line. */
  if (key) line = mtc_yaml_line(file, key + sizeof unexpected - 1);
  if (!line && at) line = (unsigned)strtoul(at + strlen("line: "), NULL, 10);
  const char *field = key ? NULL : field_of(complaint->place);
  if (!line) return mtc_fail(error, MTC_INPUT, "%s: %s", path, what);
  return mtc_fail(error, MTC_INPUT, "%s:%u: %s%s%s", path, line, field ? field : "",
                  field ? ": " : "", what);
}

mtc_status mtc_yaml_parse(const char *name, struct mtc_span file,
                          const cyaml_schema_value_t *schema, void **out, struct mtc_error *error) {
  struct complaint complaint = {0};
  *out = NULL;
  cyaml_config_t config = configuration(&complaint);
  cyaml_err_t result = cyaml_load_data(file.data, file.len, &config, schema, out, NULL);
  if (result == CYAML_OK && *out) return MTC_OK;
  *out = NULL;
  if (result == CYAML_ERR_OOM) return mtc_fail(error, MTC_NOMEM, "%s: out of memory", name);
  const char *what = complaint.message[0] ? complaint.message : cyaml_strerror(result);
  return complain(name, file, &complaint, result == CYAML_OK ? "the file is empty" : what, error);
}

mtc_status mtc_yaml_load(const char *path, const cyaml_schema_value_t *schema, void **out,
                         struct mtc_error *error) {
  struct mtc_bytes file = {0};
  *out = NULL;
  mtc_status status = mtc_file_read(path, YAML_MAX_LEN, &file, error);
  if (!status) status = mtc_yaml_parse(path, mtc_span_of_bytes(&file), schema, out, error);
  mtc_bytes_free(&file);
  return status;
}

void mtc_yaml_free(const cyaml_schema_value_t *schema, void *data) {
  struct complaint complaint = {0};
  cyaml_config_t config = configuration(&complaint);
  if (data) (void)cyaml_free(&config, schema, data, 0);
}
