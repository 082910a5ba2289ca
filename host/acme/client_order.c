/* An order's way: placed, proved, finalized, downloaded. The server's state of it decides, so that
 * a run that was killed anywhere is continued by asking. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "acme/client_run.h"
#include "acme/client_step.h"
#include "mtc/runtime.h"

#define ACCEPT_PROPERTIES "application/pem-certificate-chain-with-properties"
#define ACCEPT_PLAIN "application/pem-certificate-chain"
#define MAX_PAUSE_MS 10000

static mtc_status make_request(const struct acme_client_run *run, bool with_replaces, json_t **out,
                               struct mtc_error *error) {
  const struct acme_client_certificate *certificate = run->certificate;
  json_t *identifiers = json_array();
  int failed = 0;
  for (size_t i = 0; i < certificate->num_identifiers; i++)
    failed |=
        json_array_append_new(identifiers, acme_identifier_json(&certificate->identifiers[i]));
  *out = failed ? NULL : json_pack("{s:O}", "identifiers", identifiers);
  json_decref(identifiers);
  if (!*out) return mtc_fail(error, MTC_NOMEM, "out of memory");
  if (certificate->profile)
    (void)json_object_set_new(*out, "profile", json_string(certificate->profile));
  if (with_replaces) (void)json_object_set_new(*out, "replaces", json_string(run->state.cert_id));
  return MTC_OK;
}

static mtc_status send_order(struct acme_client_run *run, struct acme_client_response *response,
                             struct mtc_error *error) {
  struct acme_client_session *session = run->session;
  json_t *request = NULL;
  bool with_replaces = session->directory.renewal_info[0] && run->state.current.number &&
                       run->state.cert_id[0] && !run->state.order.without_replaces;
  mtc_status status = make_request(run, with_replaces, &request, error);
  if (!status)
    status =
        acme_client_post(session, session->directory.new_order, request, NULL, response, error);
  return status;
}

static mtc_status place(struct acme_client_run *run, struct mtc_error *error) {
  struct acme_client_session *session = run->session;
  struct acme_client_response response = {0};
  mtc_status status = send_order(run, &response, error);
  /* The server has lost the account: it is made again. */
  if (status == MTC_INPUT && session->problem.type == ACME_ACCOUNT_DOES_NOT_EXIST) {
    status = acme_client_forget_account(session, error);
    if (!status) status = acme_client_find_account(session, error);
    if (!status) status = send_order(run, &response, error);
  }
  if (status == MTC_INPUT && session->problem.type == ACME_ALREADY_REPLACED) {
    run->state.order.without_replaces = true;
    status = acme_client_save(run, error);
    if (!status) status = send_order(run, &response, error);
  }
  if (!status && acme_client_url_check(response.location, session->allow_plain, error))
    status = mtc_fail_within(error, MTC_IO, "the order's Location");
  /* A kill here costs an order that nobody goes on with. */
  mtc_fault_point("acme.client.placed");
  if (!status) {
    memcpy(run->state.order.url, response.location, sizeof run->state.order.url);
    status = acme_client_save(run, error);
  }
  mtc_fault_point("acme.client.order_known");
  acme_client_response_free(&response);
  return status;
}

static mtc_status fetch_order(struct acme_client_run *run, struct acme_client_order *out,
                              struct mtc_error *error) {
  struct acme_client_response response = {0};
  mtc_status status =
      acme_client_post(run->session, run->state.order.url, NULL, NULL, &response, error);
  if (!status)
    status = acme_client_read_order(mtc_span_of_bytes(&response.body), run->session->allow_plain,
                                    out, error);
  acme_client_response_free(&response);
  return status;
}

static mtc_status fetch_authorization(struct acme_client_run *run, const char *url,
                                      struct acme_client_authorization *out,
                                      struct mtc_error *error) {
  struct acme_client_response response = {0};
  mtc_status status = acme_client_post(run->session, url, NULL, NULL, &response, error);
  if (!status)
    status =
        acme_client_read_authorization(mtc_span_of_bytes(&response.body), run->session->allow_plain,
                                       run->certificate->challenge.method, out, error);
  acme_client_response_free(&response);
  return status;
}

/* An order that is invalid says why in its authorizations, if not itself. */
static mtc_status explain(struct acme_client_run *run, const struct acme_client_order *order,
                          struct mtc_error *error) {
  struct acme_client_authorization authorization;
  struct mtc_error ignored;
  const char *reason = order->problem, *name = "";
  for (size_t i = 0; !reason[0] && i < order->num_authorizations; i++)
    if (!fetch_authorization(run, order->authorizations[i], &authorization, &ignored)) {
      reason = authorization.problem;
      name = authorization.identifier.value;
    }
  return mtc_fail(error, MTC_INPUT, "the order is invalid: %s%s%s", name, name[0] ? ": " : "",
                  reason[0] ? reason : "the server does not say why");
}

/* Tells the server that the proofs stand. Said again in every run: a server that was restarted may
 * have forgotten it. */
