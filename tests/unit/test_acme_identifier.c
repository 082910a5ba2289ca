/* Identifiers: what is taken and in which form, what is refused and as what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme/identifier.h"

#define L31 "abcdefghijklmnopqrstuvwxyz01234"
#define L63 L31 "-" L31
#define DNS(value) "{\"type\":\"dns\",\"value\":\"" value "\"}"
#define IP(value) "{\"type\":\"ip\",\"value\":\"" value "\"}"

static void takes(void **state) {
  (void)state;
  static const struct {
    const char *json, *value;
  } cases[] = {
      {DNS("example.com"), "example.com"},
      {DNS("EXAMPLE.Com"), "example.com"},
      {DNS("*.Example.com"), "*.example.com"},
      {DNS("a.b"), "a.b"},
      {DNS("1.2.3.a"), "1.2.3.a"},
      {DNS("a-b.c--d.example"), "a-b.c--d.example"},
      {DNS("xn--bcher-kva.example"), "xn--bcher-kva.example"},
      {DNS("XN--bcher-kva.example"), "xn--bcher-kva.example"},
      {DNS("example.xn--p1ai"), "example.xn--p1ai"},
      {DNS("0xg.0xg"), "0xg.0xg"},
      {DNS(L63 ".example"), L63 ".example"},
      {DNS(L63 "." L63 "." L63 "." L31 "." L31 "6"), NULL}, /* 256 */
      {DNS(L63 "." L63 "." L63 "." L31 ".abcdefghijklmnopqrstuvwxyz012"),
       L63 "." L63 "." L63 "." L31 ".abcdefghijklmnopqrstuvwxyz012"}, /* 253 */
      {DNS(L63 "." L63 "." L63 "." L31 ".abcdefghijklmnopqrstuvwxyz0123"), NULL},
      {IP("192.0.2.1"), "192.0.2.1"},
      {IP("0.0.0.0"), "0.0.0.0"},
      {IP("255.255.255.255"), "255.255.255.255"},
      {IP("2001:DB8:0:0::1"), "2001:db8::1"},
      {IP("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1"},
      {IP("2001:0db8:0000:0000:0001:0000:0000:0001"), "2001:db8::1:0:0:1"},
      {IP("::"), "::"},
      {IP("::1"), "::1"},
      {IP("64:ff9b::192.0.2.1"), "64:ff9b::c000:201"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct acme_identifier identifier, again;
    struct acme_problem problem = {0};
    json_t *json = json_loads(cases[i].json, 0, NULL);
    assert_non_null(json);
    enum acme_problem_type type = acme_identifier_parse(json, &identifier, &problem);
    json_decref(json);
    if (!cases[i].value) {
      assert_int_equal(type, ACME_MALFORMED);
      continue;
    }
    if (type) fail_msg("%s: %s", cases[i].json, problem.detail);
    assert_string_equal(identifier.value, cases[i].value);
    assert_int_equal(acme_identifier_is_wildcard(&identifier), cases[i].value[0] == '*');
    json = acme_identifier_json(&identifier);
    assert_int_equal(acme_identifier_parse(json, &again, &problem), ACME_NONE);
    assert_memory_equal(&identifier, &again, sizeof again);
    json_decref(json);
  }
}

