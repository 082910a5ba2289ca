/* Configuration files: a schema with each kind of value that ours have, over a file in memory. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "mtc/yaml.h"

enum mode { MODE_FULL, MODE_SAMPLE };

struct part {
  char *name;
  int64_t offset;
};

struct config {
  char *name;
  uint64_t number;
  bool flag;
  enum mode mode;
  char **list;
  unsigned list_count;
  struct part *parts;
  unsigned parts_count;
  struct part *part;
};

static const cyaml_strval_t modes[] = {{"full", MODE_FULL}, {"sample", MODE_SAMPLE}};
static const cyaml_schema_value_t text = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 64)};
static const cyaml_schema_field_t part_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct part, name, 1, 64),
    CYAML_FIELD_INT("offset", CYAML_FLAG_OPTIONAL, struct part, offset),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t part = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct part, part_fields)};
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config, name, 1, 64),
    CYAML_FIELD_UINT("number", CYAML_FLAG_OPTIONAL, struct config, number),
    CYAML_FIELD_BOOL("flag", CYAML_FLAG_OPTIONAL, struct config, flag),
    CYAML_FIELD_ENUM("mode", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config, mode, modes,
                     2),
    CYAML_FIELD_SEQUENCE("list", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config, list,
                         &text, 1, 8),
    CYAML_FIELD_SEQUENCE("parts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config, parts,
                         &part, 0, 8),
    CYAML_FIELD_MAPPING_PTR("part", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config, part,
                            part_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, fields)};

static void check_text(const char *value) {
  assert(value && value[0] && strlen(value) <= 64);
}

static void check(const struct config *config) {
  check_text(config->name);
  assert(config->mode == MODE_FULL || config->mode == MODE_SAMPLE);
  assert(config->list_count <= 8 && config->parts_count <= 8);
  for (unsigned i = 0; i < config->list_count; i++)
    check_text(config->list[i]);
  for (unsigned i = 0; i < config->parts_count; i++)
    check_text(config->parts[i].name);
  if (config->part) check_text(config->part->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  char path[64];
  struct mtc_error error = {0};
  void *loaded;
  int fd = memfd_create("config", MFD_CLOEXEC);
  assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  mtc_status status = mtc_yaml_load(path, &schema, &loaded, &error);
  if (status) {
    assert_refused(status, &error);
    assert(!loaded && strncmp(error.text, path, strlen(path)) == 0);
  } else {
    check(loaded);
    mtc_yaml_free(&schema, loaded);
  }
  (void)close(fd);
  return 0;
}
