#include "app/mtc/bench_load.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "app/mtc/cli.h"

#define PATIENCE_US 60000000
#define START_US \
  20000 /* until the first request: every connection's thread is at its loop by then */

/* One connection and the requests it carries: number, number + num_connections, ... */
struct lane {
  struct bench_load *load;
  struct mtc_rpc_client *client;
  struct mtc_bytes *bodies;
  uint32_t number, num_prepared, num_answered, num_refused;
  pthread_barrier_t *ready, *go;
  const int64_t *started_us;
  int64_t last_us;
  pthread_t thread;
  mtc_status status;
  struct mtc_error error, refusal;
};

static int64_t now_us(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static X509_EXTENSION *make_name(uint32_t number) {
  char text[64];
  (void)snprintf(text, sizeof text, "DNS:host%u.bench.example.com", number);
  return X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
}

static bool append_csr(uint32_t number, struct mtc_bytes *out) {
  EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  X509_REQ *request = X509_REQ_new();
  X509_EXTENSION *name = make_name(number);
  STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
  uint8_t *der = NULL;
  int len = 0;
  bool is_listed = name && extensions && sk_X509_EXTENSION_push(extensions, name) > 0;
  if (is_listed && key && request && X509_REQ_set_version(request, 0) &&
      X509_REQ_set_pubkey(request, key) && X509_REQ_add_extensions(request, extensions) &&
      X509_REQ_sign(request, key, EVP_sha256()))
    len = i2d_X509_REQ(request, &der);
  if (len > 0) mtc_bytes_append_prefixed(out, mtc_span_of(der, (size_t)len), 3);
  OPENSSL_free(der);
  X509_EXTENSION_free(name);
  sk_X509_EXTENSION_free(extensions);
  X509_REQ_free(request);
  EVP_PKEY_free(key);
  return len > 0;
}

static mtc_status prepare(struct lane *lane) {
  const struct bench_load *load = lane->load;
  uint32_t step = load->num_connections;
  uint32_t num = (load->num_requests + step - 1 - lane->number) / step;
  lane->bodies = mtc_alloc(num ? num : 1, sizeof *lane->bodies);
  if (!lane->bodies) return mtc_fail(&lane->error, MTC_NOMEM, "%u requests: out of memory", num);
  for (; lane->num_prepared < num; lane->num_prepared++) {
    struct mtc_bytes *body = &lane->bodies[lane->num_prepared];
    mtc_bytes_append_prefixed(body, mtc_span_of_text(load->profile), 1);
    mtc_bytes_append_prefixed(body, mtc_span_of(NULL, 0), 1);
    if (!append_csr(lane->number + lane->num_prepared * step, body) || mtc_bytes_status(body))
      return mtc_fail(&lane->error, MTC_NOMEM, "libcrypto cannot make a certification request");
  }
  return cli_connect(load->socket, &lane->client, &lane->error);
}

static uint32_t tag_of(const struct lane *lane, uint32_t at) {
  return lane->number + at * lane->load->num_connections;
}

static int64_t scheduled_us(const struct lane *lane, uint32_t tag) {
  return *lane->started_us + (int64_t)tag * 1000000 / lane->load->rate_per_s;
}

static mtc_status take_answer(struct lane *lane, uint32_t tag, mtc_status answer,
                              const struct mtc_bytes *body, const struct mtc_error *refusal) {
  struct bench_load *load = lane->load;
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(body));
  struct mtc_span certificate;
  if (tag >= load->num_requests || tag % load->num_connections != lane->number)
    return mtc_fail(&lane->error, MTC_IO, "the daemon answered a request that was not sent");
  lane->last_us = now_us();
  lane->num_answered++;
  if (answer) {
    if (!lane->num_refused++) lane->refusal = *refusal;
    return MTC_OK;
  }
  if (!mtc_read_uint(&reader, 8, &load->serials[tag]) ||
      !mtc_read_prefixed(&reader, 3, &certificate) || !certificate.len)
    return mtc_fail(&lane->error, MTC_IO, "the daemon's answer is malformed");
  int64_t latency_us = lane->last_us - scheduled_us(lane, tag);
  load->latency_us[tag] = latency_us > 0 ? (uint32_t)latency_us : 1;
  return MTC_OK;
}

