/* The ceremony's steps after the key: certificate, request, files, the end; and the way back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/mtc/ceremony.h"
#include "app/mtc/cli.h"
#include "app/mtc/json.h"
#include "entry/csr.h"
#include "mtc/proof.h"

static mtc_status sign(void *context, struct mtc_span message, struct mtc_bytes *out,
                       struct mtc_error *error) {
  struct ceremony *ceremony = context;
  const struct mtc_mechanism *mechanism = &ceremony->plan->mechanism;
  mtc_status status = mtc_raw_token_sign(&ceremony->hsm.raw, mechanism, ceremony->pair.private_key,
                                         &ceremony->hsm.pin, message, out, error);
  if (!status &&
      mtc_signature_verify(mechanism->algorithm, mtc_span_of_bytes(&ceremony->public_key), message,
                           mtc_span_of_bytes(out)))
    status = mtc_fail(error, MTC_TOKEN, "the token's signature does not verify");
  return status;
}

mtc_status ceremony_make_certificate(struct ceremony *ceremony) {
  struct mtc_ca_params ca = ceremony->plan->ca;
  char not_before[32], not_after[32];
  ca.public_key = mtc_span_of_bytes(&ceremony->public_key);
  mtc_status status = mtc_ca_certificate_make(&ca, &ceremony->certificate, ceremony->error);
  if (status) return status;
  struct mtc_span der = mtc_span_of_bytes(&ceremony->certificate);
  return ceremony_record(
      ceremony, MTC_EVENT_CA_CERTIFICATE,
      json_pack("{sssssssssosososo}", "ca_id", ceremony->plan->yaml->ca.id, "wire_version",
                ca.wire->name, "not_before", cli_format_time(ca.not_before, not_before),
                "not_after", cli_format_time(ca.not_after, not_after), "min_serial",
                json_sprintf("%llu", (unsigned long long)ca.min_serial), "max_serial",
                json_sprintf("%llu", (unsigned long long)ca.max_serial), "sha256",
                cli_json_sha256(der), "der", cli_json_base64(der)));
}

mtc_status ceremony_make_csr(struct ceremony *ceremony) {
  struct mtc_bytes info = {0}, signature = {0};
  if (!ceremony->plan->outputs[CEREMONY_CSR]) return MTC_OK;
  mtc_status status =
      mtc_csr_info_append(mtc_span_of_bytes(&ceremony->certificate), &info, ceremony->error);
  if (!status) status = sign(ceremony, mtc_span_of_bytes(&info), &signature, ceremony->error);
  if (!status) {
    mtc_csr_append(mtc_span_of_bytes(&info), ceremony->plan->mechanism.algorithm,
                   mtc_span_of_bytes(&signature), &ceremony->csr);
    struct mtc_span der = mtc_span_of_bytes(&ceremony->csr);
    status = ceremony->csr.failed
                 ? mtc_fail(ceremony->error, MTC_NOMEM, "out of memory")
                 : ceremony_record(ceremony, "request",
                                   json_pack("{soso}", "sha256", cli_json_sha256(der), "der",
                                             cli_json_base64(der)));
  }
  mtc_bytes_free(&info);
  mtc_bytes_free(&signature);
  return status;
}

mtc_status ceremony_store_certificate(struct ceremony *ceremony) {
  const struct ceremony_plan *plan = ceremony->plan;
  struct mtc_span id = mtc_span_of(plan->id, plan->id_len);
  if (!plan->yaml->output.store_certificate) return MTC_OK;
  mtc_status status = hsm_store_certificate(
      &ceremony->hsm, mtc_span_of_bytes(&ceremony->certificate), plan->yaml->key.label, id,
      &ceremony->certificate_object, ceremony->error);
  if (status) return status;
  return ceremony_record(ceremony, "certificate_stored",
                         json_pack("{sIssso}", "handle", (json_int_t)ceremony->certificate_object,
                                   "label", plan->yaml->key.label, "id", cli_json_hex(id)));
}

static mtc_status write_file(struct ceremony *ceremony, enum ceremony_output output,
                             const char *pem_label, const struct mtc_bytes *der) {
  const char *path = ceremony->plan->outputs[output];
  struct mtc_bytes pem = {0};
  if (!path) return MTC_OK;
  mtc_pem_append(pem_label, mtc_span_of_bytes(der), &pem);
  struct mtc_span content = mtc_span_of_bytes(&pem);
  mtc_status status = mtc_bytes_status(&pem);
  if (!status) status = mtc_file_create(path, content, 0644, ceremony->error);
  ceremony->is_written[output] = status == MTC_OK;
  if (!status)
    status = ceremony_record(
        ceremony, "file",
        json_pack("{soso}", "path", cli_json_text(path), "sha256", cli_json_sha256(content)));
  mtc_bytes_free(&pem);
  return status;
}

mtc_status ceremony_write_files(struct ceremony *ceremony) {
  mtc_status status =
      write_file(ceremony, CEREMONY_PUBLIC_KEY, "PUBLIC KEY", &ceremony->public_key);
  if (!status)
    status = write_file(ceremony, CEREMONY_CERTIFICATE, "CERTIFICATE", &ceremony->certificate);
  if (!status) status = write_file(ceremony, CEREMONY_CSR, "CERTIFICATE REQUEST", &ceremony->csr);
  return status;
}

mtc_status ceremony_finish(struct ceremony *ceremony) {
  struct mtc_transcript_signer signer = {ceremony, sign};
  return mtc_transcript_finish(&ceremony->transcript, &signer, json_object(), ceremony->error);
}

/* Removes an object of the token and notes how that ended. */
static void destroy(struct ceremony *ceremony, struct mtc_key_pair pair, const char *what,
                    json_t *removed, json_t *left) {
  struct mtc_error error = {0};
  if (!pair.private_key && !pair.public_key) return;
  if (mtc_key_pair_destroy(&ceremony->hsm.raw, &pair, &error) == MTC_OK)
    (void)json_array_append_new(removed, json_string(what));
  else
    (void)json_array_append_new(left, json_sprintf("%s: %s", what, error.text));
}

