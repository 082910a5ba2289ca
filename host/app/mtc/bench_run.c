/* The loop of a measurement: accounts, idle connections, then orders on a schedule. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app/mtc/bench_acme.h"
#include "app/mtc/bench_process.h"
#include "mtc/runtime.h"

#define PATIENCE_US 60000000
#define NUM_EVENTS 256
#define IDLE_AT_ONCE 200u /* connections being made at the same time */

int64_t bench_now_us(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_sleeping(const struct bench_client *client) {
  return client->wake_us != 0;
}

/* An order, or the preparation, has ended. */
static void rest(struct bench_client *client) {
  struct bench_acme *bench = client->bench;
  if (bench->num_begun) {
    bench->num_ended++;
    client->next_csr++;
  }
  bench->idle[bench->num_waiting_clients++] = client;
}

static mtc_status lose(struct bench_client *client, struct mtc_error *error) {
  bench_link_close(&client->link);
  if (client->step == BENCH_IDLE) return MTC_OK; /* is made again for the next order */
  mtc_status status =
      bench_client_fail(client, "connection", "lost, or an answer that is not HTTP", error);
  if (!status) rest(client);
  return status;
}

static mtc_status advance(struct bench_client *client, struct mtc_error *error) {
  struct bench_answer answer;
  mtc_status status = MTC_OK;
  bool was_busy = client->step != BENCH_IDLE;
  while (!status) {
    enum bench_event event = bench_link_advance(&client->link, &answer);
    if (event == BENCH_LOST) return lose(client, error);
    if (event == BENCH_WAIT || !was_busy || is_sleeping(client)) return MTC_OK;
    status = bench_client_take(client, &answer, error);
    if (!status && client->step == BENCH_IDLE) {
      rest(client);
      return MTC_OK;
    }
  }
  return status;
}

/* Asks for the client's step, and sends what can be sent. */
static mtc_status begin(struct bench_client *client, enum bench_step step,
                        struct mtc_error *error) {
  client->step = step;
  mtc_status status = bench_client_ask(client, error);
  return status ? status : advance(client, error);
}

static mtc_status wake(struct bench_acme *bench, int64_t now_us, int64_t *next_us,
                       struct mtc_error *error) {
  mtc_status status = MTC_OK;
  for (uint32_t i = 0; i < bench->num_clients && !status; i++) {
    struct bench_client *client = &bench->clients[i];
    if (!is_sleeping(client)) continue;
    if (client->wake_us <= now_us) status = begin(client, client->step, error);
    if (is_sleeping(client) && client->wake_us < *next_us) *next_us = client->wake_us;
  }
  return status;
}

/* The next client that has CSRs left, off the stack. */
static struct bench_client *next_client(struct bench_acme *bench) {
  while (bench->num_waiting_clients) {
    struct bench_client *client = bench->idle[--bench->num_waiting_clients];
    if (client->next_csr < client->num_csrs) return client;
  }
  return NULL;
}

static mtc_status begin_due(struct bench_acme *bench, int64_t *next_us, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  while (!status && bench->num_begun < bench->num_orders) {
    int64_t now_us = bench_now_us();
    int64_t due_us = now_us;
    if (bench->rate_per_s)
      due_us = bench->start_us + (int64_t)bench->num_begun * 1000000 / bench->rate_per_s;
    if (due_us > now_us) {
      if (due_us < *next_us) *next_us = due_us;
      break;
    }
    struct bench_client *client = next_client(bench);
    if (!client) break;
    client->due_us = due_us;
    bench->num_begun++;
    status = begin(client, BENCH_ORDER, error);
  }
  return status;
}

static mtc_status wait_for_events(struct bench_acme *bench, int64_t next_us, unsigned *out_num,
                                  struct mtc_error *error) {
  struct epoll_event events[NUM_EVENTS];
  int64_t left_us = next_us - bench_now_us();
  if (left_us < 0) left_us = 0;
  if (left_us > PATIENCE_US) left_us = PATIENCE_US;
  const struct timespec timeout = {.tv_sec = left_us / 1000000,
                                   .tv_nsec = (left_us % 1000000) * 1000};
  int num = epoll_pwait2(bench->epoll_fd, events, NUM_EVENTS, &timeout, NULL);
  if (num < 0 && errno != EINTR) return mtc_fail(error, MTC_IO, "epoll: %s", strerror(errno));
  mtc_status status = MTC_OK;
  for (int i = 0; i < num && !status; i++) {
    if (events[i].data.ptr)
      status = advance(events[i].data.ptr, error);
    else
      bench->num_idle_lost++; /* an idle connection has nothing else to say */
  }
  *out_num = num > 0 ? (unsigned)num : 0;
  return status;
}

/* Runs until every client rests, and all orders have ended once they have begun. */
static mtc_status loop(struct bench_acme *bench, uint32_t num_busy, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  int64_t last_us = bench_now_us();
  bool has_orders = bench->start_us != 0;
  while (!status && (has_orders ? bench->num_ended < bench->num_orders
                                : bench->num_waiting_clients < num_busy)) {
    int64_t next_us = INT64_MAX;
    unsigned num = 0;
    if (has_orders) status = begin_due(bench, &next_us, error);
    if (!status) status = wake(bench, bench_now_us(), &next_us, error);
    if (!status && has_orders && bench->num_ended >= bench->num_orders) break;
    if (!status) status = wait_for_events(bench, next_us, &num, error);
    if (num || next_us != INT64_MAX) last_us = bench_now_us();
    if (!status && bench_now_us() - last_us >= PATIENCE_US)
      status = mtc_fail(error, MTC_IO, "the server says nothing for %d s; %u orders have ended",
                        PATIENCE_US / 1000000, bench->num_ended);
  }
  return status;
}

static mtc_status make_client(struct bench_acme *bench, uint32_t number, struct mtc_error *error) {
  struct bench_client *client = &bench->clients[number];
  client->bench = bench;
  (void)snprintf(client->name, sizeof client->name, "client%u.bench.example", number);
  return acme_key_generate(ACME_ES256, &client->key, error);
}

/* The first client asks for the directory alone: the others need it. */
static mtc_status make_accounts(struct bench_acme *bench, struct mtc_error *error) {
  mtc_status status = MTC_OK;
  for (uint32_t i = 0; i < bench->num_clients && !status; i++)
    status = make_client(bench, i, error);
  if (!status) status = begin(&bench->clients[0], BENCH_DIRECTORY, error);
  if (!status) status = loop(bench, 1, error);
  bench->num_waiting_clients = 0;
  for (uint32_t i = 0; i < bench->num_clients && !status; i++)
    status = begin(&bench->clients[i], BENCH_NONCE, error);
  return status ? status : loop(bench, bench->num_clients, error);
}

/* A fifth more for each than its share: which client is free first is not known. */
static mtc_status make_csrs(struct bench_acme *bench, struct mtc_error *error) {
  uint32_t share = bench->num_orders / bench->num_clients + 1;
  mtc_status status = MTC_OK;
  share += share / 5 + 4;
  for (uint32_t i = 0; i < bench->num_clients && !status; i++) {
    struct bench_client *client = &bench->clients[i];
    client->csrs = mtc_alloc(share, sizeof *client->csrs);
    if (!client->csrs) return mtc_fail(error, MTC_NOMEM, "%u requests: out of memory", share);
    for (; client->num_csrs < share && !status; client->num_csrs++)
      status = bench_csr_append(client->name, &client->csrs[client->num_csrs], error);
  }
  return status;
}

/* Each is used once, so that the server has made for it what it makes for a client. */
static mtc_status open_idle(struct bench_acme *bench, struct mtc_error *error) {
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  const char *path = bench_target_path(&bench->target, bench->new_nonce);
  mtc_status status = epoll_fd >= 0 ? MTC_OK : mtc_fail(error, MTC_IO, "epoll");
  uint32_t num_begun = 0, num_done = 0;
  while (!status && num_done < bench->num_idle) {
    struct epoll_event events[NUM_EVENTS];
    while (!status && num_begun < bench->num_idle && num_begun - num_done < IDLE_AT_ONCE) {
      struct bench_link *link = &bench->idle_links[num_begun++];
      status = bench_link_open(link, &bench->target, epoll_fd, link, error);
      if (!status) bench_link_ask(link, &bench->target, "HEAD", path, (struct mtc_span){0});
    }
    int num = status ? 0 : epoll_wait(epoll_fd, events, NUM_EVENTS, PATIENCE_US / 1000);
    if (!status && num <= 0) status = mtc_fail(error, MTC_IO, "%u idle connections", num_done);
    for (int i = 0; i < num && !status; i++) {
      struct bench_answer answer;
      struct bench_link *link = events[i].data.ptr;
      enum bench_event event = bench_link_advance(link, &answer);
      if (event == BENCH_LOST)
        status = mtc_fail(error, MTC_IO, "idle connection %u of %u: the server closed it",
                          num_done + 1, bench->num_idle);
      if (event != BENCH_ANSWER) continue;
      num_done++;
      mtc_bytes_free(&link->in);
      mtc_bytes_free(&link->out);
      struct epoll_event ended = {.events = EPOLLRDHUP | EPOLLONESHOT};
      (void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, link->fd, NULL);
      (void)epoll_ctl(bench->epoll_fd, EPOLL_CTL_ADD, link->fd, &ended);
    }
  }
  if (epoll_fd >= 0) (void)close(epoll_fd);
  return status;
}

static mtc_status prepare(struct bench_acme *bench, struct mtc_error *error) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
  bench->clients = mtc_alloc(bench->num_clients, sizeof *bench->clients);
  bench->idle = mtc_alloc(bench->num_clients + 1, sizeof(struct bench_client *));
  bench->latency_us = mtc_alloc(bench->num_orders, sizeof *bench->latency_us);
  bench->idle_links = mtc_alloc(bench->num_idle + 1, sizeof *bench->idle_links);
  if (!bench->clients || !bench->idle || !bench->latency_us || !bench->idle_links)
    return mtc_fail(error, MTC_NOMEM, "out of memory");
  bench->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (bench->epoll_fd < 0) return mtc_fail(error, MTC_IO, "epoll: %s", strerror(errno));
  mtc_status status = bench_target_open(bench->directory, bench->ca_file, &bench->target, error);
  if (!status && !bench_target_path(&bench->target, bench->directory))
    status = mtc_fail(error, MTC_INPUT, "%s: no path in it", bench->directory);
  if (!status)
    status = bench_responder_open(bench->http_port, bench->num_clients, &bench->responder, error);
  if (!status) status = make_accounts(bench, error);
  if (!status) status = make_csrs(bench, error);
  return status;
}

