/* libunbound with a thread of its own that resolves, and one here that hands answers out. A caller
 * that has waited long enough cancels its question: libunbound may go on asking a dead server. */
#include "acme/resolver.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include "acme/excerpt.h"
#include "mtc/runtime.h"

#define ROOT_ANCHOR "/usr/share/dns/root.key"

struct acme_resolver {
  struct ub_ctx *context;
  pthread_mutex_t mutex; /* over every waiter */
  pthread_t thread;
  bool running;
  int stop_fd;
};

/* A question that its caller waits for, on the caller's stack. */
struct waiter {
  struct acme_resolver *resolver;
  pthread_cond_t answered;
  bool done;
  int error;
  struct ub_result *result;
};

static void on_answer(void *context, int error, struct ub_result *result) {
  struct waiter *waiter = context;
  struct acme_resolver *resolver = waiter->resolver;
  (void)pthread_mutex_lock(&resolver->mutex);
  waiter->done = true;
  waiter->error = error;
  waiter->result = result;
  (void)pthread_cond_signal(&waiter->answered);
  (void)pthread_mutex_unlock(&resolver->mutex);
}

static void *hand_out(void *context) {
  struct acme_resolver *resolver = context;
  struct pollfd fds[2] = {{.fd = ub_fd(resolver->context), .events = POLLIN},
                          {.fd = resolver->stop_fd, .events = POLLIN}};
  for (;;) {
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents) return NULL;
    if (fds[0].revents) (void)ub_process(resolver->context);
  }
}

static mtc_status set_forwarder(struct ub_ctx *context, const char *text, struct mtc_error *error) {
  char address[ACME_ADDRESS_TEXT_LEN + 8];
  struct acme_address parsed;
  uint64_t port = 53;
  const char *at = strchr(text, '@');
  size_t len = at ? (size_t)(at - text) : strlen(text);
  if (len >= sizeof address) len = 0;
  memcpy(address, text, len);
  address[len] = 0;
  if (!acme_address_parse(address, &parsed) ||
      (at && (!mtc_parse_decimal(mtc_span_of_text(at + 1), 65535, &port) || port == 0)))
    return mtc_fail(error, MTC_INPUT, "resolver \"%.80s\": \"address\" or \"address@port\" wanted",
                    text);
  if (ub_ctx_set_fwd(context, text))
    return mtc_fail(error, MTC_INPUT, "resolver \"%.80s\": libunbound refuses it", text);
  return MTC_OK;
}

static mtc_status set_trust_anchor(struct ub_ctx *context, const char *path,
                                   struct mtc_error *error) {
  if (!path) path = ROOT_ANCHOR;
  if (!path[0]) return MTC_OK;
  /* libunbound reads the file at the first question only, and says no more than "failed". */
  struct mtc_bytes content = {0};
  mtc_status status = mtc_file_read(path, 65536, &content, error);
  mtc_bytes_free(&content);
  if (status)
    return mtc_fail_within(error, status == MTC_NOMEM ? status : MTC_INPUT,
                           "trust anchor (the package dns-root-data has the root's)");
  if (ub_ctx_add_ta_file(context, path))
    return mtc_fail(error, MTC_INPUT, "trust anchor %s: libunbound refuses it", path);
  return MTC_OK;
}

struct option {
  const char *name;
  const char *value;
};

/* A client that was told "no such record" adds it and tries again, and one name's TXT record
 * changes between two orders: what is known is soon forgotten. Under a resolver of a test, which is
 * asked on one machine, at once. */
static const struct option usual_options[] = {
    {"module-config:", "validator iterator"},
    {"val-permissive-mode:", "no"},
    {"aggressive-nsec:", "no"},
    {"serve-expired:", "no"},
    {"cache-max-negative-ttl:", "1"},
    {"outgoing-range:", "256"},
    {"num-queries-per-thread:", "1024"},
    {"outgoing-num-tcp:", "32"},
    {"msg-cache-size:", "8m"},
    {"rrset-cache-size:", "16m"},
};
static const struct option own_options[] = {{"cache-max-ttl:", "60"}};
static const struct option forwarder_options[] = {{"cache-max-ttl:", "0"},
                                                  {"do-not-query-localhost:", "no"}};