static mtc_status respond(struct acme_client_run *run,
                          const struct acme_client_authorization *authorizations, size_t num,
                          struct mtc_error *error) {
  struct acme_client_response response = {0};
  mtc_status status = MTC_OK;
  for (size_t i = 0; !status && i < num; i++) {
    if (authorizations[i].challenge_status != ACME_CLIENT_PENDING &&
        authorizations[i].challenge_status != ACME_CLIENT_PROCESSING)
      continue;
    status = acme_client_post(run->session, authorizations[i].url, json_object(), NULL, &response,
                              error);
  }
  acme_client_response_free(&response);
  return status;
}

static mtc_status prove(struct acme_client_run *run, const struct acme_client_order *order,
                        struct mtc_error *error) {
  size_t num = 0;
  mtc_status status = MTC_OK;
  struct acme_client_authorization *pending = mtc_alloc(order->num_authorizations, sizeof *pending);
  if (!pending) return mtc_fail(error, MTC_NOMEM, "out of memory");
  for (size_t i = 0; !status && i < order->num_authorizations; i++) {
    status = fetch_authorization(run, order->authorizations[i], &pending[num], error);
    if (!status && pending[num].status == ACME_CLIENT_PENDING) num++;
  }
  if (!status && num) status = acme_client_prove(run, pending, num, error);
  mtc_fault_point("acme.client.proved");
  if (!status && num) status = respond(run, pending, num, error);
  mtc_fault_point("acme.client.responded");
  mtc_free(pending);
  return status;
}

/* The key of the order's generation: there already, or that of the current one, or a new one. It is
 * durable before anything that has its public part is sent. */
static mtc_status find_key(struct acme_client_run *run, EVP_PKEY **out, struct mtc_error *error) {
  const struct acme_client_certificate *certificate = run->certificate;
  char path[4096];
  struct stat info;
  struct mtc_bytes pem = {0};
  uint64_t from = certificate->reuse_key ? run->state.current.number : 0;
  acme_client_path(certificate, run->state.order.generation, "key.pem", path);
  if (stat(path, &info) == 0) return acme_client_read_key(path, out, error);
  mtc_status status = MTC_OK;
  if (from) {
    char old[4096];
    acme_client_path(certificate, from, "key.pem", old);
    status = acme_client_read_key(old, out, error);
  } else {
    status = acme_client_make_key(certificate->key_type, out, error);
  }
  if (!status) status = acme_client_append_key(*out, &pem, error);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&pem), 0600, error);
  mtc_bytes_wipe(&pem);
  mtc_fault_point("acme.client.key");
  return status;
}

static mtc_status finalize(struct acme_client_run *run, const struct acme_client_order *order,
                           struct mtc_error *error) {
  struct acme_client_response response = {0};
  struct mtc_bytes csr = {0}, text = {0};
  EVP_PKEY *key = NULL;
  mtc_status status = find_key(run, &key, error);
  if (!status)
    status = acme_client_append_csr(key, run->certificate->identifiers,
                                    run->certificate->num_identifiers, &csr, error);
  if (!status) {
    acme_append_base64url(&text, mtc_span_of_bytes(&csr));
    mtc_bytes_append_uint(&text, 0, 1);
    status = mtc_bytes_status(&text);
  }
  if (!status)
    status = acme_client_post(run->session, order->finalize,
                              json_pack("{s:s}", "csr", (const char *)text.data), NULL, &response,
                              error);
  mtc_fault_point("acme.client.finalized");
  EVP_PKEY_free(key);
  mtc_bytes_free(&csr);
  mtc_bytes_free(&text);
  acme_client_response_free(&response);
  return status;
}

static mtc_status write_chain(const struct acme_client_run *run, const char *file,
                              const struct acme_client_chain *chain, bool with_properties,
                              struct mtc_error *error) {
  char path[4096];
  struct mtc_bytes pem = {0};
  acme_client_path(run->certificate, run->state.order.generation, file, path);
  acme_client_append_chain(chain, with_properties, &pem);
  mtc_status status = mtc_bytes_status(&pem);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&pem), 0644, error);
  mtc_bytes_free(&pem);
  return status;
}

static mtc_status fetch_chain(struct acme_client_run *run, const char *url, const char *accept,
                              struct acme_client_chain *out, char landmark[ACME_CLIENT_MAX_URL],
                              char alternates[ACME_CLIENT_MAX_URLS], struct mtc_error *error) {
  struct acme_client_response response = {0};
  *out = (struct acme_client_chain){0};
  landmark[0] = alternates[0] = 0;
  mtc_status status = acme_client_post(run->session, url, NULL, accept, &response, error);
  if (!status) status = acme_client_read_chain(mtc_span_of_bytes(&response.body), out, error);
  char *line = status ? NULL : (char *)response.links.data;
  while (line && *line) {
    char *end = strchr(line, '\n');
    if (end) *end++ = 0;
    if (!landmark[0])
      acme_client_read_link(line, "acme-optional-alternate", url, run->session->allow_plain,
                            landmark);
    acme_client_read_links(line, "alternate", url, run->session->allow_plain, alternates);
    line = end;
  }
  acme_client_response_free(&response);
  return status;
}