mtc_status bench_acme_run(struct bench_acme *bench, struct mtc_error *error) {
  bench->epoll_fd = -1;
  mtc_status status = prepare(bench, error);
  for (unsigned i = 0; i < bench->num_processes; i++)
    bench->processes[i].rss_start = bench_process_rss(bench->processes[i].pid);
  if (!status) status = open_idle(bench, error);
  for (unsigned i = 0; i < bench->num_processes; i++) {
    bench->processes[i].rss_idle = bench_process_rss(bench->processes[i].pid);
    bench->processes[i].cpu_start_us = bench_process_cpu_us(bench->processes[i].pid);
  }
  if (status) return status;
  bench->start_us = bench_now_us();
  status = loop(bench, 0, error);
  bench->duration_us = bench_now_us() - bench->start_us;
  for (unsigned i = 0; i < bench->num_processes; i++) {
    bench->processes[i].rss_run = bench_process_rss(bench->processes[i].pid);
    bench->processes[i].cpu_end_us = bench_process_cpu_us(bench->processes[i].pid);
  }
  return status;
}

void bench_acme_free(struct bench_acme *bench) {
  for (uint32_t i = 0; bench->clients && i < bench->num_clients; i++) {
    struct bench_client *client = &bench->clients[i];
    bench_link_close(&client->link);
    acme_key_free(&client->key);
    for (uint32_t j = 0; j < client->num_csrs; j++)
      mtc_bytes_free(&client->csrs[j]);
    mtc_free(client->csrs);
  }
  for (uint32_t i = 0; bench->idle_links && i < bench->num_idle; i++)
    bench_link_close(&bench->idle_links[i]);
  if (bench->epoll_fd >= 0) (void)close(bench->epoll_fd);
  bench_responder_close(bench->responder);
  bench_target_close(&bench->target);
  mtc_free(bench->clients);
  mtc_free(bench->idle);
  mtc_free(bench->latency_us);
  mtc_free(bench->idle_links);
}
