/* Validations wait in their account's turn for one of the validator's threads, which proves, then
 * looks at CAA: last, so that a record that forbids issuance counts even where it came during the
 * proof. */
#include "acme/validate.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "acme/challenge.h"
#include "acme/queue.h"

#define MAX_WAITING 10000u
/* One account's, so that others still find room. */
#define MAX_WAITING_EACH 1000u
#define MAX_THREADS 1024u

struct job {
  struct acme_turn turn; /* first */
  struct acme_validation validation;
  acme_validated *done;
  void *context;
};

struct acme_validator {
  struct acme_validator_options options;
  struct acme_resolver *resolver;
  pthread_mutex_t mutex; /* over all below */
  pthread_cond_t work;
  struct acme_queue queue;
  bool closing;
  unsigned num_threads; /* started; not under the mutex */
  pthread_t *threads;
};

enum acme_problem_type acme_attempt_addresses(struct acme_attempt *attempt,
                                              struct acme_address out[ACME_MAX_ADDRESSES],
                                              unsigned *out_num) {
  bool allow_private = attempt->options->allow_private;
  if (attempt->validation->identifier.type == ACME_DNS_NAME)
    return acme_resolve_addresses(attempt->resolver, attempt->name, allow_private,
                                  attempt->deadline_ms, out, out_num, &attempt->problem);
  *out_num = 0;
  if (!acme_address_parse(attempt->name, &out[0]))
    return acme_fail(&attempt->problem, ACME_MALFORMED, "\"%s\" is no address", attempt->name);
  const char *why = allow_private ? NULL : acme_address_refusal(&out[0]);
  if (why)
    return acme_fail(&attempt->problem, ACME_CONNECTION, "%s is not connected to: %s",
                     attempt->name, why);
  *out_num = 1;
  return ACME_NONE;
}

static enum acme_problem_type prove(struct acme_attempt *attempt) {
  const struct acme_validation *validation = attempt->validation;
  static enum acme_problem_type (*const provers[ACME_NUM_CHALLENGES])(struct acme_attempt *) = {
      [ACME_HTTP_01] = acme_prove_http,
      [ACME_DNS_01] = acme_prove_dns,
      [ACME_TLS_ALPN_01] = acme_prove_tls_alpn,
  };
  static const char *const names[ACME_NUM_CHALLENGES] = {"http-01", "dns-01", "tls-alpn-01"};
  if ((unsigned)validation->type >= ACME_NUM_CHALLENGES)
    return acme_fail(&attempt->problem, ACME_SERVER_INTERNAL, "no such challenge");
  bool is_address = validation->identifier.type == ACME_IP_ADDRESS;
  bool is_wildcard = acme_identifier_is_wildcard(&validation->identifier);
  if (validation->type == ACME_DNS_01 ? is_address : is_wildcard)
    return acme_fail(&attempt->problem, ACME_MALFORMED, "%s proves nothing about %s",
                     names[validation->type], validation->identifier.value);
  return provers[validation->type](attempt);
}

static void run(struct acme_validator *validator, const struct job *job) {
  const char *value = job->validation.identifier.value;
  struct acme_attempt attempt = {
      .options = &validator->options,
      .resolver = validator->resolver,
      .validation = &job->validation,
      .name =
          acme_identifier_is_wildcard(&job->validation.identifier) && value[1] ? value + 2 : value,
      .deadline_ms = mtc_clock_monotonic_ms() + validator->options.timeout_ms,
  };
  struct acme_validation_result result = {.problem = ACME_NONE};
  if (!job->validation.caa_only) result.problem = prove(&attempt);
  if (result.problem == ACME_NONE) result.problem = acme_check_caa(&attempt);
  if (result.problem)
    (void)snprintf(result.detail, sizeof result.detail, "%s", attempt.problem.detail);
  acme_problem_free(&attempt.problem);
  job->done(job->context, &result);
}

static void *work(void *context) {
  struct acme_validator *validator = context;
  (void)pthread_mutex_lock(&validator->mutex);
  for (;;) {
    struct job *job = NULL;
    while (!validator->closing && !(job = (struct job *)acme_queue_take(&validator->queue)))
      (void)pthread_cond_wait(&validator->work, &validator->mutex);
    if (!job) break;
    (void)pthread_mutex_unlock(&validator->mutex);
    run(validator, job);
    (void)pthread_mutex_lock(&validator->mutex);
    /* What may run now that could not before is this thread's next. */
    acme_queue_end(&validator->queue, &job->turn);
    mtc_free(job);
  }
  (void)pthread_mutex_unlock(&validator->mutex);
  return NULL;
}

/* Signals are the program's; and one of a broken connection must not end it. */
static bool start_threads(struct acme_validator *validator, unsigned num) {
  sigset_t all, saved;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &saved);
  while (validator->num_threads < num &&
         pthread_create(&validator->threads[validator->num_threads], NULL, work, validator) == 0)
    validator->num_threads++;
  (void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
  return validator->num_threads == num;
}

static mtc_status open_resolver(struct acme_validator *validator, struct mtc_error *error) {
  struct acme_resolver_options options = {
      .forwarder = validator->options.resolver,
      .trust_anchor = validator->options.trust_anchor,
      .allow_private = validator->options.allow_private,
  };
  sigset_t all, saved;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &saved);
  mtc_status status = acme_resolver_open(&options, &validator->resolver, error);
  (void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
  return status;
}

