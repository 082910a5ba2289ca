/*
 * Another key for the account. KEY is the one in force as far as is known, KEY.next the new one:
 *   KEY.next is made    a crash from here on leaves both; who comes next asks
 *   keyChange is sent   the server has one of the two
 *   KEY is replaced     by the new one's content, in one step
 *   KEY.next is removed
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/client_session.h"
#include "mtc/runtime.h"

static mtc_status make_next(const struct acme_client_session *session, const char *path,
                            struct acme_key *out, struct mtc_error *error) {
  struct mtc_bytes pem = {0};
  mtc_status status = acme_key_generate(session->key.algorithm, out, error);
  if (!status) status = acme_client_append_key(out->pkey, &pem, error);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&pem), 0600, error);
  mtc_bytes_wipe(&pem);
  mtc_fault_point("acme.client.next_key");
  return status;
}

static mtc_status remove_next(const char *path, struct mtc_error *error) {
  char folder[4096];
  if (unlink(path) != 0 && errno != ENOENT)
    return mtc_fail(error, MTC_IO, "%s: %s", path, strerror(errno));
  (void)snprintf(folder, sizeof folder, "%s", path);
  char *slash = strrchr(folder, '/');
  if (slash && slash != folder) *slash = 0;
  return mtc_folder_sync(slash ? folder : ".", error);
}

/* The account that a key has; "" none. No account is made. */
static mtc_status ask_account(struct acme_client_session *session, const struct acme_key *key,
                              char out[ACME_CLIENT_MAX_URL], struct mtc_error *error) {
  struct acme_client_response response = {0};
  struct acme_key own = session->key;
  char account[ACME_CLIENT_MAX_URL];
  memcpy(account, session->account, sizeof account);
  session->key = *key;
  session->account[0] = out[0] = 0; /* signed by the key itself */
  mtc_status status =
      acme_client_post(session, session->directory.new_account,
                       json_pack("{s:b}", "onlyReturnExisting", 1), NULL, &response, error);
  session->key = own;
  memcpy(session->account, account, sizeof account);
  if (status == MTC_INPUT && session->problem.type == ACME_ACCOUNT_DOES_NOT_EXIST) {
    status = MTC_OK;
  } else if (!status) {
    status = acme_client_url_check(response.location, session->allow_plain, error);
    if (status)
      status = mtc_fail_within(error, MTC_IO, "the account's Location");
    else
      memcpy(out, response.location, ACME_CLIENT_MAX_URL);
  }
  acme_client_response_free(&response);
  return status;
}

/* The server has the new key: it becomes the session's, and the file's. Takes `next` over. */
static mtc_status take_next(struct acme_client_session *session, const char *path,
                            const char *account, struct acme_key *next, struct mtc_error *error) {
  struct mtc_bytes pem = {0};
  mtc_status status = acme_client_append_key(next->pkey, &pem, error);
  if (!status)
    status =
        mtc_file_write_atomic(session->config->account.key, mtc_span_of_bytes(&pem), 0600, error);
  mtc_bytes_wipe(&pem);
  mtc_fault_point("acme.client.key_replaced");
  if (status) return status;
  acme_key_free(&session->key);
  session->key = *next;
  *next = (struct acme_key){0};
  (void)snprintf(session->account, sizeof session->account, "%s", account);
  session->is_key_changing = false;
  status = acme_client_save_account(session, error);
  mtc_fault_point("acme.client.key_noted");
  return status ? status : remove_next(path, error);
}

static mtc_status settle(struct acme_client_session *session, const char *path,
                         struct acme_key *next, struct mtc_error *error) {
  char account[ACME_CLIENT_MAX_URL];
  if (strcmp(next->thumbprint, session->key.thumbprint) == 0) { /* replaced, but not removed */
    session->is_key_changing = false;
    return remove_next(path, error);
  }
  mtc_status status = ask_account(session, next, account, error);
  if (status || !account[0]) return status;
  return take_next(session, path, account, next, error);
}

