#include "acme/server.h"

#include <unistd.h>

#include "acme/certificate_cache.h"
#include "acme/core.h"
#include "acme/directory.h"
#include "acme/order.h"
#include "acme/presence.h"
#include "mtc/runtime.h"

#define MAX_KEYS 10007u /* a prime, as IDs are taken modulo it */
#define MAX_CERTIFICATES 1009u
#define SWEEP_MS 60000
#define PATIENCE_MS 5000u

void acme_retry_later(struct acme_server *server, struct acme_retry *retry, int64_t delay_ms) {
  if (server->is_stopping) {
    retry->call(retry);
    return;
  }
  retry->at_ms = mtc_clock_monotonic_ms() + delay_ms;
  retry->next = server->retries;
  server->retries = retry;
}

/* Calls what is due, all of it when the server stops. */
static int64_t call_retries(struct acme_server *server) {
  int64_t now_ms = mtc_clock_monotonic_ms(), wait_ms = INT32_MAX;
  struct acme_retry *list = server->retries, *next;
  server->retries = NULL;
  for (struct acme_retry *retry = list; retry; retry = next) {
    next = retry->next;
    if (retry->at_ms <= now_ms || server->is_stopping) {
      retry->call(retry);
      continue;
    }
    if (retry->at_ms - now_ms < wait_ms) wait_ms = retry->at_ms - now_ms;
    retry->next = server->retries;
    server->retries = retry;
  }
  return wait_ms;
}

static int64_t tick(void *context) {
  struct acme_server *server = context;
  int64_t now_ms = mtc_clock_monotonic_ms();
  int64_t waits[] = {
      acme_issue_expire(server),
      call_retries(server),
      server->is_stopping ? INT32_MAX : acme_instances_refresh(server->instances, server->jobs),
  };
  int64_t wait_ms = SWEEP_MS;
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
    if (waits[i] < wait_ms) wait_ms = waits[i];
  if (server->sweep_ms <= now_ms && !server->is_stopping) {
    acme_sweep(server, server->sweep_ms == 0);
    server->sweep_ms = now_ms + SWEEP_MS;
  }
  if (server->purge_ms <= now_ms && !server->is_stopping) acme_purge(server);
  return wait_ms;
}

static mtc_status open_parts(struct acme_server *server, struct mtc_error *error) {
  const struct acme_config *config = server->config;
  mtc_status status = acme_directory_append(config, &server->directory);
  if (!status) status = acme_db_open(config->database, config->is_synchronous, &server->db, error);
  if (!status)
    status = acme_presence_open(config->database, &server->presence_fd, &server->was_alone, error);
  if (!status) status = acme_nonces_open(&server->nonces, error);
  if (!status) status = acme_key_cache_open(MAX_KEYS, &server->keys);
  if (!status) status = acme_certificate_cache_open(MAX_CERTIFICATES, &server->certificates);
  if (!status) status = acme_instances_open(config, &server->instances, error);
  if (!status) {
    status = acme_validator_open(&config->validation, &server->validator, error);
    if (status) return mtc_fail_within(error, status, "validation");
  }
  if (!status) status = acme_jobs_open(server->db, tick, server, &server->jobs, error);
  if (!status)
    status = http_server_open(&config->http, acme_http_handle, server, &server->http, error);
  return status;
}

mtc_status acme_server_open(const struct acme_config *config, struct acme_server **out,
                            struct mtc_error *error) {
  struct acme_server *server = mtc_alloc(1, sizeof *server);
  *out = NULL;
  if (!server) return MTC_NOMEM;
  server->config = config;
  server->presence_fd = -1;
  server->end_waiting = &server->first_waiting;
  mtc_status status = open_parts(server, error);
  if (status)
    acme_server_close(server);
  else
    *out = server;
  return status;
}

unsigned acme_server_port(const struct acme_server *server) {
  return http_server_port(server->http);
}

/* On the thread of the jobs, as everything that could still use validator and daemons is. */
struct stopping {
  struct acme_job job; /* first */
  struct acme_server *server;
};

static void stop(struct acme_job *job, mtc_status status, const char *text) {
  struct acme_server *server = ((struct stopping *)job)->server;
  struct acme_validator *validator = server->validator;
  (void)status, (void)text;
  server->is_stopping = true;
  server->validator = NULL;
  (void)acme_issue_expire(server);
  (void)call_retries(server);
  acme_validator_close(validator);
  acme_instances_disconnect(server->instances);
}

void acme_server_close(struct acme_server *server) {
  if (!server) return;
  struct stopping stopping = {.job = {.done = stop}, .server = server};
  http_server_close(server->http, server->config->finalize_wait_ms + PATIENCE_MS);
  if (server->jobs) {
    acme_jobs_put(server->jobs, &stopping.job);
    acme_jobs_close(server->jobs);
  } else {
    acme_validator_close(server->validator);
    acme_instances_disconnect(server->instances);
  }
  acme_instances_close(server->instances);
  acme_certificate_cache_close(server->certificates);
  acme_key_cache_close(server->keys);
  acme_nonces_close(server->nonces);
  (void)mtc_sql_close(server->db);
  if (server->presence_fd >= 0) (void)close(server->presence_fd);
  mtc_bytes_free(&server->directory);
  mtc_free(server);
}
