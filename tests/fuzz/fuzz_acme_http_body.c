/* What a web server answers http-01: a redirect that is followed goes to a DNS name at an allowed
 * port and nowhere else, and is followed to the same place again; a body is the key authorization
 * and white space. */
#include "acme/address.h"
#include "acme/http_target.h"
#include "fuzz/fuzz.h"

#define KEY_AUTHORIZATION "token.thumbprint"

static void check_target(const struct acme_http_target *target,
                         const struct acme_http_ports *ports) {
  struct acme_address address;
  struct acme_http_target again;
  struct acme_problem problem = {0};
  char start[300], port[8] = "";
  assert(target->port == ports->http || target->port == ports->https);
  assert(strspn(target->host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(target->host));
  const char *dot = strrchr(target->host, '.');
  assert(dot && dot != target->host && dot[1] >= 'a' && dot[1] <= 'z');
  assert(!acme_address_parse(target->host, &address));
  if (target->port != (target->https ? 443u : 80u))
    (void)snprintf(port, sizeof port, ":%u", target->port);
  (void)snprintf(start, sizeof start, "http%s://%s%s/", target->https ? "s" : "", target->host,
                 port);
  assert(strncmp(target->url, start, strlen(start)) == 0);
  assert(!strchr(target->url, '#') && !strpbrk(target->url, " \r\n\t"));
  assert(acme_http_target_follow(target, target->url, ports, &again, &problem) == ACME_NONE);
  assert(strcmp(again.url, target->url) == 0 && strcmp(again.host, target->host) == 0);
  assert(again.port == target->port && again.https == target->https);
}

static void check_redirect(const uint8_t *data, size_t len) {
  static const struct acme_http_ports ports[2] = {{80, 443}, {5002, 5001}};
  for (int i = 0; i < 2; i++) {
    struct acme_http_target from, to;
    struct acme_problem problem = {0};
    char *location = text_of(data, len);
    assert(acme_http_target_first("from.example", false, ports[i].http, "token", &from));
    if (acme_http_target_follow(&from, location, &ports[i], &to, &problem))
      assert(problem.type == ACME_INCORRECT_RESPONSE && problem.detail[0] && !to.url[0]);
    else
      check_target(&to, &ports[i]);
    mtc_free(location);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  size_t wanted = strlen(KEY_AUTHORIZATION);
  bool same = len >= wanted && memcmp(data, KEY_AUTHORIZATION, wanted) == 0;
  for (size_t i = wanted; same && i < len; i++)
    same = data[i] == ' ' || data[i] == '\t' || data[i] == '\r' || data[i] == '\n';
  assert(acme_http_body_matches(mtc_span_of(data, len), KEY_AUTHORIZATION) == same);
  check_redirect(data, len);
  return 0;
}
