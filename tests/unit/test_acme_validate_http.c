/* http-01 against web servers that are right, wrong, and hostile. */
#include "validate_fixture.h"

#include <openssl/err.h>
#include <stdatomic.h>

#include "support/listener.h"
#include "support/network.h"
#include "support/tls_certificate.h"

static struct knotd knotd;
static struct listener http, https, elsewhere;
static struct acme_validator *open_one, *strict;
static char resolver_address[32];
static bool isolated;
static SSL_CTX *tls;
static atomic_uint num_elsewhere, num_with_secrets, num_ipv6, num_private;

static const char records[] =
    "www.example A 127.0.0.1\n"
    "alias.example CNAME www.example\n"
    "nothing.example TXT x\n"
    "theirs.example A 127.0.0.1\n"
    "theirs.example CAA 0 issue \"another.example\"\n"
    "public.example A " PUBLIC_ADDRESS
    "\n"
    "public6.example AAAA " PUBLIC_ADDRESS6
    "\n"
    "both.example A " PUBLIC_ADDRESS
    "\n"
    "both.example AAAA " PUBLIC_ADDRESS6
    "\n"
    "fallback.example A " PUBLIC_ADDRESS
    "\n"
    "fallback.example AAAA " ABSENT_ADDRESS6
    "\n"
    "mixed.example A " PUBLIC_ADDRESS
    "\n"
    "mixed.example AAAA ::1\n"
    "mixed.example A 10.0.0.1\n"
    "private.example A 127.0.0.1\n"
    "private6.example AAAA ::1\n"
    "mapped.example AAAA ::ffff:127.0.0.1\n"
    "sixtofour.example AAAA 2002:7f00:1::1\n"
    "nat64.example AAAA 64:ff9b::7f00:1\n"
    "metadata.example A 169.254.169.254\n"
    "zero.example A 0.0.0.0\n";

struct page {
  const char *path; /* below /.well-known/acme-challenge/ */
  const char *answer;
};

#define OK_HEADER "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define CLOSE "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
/* @ stands for the HTTP port, ! for the HTTPS port, ~ for one of another service, ` for an
 * at sign. */
