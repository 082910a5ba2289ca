#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"
#include "mtc/sign.h"
#include "sign/mechanism.h"
#include "sign/process.h"
#include "sign/uri.h"

#define DEFAULT_TIMEOUT_MS 10000
#define CLOSE_GRACE_MS 2000
#define FIRST_BACKOFF_MS 100
#define MAX_BACKOFF_MS 30000

struct mtc_signer {
  pthread_mutex_t request_lock; /* one request at a time */
  pthread_mutex_t stats_lock;   /* never held while waiting */
  struct mtc_signer_stats stats;
  struct mtc_signer_process process;
  bool was_started;
  bool was_opened; /* the options were good once */
  unsigned num_failures_in_a_row;
  int64_t not_before_ms; /* no new process before this */
  struct mtc_bytes buffer;
  struct mtc_bytes public_key;
  enum mtc_algorithm algorithm;
  unsigned timeout_ms;
  char *program, *key, *module, *module_args, *pin_source;
};

static size_t length_of(const char *text) {
  return text ? strlen(text) : 0;
}

static mtc_status check_options(const struct mtc_signer_options *options, struct mtc_error *error) {
  if (!options->key || !*options->key) return mtc_fail(error, MTC_INPUT, "signer: no key given");
  if (!mtc_mechanism_get(options->algorithm)) {
    return mtc_fail(error, MTC_INPUT, "signer: no signature algorithm given");
  }
  if (options->public_key.len &&
      mtc_algorithm_of_public_key(options->public_key) != options->algorithm) {
    return mtc_fail(error, MTC_INPUT, "signer: the configured public key is no %s key",
                    mtc_algorithm_name(options->algorithm));
  }
  if (length_of(options->key) + length_of(options->module) + length_of(options->module_args) +
          length_of(options->pin_source) >
      MTC_SIGNER_MAX_PACKET / 2) {
    return mtc_fail(error, MTC_INPUT, "signer: the options are longer than %d bytes",
                    MTC_SIGNER_MAX_PACKET / 2);
  }
  return mtc_key_check(options->key, options->module, options->pin_source, error);
}

/* NULL becomes "", which the protocol understands as not given. */
static bool copy_string(const char *text, char **out) {
  *out = mtc_strdup(text ? text : "");
  return *out != NULL;
}

static bool copy_options(const struct mtc_signer_options *options, struct mtc_signer *signer) {
  signer->algorithm = options->algorithm;
  signer->timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
  mtc_bytes_append_span(&signer->public_key, options->public_key);
  return !mtc_bytes_status(&signer->public_key) &&
         copy_string(options->program, &signer->program) &&
         copy_string(options->key, &signer->key) && copy_string(options->module, &signer->module) &&
         copy_string(options->module_args, &signer->module_args) &&
         copy_string(options->pin_source, &signer->pin_source);
}

static void note_failure(struct mtc_signer *signer, const char *text) {
  (void)pthread_mutex_lock(&signer->stats_lock);
  signer->stats.num_failures++;
  (void)snprintf(signer->stats.last_error, sizeof signer->stats.last_error, "%s", text);
  (void)pthread_mutex_unlock(&signer->stats_lock);
}

/*
 * Ends the process and sets how long to wait for the next: nothing after the first failure (a
 * crash now and then costs nobody anything), then 100 ms, doubling up to 30 s.
 */
static mtc_status give_up(struct mtc_signer *signer, mtc_status status, int grace_ms,
                          struct mtc_error *error) {
  mtc_signer_process_end(&signer->process, grace_ms);
  unsigned num_before = signer->num_failures_in_a_row++;
  int64_t wait_ms = num_before ? FIRST_BACKOFF_MS : 0;
  for (unsigned i = 1; i < num_before && wait_ms < MAX_BACKOFF_MS; i++)
    wait_ms *= 2;
  if (wait_ms > MAX_BACKOFF_MS) wait_ms = MAX_BACKOFF_MS;
  signer->not_before_ms = mtc_clock_monotonic_ms() + wait_ms;
  note_failure(signer, error->text);
  mtc_log(MTC_LOG_ERROR, "signer.failed", "status=%s text=\"%s\"", mtc_status_name(status),
          error->text);
  return status;
}

/* Turns a reply that is not DONE into a status; latches when the PIN was refused. */
static mtc_status refusal(struct mtc_signer *signer, const struct mtc_signer_packet *reply,
                          struct mtc_error *error) {
  int len = reply->text.len > 500 ? 500 : (int)reply->text.len;
  const char *text = len ? (const char *)reply->text.data : "";
  if (reply->outcome == MTC_SIGNER_PIN) {
    (void)pthread_mutex_lock(&signer->stats_lock);
    signer->stats.latched = true;
    (void)pthread_mutex_unlock(&signer->stats_lock);
    return mtc_fail(error, MTC_TOKEN, "%.*s; not tried again until restarted", len, text);
  }
  /* Once the key was open, what the signer does not like (the mode of a PIN file, say) is a fault
   * that somebody can mend while requests wait, not the fault of who asks for a signature. */
  mtc_status status = reply->outcome == MTC_SIGNER_INPUT && !signer->was_opened ? MTC_INPUT
                      : reply->outcome == MTC_SIGNER_NOMEM                      ? MTC_NOMEM
                                                                                : MTC_TOKEN;
  return mtc_fail(error, status, "%.*s", len, text);
}

