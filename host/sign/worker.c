/* One process: started, asked, believed only when what it says verifies, and ended. */
#include <stdio.h>
#include <time.h>

#include "mtc/runtime.h"
#include "sign/latch.h"
#include "sign/latency.h"
#include "sign/pin.h"
#include "sign/signer.h"

#define FIRST_BACKOFF_MS 100
#define MAX_BACKOFF_MS 30000
#define PROMPT_TIMEOUT_MS 180000 /* a person types the PIN */

static void note_error(struct mtc_signer *signer, struct signer_source *source, const char *text) {
  (void)snprintf(source->stats.last_error, sizeof source->stats.last_error, "%s", text);
  (void)snprintf(signer->last_error, sizeof signer->last_error, "%s", text);
  source->stats.last_error_s = mtc_clock_now_ms() / 1000;
}

/*
 * Ends the process and sets how long to wait for the next: nothing after the first failure (a
 * crash now and then costs nobody anything), then 100 ms, doubling up to 30 s. The death of a
 * process that has worked is always a first one: several may be killed at the same moment.
 */
static mtc_status give_up(struct mtc_signer *signer, struct signer_source *source,
                          struct signer_worker *worker, mtc_status status, int grace_ms,
                          struct mtc_error *error) {
  mtc_signer_process_end(&worker->process, grace_ms);
  (void)pthread_mutex_lock(&signer->lock);
  unsigned num_before = worker->has_worked ? 0 : source->num_failures_in_a_row++;
  int64_t wait_ms = num_before ? FIRST_BACKOFF_MS : 0;
  for (unsigned i = 1; i < num_before && wait_ms < MAX_BACKOFF_MS; i++)
    wait_ms *= 2;
  if (wait_ms > MAX_BACKOFF_MS) wait_ms = MAX_BACKOFF_MS;
  int64_t not_before_ms = mtc_clock_monotonic_ms() + wait_ms;
  if (not_before_ms > source->not_before_ms) source->not_before_ms = not_before_ms;
  source->stats.num_failures++;
  note_error(signer, source, error->text);
  (void)pthread_mutex_unlock(&signer->lock);
  mtc_log(MTC_LOG_ERROR, "signer.failed", "status=%s source=\"%s\" text=\"%s\"",
          mtc_status_name(status), source->stats.name, error->text);
  return status;
}

static void latch(struct mtc_signer *signer, struct signer_source *source, const char *why) {
  (void)pthread_mutex_lock(&signer->lock);
  source->stats.latched = true;
  note_error(signer, source, why);
  (void)pthread_mutex_unlock(&signer->lock);
  mtc_log(MTC_LOG_ERROR, "signer.latched",
          "source=\"%s\" text=\"%s; not tried again before mtc signer unlatch\"",
          source->stats.name, why);
}

/* Turns a reply that is not DONE into a status; latches when the PIN was refused. */
static mtc_status refusal(struct mtc_signer *signer, struct signer_source *source,
                          const struct mtc_signer_packet *reply, struct mtc_error *error) {
  int len = reply->text.len > 500 ? 500 : (int)reply->text.len;
  const char *text = len ? (const char *)reply->text.data : "";
  if (reply->outcome == MTC_SIGNER_PIN) {
    (void)mtc_fail(error, MTC_TOKEN, "%.*s", len, text);
    latch(signer, source, error->text);
    return mtc_fail(error, MTC_TOKEN, "%.*s; not tried again before mtc signer unlatch", len, text);
  }
  /* Once the key was open, what the signer does not like (the mode of a PIN file, say) is a fault
   * that somebody can mend while requests wait, not the fault of who asks for a signature. */
  (void)pthread_mutex_lock(&signer->lock);
  bool was_opened = source->was_opened;
  (void)pthread_mutex_unlock(&signer->lock);
  mtc_status status = reply->outcome == MTC_SIGNER_INPUT && !was_opened ? MTC_INPUT
                      : reply->outcome == MTC_SIGNER_NOMEM              ? MTC_NOMEM
                                                                        : MTC_TOKEN;
  return mtc_fail(error, status, "%.*s", len, text);
}

/* One request to the running process. *out_died: it ended without a reply, so asking a fresh one
 * is safe. The process is gone after any failure: its state is not worth knowing. */
