/* The corpora of tests/vectors, for harnesses that need a relying party. */
#ifndef FUZZ_CORPUS_H
#define FUZZ_CORPUS_H

#include "fuzz/fuzz.h"
#include "mtc/verify.h"

static inline struct mtc_bytes load_vector(const struct mtc_wire *wire, const char *name) {
  char path[512];
  struct mtc_error error = {0};
  struct mtc_bytes content = {0};
  (void)snprintf(path, sizeof path, MTC_VECTORS "/corpus-%s/%s", wire->name, name);
  if (mtc_file_read(path, 1 << 20, &content, &error)) (void)fprintf(stderr, "%s\n", error.text);
  assert(content.len);
  return content;
}

static inline struct mtc_bytes load_certificate(const struct mtc_wire *wire, const char *name) {
  struct mtc_bytes pem = load_vector(wire, name), der = {0};
  struct mtc_error error = {0};
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&pem));
  assert(mtc_pem_next(&reader, "CERTIFICATE", &der, &error) == MTC_OK);
  mtc_bytes_free(&pem);
  return der;
}

/* A relying party with the CA of the corpus and, unless NULL, its policy. */
static inline struct mtc_verifier *open_verifier(const struct mtc_wire *wire, const char *policy) {
  struct mtc_verifier *verifier;
  struct mtc_error error = {0};
  struct mtc_bytes ca = load_certificate(wire, "ca_cert.pem");
  assert(mtc_verifier_open(wire, &verifier) == MTC_OK);
  assert(mtc_verifier_add_ca(verifier, mtc_span_of_bytes(&ca), &error) == MTC_OK);
  mtc_bytes_free(&ca);
  if (policy) {
    struct mtc_bytes text = load_vector(wire, policy);
    assert(mtc_verifier_add_policy(verifier, policy, mtc_span_of_bytes(&text), &error) == MTC_OK);
    mtc_bytes_free(&text);
  }
  return verifier;
}

#endif
