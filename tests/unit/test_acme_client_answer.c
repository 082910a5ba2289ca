/* What servers answer, and state.json, as hostile as can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "acme/client_answer.h"
#include "acme/client_certificate.h"
#include "acme/client_listen.h"
#include "mtc/runtime.h"

static struct mtc_span span(const char *text) {
  return mtc_span_of_text(text);
}

static void test_times(void **context) {
  static const struct {
    const char *text;
    int64_t time_s;
  } good[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-11-26T20:35:00Z", 1795725300},
      {"2026-11-26t21:35:00.123456+01:00", 1795725300},
      {"2024-02-29T00:00:00-00:30", 1709166600},
      {"2100-03-01T00:00:00Z", 4107542400},
  };
  static const char *const bad[] = {
      "",
      "2026",
      "2026-11-26",
      "2026-11-26 20:35:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
      "2026-01-32T00:00:00Z",
      "2026-01-01T24:00:00Z",
      "2026-01-01T00:60:00Z",
      "2026-01-01T00:00:61Z",
      "2026-01-01T00:00:00",
      "2026-01-01T00:00:00.Z",
      "2026-01-01T00:00:00Zx",
      "2026-01-01T00:00:00+0100",
      "2026-01-01T00:00:00+25:00",
      "9999-01-01T00:00:00Z",
      "1969-12-31T23:59:59Z",
      "1970-01-01T00:00:00+00:01",
      "+026-01-01T00:00:00Z",
  };
  int64_t time_s;
  (void)context;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    if (!acme_client_read_time(good[i].text, &time_s)) fail_msg("%s", good[i].text);
    if (time_s != good[i].time_s) fail_msg("%s: %lld", good[i].text, (long long)time_s);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (acme_client_read_time(bad[i], &time_s)) fail_msg("%s", bad[i]);
}

static void test_retry_after(void **context) {
  (void)context;
  assert_int_equal(acme_client_retry_after(NULL, 1000), 0);
  assert_int_equal(acme_client_retry_after("", 1000), 0);
  assert_int_equal(acme_client_retry_after("7", 1000), 7);
  assert_int_equal(acme_client_retry_after("007", 1000), 0);
  assert_int_equal(acme_client_retry_after("-7", 1000), 0);
  assert_int_equal(acme_client_retry_after("99999999999999999999999", 1000), 0);
  assert_int_equal(acme_client_retry_after("9999999999", 1000), 86400);
  assert_int_equal(acme_client_retry_after("Thu, 01 Jan 1970 00:20:00 GMT", 1000), 200);
  assert_int_equal(acme_client_retry_after("Thu, 01 Jan 1970 00:10:00 GMT", 1000), 0);
  assert_int_equal(acme_client_retry_after("Fri, 31 Dec 2100 00:00:00 GMT", 1000), 86400);
  assert_int_equal(acme_client_retry_after("soon", 1000), 0);
}

static void test_urls(void **context) {
  static const char *const good[] = {"https://ca.test/a", "https://ca.test:8443/a?b=c",
                                     "https://[2001:db8::1]/"};
  static const char *const plain[] = {"http://127.0.0.1:80/", "http://localhost/x",
                                      "http://[::1]:1/"};
  static const char *const bad[] = {
      "",
      "ca.test",
      "/a",
      "http://ca.test/",
      "ftp://ca.test/",
      "file:///etc/passwd",
      "https://",
      "https://user@ca.test/",
      "https://ca.test/a b",
      "https://ca.test/\n",
      "https://ca.test/\xff",
      "http://127.0.0.1.evil.test/",
      "http://10.0.0.1/",
      "gopher://127.0.0.1/",
      "http://localhost.evil.test/",
  };
  struct mtc_error error;
  char long_url[1100];
  (void)context;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_int_equal(acme_client_url_check(good[i], false, &error), MTC_OK);
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    assert_int_equal(acme_client_url_check(plain[i], true, &error), MTC_OK);
    assert_int_equal(acme_client_url_check(plain[i], false, &error), MTC_INPUT);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (!acme_client_url_check(bad[i], true, &error)) fail_msg("%s", bad[i]);
  memset(long_url, 'a', sizeof long_url);
  memcpy(long_url, "https://ca.test/", 16);
  long_url[1024] = 0;
  assert_int_equal(acme_client_url_check(long_url, true, &error), MTC_INPUT);
  long_url[1023] = 0;
  assert_int_equal(acme_client_url_check(long_url, true, &error), MTC_OK);
}

static void test_links(void **context) {
  static const char relation[] = "acme-optional-alternate", base[] = "https://ca.test/cert/1";
  static const struct {
    const char *value, *url;
  } cases[] = {
      {"<https://ca.test/l>;rel=\"acme-optional-alternate\"", "https://ca.test/l"},
      {"<https://ca.test/l> ; REL=Acme-Optional-Alternate", "https://ca.test/l"},
      {"</l>; title=\"a, b; c\"; rel=\"up acme-optional-alternate\"", "https://ca.test/l"},
      {"<l>;rel=acme-optional-alternate", "https://ca.test/cert/l"},
      {"<https://a.test/>;rel=index, <https://b.test/x>;rel=acme-optional-alternate",
       "https://b.test/x"},
      {"<https://a.test/>;rel=index;rel=acme-optional-alternate", ""},
      {"<https://a.test/>;rel=alternate", ""},
      {"<https://a.test/>;rel=acme-optional-alternates", ""},
      {"<http://127.0.0.1/>;rel=acme-optional-alternate", ""},
      {"<file:///etc/passwd>;rel=acme-optional-alternate", ""},
      {"<https://a.test/;rel=acme-optional-alternate", ""},
      {"<https://a.test/>;rel=\"acme-optional-alternate", ""},
      {"https://a.test/;rel=acme-optional-alternate", ""},
      {"", ""},
      {"<>", ""},
      {"<>;;;=,<", ""},
  };
  char url[ACME_CLIENT_MAX_URL];
  (void)context;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    acme_client_read_link(cases[i].value, relation, base, false, url);
    if (strcmp(url, cases[i].url) != 0) fail_msg("%s: \"%s\"", cases[i].value, url);
  }
}

/* All of a relation, as far as there is room; what is no link ends the list. */
static void test_all_links(void **context) {
  static const char base[] = "https://ca.test/cert/1";
  char urls[ACME_CLIENT_MAX_URLS] = "", value[ACME_CLIENT_MAX_URL];
  (void)context;
  acme_client_read_links("</a>;rel=alternate, </b>;rel=up, <c>; rel=\"alternate\"", "alternate",
                         base, false, urls);
  assert_string_equal(urls, "https://ca.test/a https://ca.test/cert/c");
  acme_client_read_links("<ftp://x/>;rel=alternate,<d>;rel=alternate,e,<f>;rel=alternate",
                         "alternate", base, false, urls);
  assert_string_equal(urls, "https://ca.test/a https://ca.test/cert/c https://ca.test/cert/d");
  acme_client_read_links("<a b>;rel=alternate", "alternate", base, false, urls);
  assert_null(strstr(urls, "a b"));
  (void)snprintf(value, sizeof value, "</%0900d>;rel=alternate", 1);
  for (int i = 0; i < 10; i++)
    acme_client_read_links(value, "alternate", base, false, urls);
  assert_in_range(strlen(urls), 3 * 900, sizeof urls - 1);
}