static mtc_status ask(struct mtc_signer *signer, struct signer_source *source,
                      struct signer_worker *worker, enum mtc_signer_request request,
                      struct mtc_span payload, int64_t deadline_ms, struct mtc_signer_packet *reply,
                      bool *out_died, struct mtc_error *error) {
  *out_died = false;
  switch (mtc_signer_process_exchange(&worker->process, request, payload, deadline_ms,
                                      &worker->buffer, reply)) {
    case MTC_EXCHANGE_NOMEM:
      return mtc_fail(error, MTC_NOMEM, "signer: out of memory");
    case MTC_EXCHANGE_DIED:
      *out_died = true;
      mtc_signer_process_describe_end(&worker->process, "the signer process died", error);
      return give_up(signer, source, worker, MTC_TOKEN, 0, error);
    case MTC_EXCHANGE_HUNG:
      (void)mtc_fail(error, MTC_TOKEN, "the signer did not answer within %u ms: killed",
                     signer->timeout_ms);
      return give_up(signer, source, worker, MTC_TOKEN, 0, error);
    case MTC_EXCHANGE_BROKEN:
      (void)mtc_fail(error, MTC_TOKEN, "the signer process sent nonsense: killed");
      return give_up(signer, source, worker, MTC_TOKEN, 0, error);
    case MTC_EXCHANGE_DONE:
      break;
  }
  if (reply->outcome == MTC_SIGNER_DONE) return MTC_OK;
  mtc_status status = refusal(signer, source, reply, error);
  return give_up(signer, source, worker, status, SIGNER_CLOSE_GRACE_MS, error);
}

/*
 * What the token says once its key is open. Another key than the configured one is noticed before
 * it signs anything: that is a wrong URI or a wrong clone, not a token that lies.
 */
static mtc_status note_open(struct mtc_signer *signer, struct signer_source *source,
                            struct signer_worker *worker, struct mtc_span payload,
                            struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(payload);
  struct mtc_span description, public_key;
  if (!mtc_read_prefixed(&reader, 2, &description) || !mtc_read_prefixed(&reader, 2, &public_key) ||
      reader.len) {
    (void)mtc_fail(error, MTC_TOKEN, "the signer process sent nonsense: killed");
    return give_up(signer, source, worker, MTC_TOKEN, 0, error);
  }
  if (public_key.len && signer->public_key.len &&
      !mtc_span_equal(public_key, mtc_span_of_bytes(&signer->public_key))) {
    (void)mtc_fail(error, MTC_TOKEN, "%s is another key than the configured public key",
                   source->stats.name);
    return give_up(signer, source, worker, MTC_TOKEN, SIGNER_CLOSE_GRACE_MS, error);
  }
  int len = description.len > 150 ? 150 : (int)description.len;
  (void)pthread_mutex_lock(&signer->lock);
  source->was_opened = true;
  (void)snprintf(source->stats.token, sizeof source->stats.token, "%.*s", len,
                 len ? (const char *)description.data : "");
  (void)pthread_mutex_unlock(&signer->lock);
  return MTC_OK;
}

static mtc_status send_open(struct mtc_signer *signer, struct signer_source *source,
                            struct signer_worker *worker, int64_t deadline_ms, bool *out_died,
                            struct mtc_error *error) {
  struct mtc_signer_config config = {
      .algorithm = signer->algorithm,
      .key = source->key,
      .module = source->module,
      .module_args = source->module_args,
      .pin_source = source->pin_source,
      .latch = signer->latch,
      .sign_mechanism = source->sign_mechanism,
      .confinement = signer->confinement,
  };
  struct mtc_bytes payload = {0};
  struct mtc_signer_packet reply;
  if (mtc_pin_is_prompted(source->key, source->pin_source))
    deadline_ms = mtc_clock_monotonic_ms() + PROMPT_TIMEOUT_MS;
  mtc_signer_config_append(&config, &payload);
  mtc_status status = mtc_bytes_status(&payload);
  if (status)
    (void)mtc_fail(error, status, "signer: out of memory");
  else
    status = ask(signer, source, worker, MTC_SIGNER_OPEN, mtc_span_of_bytes(&payload), deadline_ms,
                 &reply, out_died, error);
  if (!status) status = note_open(signer, source, worker, reply.payload, error);
  /* The URI may hold a PIN. */
  mtc_bytes_wipe(&payload);
  mtc_bytes_wipe(&worker->buffer);
  return status;
}

/* What an earlier daemon found out, and nobody has looked at since. */
static mtc_status check_latch_file(struct mtc_signer *signer, struct signer_source *source,
                                   struct mtc_error *error) {
  bool is_latched = false;
  int fd = -1;
  if (!signer->latch[0]) return MTC_OK;
  mtc_status status = mtc_latch_lock(signer->latch, &fd, error);
  if (!status) status = mtc_latch_check(fd, &source->identity, &is_latched, error);
  mtc_latch_unlock(fd);
  if (is_latched) latch(signer, source, error->text);
  return status == MTC_IO ? MTC_TOKEN : status;
}