static const struct page pages[] = {
    {"good", OK_HEADER "\r\n" KEY_AUTHORIZATION},
    {"newline", OK_HEADER "\r\n" KEY_AUTHORIZATION " \t\r\n\r\n"},
    {"chunked", OK_HEADER "Transfer-Encoding: chunked\r\n\r\n3\r\nDGy\r\n"
                          "3f\r\nRejmCefe7v4NfDGDKfA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
                          "\r\n0\r\n\r\n"},
    {"wrong", OK_HEADER "\r\n<html>\x1b[31m\"not\" here</html>"},
    {"leading", OK_HEADER "\r\n " KEY_AUTHORIZATION},
    {"short", OK_HEADER "\r\nDGyRejmCefe7v4NfDGDKfA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqT"},
    {"token-only", OK_HEADER "\r\nDGyRejmCefe7v4NfDGDKfA"},
    {"empty", OK_HEADER "Content-Length: 0\r\n\r\n"},
    {"gzip", OK_HEADER "Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08"},
    {"cut", OK_HEADER "Content-Length: 500\r\n\r\n" KEY_AUTHORIZATION},
    {"status-201", "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n" KEY_AUTHORIZATION},
    {"status-206", "HTTP/1.1 206 Partial\r\nConnection: close\r\n\r\n" KEY_AUTHORIZATION},
    {"status-401", "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x" CLOSE},
    {"status-404", "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n" KEY_AUTHORIZATION},
    {"status-500", "HTTP/1.1 500 Sorry" CLOSE},
    {"status-304", "HTTP/1.1 304 Old\r\nLocation: good" CLOSE},
    {"status-300", "HTTP/1.1 300 Choose\r\nLocation: good" CLOSE},
    {"http09", KEY_AUTHORIZATION},
    {"garbage", "\x16\x03\x01\x02 garbage\r\n\r\n"},
    {"closed", ""},
    {"no-location", "HTTP/1.1 302 Found" CLOSE},
    {"two-locations", "HTTP/1.1 302 Found\r\nLocation: good\r\nLocation: wrong" CLOSE},
    {"to-relative", "HTTP/1.1 302 Found\r\nLocation: good" CLOSE},
    {"to-301", "HTTP/1.1 301 Moved\r\nLocation: http://alias.example.com:@/x/good#frag" CLOSE},
    {"to-307", "HTTP/1.1 307 Moved\r\nLocation: //alias.example.com/good?q=1" CLOSE},
    {"to-308", "HTTP/1.1 308 Moved\r\nSet-Cookie: a=b\r\nLocation: good" CLOSE},
    {"to-303", "HTTP/1.1 303 Moved\r\nLocation: /good" CLOSE},
    {"to-https", "HTTP/1.1 302 Found\r\nLocation: https://www.example.com:!/good" CLOSE},
    {"to-https-plain", "HTTP/1.1 302 Found\r\nLocation: https://www.example.com:@/good" CLOSE},
    {"to-loop", "HTTP/1.1 302 Found\r\nLocation: to-loop" CLOSE},
    {"to-port", "HTTP/1.1 302 Found\r\nLocation: http://www.example.com:~/good" CLOSE},
    {"to-address", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:@/good" CLOSE},
    {"to-address6", "HTTP/1.1 302 Found\r\nLocation: http://[::1]:@/good" CLOSE},
    {"to-number", "HTTP/1.1 302 Found\r\nLocation: http://2130706433:@/good" CLOSE},
    {"to-file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd" CLOSE},
    {"to-ftp", "HTTP/1.1 302 Found\r\nLocation: ftp://www.example.com:@/good" CLOSE},
    {"to-gopher", "HTTP/1.1 302 Found\r\nLocation: gopher://www.example.com:@/_x" CLOSE},
    {"to-user", "HTTP/1.1 302 Found\r\nLocation: http://a%40b:c`www.example.com:@/good" CLOSE},
    {"to-localhost", "HTTP/1.1 302 Found\r\nLocation: http://localhost:@/good" CLOSE},
    {"to-nothing", "HTTP/1.1 302 Found\r\nLocation: http://nothing.example.com:@/good" CLOSE},
    {"to-private", "HTTP/1.1 302 Found\r\nLocation: http://private.example.com:@/good" CLOSE},
    {"to-private6", "HTTP/1.1 302 Found\r\nLocation: http://private6.example.com:@/good" CLOSE},
    {"to-public", "HTTP/1.1 302 Found\r\nLocation: http://public6.example.com:@/good" CLOSE},
};

struct peer {
  int fd;
  SSL *ssl;
};

static bool put(struct peer *peer, const void *data, size_t len) {
  const char *at = data;
  while (len > 0) {
    ssize_t sent = peer->ssl ? SSL_write(peer->ssl, at, (int)len) : send(peer->fd, at, len, 0);
    if (sent <= 0) return false;
    at += sent;
    len -= (size_t)sent;
  }
  return true;
}

static bool put_text(struct peer *peer, const char *text) {
  return put(peer, text, strlen(text));
}

/* What no list of answers can do. */
static bool put_special(struct listener *listener, struct peer *peer, const char *path) {
  char line[4200];
  if (strcmp(path, "silent") == 0) {
    while (!listener_ended(listener, peer->fd, -1)) {
    }
  } else if (strcmp(path, "slow-body") == 0 || strcmp(path, "slow-headers") == 0) {
    bool body = path[5] == 'b';
    if (!put_text(peer, OK_HEADER) || (body && !put_text(peer, "\r\n"))) return true;
    while (!listener_ended(listener, peer->fd, 20) && put_text(peer, "x")) {
    }
  } else if (strcmp(path, "endless-body") == 0) {
    memset(line, 'x', sizeof line);
    if (!put_text(peer, OK_HEADER "\r\n")) return true;
    while (!listener_ended(listener, peer->fd, 0) && put(peer, line, sizeof line)) {
    }
  } else if (strcmp(path, "endless-headers") == 0 || strcmp(path, "endless-100") == 0) {
    const char *more =
        path[8] == 'h' ? "Header: xxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n" : "HTTP/1.1 100 Go\r\n\r\n";
    if (path[8] == 'h' && !put_text(peer, OK_HEADER)) return true;
    while (!listener_ended(listener, peer->fd, 0) && put_text(peer, more)) {
    }
  } else if (strcmp(path, "long-header") == 0) {
    memset(line, 'x', sizeof line);
    if (!put_text(peer, OK_HEADER "Long: ")) return true;
    for (int i = 0; i < 5; i++)
      if (!put(peer, line, sizeof line)) return true;
    (void)put_text(peer, "\r\n\r\n" KEY_AUTHORIZATION);
  } else if (strcmp(path, "body-4096") == 0 || strcmp(path, "body-4097") == 0) {
    size_t len = path[8] == '6' ? 4096 : 4097;
    memset(line, '\n', sizeof line);
    memcpy(line, KEY_AUTHORIZATION, sizeof KEY_AUTHORIZATION - 1);
    if (put_text(peer, OK_HEADER "\r\n")) (void)put(peer, line, len);
  } else if (strncmp(path, "to-count-", 9) == 0) {
    int left = atoi(path + 9);
    (void)snprintf(line, sizeof line,
                   left == 1 ? "HTTP/1.1 302 Found\r\nLocation: good" CLOSE
                             : "HTTP/1.1 302 Found\r\nLocation: to-count-%d" CLOSE,
                   left - 1);
    (void)put_text(peer, line);
  } else {
    return false;
  }
  return true;
}

/* An answer with the ports in it. */
static void put_answer(struct peer *peer, const char *answer) {
  char text[1024];
  size_t len = 0;
  for (const char *c = answer; *c; c++) {
    unsigned port = *c == '@' ? http.port : *c == '!' ? https.port : elsewhere.port;
    if (*c == '@' || *c == '!' || *c == '~')
      len += (size_t)snprintf(text + len, sizeof text - len, "%u", port);
    else
      text[len++] = *c == '`' ? '@' : *c;
  }
  (void)put(peer, text, len);
}

static void put_page(struct listener *listener, struct peer *peer, const char *path) {
  if (put_special(listener, peer, path)) return;
  for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
    if (strcmp(pages[i].path, path) != 0) continue;
    put_answer(peer, pages[i].answer);
    return;
  }
  (void)put_text(peer, "HTTP/1.1 410 Gone" CLOSE);
}