#define URLS                              \
  "\"newNonce\":\"https://ca.test/n\","   \
  "\"newAccount\":\"https://ca.test/a\"," \
  "\"revokeCert\":\"https://ca.test/r\","

static void test_directory(void **context) {
  struct acme_client_directory directory;
  struct mtc_error error;
  static const char *const bad[] = {
      "",
      "[]",
      "{}",
      "null",
      "{" URLS "\"newOrder\":\"http://ca.test/o\"}",
      "{" URLS "\"newOrder\":7}",
      "{" URLS "\"newOrder\":\"https://ca.test/o\",\"newOrder\":\"https://ca.test/o\"}",
      "{" URLS "\"newOrder\":\"https://ca.test/o\",\"renewalInfo\":\"ftp://ca.test\"}",
      "{" URLS "\"newOrder\":\"https://ca.test/o\",\"meta\":{\"termsOfService\":\"javascript:x\"}}",
  };
  (void)context;
  static const char good[] =
      "{" URLS
      "\"newOrder\":\"https://ca.test/o\",\"renewalInfo\":\"https://ca.test/i\","
      "\"meta\":{\"externalAccountRequired\":true,"
      "\"termsOfService\":\"https://ca.test/t\"},\"x\":[]}";
  assert_int_equal(acme_client_read_directory(span(good), false, &directory, &error), MTC_OK);
  assert_string_equal(directory.renewal_info, "https://ca.test/i");
  assert_true(directory.needs_external_account && !directory.key_change[0]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (acme_client_read_directory(span(bad[i]), false, &directory, &error) != MTC_IO)
      fail_msg("%s", bad[i]);
}

static void test_orders(void **context) {
  struct acme_client_order order;
  struct mtc_error error;
  static const char *const bad[] = {
      "{\"status\":\"done\",\"finalize\":\"https://c.t/f\",\"authorizations\":[\"https://c.t/a\"]}",
      "{\"status\":\"valid\",\"finalize\":\"https://c.t/f\","
      "\"authorizations\":[\"https://c.t/a\"]}",
      "{\"status\":\"ready\",\"authorizations\":[\"https://c.t/a\"]}",
      "{\"status\":\"ready\",\"finalize\":\"https://c.t/f\",\"authorizations\":[]}",
      "{\"status\":\"ready\",\"finalize\":\"https://c.t/f\",\"authorizations\":[\"x\"]}",
      "{\"status\":\"ready\",\"finalize\":\"https://c.t/f\",\"authorizations\":{}}",
      "{\"status\":\"ready\",\"finalize\":\"https://c.t/f\",\"certificate\":\"c\","
      "\"authorizations\":[\"https://c.t/a\"]}",
  };
  (void)context;
  static const char invalid[] =
      "{\"status\":\"invalid\",\"finalize\":\"https://c.t/f\","
      "\"authorizations\":[\"https://c.t/a\"],"
      "\"error\":{\"type\":\"urn:ietf:params:acme:error:compound\",\"detail\":\"two\\u001b\","
      "\"subproblems\":["
      "{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"no\","
      "\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"}},"
      "{\"detail\":3}]}}";
  assert_int_equal(acme_client_read_order(span(invalid), false, &order, &error), MTC_OK);
  assert_string_equal(order.problem,
                      "compound: two? (a.test: caa: no; ?: a problem without a type: no details)");
  acme_client_order_free(&order);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (acme_client_read_order(span(bad[i]), false, &order, &error) != MTC_IO)
      fail_msg("%s", bad[i]);
}