/* Names that a test's server may own and libunbound answers itself. */
static const char *const test_zones[] = {"test.", "invalid.", "localhost.", "home.arpa."};

static mtc_status set_options(struct ub_ctx *context, const struct option *options, size_t num,
                              struct mtc_error *error) {
  for (size_t i = 0; i < num; i++) {
    int failed = ub_ctx_set_option(context, options[i].name, options[i].value);
    if (failed)
      return mtc_fail(error, MTC_IO, "resolver: option %s %s: %s", options[i].name,
                      options[i].value, ub_strerror(failed));
  }
  return MTC_OK;
}

#define SET(context, options, error) \
  set_options(context, options, sizeof(options) / sizeof(options)[0], error)

static mtc_status configure(struct ub_ctx *context, const struct acme_resolver_options *options,
                            struct mtc_error *error) {
  (void)ub_ctx_debugout(context, NULL);
  int failed = ub_ctx_async(context, 1);
  if (failed) return mtc_fail(error, MTC_IO, "resolver: %s", ub_strerror(failed));
  mtc_status status = SET(context, usual_options, error);
  if (status) return status;
  if (options->forwarder) {
    status = SET(context, forwarder_options, error);
    if (!status) status = set_forwarder(context, options->forwarder, error);
  } else {
    status = SET(context, own_options, error);
    const char *range;
    /* A name server is named by whoever owns a zone: it is no way into the network here. */
    for (unsigned i = 0; !status && !options->allow_private && (range = acme_address_range(i)); i++)
      status = set_options(context, &(struct option){"do-not-query-address:", range}, 1, error);
  }
  if (!status) status = set_trust_anchor(context, options->trust_anchor, error);
  if (status) return status;
  /* The first removal fixes the configuration, so that what is wrong in it is known now. */
  failed = ub_ctx_zone_remove(context, "absent.invalid.");
  for (size_t i = 0; options->forwarder && i < sizeof test_zones / sizeof test_zones[0]; i++)
    if (!failed) failed = ub_ctx_zone_remove(context, test_zones[i]);
  if (failed)
    return mtc_fail(error, MTC_INPUT, "resolver: %s (is the trust anchor well-formed?)",
                    ub_strerror(failed));
  return MTC_OK;
}

mtc_status acme_resolver_open(const struct acme_resolver_options *options,
                              struct acme_resolver **out, struct mtc_error *error) {
  *out = NULL;
  struct acme_resolver *resolver = mtc_alloc(1, sizeof *resolver);
  if (!resolver) return mtc_fail(error, MTC_NOMEM, "resolver: out of memory");
  resolver->stop_fd = -1;
  (void)pthread_mutex_init(&resolver->mutex, NULL);
  mtc_status status = MTC_OK;
  resolver->context = ub_ctx_create();
  if (!resolver->context) status = mtc_fail(error, MTC_NOMEM, "resolver: out of memory");
  if (!status) status = configure(resolver->context, options, error);
  if (!status) {
    resolver->stop_fd = eventfd(0, EFD_CLOEXEC);
    resolver->running =
        resolver->stop_fd >= 0 && pthread_create(&resolver->thread, NULL, hand_out, resolver) == 0;
    if (!resolver->running) status = mtc_fail(error, MTC_IO, "resolver: no thread to be had");
  }
  if (status) {
    acme_resolver_close(resolver);
    return status;
  }
  *out = resolver;
  return MTC_OK;
}

void acme_resolver_close(struct acme_resolver *resolver) {
  if (!resolver) return;
  if (resolver->running) {
    (void)eventfd_write(resolver->stop_fd, 1);
    (void)pthread_join(resolver->thread, NULL);
  }
  if (resolver->context) ub_ctx_delete(resolver->context);
  if (resolver->stop_fd >= 0) (void)close(resolver->stop_fd);
  (void)pthread_mutex_destroy(&resolver->mutex);
  mtc_free(resolver);
}

