/* http-01's URLs: the first one, redirects that are followed and those that are not; bodies; TXT
 * records; excerpts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme/excerpt.h"
#include "acme/http_target.h"
#include "acme/txt.h"

static const struct acme_http_ports usual = {80, 443};
static const struct acme_http_ports testing = {5002, 5001};

static void the_first_url(void **state) {
  (void)state;
  struct acme_http_target target;
  assert_true(acme_http_target_first("www.example.com", false, 80, "tok_-9", &target));
  assert_string_equal(target.url, "http://www.example.com/.well-known/acme-challenge/tok_-9");
  assert_true(acme_http_target_first("www.example.com", false, 5002, "t", &target));
  assert_string_equal(target.url, "http://www.example.com:5002/.well-known/acme-challenge/t");
  assert_int_equal(target.port, 5002);
  assert_true(acme_http_target_first("2001:db8::1", true, 80, "t", &target));
  assert_string_equal(target.url, "http://[2001:db8::1]/.well-known/acme-challenge/t");
  static const char *const tokens[] = {"",   "a/b", "a b",    "../x", "a?b",
                                       "a=", "a#b", "a\r\nb", "a%41"};
  for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
    assert_false(acme_http_target_first("www.example.com", false, 80, tokens[i], &target));
}

struct redirect {
  const char *location;
  const char *url; /* NULL: not followed */
  const char *why;
};

#define LABEL63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct redirect redirects[] = {
    {"http://www.example.com/a", "http://www.example.com/a", NULL},
    {"http://WWW.Example.COM/A", "http://www.example.com/A", NULL},
    {"http://www.example.com./a", "http://www.example.com/a", NULL},
    {"http://www.example.com:80/a", "http://www.example.com/a", NULL},
    {"https://www.example.com/a", "https://www.example.com/a", NULL},
    {"https://www.example.com:443/a", "https://www.example.com/a", NULL},
    {"https://www.example.com:80/a", "https://www.example.com:80/a", NULL},
    {"http://www.example.com:443/a", "http://www.example.com:443/a", NULL},
    {"HTTPS://www.example.com/a", "https://www.example.com/a", NULL},
    {"http://www.example.com", "http://www.example.com/", NULL},
    {"//other.example/x", "http://other.example/x", NULL},
    {"/x?y=z#w", "http://from.example/x?y=z", NULL},
    {"x", "http://from.example/a/x", NULL},
    {"?q", "http://from.example/a/b?q", NULL},
    {"http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/", NULL},
    {"http://a_b.example/", "http://a_b.example/", NULL},
    {"http://1.2.3.4.example/", "http://1.2.3.4.example/", NULL},
    {"http://" LABEL63 ".example/", "http://" LABEL63 ".example/", NULL},
    /* schemes */
    {"ftp://www.example.com/a", NULL, "neither http nor https"},
    {"file:///etc/passwd", NULL, "neither http nor https"},
    {"gopher://www.example.com/", NULL, "neither http nor https"},
    {"dict://www.example.com/", NULL, "neither http nor https"},
    {"ldap://www.example.com/", NULL, "neither http nor https"},
    {"ws://www.example.com/", NULL, "neither http nor https"},
    {"unix:///run/x", NULL, "neither http nor https"},
    {"javascript:alert(1)", NULL, ""},
    {"data:text/plain,x", NULL, ""},
    /* ports */
    {"http://www.example.com:22/", NULL, "that port"},
    {"http://www.example.com:8080/", NULL, "that port"},
    {"http://www.example.com:0/", NULL, ""},
    {"http://www.example.com:65616/", NULL, ""},
    {"http://www.example.com:-80/", NULL, ""},
    {"http://www.example.com:80x/", NULL, ""},
    /* users */
    {"http://user@www.example.com/", NULL, "a user or a password"},
    {"http://user:password@www.example.com/", NULL, "a user or a password"},
    {"http://www.example.com@evil.example/", NULL, "a user or a password"},
    {"http://:p@www.example.com/", NULL, "a user or a password"},
    /* addresses, however written */
    {"http://127.0.0.1/", NULL, "an address"},
    {"http://93.184.215.14/", NULL, "an address"},
    {"http://127.0.0.1./", NULL, ""},
    {"http://127.1/", NULL, ""},
    {"http://2130706433/", NULL, ""},
    {"http://0x7f000001/", NULL, ""},
    {"http://0x7f.0.0.1/", NULL, ""},
    {"http://0177.0.0.1/", NULL, ""},
    {"http://0x7f.1/", NULL, ""},
    {"http://127.0.0.0x1/", NULL, ""},
    {"http://127.0.0.256/", NULL, ""},
    {"http://1.2.3.4.5/", NULL, "no DNS name"},
    {"http://%31%32%37.0.0.1/", NULL, ""},
    {"http://[::1]/", NULL, "an address"},
    {"http://[::ffff:127.0.0.1]/", NULL, "an address"},
    {"http://[fe80::1%25lo]/", NULL, "an address"},
    {"http://[v1.x]/", NULL, ""},
    /* hosts */
    {"http://localhost/", NULL, "no DNS name"},
    {"http://localhost./", NULL, "no DNS name"},
    {"http://com/", NULL, "no DNS name"},
    {"http:///a", NULL, ""},
    {"http://", NULL, ""},
    {"http://./", NULL, ""},
    {"http://.example.com/", NULL, ""},
    {"http://a..example.com/", NULL, ""},
    {"http://a.example.com../", NULL, ""},
    {"http://" LABEL63 "a.example/", NULL, "no DNS name"},
    {"http://" LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 ".example/", NULL, "no DNS name"},
    {"http://b\xc3\xbc"
     "cher.example/",
     NULL, ""},
    {"http://a%2eb.example%00/", NULL, ""},
    {"http://a%20b.example/", NULL, ""},
    {"http://a*.example/", NULL, ""},
    {"http://a b.example/", NULL, ""},
    /* what is no URL */
    {"http://www.example.com/a b", NULL, "no URL"},
    {"http://www.example.com/\r\nX: y", NULL, "no URL"},
    {"http://www.example.com/\x01", NULL, "no URL"},
    {"http://www.example.com\\@evil.example/", NULL, ""},
};