static void note(const char *request, int fd) {
  struct sockaddr_storage local;
  socklen_t len = sizeof local;
  char text[INET6_ADDRSTRLEN] = "";
  if (strcasestr(request, "\r\ncookie:") || strcasestr(request, "\r\nauthorization:") ||
      strcasestr(request, "\r\naccept-encoding:"))
    num_with_secrets++;
  (void)getsockname(fd, (struct sockaddr *)&local, &len);
  if (local.ss_family == AF_INET6)
    (void)inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&local)->sin6_addr, text, sizeof text);
  if (strcmp(text, PUBLIC_ADDRESS6) == 0) num_ipv6++;
  if (strcmp(text, "::1") == 0 || strcmp(text, "::ffff:127.0.0.1") == 0) num_private++;
}

static void serve(struct listener *listener, int fd) {
  struct peer peer = {.fd = fd};
  char request[8192];
  size_t len = 0;
  if (listener == &elsewhere) {
    num_elsewhere++;
    return;
  }
  if (listener == &https) {
    peer.ssl = SSL_new(tls);
    if (SSL_set_fd(peer.ssl, fd) != 1 || SSL_accept(peer.ssl) != 1) len = sizeof request;
  }
  request[0] = 0;
  while (len < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
    size_t room = sizeof request - 1 - len;
    ssize_t got =
        peer.ssl ? SSL_read(peer.ssl, request + len, (int)room) : recv(fd, request + len, room, 0);
    if (got <= 0) break;
    len += (size_t)got;
    request[len] = 0;
  }
  if (strstr(request, "\r\n\r\n")) {
    note(request, fd);
    char *end = strstr(request, " HTTP/1.1\r\n");
    if (end) *end = 0;
    char *query = strchr(request, '?');
    if (query) *query = 0;
    char *path = strrchr(request, '/');
    if (path) put_page(listener, &peer, path + 1);
  }
  if (peer.ssl) {
    (void)SSL_shutdown(peer.ssl);
    SSL_free(peer.ssl);
  }
  ERR_clear_error();
  (void)shutdown(fd, SHUT_WR);
}