/* Waits for one answer; false: none by the deadline. */
static bool wait_for(struct waiter *waiter, int question, int64_t deadline_ms) {
  struct acme_resolver *resolver = waiter->resolver;
  struct timespec until = {.tv_sec = deadline_ms / 1000,
                           .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
  (void)pthread_mutex_lock(&resolver->mutex);
  while (!waiter->done &&
         pthread_cond_timedwait(&waiter->answered, &resolver->mutex, &until) == 0) {
  }
  bool done = waiter->done;
  (void)pthread_mutex_unlock(&resolver->mutex);
  if (done) return true;
  if (ub_cancel(resolver->context, question) == 0) return false; /* on_answer is not called */
  (void)pthread_mutex_lock(&resolver->mutex);
  while (!waiter->done)
    (void)pthread_cond_wait(&waiter->answered, &resolver->mutex);
  (void)pthread_mutex_unlock(&resolver->mutex);
  return true;
}

static const char *type_name(enum acme_record_type type) {
  switch (type) {
    case ACME_RECORD_A:
      return "A";
    case ACME_RECORD_TXT:
      return "TXT";
    case ACME_RECORD_AAAA:
      return "AAAA";
    default:
      return "CAA";
  }
}

static const char *rcode_name(int rcode) {
  static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                      "NXDOMAIN", "NOTIMP",  "REFUSED"};
  return rcode >= 0 && rcode < 6 ? names[rcode] : "an unusual error";
}

enum { RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3 };

/* Takes what libunbound found apart; the answer owns it already. */
static enum acme_problem_type read_answer(const char *name, enum acme_record_type type,
                                          struct acme_answer *out, struct acme_problem *problem) {
  const struct ub_result *result = out->result;
  if (result->bogus) {
    char why[ACME_EXCERPT_LEN];
    out->bogus = true;
    acme_excerpt_text(result->why_bogus, why);
    return acme_fail(problem, ACME_DNS, "%s of %s: DNSSEC validation failed: %s", type_name(type),
                     name, why);
  }
  if (result->rcode != RCODE_NOERROR && result->rcode != RCODE_NXDOMAIN)
    return acme_fail(problem, ACME_DNS, "%s of %s: the name servers answer %s", type_name(type),
                     name, rcode_name(result->rcode));
  out->secure = result->secure;
  if (!result->havedata) return ACME_NONE;
  for (unsigned i = 0; result->data[i]; i++) {
    if (i == ACME_MAX_RECORDS)
      return acme_fail(problem, ACME_DNS, "%s of %s: more than %u records", type_name(type), name,
                       ACME_MAX_RECORDS);
    size_t len = result->len[i] > 0 ? (size_t)result->len[i] : 0;
    out->records[out->num_records++] = mtc_span_of(result->data[i], len);
  }
  return ACME_NONE;
}

enum acme_problem_type acme_resolve(struct acme_resolver *resolver, const char *name,
                                    enum acme_record_type type, int64_t deadline_ms,
                                    struct acme_answer *out, struct acme_problem *problem) {
  memset(out, 0, sizeof *out);
  struct waiter waiter = {.resolver = resolver};
  pthread_condattr_t monotonic;
  (void)pthread_condattr_init(&monotonic);
  (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&waiter.answered, &monotonic);
  (void)pthread_condattr_destroy(&monotonic);
  int question = 0;
  int failed =
      ub_resolve_async(resolver->context, name, (int)type, 1, &waiter, on_answer, &question);
  enum acme_problem_type found = ACME_NONE;
  if (failed) {
    found = acme_fail(problem, failed == UB_SYNTAX ? ACME_DNS : ACME_SERVER_INTERNAL,
                      "%s of %s: %s", type_name(type), name, ub_strerror(failed));
  } else if (!wait_for(&waiter, question, deadline_ms)) {
    found = acme_fail(problem, ACME_DNS, "%s of %s: no answer from the name servers in time",
                      type_name(type), name);
  } else if (waiter.error || !waiter.result) {
    found = acme_fail(problem, ACME_DNS, "%s of %s: %s", type_name(type), name,
                      ub_strerror(waiter.error));
  }
  out->result = waiter.result;
  (void)pthread_cond_destroy(&waiter.answered);
  return found || !out->result ? found : read_answer(name, type, out, problem);
}

void acme_answer_free(struct acme_answer *answer) {
  if (answer->result) ub_resolve_free(answer->result);
  memset(answer, 0, sizeof *answer);
}
