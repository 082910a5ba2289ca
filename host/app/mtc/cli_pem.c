/* Files of PEM blocks or DER, as people have them. */
#include <string.h>
#include <sys/stat.h>

#include "app/mtc/cli.h"
#include "mtc/proof.h"

#define MAX_FILE_LEN (1u << 20)

void cli_blocks_free(struct cli_blocks *blocks) {
  for (size_t i = 0; i < blocks->num; i++)
    mtc_bytes_free(&blocks->items[i]);
  mtc_free(blocks->items);
  *blocks = (struct cli_blocks){0};
}

bool cli_is_pem(struct mtc_span text) {
  struct mtc_reader reader = mtc_reader_of(text);
  struct mtc_span label;
  return mtc_pem_next_label(&reader, &label);
}

static bool has_block(struct mtc_span text, const char *label) {
  struct mtc_reader reader = mtc_reader_of(text);
  struct mtc_span found;
  while (mtc_pem_next_label(&reader, &found)) {
    if (mtc_span_equal(found, mtc_span_of_text(label))) return true;
  }
  return false;
}

static struct mtc_bytes *add_block(struct cli_blocks *blocks) {
  struct mtc_bytes *items = mtc_realloc(blocks->items, (blocks->num + 1) * sizeof *items);
  if (!items) return NULL;
  blocks->items = items;
  items[blocks->num] = (struct mtc_bytes){0};
  return &items[blocks->num++];
}

mtc_status cli_read_pem(struct mtc_span file, const char *label, const char *other_label,
                        struct cli_blocks *out, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  if (!cli_is_pem(file) && file.len && file.data[0] == 0x30) {
    struct mtc_bytes *der = add_block(out);
    if (!der) return mtc_fail(error, MTC_NOMEM, "out of memory");
    mtc_bytes_append_span(der, file);
    return mtc_bytes_status(der);
  }
  /* A broken block of the first label is an error: it must not bring a block of the other. */
  if (other_label && !has_block(file, label) && has_block(file, other_label)) label = other_label;
  struct mtc_reader reader = mtc_reader_of(file);
  while (!status && has_block(mtc_span_of(reader.data, reader.len), label)) {
    struct mtc_bytes *der = add_block(out);
    status = der ? mtc_pem_next(&reader, label, der, error) : MTC_NOMEM;
    if (status) status = mtc_fail_within(error, status, "%s %zu", label, out->num);
  }
  if (!status && out->num == 0) status = mtc_fail(error, MTC_INPUT, "no %s in PEM or DER", label);
  return status;
}

mtc_status cli_load_pem(const char *path, const char *label, const char *other_label,
                        struct cli_blocks *out, struct mtc_error *error) {
  struct mtc_bytes file = {0};
  mtc_status status = mtc_file_read(path, MAX_FILE_LEN, &file, error);
  if (!status) {
    status = cli_read_pem(mtc_span_of_bytes(&file), label, other_label, out, error);
    if (status) status = mtc_fail_within(error, status, "%s", path);
  }
  mtc_bytes_free(&file);
  return status;
}

static bool holds_only_certificates(struct mtc_span file) {
  struct mtc_reader reader = mtc_reader_of(file);
  struct mtc_span label;
  size_t num = 0;
  for (; mtc_pem_next_label(&reader, &label); num++) {
    if (!mtc_span_equal(label, mtc_span_of_text("CERTIFICATE")) &&
        !mtc_span_equal(label, mtc_span_of_text("CERTIFICATE PROPERTIES")))
      return false;
  }
  return num > 0 || file.len == 0;
}

mtc_status cli_check_replaceable(const char *path, struct mtc_error *error) {
  struct mtc_bytes file = {0};
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return MTC_OK;
  mtc_status status = mtc_file_read(path, MAX_FILE_LEN, &file, error);
  if (!status && !holds_only_certificates(mtc_span_of_bytes(&file)))
    status = mtc_fail(error, MTC_INPUT, "%s is there and is no PEM certificate: it is not replaced",
                      path);
  mtc_bytes_free(&file);
  return status;
}