static void set_up_tls(void) {
  EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  X509 *certificate = tls_certificate(key, key, "nobody", "nobody", NULL, 0);
  tls = SSL_CTX_new(TLS_server_method());
  assert_int_equal(SSL_CTX_use_certificate(tls, certificate), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

static int set_up(void **state) {
  (void)state;
  const struct knotd_zone zones[] = {{"com", false, records}, {"example", false, ""}};
  knotd_start(&knotd, zones, 2);
  set_up_tls();
  struct listener *listeners[] = {&http, &https, &elsewhere};
  for (size_t i = 0; i < 3; i++) {
    listeners[i]->serve = serve;
    listener_start(listeners[i], isolated);
  }
  (void)snprintf(resolver_address, sizeof resolver_address, "127.0.0.1@%u", knotd.port);
  struct acme_validator_options options = {.threads = 2,
                                           .timeout_ms = 20000,
                                           .resolver = resolver_address,
                                           .trust_anchor = "",
                                           .http_port = http.port,
                                           .tls_port = https.port,
                                           .allow_private = true};
  open_one = open_validator(&options);
  options.allow_private = false;
  strict = open_validator(&options);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  acme_validator_close(open_one);
  acme_validator_close(strict);
  listener_stop(&http);
  listener_stop(&https);
  listener_stop(&elsewhere);
  SSL_CTX_free(tls);
  knotd_stop(&knotd);
  return 0;
}

/* The token is the page's name: what is served depends on it alone. */
static void expect(struct acme_validator *validator, const char *name, const char *page,
                   enum acme_problem_type problem, const char *text) {
  struct acme_validation validation = validation_of(ACME_HTTP_01, name);
  (void)snprintf(validation.token, sizeof validation.token, "%s", page);
  struct acme_validation_result result = validate_it(validator, &validation);
  if (result.problem != problem) print_error("%s, %s:\n", name, page);
  check_result(&result, problem, text, 0);
}

static void a_file_proves(void **state) {
  (void)state;
  static const char *const good[] = {"good",        "newline",  "chunked",    "body-4096",
                                     "to-relative", "to-301",   "to-307",     "to-308",
                                     "to-303",      "to-https", "to-count-10"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    expect(open_one, "www.example.com", good[i], ACME_NONE, "");
  expect(open_one, "alias.example.com", "good", ACME_NONE, "");
  expect(open_one, "127.0.0.1", "good", ACME_NONE, "");
  assert_int_equal(num_with_secrets, 0);
}

static void caa_has_the_last_word(void **state) {
  (void)state;
  expect(open_one, "theirs.example.com", "good", ACME_CAA, "this CA is not named");
}

static void other_files_do_not(void **state) {
  (void)state;
  char where[64];
  (void)snprintf(where, sizeof where, "at 127.0.0.1 port %u: status 404", http.port);
  static const struct page wrong[] = {
      {"wrong", "not the key authorization but \"<html>\\x1b[31m\\x22not\\x22 here</html>\""},
      {"leading", "not the key"},
      {"short", "not the key"},
      {"token-only", "not the key"},
      {"empty", "but \"\""},
      {"gzip", "but \"\\x1f\\x8b\\x08\""},
      {"status-201", "status 201, 200 wanted"},
      {"status-206", "status 206"},
      {"status-401", "status 401"},
      {"status-500", "status 500"},
      {"status-304", "status 304"},
      {"status-300", "status 300"},
      {"no-location", "status 302 without one Location"},
      {"two-locations", "status 302 without one Location"},
      {"body-4097", "longer than 4096"},
      {"endless-body", "longer than 4096"},
      {"endless-headers", "longer than 16384"},
      {"endless-100", "longer than 16384"},
      {"long-header", "longer than 16384"},
      {"to-loop", "more than 10 redirects"},
      {"to-count-11", "more than 10 redirects"},
      {"to-port", "that port is not connected to"},
      {"to-address", "an address instead of a name"},
      {"to-address6", "an address instead of a name"},
      {"to-number", "an address instead of a name"},
      {"to-file", "neither http nor https"},
      {"to-ftp", "neither http nor https"},
      {"to-gopher", "neither http nor https"},
      {"to-user", "a user or a password"},
      {"to-localhost", "no DNS name"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    expect(open_one, "www.example.com", wrong[i].path, ACME_INCORRECT_RESPONSE, wrong[i].answer);
  expect(open_one, "www.example.com", "status-404", ACME_INCORRECT_RESPONSE, where);
  assert_int_equal(num_elsewhere, 0);
  assert_int_equal(num_with_secrets, 0);
}

static void broken_servers(void **state) {
  (void)state;
  static const char *const broken[] = {"http09", "garbage", "closed", "cut", "to-https-plain"};
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
    expect(open_one, "www.example.com", broken[i], ACME_CONNECTION, " at 127.0.0.1 port ");
  expect(open_one, "www.example.com", "to-nothing", ACME_DNS,
         "nothing.example.com: no A or AAAA record");
  expect(open_one, "nothing.example.com", "good", ACME_DNS, "no A or AAAA record");
  expect(open_one, "absent.example.com", "good", ACME_DNS, "no A or AAAA record");
  expect(open_one, "www.example.com", "no/token", ACME_SERVER_INTERNAL, "token");
}

static void time_ends(void **state) {
  (void)state;
  static const char *const slow[] = {"silent", "slow-body", "slow-headers"};
  struct acme_validator_options options = {.threads = 1,
                                           .timeout_ms = 700,
                                           .resolver = resolver_address,
                                           .trust_anchor = "",
                                           .http_port = http.port,
                                           .tls_port = https.port,
                                           .allow_private = true};
  struct acme_validator *hasty = open_validator(&options);
  for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++)
    expect(hasty, "www.example.com", slow[i], ACME_CONNECTION, "no whole answer in time");
  acme_validator_close(hasty);
}

static void nobody_listens(void **state) {
  (void)state;
  struct acme_validator_options options = {.threads = 1,
                                           .resolver = resolver_address,
                                           .trust_anchor = "",
                                           .http_port = free_port(),
                                           .tls_port = https.port,
                                           .allow_private = true};
  struct acme_validator *lonely = open_validator(&options);
  expect(lonely, "www.example.com", "good", ACME_CONNECTION, " at 127.0.0.1 port ");
  acme_validator_close(lonely);
}

static void private_addresses_are_refused(void **state) {
  (void)state;
  unsigned before = num_private;
  static const struct page refused[] = {
      {"private.example.com", "its address 127.0.0.1 is not connected to: loopback"},
      {"private6.example.com", "its address ::1 is not connected to: loopback"},
      {"mapped.example.com", "IPv4-mapped"},
      {"sixtofour.example.com", "its address 2002:7f00:1::1 is not connected to: loopback"},
      {"nat64.example.com", "loopback"},
      {"metadata.example.com", "169.254.169.254 is not connected to: link local"},
      {"zero.example.com", "0.0.0.0 is not connected to: this network"},
      {"127.0.0.1", "127.0.0.1 is not connected to: loopback"},
      {"::1", "::1 is not connected to: loopback"},
  };
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    expect(strict, refused[i].path, "good", ACME_CONNECTION, refused[i].answer);
  assert_int_equal(num_private, before);
}

static void redirects_stay_outside(void **state) {
  (void)state;
  if (!isolated) {
    print_message("no network of its own to be had here\n");
    skip();
  }
  unsigned before = num_private;
  expect(strict, "public.example.com", "good", ACME_NONE, "");
  expect(strict, "public6.example.com", "good", ACME_NONE, "");
  expect(strict, PUBLIC_ADDRESS, "good", ACME_NONE, "");
  expect(strict, PUBLIC_ADDRESS6, "good", ACME_NONE, "");
  expect(strict, "public.example.com", "to-public", ACME_NONE, "");
  expect(strict, "public.example.com", "to-private", ACME_CONNECTION,
         "private.example.com: its address 127.0.0.1 is not connected to: loopback");
  expect(strict, "public.example.com", "to-private6", ACME_CONNECTION,
         "private6.example.com: its address ::1 is not connected to: loopback");
  expect(strict, "public.example.com", "to-address", ACME_INCORRECT_RESPONSE, "an address");
  expect(strict, "mixed.example.com", "good", ACME_NONE, "");
  assert_int_equal(num_private, before);
}

/* Without a forwarder the root servers are asked, and here there are none. */
static void recursion_has_nowhere_to_go(void **state) {
  (void)state;
  if (!isolated) {
    print_message("no network of its own to be had here\n");
    skip();
  }
  for (int i = 0; i < 2; i++) {
    struct acme_validator_options options = {
        .threads = 1, .timeout_ms = 1000, .allow_private = i == 0};
    struct acme_validator *recursive = open_validator(&options);
    struct acme_validation validation = validation_of(ACME_HTTP_01, "www.example.com");
    struct acme_validation_result result = validate_it(recursive, &validation);
    check_result(&result, ACME_DNS, "of www.example.com: ", __LINE__);
    if (!strstr(result.detail, "SERVFAIL") && !strstr(result.detail, "in time"))
      fail_msg("%s", result.detail);
    acme_validator_close(recursive);
  }
}

static void ipv6_comes_first(void **state) {
  (void)state;
  if (!isolated) {
    print_message("no network of its own to be had here\n");
    skip();
  }
  unsigned before = num_ipv6;
  expect(strict, "both.example.com", "good", ACME_NONE, "");
  assert_int_equal(num_ipv6, before + 1);
  expect(strict, "fallback.example.com", "good", ACME_NONE, "");
  assert_int_equal(num_ipv6, before + 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_proves),
      cmocka_unit_test(caa_has_the_last_word),
      cmocka_unit_test(other_files_do_not),
      cmocka_unit_test(broken_servers),
      cmocka_unit_test(time_ends),
      cmocka_unit_test(nobody_listens),
      cmocka_unit_test(private_addresses_are_refused),
      cmocka_unit_test(redirects_stay_outside),
      cmocka_unit_test(ipv6_comes_first),
      cmocka_unit_test(recursion_has_nowhere_to_go),
  };
  isolated = network_enter();
  mtc_log_init("test", MTC_LOG_ERROR);
  (void)signal(SIGPIPE, SIG_IGN);
  /* A proxy is for those who may go anywhere. */
  (void)setenv("http_proxy", "http://127.0.0.1:9", 1);
  (void)setenv("all_proxy", "http://127.0.0.1:9", 1);
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
