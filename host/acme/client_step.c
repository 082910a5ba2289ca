#include "acme/client_step.h"

#include <stdio.h>
#include <string.h>

#define MIN_WAIT_S 60
#define MAX_LANDMARK_WAIT_S 21600
#define MIN_AGE_S 3600

bool acme_client_is_due(int64_t at_s, int64_t now_s) {
  return now_s >= at_s || at_s - now_s > ACME_CLIENT_MAX_WAIT_S;
}

int64_t acme_client_renewal_time(const struct acme_client_state *state) {
  int64_t lifetime_s = state->current.not_after_s - state->not_before_s;
  int64_t latest_s = state->current.not_after_s - lifetime_s / 20;
  int64_t at_s = state->renew_at_s ? state->renew_at_s : state->not_before_s + lifetime_s / 3 * 2;
  return at_s < latest_s ? at_s : latest_s;
}

/* The configuration was changed since the last certificate, and nothing has failed since then. */
static bool is_changed(const struct acme_client_state *state, const char *identity) {
  return state->current.number && strcmp(state->identity, identity) != 0 && state->failures == 0;
}

static bool is_wanted(const struct acme_client_state *state, const char *identity, int64_t now_s) {
  return state->current.number == 0 || strcmp(state->identity, identity) != 0 ||
         now_s >= acme_client_renewal_time(state);
}

static bool has_expired(const struct acme_client_state *state, int64_t now_s) {
  for (size_t i = 0; i < state->num_old; i++)
    if (state->old[i].not_after_s < now_s) return true;
  return false;
}

/* Whether a step is to be made, leaving aside whether this run has made it. */
static bool is_step(enum acme_client_step step, const struct acme_client_state *state,
                    const char *identity, int64_t now_s) {
  const struct acme_client_open_order *order = &state->order;
  bool may_order = acme_client_is_due(state->retry_at_s, now_s);
  switch (step) {
    case ACME_CLIENT_DEPLOY:
      return state->current.number && !state->is_deployed;
    case ACME_CLIENT_CLEAN:
      return has_expired(state, now_s) || (state->num_proofs && !order->generation);
    case ACME_CLIENT_HOOK:
      return state->is_deployed && (state->hook_due || state->hook_landmark_due);
    case ACME_CLIENT_ASK:
      return state->current.number && !order->generation &&
             acme_client_is_due(state->ask_at_s, now_s);
    case ACME_CLIENT_DROP:
      return order->generation && strcmp(order->identity, identity) != 0;
    case ACME_CLIENT_ORDER:
      return !order->generation && (may_order || is_changed(state, identity)) &&
             is_wanted(state, identity, now_s);
    case ACME_CLIENT_CONTINUE:
      /* Without a failure the time is only about the next order. */
      return order->generation && (may_order || state->failures == 0);
    case ACME_CLIENT_LANDMARK:
      return state->current.number && state->landmark_url[0] && !state->has_landmark &&
             now_s <= state->current.not_after_s && acme_client_is_due(state->landmark_at_s, now_s);
    case ACME_CLIENT_NOTHING:
    default:
      return true;
  }
}

enum acme_client_step acme_client_next(const struct acme_client_state *state, const char *identity,
                                       int64_t now_s, unsigned done) {
  unsigned step = 0;
  while (step < ACME_CLIENT_NOTHING) {
    enum acme_client_step candidate = (enum acme_client_step)step;
    if (!(done & 1u << step) && is_step(candidate, state, identity, now_s)) return candidate;
    step++;
  }
  return ACME_CLIENT_NOTHING;
}

int64_t acme_client_wait(unsigned failures, int64_t retry_after_s, uint32_t random) {
  int64_t wait_s = MIN_WAIT_S;
  for (unsigned i = 1; i < failures && wait_s < ACME_CLIENT_MAX_WAIT_S; i++)
    wait_s *= 2;
  if (wait_s > ACME_CLIENT_MAX_WAIT_S) wait_s = ACME_CLIENT_MAX_WAIT_S;
  wait_s -= (int64_t)(random % (uint32_t)(wait_s / 4));
  if (wait_s < retry_after_s) wait_s = retry_after_s;
  return wait_s < ACME_CLIENT_MAX_WAIT_S ? wait_s : ACME_CLIENT_MAX_WAIT_S;
}

void acme_client_note_failure(struct acme_client_state *state, int64_t now_s, int64_t retry_after_s,
                              uint32_t random, const char *problem) {
  if (state->failures < 1000) state->failures++;
  state->retry_at_s = now_s + acme_client_wait(state->failures, retry_after_s, random);
  (void)snprintf(state->problem, sizeof state->problem, "%s", problem);
  /* Text of a server goes to terminals and into JSON. */
  for (char *c = state->problem; *c; c++)
    if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f) *c = '?';
}

