/* dns-01: a TXT record at _acme-challenge.NAME has the digest of the key authorization. */
#include <stdio.h>
#include <string.h>

#include "acme/challenge.h"
#include "acme/excerpt.h"
#include "acme/txt.h"
#include "mtc/digest.h"

#define LABEL "_acme-challenge."
#define DIGEST_TEXT_LEN 43u

/* SHA-256 in base64url without padding. */
static bool digest_text(const char *key_authorization, char out[DIGEST_TEXT_LEN + 1]) {
  struct mtc_hash digest;
  struct mtc_bytes text = {0};
  mtc_hash_message(mtc_span_of_text(key_authorization), &digest);
  mtc_bytes_append_base64(&text, mtc_span_of(digest.bytes, sizeof digest.bytes));
  bool made = mtc_bytes_status(&text) == MTC_OK && text.len > DIGEST_TEXT_LEN;
  for (size_t i = 0; made && i < DIGEST_TEXT_LEN; i++) {
    char c = (char)text.data[i];
    out[i] = c == '+' ? '-' : c == '/' ? '_' : c;
  }
  out[DIGEST_TEXT_LEN] = 0;
  mtc_bytes_free(&text);
  return made;
}

static enum acme_problem_type look_through(struct acme_attempt *attempt, const char *name,
                                           const struct acme_answer *answer) {
  char wanted[DIGEST_TEXT_LEN + 1], shown[ACME_EXCERPT_LEN] = "";
  if (!digest_text(attempt->validation->key_authorization, wanted))
    return acme_fail(&attempt->problem, ACME_SERVER_INTERNAL, "out of memory");
  if (answer->num_records == 0)
    return acme_fail(&attempt->problem, ACME_INCORRECT_RESPONSE, "no TXT record at %s", name);
  for (unsigned i = 0; i < answer->num_records; i++) {
    uint8_t text[ACME_MAX_TXT_LEN];
    size_t len;
    if (!acme_txt_read(answer->records[i], text, &len)) continue;
    if (mtc_span_equal(mtc_span_of(text, len), mtc_span_of_text(wanted))) return ACME_NONE;
    if (!shown[0]) acme_excerpt(mtc_span_of(text, len), shown);
  }
  return acme_fail(&attempt->problem, ACME_INCORRECT_RESPONSE,
                   "none of %u TXT records at %s is \"%s\"; one is \"%s\"", answer->num_records,
                   name, wanted, shown);
}

enum acme_problem_type acme_prove_dns(struct acme_attempt *attempt) {
  char name[sizeof LABEL + sizeof attempt->validation->identifier.value];
  struct acme_answer answer;
  (void)snprintf(name, sizeof name, LABEL "%s", attempt->name);
  enum acme_problem_type problem = acme_resolve(attempt->resolver, name, ACME_RECORD_TXT,
                                                attempt->deadline_ms, &answer, &attempt->problem);
  if (!problem) problem = look_through(attempt, name, &answer);
  acme_answer_free(&answer);
  return problem;
}