/* Whether a certificate that has just been made is valid tells about this machine's clock. It is
 * the newest all the same, and deployed. */
static void check_clock(struct acme_client_run *run, const struct acme_client_leaf *leaf) {
  int64_t now_s = mtc_clock_now_ms() / 1000;
  static const char text[] = "the new certificate is not valid now: is this machine's clock right?";
  if (now_s <= leaf->not_after_s && now_s >= leaf->not_before_s - 86400) return;
  acme_client_note_failure(&run->state, now_s, 0, acme_client_random(), text);
  acme_client_say(run, ACME_CLIENT_FAILED, "%s", text);
}

static mtc_status take(struct acme_client_run *run, const struct acme_client_order *order,
                       struct mtc_error *error) {
  const struct acme_client_certificate *certificate = run->certificate;
  struct acme_client_chain chain = {0}, plain = {0};
  struct acme_client_leaf leaf = {0}, again;
  char path[4096], landmark[ACME_CLIENT_MAX_URL] = "", ignored[ACME_CLIENT_MAX_URL];
  char alternates[ACME_CLIENT_MAX_URLS] = "", also_ignored[ACME_CLIENT_MAX_URLS];
  EVP_PKEY *key = NULL;
  acme_client_path(certificate, run->state.order.generation, "key.pem", path);
  mtc_status status = acme_client_read_key(path, &key, error);
  if (status) status = mtc_fail_within(error, MTC_INPUT, "the order's key is lost");
  if (!status)
    status = fetch_chain(run, order->certificate, ACCEPT_PROPERTIES ", " ACCEPT_PLAIN ";q=0.5",
                         &chain, landmark, alternates, error);
  if (!status)
    status =
        fetch_chain(run, order->certificate, ACCEPT_PLAIN, &plain, ignored, also_ignored, error);
  if (!status)
    status = acme_client_check_chain(&chain, key, certificate->identifiers,
                                     certificate->num_identifiers, &leaf, error);
  if (!status)
    status = acme_client_check_chain(&plain, key, certificate->identifiers,
                                     certificate->num_identifiers, &again, error);
  if (!status) status = write_chain(run, "standalone.pem", &chain, true, error);
  if (!status) status = write_chain(run, "fullchain.pem", &plain, false, error);
  mtc_fault_point("acme.client.downloaded");
  if (!status) {
    acme_client_note_certificate(&run->state, leaf.not_before_s, leaf.not_after_s, leaf.cert_id,
                                 landmark, mtc_clock_now_ms() / 1000, acme_client_random());
    /* A server of before the relation; of other certificates an alternate is another root's. */
    if (!landmark[0] && acme_client_is_of_tree(&chain))
      acme_client_note_alternates(&run->state, alternates);
    check_clock(run, &leaf);
    status = acme_client_save(run, error);
  }
  EVP_PKEY_free(key);
  acme_client_chain_free(&chain);
  acme_client_chain_free(&plain);
  return status;
}

/* False: the deadline would come first. */
static bool pause_for(const struct acme_client_run *run, unsigned round) {
  int64_t wait_ms = run->session->retry_after_s * 1000;
  if (wait_ms <= 0) wait_ms = round < 5 ? INT64_C(100) << round : 2000;
  if (wait_ms > MAX_PAUSE_MS) wait_ms = MAX_PAUSE_MS;
  if (mtc_clock_monotonic_ms() + wait_ms > run->deadline_ms) return false;
  struct timespec pause = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
  (void)nanosleep(&pause, NULL);
  return true;
}

/* What the order's status asks for. */
static mtc_status act(struct acme_client_run *run, const struct acme_client_order *order,
                      bool *has_proved, bool *has_finalized, struct mtc_error *error) {
  bool again;
  switch (order->status) {
    case ACME_CLIENT_PENDING:
      again = *has_proved;
      *has_proved = true;
      return again ? MTC_OK : prove(run, order, error);
    case ACME_CLIENT_READY:
      again = *has_finalized;
      *has_finalized = true;
      return again ? MTC_OK : finalize(run, order, error);
    case ACME_CLIENT_PROCESSING:
      return MTC_OK;
    case ACME_CLIENT_VALID:
      return take(run, order, error);
    default:
      return explain(run, order, error);
  }
}

mtc_status acme_client_advance(struct acme_client_run *run, bool *out_pending,
                               struct mtc_error *error) {
  bool has_proved = false, has_finalized = false;
  *out_pending = false;
  mtc_status status = acme_client_find_account(run->session, error);
  if (!status && !run->state.order.url[0]) status = place(run, error);
  for (unsigned round = 0; !status && run->state.order.generation; round++) {
    struct acme_client_order order;
    status = fetch_order(run, &order, error);
    if (status) break;
    int had_acted = has_proved + has_finalized;
    status = act(run, &order, &has_proved, &has_finalized, error);
    bool has_acted = has_proved + has_finalized != had_acted;
    acme_client_order_free(&order);
    if (status || !run->state.order.generation) break;
    if (has_acted) round = 0;
    if (pause_for(run, round)) continue;
    *out_pending = true;
    break;
  }
  return status;
}