static mtc_status run_schedule(struct lane *lane) {
  struct mtc_bytes body = {0};
  uint32_t num_sent = 0;
  lane->last_us = *lane->started_us;
  mtc_status status = MTC_OK;
  while (!status && lane->num_answered < lane->num_prepared) {
    int64_t now = now_us(), next_us = INT64_MAX;
    for (; !status && num_sent < lane->num_prepared; num_sent++) {
      uint32_t tag = tag_of(lane, num_sent);
      next_us = scheduled_us(lane, tag);
      if (next_us > now) break;
      status = mtc_rpc_send(lane->client, MTC_RPC_ISSUE, tag,
                            mtc_span_of_bytes(&lane->bodies[num_sent]), &lane->error);
    }
    if (status) break;
    struct mtc_error refusal = {""};
    mtc_status answer = MTC_OK;
    uint32_t tag = 0;
    /* A schedule in steps of a millisecond: lateness counts as latency. */
    mtc_status received = mtc_rpc_receive(lane->client, 1, &tag, &answer, &body, &refusal);
    if (!received)
      status = take_answer(lane, tag, answer, &body, &refusal);
    else if (received != MTC_BUSY)
      status = mtc_fail(&lane->error, received, "%s", refusal.text);
    else if (num_sent == lane->num_prepared && now - lane->last_us > PATIENCE_US)
      status = mtc_fail(&lane->error, MTC_IO, "%u requests have no answer for %d s",
                        lane->num_prepared - lane->num_answered, PATIENCE_US / 1000000);
  }
  mtc_bytes_free(&body);
  return status;
}

static void *lane_thread(void *context) {
  struct lane *lane = context;
  lane->status = prepare(lane);
  (void)pthread_barrier_wait(lane->ready);
  (void)pthread_barrier_wait(lane->go);
  if (!lane->status && *lane->started_us) lane->status = run_schedule(lane);
  return NULL;
}

static void lane_free(struct lane *lane) {
  for (uint32_t i = 0; lane->bodies && i <= lane->num_prepared; i++) {
    /* One more than is whole may have been begun. */
    if (i * lane->load->num_connections + lane->number < lane->load->num_requests)
      mtc_bytes_free(&lane->bodies[i]);
  }
  mtc_free(lane->bodies);
  mtc_rpc_close(lane->client);
}

static mtc_status collect(struct bench_load *load, const struct lane *lane, int64_t started_us,
                          struct mtc_error *error) {
  if (lane->num_refused && !load->num_refused) load->refusal = lane->refusal;
  load->num_refused += lane->num_refused;
  if (lane->last_us - started_us > load->duration_us)
    load->duration_us = lane->last_us - started_us;
  return lane->status ? mtc_fail(error, lane->status, "%s", lane->error.text) : MTC_OK;
}

mtc_status bench_load_run(struct bench_load *load, void (*when_started)(void *), void *context,
                          struct mtc_error *error) {
  struct lane lanes[BENCH_MAX_CONNECTIONS];
  pthread_barrier_t ready, go;
  int64_t started_us = 0;
  mtc_status status = MTC_OK;
  load->latency_us = mtc_alloc(load->num_requests, sizeof *load->latency_us);
  load->serials = mtc_alloc(load->num_requests, sizeof *load->serials);
  if (!load->latency_us || !load->serials) return mtc_fail(error, MTC_NOMEM, "out of memory");
  if (pthread_barrier_init(&ready, NULL, load->num_connections + 1) ||
      pthread_barrier_init(&go, NULL, load->num_connections + 1))
    return mtc_fail(error, MTC_NOMEM, "threads cannot be prepared");
  for (uint32_t i = 0; i < load->num_connections; i++) {
    lanes[i] = (struct lane){
        .load = load, .number = i, .ready = &ready, .go = &go, .started_us = &started_us};
    /* Without one of its threads the others would wait at the barrier for ever. */
    if (pthread_create(&lanes[i].thread, NULL, lane_thread, &lanes[i]) != 0) {
      (void)fputs("mtc: a thread cannot be started\n", stderr);
      exit(CLI_FAILED);
    }
  }
  (void)pthread_barrier_wait(&ready);
  for (uint32_t i = 0; !status && i < load->num_connections; i++)
    status = lanes[i].status;
  if (!status) {
    when_started(context);
    started_us = now_us() + START_US;
  }
  (void)pthread_barrier_wait(&go);
  status = MTC_OK;
  for (uint32_t i = 0; i < load->num_connections; i++) {
    (void)pthread_join(lanes[i].thread, NULL);
    mtc_status one = collect(load, &lanes[i], started_us, error);
    if (!status) status = one;
    lane_free(&lanes[i]);
  }
  (void)pthread_barrier_destroy(&ready);
  (void)pthread_barrier_destroy(&go);
  return status;
}

void bench_load_free(struct bench_load *load) {
  mtc_free(load->latency_us);
  mtc_free(load->serials);
  load->latency_us = NULL;
  load->serials = NULL;
}