mtc_status acme_client_settle_key(struct acme_client_session *session, struct mtc_error *error) {
  struct acme_key next = {0};
  char path[4096];
  if (!session->is_key_changing) return MTC_OK;
  acme_client_next_key_path(session->config, path);
  mtc_status status = acme_client_load_key(path, &next, error);
  if (!status) status = settle(session, path, &next, error);
  acme_key_free(&next);
  /* Asked once; not in force, it is left for who wants to go on. */
  session->is_key_changing = false;
  return status ? mtc_fail_within(error, status, "change of the account's key") : MTC_OK;
}

/* The account's URL and the old key, signed by the new one. */
static mtc_status make_request(const struct acme_client_session *session,
                               const struct acme_key *next, json_t **out, struct mtc_error *error) {
  struct acme_jws_header header = {.url = session->directory.key_change};
  struct mtc_bytes jws = {0};
  json_t *old = json_loads(session->key.jwk, 0, NULL);
  json_t *json = old ? json_pack("{s:s, s:O}", "account", session->account, "oldKey", old) : NULL;
  char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
  *out = NULL;
  mtc_status status = text ? MTC_OK : MTC_NOMEM;
  if (!status) status = acme_jws_sign(next, &header, mtc_span_of_text(text), &jws, error);
  if (!status) *out = json_loadb((const char *)jws.data, jws.len, 0, NULL);
  if (!status && !*out) status = MTC_NOMEM;
  json_decref(json);
  json_decref(old);
  free(text); /* libjansson's own */
  mtc_bytes_free(&jws);
  return status;
}

static mtc_status send(struct acme_client_session *session, const struct acme_key *next,
                       struct mtc_error *error) {
  struct acme_client_response response = {0};
  json_t *request;
  mtc_status status = make_request(session, next, &request, error);
  mtc_fault_point("acme.client.key_change");
  if (!status)
    status =
        acme_client_post(session, session->directory.key_change, request, NULL, &response, error);
  mtc_fault_point("acme.client.key_changed");
  acme_client_response_free(&response);
  return status;
}

static mtc_status change(struct acme_client_session *session, const char *path,
                         struct acme_key *next, struct mtc_error *error) {
  char account[ACME_CLIENT_MAX_URL];
  struct mtc_error ignored;
  /* What KEY.json says may be old: both keys are asked about. */
  mtc_status status = ask_account(session, &session->key, account, error);
  if (!status && !account[0])
    return mtc_fail(error, MTC_INPUT, "%s: the server knows no account with this key",
                    session->config->account.key);
  if (status) return status;
  memcpy(session->account, account, sizeof account);
  status = send(session, next, error);
  if (!status) return take_next(session, path, account, next, error);
  if (status != MTC_INPUT) return status; /* whether the server has it is asked the next time */
  /* Refused: whatever the reason, the key that is in force is kept. */
  if (ask_account(session, next, account, &ignored)) return status;
  if (account[0]) return take_next(session, path, account, next, error);
  if (remove_next(path, &ignored)) mtc_log(MTC_LOG_WARNING, "key", "error=%s", ignored.text);
  return status;
}

mtc_status acme_client_change_key(struct acme_client_session *session, struct mtc_error *error) {
  struct acme_key next = {0};
  char path[4096];
  acme_client_next_key_path(session->config, path);
  mtc_status status = acme_client_find_directory(session, error);
  bool was_changing = session->is_key_changing;
  if (!status) status = acme_client_settle_key(session, error);
  if (status) return status;
  if (was_changing && access(path, F_OK) != 0) return MTC_OK; /* it had been done */
  if (!session->directory.key_change[0])
    return mtc_fail(error, MTC_INPUT, "the server changes no keys of accounts");
  status = was_changing ? acme_client_load_key(path, &next, error)
                        : make_next(session, path, &next, error);
  if (!status) status = change(session, path, &next, error);
  acme_key_free(&next);
  return status ? mtc_fail_within(error, status, "change of the account's key") : MTC_OK;
}
