/* The ACME client's state.json: what was read and is written again is read as the same; the next
 * step is one that there is, at any time. */
#include "acme/client_step.h"
#include "fuzz/fuzz.h"
#include "mtc/runtime.h"

/* Equal in everything but where the proofs lie. */
static void compare(const struct acme_client_state *a, const struct acme_client_state *b) {
  struct mtc_bytes one = {0}, other = {0};
  assert(acme_client_state_append(a, &one) == MTC_OK);
  assert(acme_client_state_append(b, &other) == MTC_OK);
  assert(mtc_span_equal(mtc_span_of_bytes(&one), mtc_span_of_bytes(&other)));
  mtc_bytes_free(&one);
  mtc_bytes_free(&other);
}

static void check(struct acme_client_state *state) {
  static const int64_t times[] = {0, 1800000000, INT64_C(253402300799)};
  for (unsigned i = 0; i < 3; i++) {
    for (unsigned done = 0; done < 1u << ACME_CLIENT_NOTHING; done += 37)
      assert(acme_client_next(state, "a", times[i], done) <= ACME_CLIENT_NOTHING);
    acme_client_note_failure(state, times[i], state->ask_at_s, (uint32_t)state->failures, "x");
    assert(state->retry_at_s - times[i] <= ACME_CLIENT_MAX_WAIT_S);
    acme_client_note_no_landmark(state, times[i], 0, 1);
    acme_client_note_no_window(state, 7);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct acme_client_state state, again;
  struct mtc_error error = {0};
  struct mtc_bytes text = {0};
  mtc_status status = acme_client_state_parse(mtc_span_of(data, len), &state, &error);
  if (status) {
    assert(status == MTC_CORRUPT && error.text[0]);
    return 0;
  }
  assert(acme_client_state_append(&state, &text) == MTC_OK);
  assert(acme_client_state_parse(mtc_span_of_bytes(&text), &again, &error) == MTC_OK);
  compare(&state, &again);
  check(&state);
  acme_client_state_free(&state);
  acme_client_state_free(&again);
  mtc_bytes_free(&text);
  return 0;
}
