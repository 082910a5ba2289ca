/* The certificates that the CA of a corpus issued and that its policy accepts. */
#ifndef FUZZ_ISSUED_H
#define FUZZ_ISSUED_H

#include "fuzz/corpus.h"

static const char *const issued[] = {"cert_10_0.pem",   "cert_10_12.pem",  "cert_32_0.pem",
                                     "cert_33_0.pem",   "cert_2034_0.pem", "cert_2035_0.pem",
                                     "cert_2078_0.pem", "cert_2121_0.pem"};
#define NUM_ISSUED (sizeof issued / sizeof issued[0])

/* Whether a TBSCertificate is that of one of them, which are given. */
static inline bool is_issued(const struct mtc_bytes certificates[NUM_ISSUED], struct mtc_span tbs) {
  for (size_t k = 0; k < NUM_ISSUED; k++) {
    struct mtc_certificate known;
    struct mtc_error error;
    assert(mtc_certificate_parse(mtc_span_of_bytes(&certificates[k]), &known, &error) == MTC_OK);
    if (mtc_span_equal(known.tbs, tbs)) return true;
  }
  return false;
}

#endif
