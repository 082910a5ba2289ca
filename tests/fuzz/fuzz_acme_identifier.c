/* Identifiers in JSON, and CSRs: what is taken is in its canonical form, sorted, each once. The
 * first byte says which: '{' JSON, '0' (a SEQUENCE) a CSR. */
#include "acme/identifier.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  mtc_log_init("fuzz", MTC_LOG_ERROR);
  return 0;
}

static void check_identifier(const struct acme_identifier *identifier) {
  struct acme_identifier again;
  struct acme_problem problem = {0};
  assert(memchr(identifier->value, 0, sizeof identifier->value));
  for (const char *c = identifier->value; *c; c++)
    assert(*c > 0x20 && *c < 0x7f && !(*c >= 'A' && *c <= 'Z'));
  json_t *json = acme_identifier_json(identifier);
  assert(json);
  assert(acme_identifier_parse(json, &again, &problem) == ACME_NONE);
  assert(again.type == identifier->type && strcmp(again.value, identifier->value) == 0);
  json_decref(json);
}

static void check_refused(enum acme_problem_type type, struct acme_problem *problem) {
  assert(problem->type == type && type != ACME_SERVER_INTERNAL && problem->detail[0]);
  acme_problem_free(problem);
}

static void check_json(const uint8_t *data, size_t len) {
  struct acme_identifier identifier;
  struct acme_problem problem = {0};
  json_t *json = json_loadb((const char *)data, len, 0, NULL);
  enum acme_problem_type type = acme_identifier_parse(json, &identifier, &problem);
  if (type)
    check_refused(type, &problem);
  else
    check_identifier(&identifier);
  json_decref(json);
}

static void check_csr(const uint8_t *data, size_t len) {
  static struct acme_csr csr;
  struct acme_problem problem = {0};
  enum acme_problem_type type = acme_csr_read(mtc_span_of(data, len), &csr, &problem);
  if (type) {
    assert(type == ACME_BAD_CSR && csr.num_identifiers == 0);
    check_refused(type, &problem);
    return;
  }
  assert(csr.num_identifiers > 0 && csr.num_identifiers <= ACME_MAX_IDENTIFIERS);
  assert(strlen(csr.spki_sha256) == 64);
  for (size_t i = 0; i < csr.num_identifiers; i++)
    check_identifier(&csr.identifiers[i]);
  size_t num = csr.num_identifiers;
  assert(acme_identifiers_sort(csr.identifiers, num) == num);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  if (len && data[0] == '0')
    check_csr(data, len);
  else
    check_json(data, len);
  return 0;
}