static void follow(const struct acme_http_ports *ports, const char *from_url,
                   const struct redirect *redirect) {
  struct acme_http_target from = {.port = ports->http, .host = "from.example"}, to;
  struct acme_problem problem = {0};
  (void)snprintf(from.url, sizeof from.url, "%s", from_url);
  enum acme_problem_type type =
      acme_http_target_follow(&from, redirect->location, ports, &to, &problem);
  if (redirect->url) {
    if (type || strcmp(to.url, redirect->url) != 0)
      fail_msg("%s: \"%s\", %s", redirect->location, to.url, problem.detail);
    assert_int_equal(to.https, strncmp(to.url, "https", 5) == 0);
    assert_non_null(strstr(to.url, to.host));
  } else {
    if (type != ACME_INCORRECT_RESPONSE || !strstr(problem.detail, redirect->why))
      fail_msg("%s: \"%s\", %s", redirect->location, to.url, problem.detail);
    assert_string_equal(to.url, "");
  }
}

static void redirects_are_followed_or_not(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof redirects / sizeof redirects[0]; i++)
    follow(&usual, "http://from.example/a/b", &redirects[i]);
}

static void ports_of_a_test(void **state) {
  (void)state;
  static const struct redirect rows[] = {
      {"x", "http://from.example:5002/a/x", NULL},
      {"http://www.example.com/x", "http://www.example.com:5002/x", NULL},
      {"https://www.example.com/x", "https://www.example.com:5001/x", NULL},
      {"https://www.example.com:5001/x", "https://www.example.com:5001/x", NULL},
      {"http://www.example.com:80/x", NULL, "that port"},
      {"https://www.example.com:443/x", NULL, "that port"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    follow(&testing, "http://from.example:5002/a/b", &rows[i]);
}

static void long_ones_are_refused(void **state) {
  (void)state;
  static char location[4096];
  struct redirect row = {location, NULL, "too long"};
  for (size_t len = 1990; len < 4000; len += 1) {
    (void)snprintf(location, sizeof location, "/%0*d", (int)len, 0);
    if (len + 1 + strlen("http://from.example") > ACME_MAX_URL_LEN)
      follow(&usual, "http://from.example/a/b", &row);
    if (len > 2100) len += 400;
  }
}

static void bodies(void **state) {
  (void)state;
  static const struct {
    const char *body;
    bool matches;
  } rows[] = {
      {"a.b", true},
      {"a.b\n", true},
      {"a.b\r\n", true},
      {"a.b \t\r\n\n ", true},
      {" a.b", false},
      {"a.bc", false},
      {"a.", false},
      {"", false},
      {"\n", false},
      {"a.B", false},
      {"a.b\nx", false},
      {"\xef\xbb\xbf"
       "a.b",
       false},
      {"a.b\v", false},
      {"a.b\f", false},
      {"a. b", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_int_equal(acme_http_body_matches(mtc_span_of_text(rows[i].body), "a.b"),
                     rows[i].matches);
  assert_false(acme_http_body_matches(mtc_span_of("a.b\0", 4), "a.b"));
}

static void txt_records(void **state) {
  (void)state;
  uint8_t text[ACME_MAX_TXT_LEN];
  size_t len;
  assert_true(acme_txt_read(mtc_span_of("\3abc", 4), text, &len));
  assert_int_equal(len, 3);
  assert_memory_equal(text, "abc", 3);
  assert_true(acme_txt_read(mtc_span_of("\1a\0\2bc", 6), text, &len));
  assert_int_equal(len, 3);
  assert_memory_equal(text, "abc", 3);
  assert_true(acme_txt_read(mtc_span_of("\0", 1), text, &len));
  assert_int_equal(len, 0);
  assert_false(acme_txt_read(mtc_span_of("", 0), text, &len));
  assert_false(acme_txt_read(mtc_span_of("\4abc", 4), text, &len));
  assert_false(acme_txt_read(mtc_span_of("\3abc\1", 5), text, &len));
  uint8_t long_one[3 * 256];
  memset(long_one, 'x', sizeof long_one);
  long_one[0] = long_one[256] = long_one[512] = 255;
  assert_true(acme_txt_read(mtc_span_of(long_one, sizeof long_one), text, &len));
  assert_int_equal(len, ACME_MAX_TXT_LEN);
  assert_memory_equal(text, long_one + 1, 255);
}

static void excerpts(void **state) {
  (void)state;
  char out[ACME_EXCERPT_LEN];
  acme_excerpt(mtc_span_of("a\0\n\"\\\x7f\xff z", 9), out);
  assert_string_equal(out, "a\\x00\\x0a\\x22\\x5c\\x7f\\xff z");
  acme_excerpt_text(NULL, out);
  assert_string_equal(out, "");
  uint8_t bytes[300];
  for (int i = 0; i < 2; i++) {
    memset(bytes, i == 0 ? 'x' : 0, sizeof bytes);
    for (size_t len = 0; len < sizeof bytes; len++) {
      memset(out, '?', sizeof out);
      acme_excerpt(mtc_span_of(bytes, len), out);
      size_t shown = strnlen(out, sizeof out);
      assert_true(shown < sizeof out);
      assert_int_equal(strcmp(out + (shown < 3 ? 0 : shown - 3), "...") == 0,
                       len > (i == 0 ? 125u : 32u));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_url),   cmocka_unit_test(redirects_are_followed_or_not),
      cmocka_unit_test(ports_of_a_test), cmocka_unit_test(long_ones_are_refused),
      cmocka_unit_test(bodies),          cmocka_unit_test(txt_records),
      cmocka_unit_test(excerpts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
