/* http-01: the web server of the name has the key authorization in a file. Whoever runs it wants us
 * to ask for what only we can reach, or for ever: so every hop's host is resolved here, libcurl may
 * connect to the one address it is given and to nothing else, and time, headers, and body end. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "acme/challenge.h"
#include "acme/excerpt.h"
#include "acme/http_target.h"

#define MAX_REDIRECTS 10u
#define MAX_BODY_LEN 4096u
#define MAX_HEADERS_LEN 16384u

/* One request to one address, and what came back. */
struct fetch {
  struct sockaddr_storage peer;
  socklen_t peer_len;
  bool connected; /* the address answered: no other one is tried */
  bool too_long;
  bool too_many_headers;
  size_t headers_len;
  size_t body_len;
  uint8_t body[MAX_BODY_LEN];
  long status;
  char location[ACME_MAX_URL_LEN + 2]; /* one byte more than is accepted; "" none */
  const char *error;                   /* NULL: an answer came */
};

/* The last word: whatever libcurl makes of the URL, no other address is connected to. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to) {
  const struct fetch *fetch = context;
  if (purpose != CURLSOCKTYPE_IPCXN || to->family != fetch->peer.ss_family ||
      to->addrlen != fetch->peer_len || memcmp(&to->addr, &fetch->peer, fetch->peer_len) != 0)
    return CURL_SOCKET_BAD;
  return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t on_header(char *data, size_t size, size_t num, void *context) {
  struct fetch *fetch = context;
  (void)data;
  fetch->headers_len += size * num;
  fetch->too_many_headers = fetch->headers_len > MAX_HEADERS_LEN;
  return fetch->too_many_headers ? 0 : size * num;
}

static size_t on_body(char *data, size_t size, size_t num, void *context) {
  struct fetch *fetch = context;
  size_t len = size * num;
  fetch->too_long = len > MAX_BODY_LEN - fetch->body_len;
  if (fetch->too_long) return 0;
  memcpy(fetch->body + fetch->body_len, data, len);
  fetch->body_len += len;
  return len;
}

#define SET(option, value) (failed = failed || curl_easy_setopt(curl, option, value) != CURLE_OK)

static bool set_options(CURL *curl, const struct acme_http_target *target,
                        struct curl_slist *connect_to, struct fetch *fetch, long timeout_ms,
                        long connect_timeout_ms) {
  bool failed = false;
  SET(CURLOPT_URL, target->url);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_CONNECT_TO, connect_to);
  SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
  SET(CURLOPT_OPENSOCKETDATA, fetch);
  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_FRESH_CONNECT, 1L);
  SET(CURLOPT_FORBID_REUSE, 1L);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_USERAGENT, "mtc-acmed");
  SET(CURLOPT_TIMEOUT_MS, timeout_ms);
  SET(CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, fetch);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, fetch);
  /* The name has no certificate yet: that is why it asks (RFC 8555, "HTTP Challenge"). */
  SET(CURLOPT_SSL_VERIFYPEER, 0L);
  SET(CURLOPT_SSL_VERIFYHOST, 0L);
  return !failed;
}

static void read_result(CURL *curl, CURLcode code, struct fetch *fetch) {
  curl_off_t connect_time = 0;
  struct curl_header *location = NULL;
  (void)curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connect_time);
  (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetch->status);
  fetch->connected = connect_time > 0;
  if (fetch->too_long)
    fetch->error = "the body is longer than 4096 bytes";
  else if (fetch->too_many_headers)
    fetch->error = "the headers are longer than 16384 bytes";
  else if (code == CURLE_OPERATION_TIMEDOUT)
    fetch->error = fetch->connected ? "no whole answer in time" : "no connection in time";
  else if (code != CURLE_OK)
    fetch->error = curl_easy_strerror(code);
  if (fetch->error) return;
  if (curl_easy_header(curl, "location", 0, CURLH_HEADER, -1, &location) == CURLHE_OK &&
      location->amount == 1)
    (void)snprintf(fetch->location, sizeof fetch->location, "%s", location->value);
}

/* Asks one address. false: out of memory. */
static bool ask(const struct acme_http_target *target, const struct acme_address *address,
                long timeout_ms, long connect_timeout_ms, struct fetch *fetch) {
  char text[ACME_ADDRESS_TEXT_LEN], rule[ACME_ADDRESS_TEXT_LEN + 16];
  memset(fetch, 0, sizeof *fetch);
  fetch->peer_len = acme_address_socket(address, target->port, &fetch->peer);
  acme_address_text(address, text);
  /* Whatever host and port: this address. */
  (void)snprintf(rule, sizeof rule, address->family == AF_INET6 ? "::[%s]:%u" : "::%s:%u", text,
                 target->port);
  struct curl_slist *connect_to = curl_slist_append(NULL, rule);
  CURL *curl = curl_easy_init();
  bool ready = curl && connect_to &&
               set_options(curl, target, connect_to, fetch, timeout_ms, connect_timeout_ms);
  if (ready) read_result(curl, curl_easy_perform(curl), fetch);
  curl_easy_cleanup(curl);
  curl_slist_free_all(connect_to);
  return ready;
}

