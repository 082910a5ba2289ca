/* One copy of the key: whose turn it is among its processes. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"
#include "sign/latch.h"
#include "sign/mechanism.h"
#include "sign/signer.h"
#include "sign/uri.h"

/* NULL becomes "", which the protocol understands as not given. */
static bool copy_string(const char *text, char **out) {
  *out = mtc_strdup(text ? text : "");
  return *out != NULL;
}

/* What people call it. A URI may hold a PIN: only harmless parts of it are shown. */
static void set_name(struct signer_source *source) {
  struct mtc_key_uri uri;
  struct mtc_error error;
  char *name = source->stats.name;
  const size_t size = sizeof source->stats.name;
  if (!mtc_key_is_uri(source->key)) {
    (void)snprintf(name, size, "key file %s", source->key);
  } else if (mtc_key_uri_parse(source->key, &uri, &error) == MTC_OK) {
    (void)snprintf(name, size, "token %s%s%s, key %s", uri.token, uri.serial[0] ? " serial " : "",
                   uri.serial, uri.object[0] ? uri.object : "by its id");
    mtc_key_uri_wipe(&uri);
  }
}

mtc_status source_init(struct signer_source *source, const struct mtc_signer_source *options,
                       enum mtc_algorithm algorithm, struct mtc_error *error) {
  const struct mtc_mechanism_numbers numbers = {.sign = options->sign_mechanism};
  const struct mtc_mechanism mechanism =
      mtc_mechanism_override(mtc_mechanism_get(algorithm), &numbers);
  if (!copy_string(options->key, &source->key) || !copy_string(options->module, &source->module) ||
      !copy_string(options->module_args, &source->module_args) ||
      !copy_string(options->pin_source, &source->pin_source))
    return mtc_fail(error, MTC_NOMEM, "signer: out of memory");
  source->sign_mechanism = options->sign_mechanism;
  mtc_status status = mtc_latch_identity(source->key, source->module, &source->identity, error);
  if (status) return status;
  set_name(source);
  (void)snprintf(source->stats.mechanism, sizeof source->stats.mechanism, "%s 0x%lx",
                 mtc_algorithm_name(algorithm), mechanism.sign);
  return MTC_OK;
}

void source_free(struct signer_source *source) {
  for (unsigned i = 0; i < MTC_SIGNER_MAX_PROCESSES; i++) {
    mtc_signer_process_end(&source->workers[i].process, SIGNER_CLOSE_GRACE_MS);
    mtc_bytes_free(&source->workers[i].buffer);
  }
  if (source->key) OPENSSL_cleanse(source->key, strlen(source->key));
  mtc_free(source->key);
  mtc_free(source->module);
  mtc_free(source->module_args);
  mtc_free(source->pin_source);
}

/* An idle worker, one that runs if possible; waits for one. */
static struct signer_worker *take_worker(struct mtc_signer *signer, struct signer_source *source) {
  for (;;) {
    struct signer_worker *found = NULL;
    for (unsigned i = 0; i < signer->num_processes; i++) {
      struct signer_worker *worker = &source->workers[i];
      if (worker->busy) continue;
      if (!found || (worker->runs && !found->runs)) found = worker;
    }
    if (found) {
      found->busy = true;
      return found;
    }
    (void)pthread_cond_wait(&signer->changed, &signer->lock);
  }
}

mtc_status source_request(struct mtc_signer *signer, struct signer_source *source,
                          enum mtc_signer_request request, struct mtc_span payload,
                          struct mtc_bytes *out, struct mtc_error *error) {
  (void)pthread_mutex_lock(&signer->lock);
  struct signer_worker *worker = take_worker(signer, source);
  (void)pthread_mutex_unlock(&signer->lock);
  mtc_status status = worker_request(signer, source, worker, request, payload, out, error);
  (void)pthread_mutex_lock(&signer->lock);
  worker->busy = false;
  worker->runs = worker->process.pid != 0;
  /* With another token to go to, one that has failed is left alone until the keeper has tried it.
   */
  bool is_fault = status == MTC_TOKEN || status == MTC_INPUT;
  if (signer->num_sources > 1 && source->stats.down != is_fault && status != MTC_NOMEM) {
    source->stats.down = is_fault;
    mtc_log(is_fault ? MTC_LOG_ERROR : MTC_LOG_INFO, is_fault ? "signer.down" : "signer.up",
            "source=\"%s\"", source->stats.name);
  }
  (void)pthread_cond_broadcast(&signer->changed);
  (void)pthread_mutex_unlock(&signer->lock);
  return status;
}

mtc_status source_test(struct mtc_signer *signer, struct signer_source *source,
                       struct mtc_error *error) {
  /* No cosigned message begins like this: this signature can stand for nothing. */
  static const char text[] = "mtc signer: is this token able to sign?\n";
  struct mtc_bytes signature = {0};
  mtc_status status =
      source_request(signer, source, MTC_SIGNER_SIGN, mtc_span_of_text(text), &signature, error);
  mtc_bytes_free(&signature);
  return status;
}
