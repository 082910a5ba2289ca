/* Limits on connections. libmicrohttpd has an idle timeout, which every byte renews; a client that
 * sends one byte a second would hold its connection for ever, so time is kept here as well. */
#include "http/connection.h"

#include <linux/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "mtc/runtime.h"

#define NUM_BUCKETS 4096u

struct http_connections {
  pthread_mutex_t mutex;
  struct http_connection *first;
  struct http_connection *buckets[NUM_BUCKETS];
  const struct http_address *proxies;
  unsigned num_proxies, num, max, max_per_address;
  int64_t request_timeout_ms, idle_timeout_ms;
  uint64_t seed; /* so that nobody picks addresses that share a bucket */
};

mtc_status http_connections_open(unsigned max, unsigned max_per_address, unsigned request_timeout_s,
                                 unsigned idle_timeout_s, const struct http_address *proxies,
                                 unsigned num_proxies, struct http_connections **out,
                                 struct mtc_error *error) {
  *out = NULL;
  struct http_connections *connections = mtc_alloc(1, sizeof *connections);
  if (!connections) return mtc_fail(error, MTC_NOMEM, "no memory for the table of connections");
  if (getrandom(&connections->seed, sizeof connections->seed, 0) != sizeof connections->seed) {
    mtc_free(connections);
    return mtc_fail(error, MTC_IO, "the system gives no random bytes");
  }
  pthread_mutex_init(&connections->mutex, NULL);
  connections->max = max;
  connections->max_per_address = max_per_address;
  connections->request_timeout_ms = (int64_t)request_timeout_s * 1000;
  connections->idle_timeout_ms = (int64_t)idle_timeout_s * 1000;
  connections->proxies = proxies;
  connections->num_proxies = num_proxies;
  *out = connections;
  return MTC_OK;
}

static bool is_counted(const struct http_connections *connections, struct http_address address) {
  if (connections->max_per_address == 0) return false;
  for (unsigned i = 0; i < connections->num_proxies; i++) {
    if (http_address_equal(address, connections->proxies[i])) return false;
  }
  return true;
}

static unsigned bucket_of(const struct http_connections *connections, struct http_address address) {
  struct http_address network = http_address_network(address);
  uint64_t words[2];
  memcpy(words, network.bytes, sizeof words);
  uint64_t hash = (words[0] ^ connections->seed) * 0x9e3779b97f4a7c15u;
  hash = (hash ^ (hash >> 29) ^ words[1]) * (connections->seed | 1);
  return (unsigned)((hash ^ (hash >> 32)) % NUM_BUCKETS);
}

bool http_connections_admit(struct http_connections *connections, struct http_address address) {
  bool counted = is_counted(connections, address);
  struct http_address network = http_address_network(address);
  unsigned num_same = 0;
  pthread_mutex_lock(&connections->mutex);
  bool admitted = connections->num < connections->max;
  if (admitted && counted) {
    const struct http_connection *each = connections->buckets[bucket_of(connections, address)];
    for (; each && num_same < connections->max_per_address; each = each->same_hash) {
      num_same += http_address_equal(http_address_network(each->address), network);
    }
    admitted = num_same < connections->max_per_address;
  }
  pthread_mutex_unlock(&connections->mutex);
  return admitted;
}

/* What the kernel got from the peer so far; 0 where it does not tell. */
static uint64_t bytes_received(int fd) {
  struct tcp_info info = {0};
  socklen_t len = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) return 0;
  return info.tcpi_bytes_received;
}

struct http_connection *http_connections_add(struct http_connections *connections, int fd,
                                             struct http_address address) {
  struct http_connection *connection = mtc_alloc(1, sizeof *connection);
  if (!connection) return NULL;
  connection->fd = fd;
  connection->address = address;
  connection->since_ms = mtc_clock_monotonic_ms();
  connection->counted = is_counted(connections, address);
  pthread_mutex_lock(&connections->mutex);
  connections->num++;
  connection->next = connections->first;
  if (connection->next) connection->next->previous = connection;
  connections->first = connection;
  if (connection->counted) {
    struct http_connection **bucket = &connections->buckets[bucket_of(connections, address)];
    connection->same_hash = *bucket;
    if (connection->same_hash) connection->same_hash->bucket_before = connection;
    *bucket = connection;
  }
  pthread_mutex_unlock(&connections->mutex);
  return connection;
}

static void leave_bucket(struct http_connections *connections, struct http_connection *connection) {
  if (connection->same_hash) connection->same_hash->bucket_before = connection->bucket_before;
  if (connection->bucket_before) {
    connection->bucket_before->same_hash = connection->same_hash;
  } else {
    connections->buckets[bucket_of(connections, connection->address)] = connection->same_hash;
  }
}

void http_connections_remove(struct http_connections *connections,
                             struct http_connection *connection) {
  pthread_mutex_lock(&connections->mutex);
  connections->num--;
  if (connection->next) connection->next->previous = connection->previous;
  if (connection->previous) {
    connection->previous->next = connection->next;
  } else {
    connections->first = connection->next;
  }
  if (connection->counted) leave_bucket(connections, connection);
  pthread_mutex_unlock(&connections->mutex);
  mtc_free(connection);
}

void http_connections_enter(struct http_connections *connections,
                            struct http_connection *connection, enum http_phase phase) {
  uint64_t received = phase == HTTP_IDLE ? bytes_received(connection->fd) : 0;
  int64_t now_ms = mtc_clock_monotonic_ms();
  pthread_mutex_lock(&connections->mutex);
  /* A request that was seen to begin before its first line was whole keeps its first moment. */
  if (phase != HTTP_RECEIVING || connection->phase != HTTP_RECEIVING) connection->since_ms = now_ms;
  connection->phase = phase;
  connection->bytes_received = received;
  pthread_mutex_unlock(&connections->mutex);
}

/* libmicrohttpd says nothing before the request line is whole: that bytes came is asked of the
 * kernel. Where it does not tell (or a part of the next request came together with the last one),
 * the first byte is taken to have come at the last moment that the idle timeout allows. */
static bool is_over(const struct http_connections *connections, struct http_connection *connection,
                    int64_t now_ms) {
  int64_t age_ms = now_ms - connection->since_ms;
  if (connection->phase == HTTP_PENDING) return false;
  if (connection->phase != HTTP_IDLE) return age_ms > connections->request_timeout_ms;
  if (age_ms > connections->idle_timeout_ms + connections->request_timeout_ms) return true;
  if (bytes_received(connection->fd) > connection->bytes_received) {
    connection->phase = HTTP_RECEIVING;
    connection->since_ms = now_ms;
  }
  return false;
}

void http_connections_drop_slow(struct http_connections *connections, int64_t now_ms) {
  pthread_mutex_lock(&connections->mutex);
  for (struct http_connection *each = connections->first; each; each = each->next) {
    /* The descriptor is open while the connection is in the table. Its owner sees the end. */
    if (is_over(connections, each, now_ms)) shutdown(each->fd, SHUT_RDWR);
  }
  pthread_mutex_unlock(&connections->mutex);
}

void http_connections_close(struct http_connections *connections) {
  if (!connections) return;
  pthread_mutex_destroy(&connections->mutex);
  mtc_free(connections);
}
