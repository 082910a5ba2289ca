/* What the parts of the ACME server share: the server, a request on its way, answers. */
#ifndef ACME_CORE_H
#define ACME_CORE_H

#include "acme/config.h"
#include "acme/instance.h"
#include "acme/job.h"
#include "acme/jws.h"
#include "acme/key_cache.h"
#include "acme/nonce.h"
#include "acme/rows.h"
#include "acme/validate.h"
#include "http/server.h"

#define ACME_CA_TIMEOUT_MS 60000u
/* What a process took up and has not ended after this time is taken up by whoever sweeps next. */
#define ACME_CLAIM_S 300
/* A retry within the process ends before that. */
#define ACME_RETRY_UNTIL_MS 240000
#define ACME_VALIDATING_BUCKETS 1024u

struct acme_retry;
struct acme_waiting;
struct acme_validating;
struct acme_certificate_cache;

struct acme_server {
  const struct acme_config *config;
  sqlite3 *db; /* thread of the jobs, once they run */
  struct acme_jobs *jobs;
  struct acme_nonces *nonces;
  struct acme_key_cache *keys;
  struct acme_validator *validator; /* NULL while stopping; thread of the jobs */
  struct acme_instances *instances; /* thread of the jobs */
  struct acme_certificate_cache *certificates;
  struct http_server *http;
  struct mtc_bytes directory; /* JSON */
  int presence_fd;
  bool was_alone; /* on the database when it began */
  /* Thread of the jobs: */
  struct acme_retry *retries;
  struct acme_waiting *first_waiting, **end_waiting;
  struct acme_validating *validating[ACME_VALIDATING_BUCKETS]; /* by authorization */
  int64_t sweep_ms, purge_ms;
  bool is_stopping;
};

enum acme_auth {
  ACME_AUTH_NONE,     /* GET and HEAD */
  ACME_AUTH_OPTIONAL, /* these, and POST by a valid account */
  ACME_AUTH_KID,      /* POST by a valid account */
  ACME_AUTH_JWK,      /* POST with the key itself */
  ACME_AUTH_EITHER,   /* POST by either */
};

struct acme_request;

/*
 * A handler runs within the transaction. It refuses by acme_refuse, which it may only do before it
 * has written, or fills json, status and headers.
 *
 * Errors:   of the database; the request is then answered serverInternal.
 */
typedef mtc_status acme_handler(struct acme_request *request, struct mtc_error *error);

struct acme_route {
  const char *pattern; /* '#': an ID, '*': a text */
  enum acme_auth auth;
  acme_handler *handler; /* NULL: answered on the spot */
};

/* Frees itself when it is answered. */
struct acme_request {
  struct acme_job job; /* first */
  struct acme_server *server;
  struct http_request *http;
  const struct acme_route *route;
  uint64_t id;    /* '#' of the path */
  char text[128]; /* '*' of the path */
  bool is_head;
  bool needs_nonce; /* the answer carries a fresh one */
  struct acme_jws jws;
  struct acme_key key;         /* that the signature was checked with */
  bool is_verified;            /* it is right */
  struct acme_account account; /* of the kid */
  struct acme_problem problem;
  json_t *json; /* the answer's body */
  struct http_answer answer;
  /* Called after the commit instead of sending the answer: it sends it, now or later. */
  void (*after)(struct acme_request *request);
  void *effect;                      /* what it works on, freed with the request */
  void (*free_effect)(void *effect); /* NULL: by mtc_free */
  struct mtc_bytes reply;            /* of a daemon */
  mtc_status reply_status;
};

/*
 * acme_refuse makes the answer a problem and returns MTC_OK, for handlers to return.
 */
mtc_status acme_refuse(struct acme_request *request, enum acme_problem_type type,
                       const char *format, ...) MTC_PRINTF(3, 4);

/*
 * acme_http_handle is the HTTP server's handler (context: the server).
 */
void acme_http_handle(void *context, struct http_request *http);

/*
 * acme_request_send answers and frees a request: its problem, else its JSON, else what the answer
 * holds. Threads: any.
 */
void acme_request_send(struct acme_request *request);

/*
 * acme_request_header adds a header made of a format; acme_request_location a Location with a URL
 * of the server.
 */
void acme_request_header(struct acme_request *request, const char *name, const char *format, ...)
    MTC_PRINTF(3, 4);

/*
 * acme_route_find finds the route of a path behind the base URL's and fills the request's id and
 * text; NULL when there is none.
 */
const struct acme_route *acme_route_find(const char *path, struct acme_request *request);

/*
 * acme_now_s gives POSIX seconds.
 */
int64_t acme_now_s(void);

/*
 * acme_json_time makes an RFC 3339 string; NULL when out of memory.
 */
json_t *acme_json_time(int64_t time_s);

/*
 * acme_json_text makes a text of a JSON value for a row, for mtc_free; NULL when out of memory.
 */
char *acme_json_text(const json_t *json);

/*
 * acme_json_problem_text makes the JSON text of a problem.
 */
char *acme_json_problem_text(const struct acme_problem *problem);

/*
 * acme_url makes a JSON string of a URL of the server: a path with its ID and what follows.
 */
json_t *acme_url(const struct acme_server *server, const char *folder, uint64_t id,
                 const char *rest);

/*
 * acme_append_hex_serial reads a row's serial number into bytes.
 *
 * Errors:   CORRUPT.
 */
mtc_status acme_append_hex_serial(const char *serial, struct mtc_bytes *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_check_account_key refuses as badPublicKey a key that was revoked here as compromised.
 */
mtc_status acme_check_account_key(struct acme_request *request, const struct acme_key *key,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/* A function to be called later on the thread of the jobs, embedded in what it is about. */
struct acme_retry {
  struct acme_retry *next;
  int64_t at_ms; /* monotonic */
  void (*call)(struct acme_retry *retry);
};

/*
 * acme_retry_later calls `retry->call` in `delay_ms`, or when the server stops. Thread of the jobs.
 */
void acme_retry_later(struct acme_server *server, struct acme_retry *retry, int64_t delay_ms);

/* Handlers, a file each. */
acme_handler acme_new_account, acme_account_answer, acme_account_orders, acme_key_change,
    acme_new_order, acme_order_answer, acme_finalize, acme_new_authorization,
    acme_authorization_answer, acme_challenge_answer, acme_certificate_answer, acme_landmark_answer,
    acme_landmark_public, acme_revoke, acme_renewal_info;

#endif