static void test_authorizations(void **context) {
  struct acme_client_authorization authorization;
  struct mtc_error error;
  char text[512];
  static const char format[] =
      "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.example.com\"},"
      "\"challenges\":["
      "{\"type\":\"dns-01\",\"url\":\"https://c.t/d\",\"status\":\"pending\",\"token\":\"dns\"},"
      "{\"type\":\"http-01\",\"url\":\"https://c.t/h\",\"status\":\"pending\",\"token\":\"%s\"}]}";
  static const char *const bad_tokens[] = {"",   "../../etc/passwd", "a/b",  "a.b", "a b",
                                           "a=", "\\u0000a",         "a\\nb"};
  (void)context;
  (void)snprintf(text, sizeof text, format, "abc_-9");
  assert_int_equal(
      acme_client_read_authorization(span(text), false, ACME_CLIENT_HTTP, &authorization, &error),
      MTC_OK);
  assert_string_equal(authorization.token, "abc_-9");
  assert_string_equal(authorization.url, "https://c.t/h");
  assert_int_equal(acme_client_read_authorization(span(text), false, ACME_CLIENT_TLS_ALPN,
                                                  &authorization, &error),
                   MTC_OK);
  assert_false(authorization.has_challenge);
  for (size_t i = 0; i < sizeof bad_tokens / sizeof *bad_tokens; i++) {
    (void)snprintf(text, sizeof text, format, bad_tokens[i]);
    mtc_status status =
        acme_client_read_authorization(span(text), false, ACME_CLIENT_HTTP, &authorization, &error);
    if (!status && authorization.has_challenge) fail_msg("%s", bad_tokens[i]);
  }
  assert_int_equal(acme_client_read_authorization(span("{\"status\":\"pending\"}"), false,
                                                  ACME_CLIENT_HTTP, &authorization, &error),
                   MTC_IO);
}

static void test_problems(void **context) {
  struct acme_client_problem problem;
  (void)context;
  acme_client_read_problem(span("<html>"), 502, &problem);
  assert_string_equal(problem.text, "HTTP status 502 without a problem document");
  acme_client_read_problem(span("{\"type\":\"urn:ietf:params:acme:error:badNonce\"}"), 400,
                           &problem);
  assert_int_equal(problem.type, ACME_BAD_NONCE);
  acme_client_read_problem(span("{\"type\":7,\"subproblems\":[1,[],{}]}"), 400, &problem);
  assert_int_equal(problem.type, ACME_NONE);
}

