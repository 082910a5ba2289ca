/* Requests, and which of the tokens serves them. */
#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"
#include "sign/latch.h"
#include "sign/mechanism.h"
#include "sign/signer.h"

#define DEFAULT_TIMEOUT_MS 10000

static size_t length_of(const char *text) {
  return text ? strlen(text) : 0;
}

static mtc_status check_source(const struct mtc_signer_source *source, struct mtc_error *error) {
  if (!source->key || !*source->key) return mtc_fail(error, MTC_INPUT, "signer: no key given");
  if (length_of(source->key) + length_of(source->module) + length_of(source->module_args) +
          length_of(source->pin_source) >
      MTC_SIGNER_MAX_PACKET / 2) {
    return mtc_fail(error, MTC_INPUT, "signer: the options are longer than %d bytes",
                    MTC_SIGNER_MAX_PACKET / 2);
  }
  return mtc_key_check(source->key, source->module, source->pin_source, error);
}

static mtc_status check_options(const struct mtc_signer_options *options, struct mtc_error *error) {
  if (!mtc_mechanism_get(options->algorithm)) {
    return mtc_fail(error, MTC_INPUT, "signer: no signature algorithm given");
  }
  if (options->public_key.len &&
      mtc_algorithm_of_public_key(options->public_key) != options->algorithm) {
    return mtc_fail(error, MTC_INPUT, "signer: the configured public key is no %s key",
                    mtc_algorithm_name(options->algorithm));
  }
  if (options->num_standby >= MTC_SIGNER_MAX_SOURCES) {
    return mtc_fail(error, MTC_INPUT, "signer: %u standby tokens (0 to %d are allowed)",
                    options->num_standby, MTC_SIGNER_MAX_SOURCES - 1);
  }
  if (options->num_standby && !options->public_key.len) {
    return mtc_fail(error, MTC_INPUT, "signer: standby tokens need the public key they share");
  }
  if (options->num_processes > MTC_SIGNER_MAX_PROCESSES) {
    return mtc_fail(error, MTC_INPUT, "signer: %u processes (1 to %d are allowed)",
                    options->num_processes, MTC_SIGNER_MAX_PROCESSES);
  }
  if (options->latch && strlen(options->latch) > 4000) {
    return mtc_fail(error, MTC_INPUT, "signer: the latch file's path is longer than 4000 bytes");
  }
  return MTC_OK;
}

static mtc_status add_source(struct mtc_signer *signer, const struct mtc_signer_source *options,
                             struct mtc_error *error) {
  mtc_status status = check_source(options, error);
  if (status) return status;
  struct signer_source *source = &signer->sources[signer->num_sources++];
  return source_init(source, options, signer->algorithm, error);
}

static mtc_status copy_options(const struct mtc_signer_options *options, struct mtc_signer *signer,
                               struct mtc_error *error) {
  const struct mtc_signer_source first = {
      .key = options->key,
      .module = options->module,
      .module_args = options->module_args,
      .pin_source = options->pin_source,
      .sign_mechanism = options->sign_mechanism,
  };
  signer->algorithm = options->algorithm;
  signer->confinement = options->confinement;
  signer->timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
  signer->num_processes = options->num_processes ? options->num_processes : 1;
  signer->program = mtc_strdup(options->program ? options->program : "");
  signer->latch = mtc_strdup(options->latch ? options->latch : "");
  mtc_bytes_append_span(&signer->public_key, options->public_key);
  if (!signer->program || !signer->latch || mtc_bytes_status(&signer->public_key))
    return mtc_fail(error, MTC_NOMEM, "signer: out of memory");
  mtc_status status = add_source(signer, &first, error);
  for (unsigned i = 0; !status && i < options->num_standby; i++) {
    status = add_source(signer, &options->standby[i], error);
    if (status) status = mtc_fail_within(error, status, "standby %u", i + 1);
  }
  return status;
}

/*
 * The first source that works and was not asked for this request yet: one that is up, else, so that
 * a CA whose tokens are all down does not wait for the keeper, one whose time has come.
 */
static struct signer_source *choose(struct mtc_signer *signer, unsigned asked) {
  int64_t now_ms = mtc_clock_monotonic_ms();
  for (int must_be_up = 1; must_be_up >= 0; must_be_up--) {
    for (unsigned i = 0; i < signer->num_sources; i++) {
      const struct mtc_signer_source_stats *stats = &signer->sources[i].stats;
      if (asked >> i & 1 || stats->latched || (must_be_up && stats->down)) continue;
      if (!must_be_up && signer->sources[i].not_before_ms > now_ms) continue;
      return &signer->sources[i];
    }
  }
  return NULL;
}

/* Why nobody could be asked. Under the lock. */
static mtc_status no_source(struct mtc_signer *signer, struct mtc_error *error) {
  unsigned num_latched = 0;
  int64_t soonest_ms = INT64_MAX;
  for (unsigned i = 0; i < signer->num_sources; i++) {
    num_latched += signer->sources[i].stats.latched;
    if (!signer->sources[i].stats.latched && signer->sources[i].not_before_ms < soonest_ms)
      soonest_ms = signer->sources[i].not_before_ms;
  }
  if (num_latched == signer->num_sources) {
    return mtc_fail(error, MTC_TOKEN,
                    "the signer is latched: %s (when the cause is gone: mtc signer unlatch)",
                    signer->last_error);
  }
  int64_t left_ms = soonest_ms - mtc_clock_monotonic_ms();
  return mtc_fail(error, MTC_TOKEN, "%s; next attempt in %lld ms", signer->last_error,
                  (long long)(left_ms > 0 ? left_ms : 0));
}