/* What is under the ceremony's label or id now, was not there before. */
static void look_for_rest(struct ceremony *ceremony, json_t *left) {
  const struct ceremony_plan *plan = ceremony->plan;
  struct mtc_error error = {0};
  if (!ceremony->has_tried) return;
  mtc_status status = mtc_key_refuse_existing(&ceremony->hsm.raw, plan->yaml->key.label,
                                              mtc_span_of(plan->id, plan->id_len), &error);
  if (status == MTC_INPUT && json_array_size(left) == 0)
    (void)json_array_append_new(left, json_string("an object with the key's label or id"));
  else if (status && status != MTC_INPUT)
    (void)json_array_append_new(
        left, json_sprintf("perhaps the key: the token does not answer: %s", error.text));
}

static void undo_token(struct ceremony *ceremony, json_t *removed, json_t *left) {
  struct mtc_error error = {0};
  if (!ceremony->has_tried) return;
  /* An operation that failed half way may still occupy the old session. */
  if (hsm_renew_session(&ceremony->hsm, &error)) {
    (void)json_array_append_new(
        left, json_sprintf("perhaps the key: the token does not answer: %s", error.text));
    return;
  }
  /* A certificate is destroyed as any object is. */
  destroy(ceremony, (struct mtc_key_pair){.public_key = ceremony->certificate_object},
          "certificate on the token", removed, left);
  destroy(ceremony, (struct mtc_key_pair){.private_key = ceremony->pair.private_key},
          "private key on the token", removed, left);
  destroy(ceremony, (struct mtc_key_pair){.public_key = ceremony->pair.public_key},
          "public key on the token", removed, left);
  look_for_rest(ceremony, left);
}

static void undo_files(struct ceremony *ceremony, json_t *removed, json_t *left) {
  for (size_t i = CEREMONY_NUM_OUTPUTS; i-- > 0;) {
    const char *path = ceremony->plan->outputs[i];
    if (!ceremony->is_written[i]) continue;
    bool is_gone = unlink(path) == 0 || errno == ENOENT;
    (void)json_array_append_new(is_gone ? removed : left, cli_json_text(path));
  }
}

void ceremony_undo(struct ceremony *ceremony, mtc_status status, const char *step) {
  json_t *removed = json_array(), *left = json_array();
  struct mtc_error error = {0};
  if (ceremony->is_dry) {
    (void)mtc_fail_within(ceremony->error, status, "%s", step);
    goto out;
  }
  undo_files(ceremony, removed, left);
  undo_token(ceremony, removed, left);
  /* The texts that people see and that the transcript keeps are the same. */
  (void)mtc_fail_within(ceremony->error, status, "%s", step);
  if (json_array_size(left)) {
    char *list = json_dumps(left, JSON_ENSURE_ASCII);
    (void)mtc_fail_within(ceremony->error, status, "LEFT BEHIND, under label \"%s\": %s; the cause",
                          ceremony->plan->yaml->key.label, list ? list : "?");
    free(list);
  } else if (json_array_size(removed)) {
    (void)mtc_fail_within(ceremony->error, status,
                          "the ceremony failed, and the new key was destroyed");
  } else {
    (void)mtc_fail_within(ceremony->error, status, "the ceremony failed; no key was made");
  }
  if (mtc_transcript_fail(&ceremony->transcript,
                          json_pack("{sosssosOsO}", "text", cli_json_text(ceremony->error->text),
                                    "step", step, "status", json_string(mtc_status_name(status)),
                                    "removed", removed, "left", left),
                          &error))
    (void)mtc_fail_within(ceremony->error, status,
                          "the transcript could not be closed (%.200s); before that", error.text);
out:
  json_decref(removed);
  json_decref(left);
}