/* One request to the running process. *out_died: it ended without a reply, so asking a fresh one
 * is safe. The process is gone after any failure: its state is not worth knowing. */
static mtc_status ask(struct mtc_signer *signer, enum mtc_signer_request request,
                      struct mtc_span payload, int64_t deadline_ms, struct mtc_signer_packet *reply,
                      bool *out_died, struct mtc_error *error) {
  *out_died = false;
  switch (mtc_signer_process_exchange(&signer->process, request, payload, deadline_ms,
                                      &signer->buffer, reply)) {
    case MTC_EXCHANGE_NOMEM:
      return mtc_fail(error, MTC_NOMEM, "signer: out of memory");
    case MTC_EXCHANGE_DIED:
      *out_died = true;
      return give_up(signer, mtc_fail(error, MTC_TOKEN, "the signer process died"), 0, error);
    case MTC_EXCHANGE_HUNG:
      (void)mtc_fail(error, MTC_TOKEN, "the signer did not answer within %u ms: killed",
                     signer->timeout_ms);
      return give_up(signer, MTC_TOKEN, 0, error);
    case MTC_EXCHANGE_BROKEN:
      (void)mtc_fail(error, MTC_TOKEN, "the signer process sent nonsense: killed");
      return give_up(signer, MTC_TOKEN, 0, error);
    case MTC_EXCHANGE_DONE:
      break;
  }
  if (reply->outcome == MTC_SIGNER_DONE) return MTC_OK;
  mtc_status status = refusal(signer, reply, error);
  return give_up(signer, status, CLOSE_GRACE_MS, error);
}

static mtc_status start(struct mtc_signer *signer, int64_t deadline_ms, struct mtc_error *error) {
  int64_t left_ms = signer->not_before_ms - mtc_clock_monotonic_ms();
  if (left_ms > 0) {
    return mtc_fail(error, MTC_TOKEN, "%s; next attempt in %lld ms", signer->stats.last_error,
                    (long long)left_ms);
  }
  mtc_status status = mtc_signer_process_start(signer->program[0] ? signer->program : NULL,
                                               &signer->process, error);
  if (status) return give_up(signer, status, 0, error);
  (void)pthread_mutex_lock(&signer->stats_lock);
  signer->stats.num_respawns += signer->was_started;
  (void)pthread_mutex_unlock(&signer->stats_lock);
  signer->was_started = true;

  struct mtc_signer_config config = {
      .algorithm = signer->algorithm,
      .key = signer->key,
      .module = signer->module,
      .module_args = signer->module_args,
      .pin_source = signer->pin_source,
  };
  struct mtc_bytes payload = {0};
  struct mtc_signer_packet reply;
  bool died = false;
  mtc_signer_config_append(&config, &payload);
  status = mtc_bytes_status(&payload);
  if (status)
    (void)mtc_fail(error, status, "signer: out of memory");
  else
    status = ask(signer, MTC_SIGNER_OPEN, mtc_span_of_bytes(&payload), deadline_ms, &reply, &died,
                 error);
  /* A process without its key must not meet the next request. */
  if (status) mtc_signer_process_end(&signer->process, CLOSE_GRACE_MS);
  /* The URI may hold a PIN. */
  mtc_bytes_wipe(&payload);
  mtc_bytes_wipe(&signer->buffer);
  return status;
}

/* A request, with a process started for it where there is none. */
static mtc_status request(struct mtc_signer *signer, enum mtc_signer_request type,
                          struct mtc_span payload, struct mtc_signer_packet *reply,
                          struct mtc_error *error) {
  int64_t deadline_ms = mtc_clock_monotonic_ms() + signer->timeout_ms;
  for (int attempt = 0;; attempt++) {
    if (signer->stats.latched) {
      return mtc_fail(error, MTC_TOKEN, "the signer is latched: %s", signer->stats.last_error);
    }
    if (signer->process.pid && mtc_signer_process_is_dead(&signer->process)) {
      mtc_log(MTC_LOG_WARNING, "signer.died", "pid=%d text=\"between requests\"",
              (int)signer->process.pid);
      mtc_signer_process_end(&signer->process, 0);
    }
    bool died = false;
    mtc_status status = signer->process.pid ? MTC_OK : start(signer, deadline_ms, error);
    if (!status) status = ask(signer, type, payload, deadline_ms, reply, &died, error);
    if (!died || attempt == 1) return status;
  }
}