/* A request to the first source that answers it: the same bytes, whoever signs them. */
static mtc_status request(struct mtc_signer *signer, enum mtc_signer_request type,
                          struct mtc_span payload, struct mtc_bytes *out, struct mtc_error *error) {
  mtc_status status = MTC_TOKEN;
  unsigned asked = 0;
  for (;;) {
    (void)pthread_mutex_lock(&signer->lock);
    struct signer_source *source = choose(signer, asked);
    if (!source && !asked) status = no_source(signer, error);
    (void)pthread_mutex_unlock(&signer->lock);
    if (!source) return status;
    unsigned index = (unsigned)(source - signer->sources);
    asked |= 1u << index;
    status = source_request(signer, source, type, payload, out, error);
    if (!status && index > 0) {
      (void)pthread_mutex_lock(&signer->lock);
      signer->num_failovers++;
      (void)pthread_mutex_unlock(&signer->lock);
    }
    /* INPUT: a standby token whose configuration was never tried. That is no fault of the request.
     */
    if (status == MTC_INPUT) status = MTC_TOKEN;
    if (status != MTC_TOKEN) return status;
  }
}

/* The first source that opens decides that the daemon can start; a wrong configuration of any that
 * was tried does not start: it would be found out when it is needed. */
static mtc_status open_first(struct mtc_signer *signer, struct mtc_error *error) {
  mtc_status status = MTC_TOKEN;
  for (unsigned i = 0; status == MTC_TOKEN && i < signer->num_sources; i++)
    status = source_request(signer, &signer->sources[i], MTC_SIGNER_OPEN, mtc_span_of(NULL, 0),
                            NULL, error);
  return status;
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
  pthread_condattr_t monotonic;
  (void)pthread_condattr_init(&monotonic);
  (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  (void)pthread_mutex_init(&signer->lock, NULL);
  (void)pthread_cond_init(&signer->changed, &monotonic);
  (void)pthread_condattr_destroy(&monotonic);
  status = copy_options(options, signer, error);
  if (!status) status = open_first(signer, error);
  if (!status && signer->num_sources > 1) status = keeper_start(signer, error);
  if (status) {
    mtc_signer_close(signer);
    return status;
  }
  *out = signer;
  return MTC_OK;
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
  return request(signer, MTC_SIGNER_SIGN, message, out, error);
}

unsigned mtc_signer_num_parallel(const struct mtc_signer *signer) {
  return signer->num_processes;
}

mtc_status mtc_signer_public_key(struct mtc_signer *signer, struct mtc_bytes *out,
                                 struct mtc_error *error) {
  struct mtc_error local = {0};
  struct mtc_bytes key = {0};
  if (!error) error = &local;
  mtc_status status = request(signer, MTC_SIGNER_PUBLIC_KEY, mtc_span_of(NULL, 0), &key, error);
  if (!status) {
    mtc_bytes_append_span(out, mtc_span_of_bytes(&key));
    status = mtc_bytes_status(out);
    if (status) (void)mtc_fail(error, status, "signer: out of memory");
  }
  mtc_bytes_free(&key);
  return status;
}

mtc_status mtc_signer_unlatch_file(const char *path, size_t *out_num_lines,
                                   struct mtc_error *error) {
  return mtc_latch_clear(path, out_num_lines, error);
}

mtc_status mtc_signer_unlatch(struct mtc_signer *signer, struct mtc_error *error) {
  size_t num_lines = 0;
  mtc_status status = signer->latch[0] ? mtc_latch_clear(signer->latch, &num_lines, error) : MTC_OK;
  if (status) return status;
  (void)pthread_mutex_lock(&signer->lock);
  for (unsigned i = 0; i < signer->num_sources; i++) {
    struct signer_source *source = &signer->sources[i];
    if (!source->stats.latched) continue;
    source->stats.latched = false;
    source->num_failures_in_a_row = 0;
    source->not_before_ms = 0;
    mtc_log(MTC_LOG_WARNING, "signer.unlatched", "source=\"%s\"", source->stats.name);
  }
  (void)pthread_cond_broadcast(&signer->changed);
  (void)pthread_mutex_unlock(&signer->lock);
  return MTC_OK;
}

void mtc_signer_stats(struct mtc_signer *signer, struct mtc_signer_stats *out) {
  *out = (struct mtc_signer_stats){.latched = true, .num_sources = signer->num_sources};
  (void)pthread_mutex_lock(&signer->lock);
  const struct signer_source *serving = choose(signer, 0);
  for (unsigned i = 0; i < signer->num_sources; i++) {
    const struct signer_source *source = &signer->sources[i];
    struct mtc_signer_source_stats *stats = &out->sources[i];
    *stats = source->stats;
    stats->serving = source == serving;
    for (unsigned j = 0; j < signer->num_processes; j++)
      stats->num_processes += source->workers[j].runs;
    out->num_signatures += stats->num_signatures;
    out->num_failures += stats->num_failures;
    out->num_respawns += stats->num_respawns;
    out->latched = out->latched && stats->latched;
  }
  out->num_failovers = signer->num_failovers;
  memcpy(out->last_error, signer->last_error, sizeof out->last_error);
  (void)pthread_mutex_unlock(&signer->lock);
}

void mtc_signer_close(struct mtc_signer *signer) {
  if (!signer) return;
  keeper_stop(signer);
  for (unsigned i = 0; i < signer->num_sources; i++)
    source_free(&signer->sources[i]);
  mtc_bytes_free(&signer->public_key);
  mtc_free(signer->program);
  mtc_free(signer->latch);
  (void)pthread_mutex_destroy(&signer->lock);
  (void)pthread_cond_destroy(&signer->changed);
  mtc_free(signer);
}
