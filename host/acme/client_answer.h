/* What an ACME server answers, read as the hostile input it is. */
#ifndef ACME_CLIENT_ANSWER_H
#define ACME_CLIENT_ANSWER_H

#include "acme/client_config.h"
#include "acme/client_state.h"

#define ACME_CLIENT_MAX_TOKEN 128u

struct acme_client_directory {
  char new_nonce[ACME_CLIENT_MAX_URL];
  char new_account[ACME_CLIENT_MAX_URL];
  char new_order[ACME_CLIENT_MAX_URL];
  char revoke_cert[ACME_CLIENT_MAX_URL];
  char key_change[ACME_CLIENT_MAX_URL];   /* "": none */
  char renewal_info[ACME_CLIENT_MAX_URL]; /* "": none */
  char terms[ACME_CLIENT_MAX_URL];        /* "": none; only shown */
  bool needs_external_account;
};

enum acme_client_status {
  ACME_CLIENT_PENDING,
  ACME_CLIENT_READY,
  ACME_CLIENT_PROCESSING,
  ACME_CLIENT_VALID,
  ACME_CLIENT_INVALID,
  ACME_CLIENT_DEACTIVATED,
  ACME_CLIENT_EXPIRED,
  ACME_CLIENT_REVOKED,
};

struct acme_client_order {
  enum acme_client_status status;
  char finalize[ACME_CLIENT_MAX_URL];
  char certificate[ACME_CLIENT_MAX_URL]; /* "": not yet */
  char (*authorizations)[ACME_CLIENT_MAX_URL];
  size_t num_authorizations;
  char problem[512]; /* "": none */
};

/* An authorization, with the challenge of the wanted type. */
struct acme_client_authorization {
  enum acme_client_status status;
  struct acme_identifier identifier; /* without "*." */
  bool has_challenge;
  enum acme_client_status challenge_status;
  char url[ACME_CLIENT_MAX_URL];
  char token[ACME_CLIENT_MAX_TOKEN + 1]; /* base64url */
  char problem[512];                     /* of any of its challenges; "": none */
};

struct acme_client_problem {
  enum acme_problem_type type; /* ACME_NONE: a type that is not known */
  char text[512];              /* type, detail and subproblems, for a person; printable ASCII */
};

/*
 * The readers take a body of at most 1 MiB. `allow_plain`: URLs may be http to loopback addresses.
 *
 * Errors:   IO (the server is at fault) naming the member; NOMEM.
 */
mtc_status acme_client_read_directory(struct mtc_span body, bool allow_plain,
                                      struct acme_client_directory *out,
                                      struct mtc_error *error) MTC_MUST_CHECK;
/* Reads an order; free it with acme_client_order_free, not after an error. */
mtc_status acme_client_read_order(struct mtc_span body, bool allow_plain,
                                  struct acme_client_order *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;
/* Reads an authorization; see above. A challenge without a good token or URL is none. */
mtc_status acme_client_read_authorization(struct mtc_span body, bool allow_plain,
                                          enum acme_client_method method,
                                          struct acme_client_authorization *out,
                                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_read_window reads renewal information.
 *
 * Output:   POSIX seconds, the end after the start.
 * Errors:   IO.
 * Source:   RFC 9773, "The "RenewalInfo" Resource"
 */
mtc_status acme_client_read_window(struct mtc_span body, int64_t *out_start_s, int64_t *out_end_s,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_read_problem reads a problem document; whatever else the body is, there is a text.
 */
void acme_client_read_problem(struct mtc_span body, long http_status,
                              struct acme_client_problem *out);

/*
 * acme_client_order_free releases an order.
 */
void acme_client_order_free(struct acme_client_order *order);

/*
 * acme_client_retry_after reads a Retry-After header: seconds or an HTTP date, by `now_s`.
 *
 * Output:   0 when it is absent (NULL), malformed or past; at most a day.
 */
int64_t acme_client_retry_after(const char *value, int64_t now_s);

/*
 * acme_client_read_link looks whether a Link header's value has a link of a relation.
 *
 * Output:   the first one's target, resolved against `base`; "" when there is none that may be
 *           used.
 * Source:   RFC 8288, "Link Serialisation in HTTP Headers"
 */
void acme_client_read_link(const char *value, const char *relation, const char *base,
                           bool allow_plain, char out_url[ACME_CLIENT_MAX_URL]);

/*
 * acme_client_read_links appends all of them to URLs with a space between each, as far as there is
 * room.
 */
void acme_client_read_links(const char *value, const char *relation, const char *base,
                            bool allow_plain, char urls[ACME_CLIENT_MAX_URLS]);

/*
 * acme_client_read_time reads a time of RFC 3339 with any offset; fractions are dropped.
 */
bool acme_client_read_time(const char *text, int64_t *out_s) MTC_MUST_CHECK;

#endif
