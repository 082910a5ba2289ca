/* What comes after a certificate: its landmark-relative twin, its renewal. */
#include <stdio.h>
#include <string.h>

#include "acme/client_run.h"
#include "acme/client_step.h"
#include "mtc/runtime.h"

#define ACCEPT "application/pem-certificate-chain-with-properties"
#define ASK_AGAIN_S 21600
#define MIN_ASK_AGAIN_S 60

static int64_t now_s(void) {
  return mtc_clock_now_ms() / 1000;
}

static mtc_status read_standalone(const struct acme_client_run *run, struct acme_client_chain *out,
                                  struct mtc_error *error) {
  char path[4096];
  struct mtc_bytes pem = {0};
  acme_client_path(run->certificate, run->state.current.number, "standalone.pem", path);
  mtc_status status = mtc_file_read(path, 1 << 20, &pem, error);
  if (!status) status = acme_client_read_chain(mtc_span_of_bytes(&pem), out, error);
  mtc_bytes_free(&pem);
  return status;
}

/* The certificate in an answer, if it is the one that is looked for. */
static mtc_status read_landmark(const struct acme_client_run *run,
                                const struct acme_client_response *response,
                                struct acme_client_chain *out, struct mtc_error *error) {
  struct acme_client_chain standalone = {0};
  if (response->http_status != 200)
    return mtc_fail(error, MTC_IO, "HTTP status %ld for the landmark-relative certificate",
                    response->http_status);
  mtc_status status = acme_client_read_chain(mtc_span_of_bytes(&response->body), out, error);
  if (status) return status;
  if (!out->has_properties)
    return mtc_fail(error, MTC_IO,
                    "the landmark-relative certificate came without properties, by which a TLS "
                    "server could choose it");
  /* The same entry has the same key and names, which were checked. */
  status = read_standalone(run, &standalone, error);
  if (status) return mtc_fail_within(error, MTC_CORRUPT, "standalone.pem");
  status = acme_client_check_twin(&standalone, out, error);
  acme_client_chain_free(&standalone);
  return status;
}

static mtc_status write_landmark(struct acme_client_run *run, const struct acme_client_chain *chain,
                                 struct mtc_error *error) {
  struct mtc_bytes pem = {0};
  char path[4096];
  acme_client_append_chain(chain, true, &pem);
  mtc_status status = mtc_bytes_status(&pem);
  acme_client_path(run->certificate, run->state.current.number, "landmark.pem", path);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&pem), 0644, error);
  mtc_fault_point("acme.client.landmark");
  if (!status) {
    run->state.has_landmark = true;
    run->state.landmark_url[0] = run->state.alternates[0] = 0;
    run->state.is_deployed = false;
    run->state.hook_landmark_due = true;
    status = acme_client_save(run, error);
  }
  mtc_fault_point("acme.client.landmark_known");
  mtc_bytes_free(&pem);
  return status;
}

/* What an answer about the landmark-relative certificate is. */
enum reply {
  REPLY_IT,
  REPLY_EARLY,  /* it may be there later */
  REPLY_GONE,   /* it will never be there */
  REPLY_OTHER,  /* something else than it */
  REPLY_FAILED, /* no answer */
};

static enum reply ask_landmark(struct acme_client_run *run, struct acme_client_chain *chain,
                               mtc_status *out_status, struct mtc_error *error) {
  struct acme_client_response response = {0};
  mtc_status status =
      acme_client_post(run->session, run->state.landmark_url, NULL, ACCEPT, &response, error);
  enum reply reply = REPLY_FAILED;
  if (status == MTC_BUSY || (!status && response.http_status == 202)) {
    reply = REPLY_EARLY;
  } else if (status == MTC_INPUT) {
    bool is_gone = response.http_status == 404 || response.http_status == 410;
    reply = is_gone ? REPLY_GONE : REPLY_OTHER;
  } else if (!status) {
    status = read_landmark(run, &response, chain, error);
    reply = !status ? REPLY_IT : status == MTC_IO ? REPLY_OTHER : REPLY_FAILED;
  }
  acme_client_response_free(&response);
  *out_status = status;
  return reply;
}

mtc_status acme_client_fetch_landmark(struct acme_client_run *run, struct mtc_error *error) {
  struct acme_client_state *state = &run->state;
  struct acme_client_chain chain = {0};
  enum reply reply = REPLY_FAILED;
  struct mtc_error ignored;
  mtc_status status = acme_client_find_account(run->session, error);
  /* An alternate that is something else, as another root's chain, is no failure. */
  while (!status) {
    reply = ask_landmark(run, &chain, &status, error);
    if (!state->is_alternate || (reply != REPLY_OTHER && reply != REPLY_GONE)) break;
    acme_client_chain_free(&chain);
    acme_client_drop_alternate(state, false);
    status = MTC_OK;
    if (!state->landmark_url[0]) return acme_client_save(run, error);
  }
  if (reply == REPLY_IT) status = write_landmark(run, &chain, error);
  acme_client_chain_free(&chain);
  if (reply == REPLY_IT && !status) return MTC_OK;
  if (reply == REPLY_GONE) {
    state->landmark_url[0] = 0;
    mtc_status saved = acme_client_save(run, error);
    return saved ? saved
                 : mtc_fail_within(error, status, "the landmark-relative certificate is given up");
  }
  acme_client_note_no_landmark(state, now_s(), run->session->retry_after_s, acme_client_random());
  if (state->is_alternate) acme_client_drop_alternate(state, true);
  if (reply == REPLY_EARLY) return acme_client_save(run, error);
  if (acme_client_save(run, &ignored)) return mtc_fail(error, MTC_IO, "%s", ignored.text);
  return status;
}

mtc_status acme_client_ask(struct acme_client_run *run, struct mtc_error *error) {
  struct acme_client_session *session = run->session;
  struct acme_client_response response = {0};
  char url[ACME_CLIENT_MAX_URL + ACME_MAX_CERT_ID];
  int64_t start_s = 0, end_s = 0, wait_s = 0;
  struct mtc_error ignored;
  mtc_status status = acme_client_find_directory(session, &ignored);
  bool has_info = !status && session->directory.renewal_info[0] && run->state.cert_id[0];
  if (has_info) {
    (void)snprintf(url, sizeof url, "%s/%s", session->directory.renewal_info, run->state.cert_id);
    status = acme_client_get(session, url, &response, &ignored);
    if (!status)
      status =
          acme_client_read_window(mtc_span_of_bytes(&response.body), &start_s, &end_s, &ignored);
    if (!status) acme_client_note_window(&run->state, start_s, end_s, acme_client_random());
    wait_s = session->retry_after_s;
  }
  acme_client_response_free(&response);
  if (!has_info || status) acme_client_note_no_window(&run->state, acme_client_random());
  if (wait_s <= 0) wait_s = ASK_AGAIN_S;
  if (wait_s < MIN_ASK_AGAIN_S) wait_s = MIN_ASK_AGAIN_S;
  run->state.ask_at_s = now_s() + wait_s;
  return acme_client_save(run, error);
}
