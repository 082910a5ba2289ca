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

static mtc_status take_landmark(struct acme_client_run *run, struct mtc_span body,
                                struct mtc_error *error) {
  const struct acme_client_certificate *certificate = run->certificate;
  struct acme_client_chain standalone = {0}, chain = {0};
  struct mtc_bytes pem = {0};
  char path[4096];
  mtc_status status = read_standalone(run, &standalone, error);
  if (!status) status = acme_client_read_chain(body, &chain, error);
  if (!status && !chain.has_properties)
    status = mtc_fail(error, MTC_IO,
                      "the landmark-relative certificate came without properties, by which a TLS "
                      "server could choose it");
  /* The same entry has the same key and names, which were checked. */
  if (!status) status = acme_client_check_twin(&standalone, &chain, error);
  acme_client_append_chain(&chain, true, &pem);
  if (!status) status = mtc_bytes_status(&pem);
  acme_client_path(certificate, run->state.current.number, "landmark.pem", path);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&pem), 0644, error);
  mtc_fault_point("acme.client.landmark");
  if (!status) {
    run->state.has_landmark = true;
    run->state.landmark_url[0] = 0;
    run->state.is_deployed = false;
    run->state.hook_landmark_due = true;
    status = acme_client_save(run, error);
  }
  mtc_fault_point("acme.client.landmark_known");
  acme_client_chain_free(&standalone);
  acme_client_chain_free(&chain);
  mtc_bytes_free(&pem);
  return status;
}

mtc_status acme_client_fetch_landmark(struct acme_client_run *run, struct mtc_error *error) {
  struct acme_client_session *session = run->session;
  struct acme_client_response response = {0};
  struct mtc_error ignored;
  mtc_status status = acme_client_find_account(session, error);
  if (!status)
    status = acme_client_post(session, run->state.landmark_url, NULL, ACCEPT, &response, error);
  bool is_gone =
      status == MTC_INPUT && (response.http_status == 404 || response.http_status == 410);
  bool is_early = status == MTC_BUSY || (!status && response.http_status == 202);
  if (!status && response.http_status == 200)
    status = take_landmark(run, mtc_span_of_bytes(&response.body), error);
  else if (!status && !is_early)
    status = mtc_fail(error, MTC_IO, "HTTP status %ld for the landmark-relative certificate",
                      response.http_status);
  acme_client_response_free(&response);
  if (is_gone) {
    run->state.landmark_url[0] = 0;
    mtc_status saved = acme_client_save(run, error);
    return saved ? saved
                 : mtc_fail_within(error, status, "the landmark-relative certificate is given up");
  }
  if (!status && !is_early) return MTC_OK;
  acme_client_note_no_landmark(&run->state, now_s(), session->retry_after_s, acme_client_random());
  if (!is_early) {
    if (acme_client_save(run, &ignored)) return mtc_fail(error, MTC_IO, "%s", ignored.text);
    return status;
  }
  return acme_client_save(run, error);
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