static void refuses(void **state) {
  (void)state;
  static const struct {
    const char *json;
    enum acme_problem_type type;
  } cases[] = {
      {"[]", ACME_MALFORMED},
      {"7", ACME_MALFORMED},
      {"null", ACME_MALFORMED},
      {"\"example.com\"", ACME_MALFORMED},
      {"{}", ACME_MALFORMED},
      {"{\"type\":\"dns\"}", ACME_MALFORMED},
      {"{\"value\":\"example.com\"}", ACME_MALFORMED},
      {"{\"type\":1,\"value\":\"example.com\"}", ACME_MALFORMED},
      {"{\"type\":null,\"value\":\"example.com\"}", ACME_MALFORMED},
      {"{\"type\":\"dns\",\"value\":1}", ACME_MALFORMED},
      {"{\"type\":\"dns\",\"value\":[\"example.com\"]}", ACME_MALFORMED},
      {"{\"type\":\"DNS\",\"value\":\"example.com\"}", ACME_UNSUPPORTED_IDENTIFIER},
      {"{\"type\":\"email\",\"value\":\"a@example.com\"}", ACME_UNSUPPORTED_IDENTIFIER},
      {"{\"type\":\"\",\"value\":\"example.com\"}", ACME_UNSUPPORTED_IDENTIFIER},
      {DNS(""), ACME_MALFORMED},
      {DNS("."), ACME_MALFORMED},
      {DNS("example.com."), ACME_MALFORMED},
      {DNS(".example.com"), ACME_MALFORMED},
      {DNS("example..com"), ACME_MALFORMED},
      {DNS("-a.example"), ACME_MALFORMED},
      {DNS("a-.example"), ACME_MALFORMED},
      {DNS("a_b.example"), ACME_MALFORMED},
      {DNS("a b.example"), ACME_MALFORMED},
      {DNS(" a.example"), ACME_MALFORMED},
      {DNS("a.example\\n"), ACME_MALFORMED},
      {DNS("a.example\\u0001"), ACME_MALFORMED},
      {DNS("a.example\\u007f"), ACME_MALFORMED},
      {DNS("b\\u00fccher.example"), ACME_MALFORMED},
      {DNS("a\\u3002example"), ACME_MALFORMED},
      {DNS("a/b.example"), ACME_MALFORMED},
      {DNS("a.example:443"), ACME_MALFORMED},
      {DNS("user@a.example"), ACME_MALFORMED},
      {DNS(L63 "x.example"), ACME_MALFORMED},
      {DNS("*"), ACME_MALFORMED},
      {DNS("*."), ACME_MALFORMED},
      {DNS("**.example.com"), ACME_MALFORMED},
      {DNS("*.*.example.com"), ACME_MALFORMED},
      {DNS("a.*.example.com"), ACME_MALFORMED},
      {DNS("a*.example.com"), ACME_MALFORMED},
      {DNS("*a.example.com"), ACME_MALFORMED},
      {DNS("example.*"), ACME_MALFORMED},
      {DNS("*.com"), ACME_REJECTED_IDENTIFIER},
      {DNS("localhost"), ACME_REJECTED_IDENTIFIER},
      {DNS("com"), ACME_REJECTED_IDENTIFIER},
      /* hyphens third and fourth: browsers' rules */
      {DNS("ab--c.example"), ACME_MALFORMED},
      {DNS("a.zz--c"), ACME_MALFORMED},
      {DNS("12--3.example"), ACME_MALFORMED},
      {DNS("xn--.example"), ACME_MALFORMED},
      {DNS("xm--a.example"), ACME_MALFORMED},
      {DNS("yn--a.example"), ACME_MALFORMED},
      {DNS("*.ab--c.example"), ACME_MALFORMED},
      /* addresses as names */
      {DNS("192.0.2.1"), ACME_MALFORMED},
      {DNS("*.192.0.2.1"), ACME_MALFORMED},
      {DNS("127.1"), ACME_MALFORMED},
      {DNS("1"), ACME_MALFORMED},
      {DNS("a.0x7f"), ACME_MALFORMED},
      {DNS("a.0x"), ACME_MALFORMED},
      {DNS("a.0XFF"), ACME_MALFORMED},
      {DNS("::1"), ACME_MALFORMED},
      {DNS("[::1]"), ACME_MALFORMED},
      {IP(""), ACME_MALFORMED},
      {IP("example.com"), ACME_MALFORMED},
      {IP("192.0.2"), ACME_MALFORMED},
      {IP("192.0.2.256"), ACME_MALFORMED},
      {IP("192.0.2.01"), ACME_MALFORMED},
      {IP("192.0.2.1.1"), ACME_MALFORMED},
      {IP("0x7f.0.0.1"), ACME_MALFORMED},
      {IP("3221225985"), ACME_MALFORMED},
      {IP("192.0.2.1/32"), ACME_MALFORMED},
      {IP("192.0.2.1:443"), ACME_MALFORMED},
      {IP(" 192.0.2.1"), ACME_MALFORMED},
      {IP("192.0.2.1 "), ACME_MALFORMED},
      {IP("*.0.2.1"), ACME_MALFORMED},
      {IP("[2001:db8::1]"), ACME_MALFORMED},
      {IP("fe80::1%eth0"), ACME_MALFORMED},
      {IP("2001:db8::1::2"), ACME_MALFORMED},
      {IP("2001:db8::12345"), ACME_MALFORMED},
      {IP("1:2:3:4:5:6:7"), ACME_MALFORMED},
      {IP("1:2:3:4:5:6:7:8:9"), ACME_MALFORMED},
      {IP("::ffff:192.0.2.1"), ACME_MALFORMED},
      {IP("::ffff:c000:201"), ACME_MALFORMED},
      {IP("::192.0.2.1"), ACME_MALFORMED},
      {IP("::2"), ACME_MALFORMED},
      {IP("0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"), ACME_MALFORMED},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct acme_identifier identifier;
    struct acme_problem problem = {0};
    json_t *json = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    if (acme_identifier_parse(json, &identifier, &problem) != cases[i].type)
      fail_msg("%s: %d %s", cases[i].json, problem.type, problem.detail);
    assert_true(problem.detail[0]);
    assert_int_equal(identifier.value[0], 0);
    acme_problem_free(&problem);
    json_decref(json);
  }
}