static mtc_status start(struct mtc_signer *signer, struct signer_source *source,
                        struct signer_worker *worker, int64_t deadline_ms, bool *out_died,
                        struct mtc_error *error) {
  (void)pthread_mutex_lock(&signer->lock);
  int64_t left_ms = source->not_before_ms - mtc_clock_monotonic_ms();
  mtc_status status = MTC_OK;
  if (left_ms > 0) {
    status = mtc_fail(error, MTC_TOKEN, "%s; next attempt in %lld ms", source->stats.last_error,
                      (long long)left_ms);
  }
  (void)pthread_mutex_unlock(&signer->lock);
  if (status) return status;
  status = check_latch_file(signer, source, error);
  if (!status)
    status = mtc_signer_process_start(signer->program[0] ? signer->program : NULL, &worker->process,
                                      error);
  if (status) return give_up(signer, source, worker, status, 0, error);
  (void)pthread_mutex_lock(&signer->lock);
  source->stats.num_respawns += worker->was_started;
  worker->was_started = true;
  worker->has_worked = false;
  (void)pthread_mutex_unlock(&signer->lock);
  status = send_open(signer, source, worker, deadline_ms, out_died, error);
  /* A process without its key must not meet the next request. */
  if (status) mtc_signer_process_end(&worker->process, SIGNER_CLOSE_GRACE_MS);
  return status;
}

/*
 * Only what a relying party would accept leaves: the token may hold another key under this name. A
 * token that signs wrongly is not asked again, also not by the next daemon: the next signature may
 * be one that verifies and yet gives something away.
 */
static mtc_status check_signature(struct mtc_signer *signer, struct signer_source *source,
                                  struct signer_worker *worker, struct mtc_span message,
                                  struct mtc_span signature, struct mtc_error *error) {
  static const char why[] =
      "a signature of the token does not verify under the configured public key";
  mtc_status status = mtc_signature_verify(
      signer->algorithm, mtc_span_of_bytes(&signer->public_key), message, signature);
  if (!status) return MTC_OK;
  if (status == MTC_NOMEM) return mtc_fail(error, status, "signer: out of memory");
  latch(signer, source, why);
  (void)pthread_mutex_lock(&signer->lock);
  source->stats.num_wrong++;
  (void)pthread_mutex_unlock(&signer->lock);
  int fd = -1;
  status = signer->latch[0] ? mtc_latch_lock(signer->latch, &fd, error) : MTC_OK;
  if (!status && fd >= 0) status = mtc_latch_set(fd, &source->identity, why, error);
  mtc_latch_unlock(fd);
  if (status) mtc_log(MTC_LOG_ERROR, "signer.latch_file", "text=\"%s\"", error->text);
  (void)mtc_fail(error, MTC_TOKEN, "%s; not tried again before mtc signer unlatch", why);
  return give_up(signer, source, worker, MTC_TOKEN, SIGNER_CLOSE_GRACE_MS, error);
}

static mtc_status check_latched(struct mtc_signer *signer, struct signer_source *source,
                                struct mtc_error *error) {
  (void)pthread_mutex_lock(&signer->lock);
  mtc_status status = MTC_OK;
  if (source->stats.latched) {
    status = mtc_fail(error, MTC_TOKEN,
                      "the signer is latched: %s (when the cause is gone: mtc signer "
                      "unlatch)",
                      source->stats.last_error);
  }
  (void)pthread_mutex_unlock(&signer->lock);
  return status;
}

static int64_t monotonic_us(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void note_success(struct mtc_signer *signer, struct signer_source *source,
                         enum mtc_signer_request request, int64_t began_us) {
  (void)pthread_mutex_lock(&signer->lock);
  source->num_failures_in_a_row = 0;
  source->not_before_ms = 0;
  source->tested_ms = mtc_clock_monotonic_ms();
  if (request == MTC_SIGNER_SIGN) {
    source->stats.num_signatures++;
    mtc_latency_add(&source->stats.latency, monotonic_us() - began_us);
  }
  (void)pthread_mutex_unlock(&signer->lock);
}

mtc_status worker_request(struct mtc_signer *signer, struct signer_source *source,
                          struct signer_worker *worker, enum mtc_signer_request type,
                          struct mtc_span payload, struct mtc_bytes *out, struct mtc_error *error) {
  int64_t deadline_ms = mtc_clock_monotonic_ms() + signer->timeout_ms;
  struct mtc_signer_packet reply;
  for (int attempt = 0;; attempt++) {
    mtc_status status = check_latched(signer, source, error);
    if (status) return status;
    if (worker->process.pid && mtc_signer_process_is_dead(&worker->process)) {
      mtc_log(MTC_LOG_WARNING, "signer.died", "pid=%d text=\"between requests\"",
              (int)worker->process.pid);
      mtc_signer_process_end(&worker->process, 0);
    }
    bool died = false;
    if (!worker->process.pid) status = start(signer, source, worker, deadline_ms, &died, error);
    int64_t began_us = monotonic_us();
    if (!status && type == MTC_SIGNER_OPEN) return MTC_OK;
    if (!status)
      status = ask(signer, source, worker, type, payload, deadline_ms, &reply, &died, error);
    if (died && attempt == 0) continue;
    if (!status && type == MTC_SIGNER_SIGN)
      status = check_signature(signer, source, worker, payload, reply.payload, error);
    if (status) return status;
    worker->has_worked = true;
    note_success(signer, source, type, began_us);
    mtc_bytes_append_span(out, reply.payload);
    status = mtc_bytes_status(out);
    return status ? mtc_fail(error, status, "signer: out of memory") : MTC_OK;
  }
}