void acme_client_note_success(struct acme_client_state *state) {
  state->failures = 0;
  state->retry_at_s = 0;
  state->problem[0] = 0;
}

void acme_client_note_window(struct acme_client_state *state, int64_t start_s, int64_t end_s,
                             uint32_t random) {
  state->window_start_s = start_s;
  state->window_end_s = end_s;
  if (state->renew_at_s >= start_s && state->renew_at_s <= end_s) return;
  state->renew_at_s = start_s + (int64_t)(random % (uint64_t)(end_s - start_s + 1));
}

void acme_client_note_no_window(struct acme_client_state *state, uint32_t random) {
  int64_t lifetime_s = state->current.not_after_s - state->not_before_s;
  if (state->renew_at_s) return;
  state->renew_at_s = state->not_before_s + lifetime_s / 3 * 2 -
                      (int64_t)(random % (uint64_t)(lifetime_s / 50 + 1));
}

/* The one that expires first makes room. Its folder stays behind and does no harm. */
static void add_old(struct acme_client_state *state, struct acme_client_generation generation) {
  size_t at = state->num_old;
  if (at == ACME_CLIENT_MAX_OLD) {
    at = 0;
    for (size_t i = 1; i < state->num_old; i++)
      if (state->old[i].not_after_s < state->old[at].not_after_s) at = i;
  } else {
    state->num_old++;
  }
  state->old[at] = generation;
}

void acme_client_note_certificate(struct acme_client_state *state, int64_t not_before_s,
                                  int64_t not_after_s, const char *cert_id,
                                  const char *landmark_url, int64_t now_s, uint32_t random) {
  if (state->current.number) add_old(state, state->current);
  state->current = (struct acme_client_generation){state->order.generation, not_after_s};
  state->not_before_s = not_before_s;
  memcpy(state->identity, state->order.identity, sizeof state->identity);
  (void)snprintf(state->cert_id, sizeof state->cert_id, "%s", cert_id);
  state->is_deployed = false;
  state->hook_due = true;
  state->hook_landmark_due = false;
  (void)snprintf(state->landmark_url, sizeof state->landmark_url, "%s", landmark_url);
  state->alternates[0] = 0;
  state->is_alternate = false;
  state->landmark_at_s = 0;
  state->landmark_tries = 0;
  state->has_landmark = false;
  state->window_start_s = state->window_end_s = state->renew_at_s = 0;
  state->ask_at_s = now_s;
  acme_client_note_no_window(state, random);
  acme_client_note_success(state);
  /* A server that suggests to renew at once, always, does not get an order from every run. */
  int64_t min_age_s = (not_after_s - not_before_s) / 10;
  state->retry_at_s = now_s + (min_age_s < MIN_AGE_S ? min_age_s : MIN_AGE_S);
  state->order = (struct acme_client_open_order){0};
}

void acme_client_note_no_landmark(struct acme_client_state *state, int64_t now_s,
                                  int64_t retry_after_s, uint32_t random) {
  if (state->landmark_tries < 1000) state->landmark_tries++;
  int64_t wait_s = retry_after_s;
  if (wait_s <= 0) wait_s = acme_client_wait(state->landmark_tries, 0, random);
  if (retry_after_s <= 0 && wait_s > MAX_LANDMARK_WAIT_S) wait_s = MAX_LANDMARK_WAIT_S;
  if (wait_s > ACME_CLIENT_MAX_WAIT_S) wait_s = ACME_CLIENT_MAX_WAIT_S;
  state->landmark_at_s = now_s + wait_s;
}

void acme_client_drop_alternate(struct acme_client_state *state, bool again) {
  char last[ACME_CLIENT_MAX_URL], rest[ACME_CLIENT_MAX_URLS];
  memcpy(last, state->landmark_url, sizeof last);
  size_t len = strcspn(state->alternates, " ");
  if (!len && again) return; /* there is no other */
  (void)snprintf(state->landmark_url, sizeof state->landmark_url, "%.*s", (int)len,
                 state->alternates);
  memcpy(rest, state->alternates, sizeof rest);
  (void)snprintf(state->alternates, sizeof state->alternates, "%s%s%s",
                 rest[len] ? rest + len + 1 : "", again && rest[len] ? " " : "", again ? last : "");
}

void acme_client_note_alternates(struct acme_client_state *state, const char *urls) {
  (void)snprintf(state->alternates, sizeof state->alternates, "%s", urls);
  acme_client_drop_alternate(state, false);
  state->is_alternate = true;
}