/* Text of a certificate may hold zeros, and an address any number of bytes. */
static void refuses_bytes(void **state) {
  (void)state;
  static const uint8_t bytes[17] = {0x20, 1, 0xd, 0xb8};
  struct acme_identifier identifier;
  struct acme_problem problem = {0};
  assert_int_equal(
      acme_identifier_from_dns(mtc_span_of("a.example\0.com", 14), &identifier, &problem),
      ACME_MALFORMED);
  assert_int_equal(acme_identifier_from_dns(mtc_span_of(NULL, 0), &identifier, &problem),
                   ACME_MALFORMED);
  assert_int_equal(acme_identifier_from_ip(mtc_span_of("::1\0", 4), &identifier, &problem),
                   ACME_MALFORMED);
  assert_int_equal(acme_identifier_from_ip(mtc_span_of(NULL, 0), &identifier, &problem),
                   ACME_MALFORMED);
  for (size_t len = 0; len <= sizeof bytes; len++)
    assert_int_equal(acme_identifier_from_bytes(mtc_span_of(bytes, len), &identifier, &problem),
                     len == 4 || len == 16 ? ACME_NONE : ACME_MALFORMED);
}

static void sorts(void **state) {
  (void)state;
  struct acme_identifier all[] = {
      {ACME_IP_ADDRESS, "192.0.2.1"}, {ACME_DNS_NAME, "b.example"},   {ACME_DNS_NAME, "a.example"},
      {ACME_DNS_NAME, "b.example"},   {ACME_IP_ADDRESS, "192.0.2.1"}, {ACME_DNS_NAME, "*.example"},
  };
  assert_int_equal(acme_identifiers_sort(all, 6), 4);
  assert_string_equal(all[0].value, "*.example");
  assert_string_equal(all[1].value, "a.example");
  assert_string_equal(all[2].value, "b.example");
  assert_string_equal(all[3].value, "192.0.2.1");
  assert_int_equal(acme_identifiers_sort(all, 4), 4);
  assert_int_equal(acme_identifiers_sort(all, 1), 1);
  assert_int_equal(acme_identifiers_sort(NULL, 0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes),
      cmocka_unit_test(refuses),
      cmocka_unit_test(refuses_bytes),
      cmocka_unit_test(sorts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