mtc_status mtc_signer_open(const struct mtc_signer_options *options, struct mtc_signer **out,
                           struct mtc_error *error) {
  struct mtc_error local = {0};
  if (!error) error = &local;
  *out = NULL;
  mtc_status status = check_options(options, error);
  if (status) return status;
  struct mtc_signer *signer = mtc_alloc(1, sizeof *signer);
  if (!signer) return mtc_fail(error, MTC_NOMEM, "signer: out of memory");
  (void)pthread_mutex_init(&signer->request_lock, NULL);
  (void)pthread_mutex_init(&signer->stats_lock, NULL);
  if (copy_options(options, signer)) {
    status = start(signer, mtc_clock_monotonic_ms() + signer->timeout_ms, error);
  } else {
    status = mtc_fail(error, MTC_NOMEM, "signer: out of memory");
  }
  if (status) {
    mtc_signer_close(signer);
    return status;
  }
  signer->num_failures_in_a_row = 0;
  signer->was_opened = true;
  *out = signer;
  return MTC_OK;
}

/* Only what a relying party would accept leaves: the token may hold another key under this name. */
static mtc_status check_signature(struct mtc_signer *signer, struct mtc_span message,
                                  struct mtc_span signature, struct mtc_error *error) {
  mtc_status status = mtc_signature_verify(
      signer->algorithm, mtc_span_of_bytes(&signer->public_key), message, signature);
  if (!status) return MTC_OK;
  if (status == MTC_NOMEM) return mtc_fail(error, status, "signer: out of memory");
  (void)mtc_fail(error, MTC_TOKEN,
                 "a signature of the token does not verify under the configured public key");
  return give_up(signer, MTC_TOKEN, CLOSE_GRACE_MS, error);
}

mtc_status mtc_signer_sign(struct mtc_signer *signer, struct mtc_span message,
                           struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_error local = {0};
  if (!error) error = &local;
  if (message.len == 0 || message.len > MTC_SIGNER_MAX_MESSAGE) {
    return mtc_fail(error, MTC_INPUT, "signer: a message of %zu bytes (1 to %d can be signed)",
                    message.len, MTC_SIGNER_MAX_MESSAGE);
  }
  if (!signer->public_key.len) {
    return mtc_fail(error, MTC_INPUT, "signer: no public key configured to check signatures with");
  }
  (void)pthread_mutex_lock(&signer->request_lock);
  struct mtc_signer_packet reply;
  mtc_status status = request(signer, MTC_SIGNER_SIGN, message, &reply, error);
  if (!status) status = check_signature(signer, message, reply.payload, error);
  if (!status) {
    signer->num_failures_in_a_row = 0;
    mtc_bytes_append_span(out, reply.payload);
    status = mtc_bytes_status(out);
    if (status) (void)mtc_fail(error, status, "signer: out of memory");
  }
  if (!status) {
    (void)pthread_mutex_lock(&signer->stats_lock);
    signer->stats.num_signatures++;
    (void)pthread_mutex_unlock(&signer->stats_lock);
  }
  (void)pthread_mutex_unlock(&signer->request_lock);
  return status;
}

mtc_status mtc_signer_public_key(struct mtc_signer *signer, struct mtc_bytes *out,
                                 struct mtc_error *error) {
  struct mtc_error local = {0};
  if (!error) error = &local;
  (void)pthread_mutex_lock(&signer->request_lock);
  struct mtc_signer_packet reply;
  mtc_status status = request(signer, MTC_SIGNER_PUBLIC_KEY, mtc_span_of(NULL, 0), &reply, error);
  if (!status && mtc_algorithm_of_public_key(reply.payload) != signer->algorithm) {
    (void)mtc_fail(error, MTC_TOKEN, "the token's public key is no %s key",
                   mtc_algorithm_name(signer->algorithm));
    status = give_up(signer, MTC_TOKEN, CLOSE_GRACE_MS, error);
  }
  if (!status) {
    mtc_bytes_append_span(out, reply.payload);
    status = mtc_bytes_status(out);
    if (status) (void)mtc_fail(error, status, "signer: out of memory");
  }
  (void)pthread_mutex_unlock(&signer->request_lock);
  return status;
}

void mtc_signer_stats(struct mtc_signer *signer, struct mtc_signer_stats *out) {
  (void)pthread_mutex_lock(&signer->stats_lock);
  *out = signer->stats;
  (void)pthread_mutex_unlock(&signer->stats_lock);
}

void mtc_signer_close(struct mtc_signer *signer) {
  if (!signer) return;
  mtc_signer_process_end(&signer->process, CLOSE_GRACE_MS);
  mtc_bytes_free(&signer->buffer);
  mtc_bytes_free(&signer->public_key);
  mtc_free(signer->program);
  if (signer->key) OPENSSL_cleanse(signer->key, strlen(signer->key));
  mtc_free(signer->key);
  mtc_free(signer->module);
  mtc_free(signer->module_args);
  mtc_free(signer->pin_source);
  (void)pthread_mutex_destroy(&signer->request_lock);
  (void)pthread_mutex_destroy(&signer->stats_lock);
  mtc_free(signer);
}