static void test_windows(void **context) {
  int64_t start_s, end_s;
  struct mtc_error error;
  (void)context;
  assert_int_equal(acme_client_read_window(span("{\"suggestedWindow\":{\"start\":\"2026-01-01T00:"
                                                "00:00Z\",\"end\":\"2026-01-02T00:00:00Z\"}}"),
                                           &start_s, &end_s, &error),
                   MTC_OK);
  assert_true(end_s - start_s == 86400);
  assert_int_equal(acme_client_read_window(span("{\"suggestedWindow\":{\"start\":\"2026-01-02T00:"
                                                "00:00Z\",\"end\":\"2026-01-02T00:00:00Z\"}}"),
                                           &start_s, &end_s, &error),
                   MTC_IO);
  assert_int_equal(
      acme_client_read_window(span("{\"suggestedWindow\":[]}"), &start_s, &end_s, &error), MTC_IO);
}

static void test_chains(void **context) {
  struct acme_client_chain chain;
  struct mtc_error error;
  static const char *const bad[] = {
      "",
      "garbage",
      "-----BEGIN CERTIFICATE-----\nAAAA\n",
      "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      "-----BEGIN CERTIFICATE PROPERTIES-----\nAAA=\n-----END CERTIFICATE PROPERTIES-----\n",
      "-----BEGIN CERTIFICATE PROPERTIES-----\nAAE=\n-----END CERTIFICATE "
      "PROPERTIES-----\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE "
      "PROPERTIES-----\nAAA=\n-----END CERTIFICATE PROPERTIES-----\n",
  };
  (void)context;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (acme_client_read_chain(span(bad[i]), &chain, &error) != MTC_IO) fail_msg("%zu", i);
  struct mtc_bytes many = {0};
  for (unsigned i = 0; i <= ACME_CLIENT_MAX_CHAIN; i++)
    mtc_bytes_append_text(&many, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  assert_int_equal(acme_client_read_chain(mtc_span_of_bytes(&many), &chain, &error), MTC_IO);
  mtc_bytes_free(&many);
}

static void test_state(void **context) {
  struct acme_client_state state = {.last_generation = 3,
                                    .current = {2, 2000},
                                    .not_before_s = 1000,
                                    .order = {.generation = 3,
                                              .identity = "x",
                                              .url = "https://c.t/o"},
                                    .old = {{1, 1500}},
                                    .num_old = 1,
                                    .hook_due = true},
                           again;
  struct mtc_bytes text = {0};
  struct mtc_error error;
  static const char *const bad[] = {
      "",
      "{}",
      "[]",
      "{\"version\":2}",
      "{\"version\":1,\"x\":1}",
      "{\"version\":1,\"deployed\":1}",
      "{\"version\":1,\"not_after\":-1}",
      "{\"version\":1,\"not_after\":1e9}",
      "{\"version\":1,\"not_before\":99}", /* of no certificate */
      "{\"version\":1,\"not_after\":99}",
      "{\"version\":1,\"order_url\":7}",
      "{\"version\":1,\"generation\":1}",
      "{\"version\":1,\"order_url\":\"https://c.t\"}",
      "{\"version\":1,\"last_generation\":1,\"generation\":1,\"order_generation\":1,\"not_after\":"
      "1}",
      "{\"version\":1,\"last_generation\":1,\"generation\":1}",
      "{\"version\":1,\"old\":[{\"generation\":1,\"not_after\":1}]}",
      "{\"version\":1,\"last_generation\":1,\"old\":[{\"generation\":1}]}",
      "{\"version\":1,\"old\":{}}",
      "{\"version\":1,\"proofs\":[{\"name\":\"../x\",\"value\":\"\"}]}",
      "{\"version\":1,\"proofs\":[{\"name\":\"a/b\",\"value\":\"\"}]}",
      "{\"version\":1,\"version\":1}",
      "{\"version\":1,\"failures\":99999999999}",
      "{\"version\":1,\"cert_id\":"
      "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
  };
  (void)context;
  assert_int_equal(acme_client_state_append(&state, &text), MTC_OK);
  if (acme_client_state_parse(mtc_span_of_bytes(&text), &again, &error)) fail_msg("%s", error.text);
  assert_memory_equal(&state, &again, sizeof state);
  mtc_bytes_free(&text);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (acme_client_state_parse(span(bad[i]), &again, &error) != MTC_CORRUPT)
      fail_msg("%s", bad[i]);
}

#define CERTIFICATE(more)                                                \
  "directory: https://ca.test/d\naccount: {key: a.key}\ncertificates:\n" \
  "- {name: www, folder: www, " more "}\n"

static void test_config(void **context) {
  static const char good[] = CERTIFICATE(
      "identifiers: [WWW.example.com, '192.0.2.1', www.example.com], challenge: {type: http-01, "
      "webroot: root}");
  static const struct {
    const char *text, *says;
  } bad[] = {
      {"", "empty"},
      {CERTIFICATE("identifiers: [], challenge: {type: dns-01, hook: [x]}"),
       "Insufficient entries"},
      {CERTIFICATE("identifiers: [a.example.com], challenge: {type: dns-01}"), "needs hook"},
      {CERTIFICATE("identifiers: [a.example.com], challenge: {type: http-01}"),
       "needs webroot or listen"},
      {CERTIFICATE("identifiers: [a.example.com], challenge: {type: http-01, webroot: r, listen: "
                   "'[::]:80'}"),
       "one of them"},
      {CERTIFICATE("identifiers: [a.example.com], challenge: {type: tls-alpn-01, webroot: r}"),
       "needs listen"},
      {CERTIFICATE("identifiers: [a.example.com], challenge: {type: smtp-01}"), "type"},
      {CERTIFICATE("identifiers: ['*.example.com'], challenge: {type: http-01, webroot: r}"),
       "wildcard needs dns-01"},
      {CERTIFICATE("identifiers: ['192.0.2.1'], challenge: {type: dns-01, hook: [x]}"), "address"},
      {CERTIFICATE("identifiers: ['a_b!.example.com'], challenge: {type: dns-01, hook: [x]}"),
       "a_b!"},
      {CERTIFICATE(
           "identifiers: [a.example.com], key_type: p257, challenge: {type: dns-01, hook: [x]}"),
       "key_type"},
      {CERTIFICATE(
           "identifiers: [a.example.com], folders: x, challenge: {type: dns-01, hook: [x]}"),
       "folders"},
      {"directory: http://ca.test/d\naccount: {key: a.key}\ncertificates:\n- {name: www, folder: "
       "www, "
       "identifiers: [a.example.com], challenge: {type: dns-01, hook: [x]}}\n",
       "https is wanted"},
  };
  struct acme_client_config *config;
  struct mtc_error error;
  (void)context;
  if (acme_client_config_parse("/etc/c/client.yaml", span(good), &config, &error))
    fail_msg("%s", error.text);
  assert_string_equal(config->certificates[0].folder, "/etc/c/www");
  assert_string_equal(config->account.key, "/etc/c/a.key");
  assert_string_equal(config->certificates[0].challenge.webroot, "/etc/c/root");
  assert_int_equal(config->certificates[0].num_identifiers, 2);
  assert_int_equal(strlen(config->certificates[0].identity), 64);
  acme_client_config_free(config);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (acme_client_config_parse("c.yaml", span(bad[i].text), &config, &error) != MTC_INPUT)
      fail_msg("%s", bad[i].text);
    if (!strstr(error.text, bad[i].says)) fail_msg("%s: %s", bad[i].says, error.text);
  }
}

static void test_addresses(void **context) {
  static const char *const bad[] = {
      "",       "80",      ":80",     "127.0.0.1",    "127.0.0.1:",    "127.0.0.1:65536",
      "::1:80", "[::1]80", "[::1:80", "localhost:80", "127.0.0.1:080", "[]:80"};
  char address[64];
  unsigned port;
  (void)context;
  assert_true(acme_client_parse_address("127.0.0.1:80", address, &port));
  assert_int_equal(port, 80);
  assert_true(acme_client_parse_address("[::]:443", address, &port));
  assert_string_equal(address, "::");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (acme_client_parse_address(bad[i], address, &port)) fail_msg("%s", bad[i]);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_times),     cmocka_unit_test(test_retry_after),
      cmocka_unit_test(test_urls),      cmocka_unit_test(test_links),
      cmocka_unit_test(test_all_links), cmocka_unit_test(test_directory),
      cmocka_unit_test(test_orders),    cmocka_unit_test(test_authorizations),
      cmocka_unit_test(test_problems),  cmocka_unit_test(test_windows),
      cmocka_unit_test(test_chains),    cmocka_unit_test(test_state),
      cmocka_unit_test(test_config),    cmocka_unit_test(test_addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
