/* JWS in all three forms: what is taken keeps what its form promises, and no signature of a
 * stranger verifies. What is read without libjansson is what libjansson reads. */
#include "acme/flat_json.h"
#include "acme/jws.h"
#include "fuzz/fuzz.h"

static struct acme_key key;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  mtc_log_init("fuzz", MTC_LOG_ERROR);
  assert(acme_key_generate(ACME_ES256, &key, NULL) == MTC_OK);
  return 0;
}

static void check_key(const json_t *jwk) {
  struct acme_key read, again;
  struct acme_problem problem = {0};
  if (acme_key_from_jwk(jwk, &read, &problem)) {
    assert(problem.detail[0] && !read.pkey);
  } else {
    assert(acme_key_from_text(read.jwk, &again, &problem) == ACME_NONE);
    assert(strcmp(read.thumbprint, again.thumbprint) == 0);
    acme_key_free(&again);
    acme_key_free(&read);
  }
  acme_problem_free(&problem);
}

static void check(const struct acme_jws *jws, enum acme_jws_form form) {
  struct acme_problem problem = {0};
  assert(jws->url && jws->url[0] && !jws->kid == (jws->jwk != NULL));
  assert((jws->nonce != NULL) == (form == ACME_JWS_REQUEST));
  assert((jws->mac_bits != 0) == (form == ACME_JWS_BINDING));
  assert(form != ACME_JWS_KEY_CHANGE || jws->jwk);
  assert(form != ACME_JWS_BINDING || jws->kid);
  assert((jws->json != NULL) == (jws->payload.len > 0));
  assert(!jws->json || json_is_object(jws->json));
  assert(jws->signature.len > 0);
  assert(acme_jws_verify(jws, &key, &problem) != ACME_NONE);
  acme_problem_free(&problem);
  assert(acme_jws_verify_mac(jws, mtc_span_of_text("not the key of any seed"), &problem) ==
         ACME_UNAUTHORIZED);
  acme_problem_free(&problem);
  if (jws->jwk) check_key(jws->jwk);
}

static void compare_flat(struct mtc_span text) {
  json_t *flat = acme_flat_json_load(text), *same;
  if (!flat) return;
  same = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
  assert(same && json_equal(flat, same));
  json_decref(flat);
  json_decref(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  compare_flat(mtc_span_of(data, len));
  for (unsigned form = ACME_JWS_REQUEST; form <= ACME_JWS_BINDING; form++) {
    struct acme_jws jws;
    struct acme_problem problem = {0};
    enum acme_problem_type type =
        acme_jws_parse(mtc_span_of(data, len), (enum acme_jws_form)form, &jws, &problem);
    if (type) {
      assert(type == problem.type && type != ACME_SERVER_INTERNAL && problem.detail[0]);
      assert(!jws.url && !jws.jwk && !jws.kid && !jws.json && !jws.signature.data);
    } else {
      check(&jws, (enum acme_jws_form)form);
    }
    acme_problem_free(&problem);
    acme_jws_free(&jws);
  }
  return 0;
}