/* Asks the addresses of a target's host, one after the other until one answers. */
static enum acme_problem_type ask_host(struct acme_attempt *attempt,
                                       const struct acme_http_target *target, bool first,
                                       struct fetch *fetch, char peer[ACME_ADDRESS_TEXT_LEN]) {
  struct acme_address addresses[ACME_MAX_ADDRESSES];
  char shown[ACME_EXCERPT_LEN];
  unsigned num = 0;
  enum acme_problem_type problem =
      first
          ? acme_attempt_addresses(attempt, addresses, &num)
          : acme_resolve_addresses(attempt->resolver, target->host, attempt->options->allow_private,
                                   attempt->deadline_ms, addresses, &num, &attempt->problem);
  if (problem) return problem;
  acme_excerpt_text(target->url, shown);
  for (unsigned i = 0; i < num; i++) {
    acme_address_text(&addresses[i], peer);
    int64_t left = acme_attempt_left_ms(attempt);
    if (left == 0)
      return acme_fail(&attempt->problem, ACME_CONNECTION, "%s at %s: no time left for it", shown,
                       peer);
    int64_t share = left / (num - i) + 1;
    if (!ask(target, &addresses[i], (long)left, (long)share, fetch))
      return acme_fail(&attempt->problem, ACME_SERVER_INTERNAL, "out of memory");
    if (!fetch->error) return ACME_NONE;
    if (fetch->connected || i + 1 == num)
      return acme_fail(
          &attempt->problem,
          fetch->too_long || fetch->too_many_headers ? ACME_INCORRECT_RESPONSE : ACME_CONNECTION,
          "%s at %s port %u: %s", shown, peer, target->port, fetch->error);
  }
  return acme_fail(&attempt->problem, ACME_SERVER_INTERNAL, "%s: no address", shown);
}

static bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static enum acme_problem_type judge(struct acme_attempt *attempt,
                                    const struct acme_http_target *target,
                                    const struct fetch *fetch, const char *peer) {
  char url[ACME_EXCERPT_LEN], body[ACME_EXCERPT_LEN];
  struct mtc_span content = mtc_span_of(fetch->body, fetch->body_len);
  if (fetch->status == 200 &&
      acme_http_body_matches(content, attempt->validation->key_authorization))
    return ACME_NONE;
  acme_excerpt_text(target->url, url);
  if (fetch->status != 200)
    return acme_fail(&attempt->problem, ACME_INCORRECT_RESPONSE,
                     "%s at %s port %u: status %ld%s, 200 wanted", url, peer, target->port,
                     fetch->status,
                     is_redirect(fetch->status) ? " without one Location header" : "");
  acme_excerpt(content, body);
  return acme_fail(&attempt->problem, ACME_INCORRECT_RESPONSE,
                   "%s at %s port %u: the body is not the key authorization but \"%s\"", url, peer,
                   target->port, body);
}

/* The targets and the answer are too large for a stack that is not ours alone. */
struct walk {
  struct acme_http_target target, next;
  struct fetch fetch;
};

static enum acme_problem_type follow(struct acme_attempt *attempt, struct walk *walk) {
  const struct acme_http_ports ports = {attempt->options->http_port, attempt->options->tls_port};
  char peer[ACME_ADDRESS_TEXT_LEN];
  for (unsigned hop = 0; hop <= MAX_REDIRECTS; hop++) {
    enum acme_problem_type problem = ask_host(attempt, &walk->target, hop == 0, &walk->fetch, peer);
    if (problem) return problem;
    if (!is_redirect(walk->fetch.status) || !walk->fetch.location[0])
      return judge(attempt, &walk->target, &walk->fetch, peer);
    problem = acme_http_target_follow(&walk->target, walk->fetch.location, &ports, &walk->next,
                                      &attempt->problem);
    if (problem) return problem;
    walk->target = walk->next;
  }
  return acme_fail(&attempt->problem, ACME_INCORRECT_RESPONSE, "%s: more than %u redirects",
                   attempt->name, MAX_REDIRECTS);
}

enum acme_problem_type acme_prove_http(struct acme_attempt *attempt) {
  struct walk *walk = mtc_alloc(1, sizeof *walk);
  if (!walk) return acme_fail(&attempt->problem, ACME_SERVER_INTERNAL, "out of memory");
  enum acme_problem_type problem =
      acme_http_target_first(attempt->name, strchr(attempt->name, ':'), attempt->options->http_port,
                             attempt->validation->token, &walk->target)
          ? follow(attempt, walk)
          : acme_fail(&attempt->problem, ACME_SERVER_INTERNAL, "no URL can be made of the token");
  mtc_free(walk);
  return problem;
}
