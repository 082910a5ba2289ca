/* Proofs of control: files below a web root, TXT records by a hook, own listeners. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "acme/client_hook.h"
#include "acme/client_run.h"
#include "mtc/digest.h"
#include "mtc/runtime.h"

#define HOOK_TIMEOUT_S 300u
#define MAX_KEY_AUTHORIZATION 192u

static const char folder[] = ".well-known/acme-challenge";

static mtc_status make_key_authorization(const struct acme_client_run *run, const char *token,
                                         char out[MAX_KEY_AUTHORIZATION], struct mtc_error *error) {
  struct mtc_bytes text = {0};
  acme_key_authorization(&run->session->key, token, &text);
  mtc_status status = mtc_bytes_status(&text);
  if (!status && text.len < MAX_KEY_AUTHORIZATION) {
    memcpy(out, text.data, text.len);
    out[text.len] = 0;
  } else {
    status = mtc_fail(error, MTC_NOMEM, "out of memory");
  }
  mtc_bytes_free(&text);
  return status;
}

static mtc_status make_proof(const struct acme_client_run *run,
                             const struct acme_client_authorization *authorization,
                             struct acme_client_proof *out, struct mtc_error *error) {
  char key_authorization[MAX_KEY_AUTHORIZATION];
  struct mtc_hash hash;
  struct mtc_bytes value = {0};
  mtc_status status = make_key_authorization(run, authorization->token, key_authorization, error);
  if (status) return status;
  if (run->certificate->challenge.method != ACME_CLIENT_DNS) {
    (void)snprintf(out->name, sizeof out->name, "%s", authorization->token);
    (void)snprintf(out->value, sizeof out->value, "%s", key_authorization);
    return MTC_OK;
  }
  (void)snprintf(out->name, sizeof out->name, "_acme-challenge.%s",
                 authorization->identifier.value);
  mtc_hash_message(mtc_span_of_text(key_authorization), &hash);
  acme_append_base64url(&value, mtc_span_of(hash.bytes, sizeof hash.bytes));
  mtc_bytes_append_uint(&value, 0, 1);
  status = mtc_bytes_status(&value);
  if (!status) (void)snprintf(out->value, sizeof out->value, "%s", (const char *)value.data);
  mtc_bytes_free(&value);
  return status;
}

static void proof_path(const struct acme_client_run *run, const struct acme_client_proof *proof,
                       char out[4096]) {
  (void)snprintf(out, 4096, "%s/%s/%s", run->certificate->challenge.webroot, folder, proof->name);
}

static mtc_status run_dns_hook(const struct acme_client_run *run, const char *word,
                               const struct acme_client_proof *proof, struct mtc_error *error) {
  const char *const arguments[] = {word, proof->name, proof->value, NULL};
  char name[128];
  (void)snprintf(name, sizeof name, "MTC_ACME_NAME=%s", run->certificate->name);
  const char *const environment[] = {name, NULL};
  return acme_client_run_hook(&run->certificate->challenge.hook, arguments, environment,
                              HOOK_TIMEOUT_S, error);
}

static mtc_status write_file(const struct acme_client_run *run,
                             const struct acme_client_proof *proof, struct mtc_error *error) {
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/%s", run->certificate->challenge.webroot, folder);
  mtc_status status = mtc_make_folders(path, error);
  proof_path(run, proof, path);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_text(proof->value), 0644, error);
  return status;
}

static mtc_status listen_for(struct acme_client_run *run,
                             const struct acme_client_authorization *authorizations, size_t num,
                             struct mtc_error *error) {
  const struct acme_client_challenge *challenge = &run->certificate->challenge;
  struct acme_client_answerable *answerable = mtc_alloc(num, sizeof *answerable);
  mtc_status status = answerable ? MTC_OK : MTC_NOMEM;
  for (size_t i = 0; !status && i < num; i++) {
    answerable[i].identifier = authorizations[i].identifier;
    (void)snprintf(answerable[i].token, sizeof answerable[i].token, "%s", authorizations[i].token);
    status = make_key_authorization(run, authorizations[i].token, answerable[i].key_authorization,
                                    error);
  }
  if (!status)
    status = acme_client_listen(challenge->method, challenge->listen, answerable, num,
                                &run->listener, error);
  mtc_free(answerable);
  return status;
}

mtc_status acme_client_prove(struct acme_client_run *run,
                             const struct acme_client_authorization *authorizations, size_t num,
                             struct mtc_error *error) {
  const struct acme_client_challenge *challenge = &run->certificate->challenge;
  struct mtc_error problem = {""};
  for (size_t i = 0; i < num; i++)
    if (!authorizations[i].has_challenge)
      return mtc_fail(error, MTC_INPUT, "%s: the server offers no challenge of the configured type",
                      authorizations[i].identifier.value);
  if (challenge->listen) return listen_for(run, authorizations, num, error);
  /* Older ones that cannot be taken away are no reason to go without a certificate. */
  if (acme_client_withdraw(run, &problem))
    acme_client_say(run, ACME_CLIENT_FAILED, "%s", problem.text);
  mtc_free(run->state.proofs);
  run->state.proofs = mtc_alloc(num, sizeof *run->state.proofs);
  run->state.num_proofs = 0;
  if (!run->state.proofs) return mtc_fail(error, MTC_NOMEM, "out of memory");
  run->state.num_proofs = num;
  mtc_status status = MTC_OK;
  for (size_t i = 0; !status && i < num; i++)
    status = make_proof(run, &authorizations[i], &run->state.proofs[i], error);
  /* What is set up from here on is taken away again, if by another run. */
  if (!status) status = acme_client_save(run, error);
  mtc_fault_point("acme.client.proofs");
  for (size_t i = 0; !status && i < num; i++)
    status = challenge->method == ACME_CLIENT_DNS
                 ? run_dns_hook(run, "add", &run->state.proofs[i], error)
                 : write_file(run, &run->state.proofs[i], error);
  return status;
}

static mtc_status withdraw_one(const struct acme_client_run *run,
                               const struct acme_client_proof *proof, struct mtc_error *error) {
  char path[4096];
  const struct acme_client_challenge *challenge = &run->certificate->challenge;
  if (challenge->method == ACME_CLIENT_DNS) return run_dns_hook(run, "remove", proof, error);
  if (!challenge->webroot) return MTC_OK;
  proof_path(run, proof, path);
  if (unlink(path) == 0 || errno == ENOENT) return MTC_OK;
  return mtc_fail(error, MTC_IO, "%s: %s", path, strerror(errno));
}

mtc_status acme_client_withdraw(struct acme_client_run *run, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  acme_client_listener_close(run->listener);
  run->listener = NULL;
  if (run->state.num_proofs == 0) return MTC_OK;
  for (size_t i = 0; !status && i < run->state.num_proofs; i++)
    status = withdraw_one(run, &run->state.proofs[i], error);
  if (status) return status;
  mtc_fault_point("acme.client.withdrawn");
  mtc_free(run->state.proofs);
  run->state.proofs = NULL;
  run->state.num_proofs = 0;
  return acme_client_save(run, error);
}
