/* One HTTPS request of the ACME client by libcurl: bounded in size and time, no redirects. */
#ifndef ACME_CLIENT_HTTP_H
#define ACME_CLIENT_HTTP_H

#include "acme/client_answer.h"

struct acme_client_http;

/* An answer; zeroed is none. Free it with acme_client_response_free. */
struct acme_client_response {
  long http_status;
  struct mtc_bytes body;
  char location[ACME_CLIENT_MAX_URL];
  char content_type[128]; /* without parameters, lower case */
  char nonce[129];
  char retry_after[64];
  struct mtc_bytes links; /* values of Link headers, a line each; zero-terminated */
};

struct acme_client_request {
  const char *method; /* "GET", "HEAD", "POST" */
  const char *url;    /* checked by acme_client_url_check */
  const char *accept; /* or NULL */
  struct mtc_span body;
};

/*
 * acme_client_http_open prepares for requests; `ca_file` (NULL: the system's) holds the trust
 * anchors for TLS.
 *
 * Errors:   NOMEM.
 */
mtc_status acme_client_http_open(const char *ca_file, struct acme_client_http **out,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_http_send makes a request of at most 30 s and reads an answer of at most 1 MiB.
 *
 * Output:   `out` replaced; any status of HTTP is an answer.
 * Errors:   IO (with the URL), NOMEM.
 */
mtc_status acme_client_http_send(struct acme_client_http *http,
                                 const struct acme_client_request *request,
                                 struct acme_client_response *out,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_http_close releases it; NULL is ignored.
 */
void acme_client_http_close(struct acme_client_http *http);

/*
 * acme_client_response_free releases an answer and makes it none.
 */
void acme_client_response_free(struct acme_client_response *response);

#endif