/* The options' strings are the caller's, so the few that are needed later are copied. */
static void free_identities(struct acme_validator *validator) {
  const char **identities = (const char **)(uintptr_t)validator->options.caa_identities;
  for (unsigned i = 0; identities && i < validator->options.num_caa_identities; i++)
    mtc_free((void *)(uintptr_t)identities[i]);
  mtc_free(identities);
}

static bool copy_identities(struct acme_validator *validator,
                            const struct acme_validator_options *options) {
  validator->options.caa_identities = NULL;
  validator->options.num_caa_identities = 0;
  if (options->num_caa_identities == 0) return true;
  const char **copies = mtc_alloc(options->num_caa_identities, sizeof *copies);
  validator->options.caa_identities = copies;
  for (unsigned i = 0; copies && i < options->num_caa_identities; i++) {
    copies[i] = mtc_strdup(options->caa_identities[i]);
    if (!copies[i]) return false;
    validator->options.num_caa_identities++;
  }
  return copies;
}

mtc_status acme_validator_open(const struct acme_validator_options *options,
                               struct acme_validator **out, struct mtc_error *error) {
  *out = NULL;
  if (options->threads > MAX_THREADS || options->threads_each > MAX_THREADS ||
      options->http_port > 65535 || options->tls_port > 65535)
    return mtc_fail(error, MTC_INPUT, "validator: %u threads, ports %u and %u", options->threads,
                    options->http_port, options->tls_port);
  struct acme_validator *validator = mtc_alloc(1, sizeof *validator);
  if (!validator) return mtc_fail(error, MTC_NOMEM, "validator: out of memory");
  (void)pthread_mutex_init(&validator->mutex, NULL);
  (void)pthread_cond_init(&validator->work, NULL);
  validator->options = *options;
  struct acme_validator_options *own = &validator->options;
  if (own->threads == 0) own->threads = 32;
  if (own->threads_each == 0) own->threads_each = (own->threads + 3) / 4;
  if (own->timeout_ms == 0) own->timeout_ms = 10000;
  if (own->http_port == 0) own->http_port = 80;
  if (own->tls_port == 0) own->tls_port = 443;
  validator->queue.max_waiting = MAX_WAITING;
  validator->queue.max_waiting_each = MAX_WAITING_EACH;
  validator->queue.max_running_each = own->threads_each;
  mtc_status status = MTC_OK;
  validator->threads = mtc_alloc(own->threads, sizeof *validator->threads);
  if (!copy_identities(validator, options) || !validator->threads)
    status = mtc_fail(error, MTC_NOMEM, "validator: out of memory");
  if (!status && curl_global_init(CURL_GLOBAL_DEFAULT))
    status = mtc_fail(error, MTC_IO, "validator: libcurl does not start");
  if (!status) status = open_resolver(validator, error);
  if (!status && !start_threads(validator, own->threads))
    status = mtc_fail(error, MTC_IO, "validator: no %u threads to be had", own->threads);
  if (status) {
    acme_validator_close(validator);
    return status;
  }
  *out = validator;
  return MTC_OK;
}

mtc_status acme_validator_submit(struct acme_validator *validator,
                                 const struct acme_validation *validation, acme_validated *done,
                                 void *context) {
  struct job *job = mtc_alloc(1, sizeof *job);
  if (!job) return MTC_NOMEM;
  job->validation = *validation;
  job->done = done;
  job->context = context;
  (void)pthread_mutex_lock(&validator->mutex);
  mtc_status status = validator->closing ? MTC_BUSY
                                         : acme_queue_put(&validator->queue,
                                                          job->validation.account_id, &job->turn);
  if (!status) (void)pthread_cond_signal(&validator->work);
  (void)pthread_mutex_unlock(&validator->mutex);
  if (status) mtc_free(job);
  return status;
}

/* The queue itself is still used by who runs. */
static struct job *drain(struct acme_validator *validator) {
  (void)pthread_mutex_lock(&validator->mutex);
  struct job *job = (struct job *)acme_queue_drain(&validator->queue);
  (void)pthread_mutex_unlock(&validator->mutex);
  return job;
}

void acme_validator_close(struct acme_validator *validator) {
  if (!validator) return;
  (void)pthread_mutex_lock(&validator->mutex);
  validator->closing = true;
  (void)pthread_cond_broadcast(&validator->work);
  (void)pthread_mutex_unlock(&validator->mutex);
  static const struct acme_validation_result stopped = {
      .problem = ACME_SERVER_INTERNAL, .detail = "the server stopped before this was validated"};
  for (struct job *job; (job = drain(validator)); mtc_free(job))
    job->done(job->context, &stopped);
  for (unsigned i = 0; i < validator->num_threads; i++)
    (void)pthread_join(validator->threads[i], NULL);
  acme_resolver_close(validator->resolver);
  free_identities(validator);
  mtc_free(validator->threads);
  (void)pthread_cond_destroy(&validator->work);
  (void)pthread_mutex_destroy(&validator->mutex);
  mtc_free(validator);
}
