/* Addresses: the edges of every range that is refused, texts, names in reverse. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme/address.h"

/* First and last address of a range, and why it is refused. */
struct range {
  const char *first, *last, *why;
};

static const struct range refused[] = {
    {"0.0.0.0", "0.255.255.255", "this network"},
    {"10.0.0.0", "10.255.255.255", "private use"},
    {"100.64.0.0", "100.127.255.255", "shared"},
    {"127.0.0.0", "127.255.255.255", "loopback"},
    {"169.254.0.0", "169.254.255.255", "link local"},
    {"172.16.0.0", "172.31.255.255", "private use"},
    {"192.0.0.0", "192.0.0.255", "protocol"},
    {"192.0.2.0", "192.0.2.255", "documentation"},
    {"192.88.99.0", "192.88.99.255", "6to4"},
    {"192.168.0.0", "192.168.255.255", "private use"},
    {"198.18.0.0", "198.19.255.255", "benchmarking"},
    {"198.51.100.0", "198.51.100.255", "documentation"},
    {"203.0.113.0", "203.0.113.255", "documentation"},
    {"224.0.0.0", "239.255.255.255", "multicast"},
    {"240.0.0.0", "255.255.255.255", "reserved"},
    {"::", "::", "unspecified"},
    {"::1", "::1", "loopback"},
    {"::2", "::ffff:ffff", "IPv4-compatible"},
    {"::ffff:0:0", "::ffff:ffff:ffff", "IPv4-mapped"},
    {"64:ff9b::", "64:ff9b::ff:ffff", "this network"},
    {"64:ff9b::a00:0", "64:ff9b::aff:ffff", "private use"},
    {"64:ff9b::7f00:0", "64:ff9b::7fff:ffff", "loopback"},
    {"64:ff9b::e000:0", "64:ff9b::ffff:ffff", ""},
    {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local use"},
    {"100::", "100::ffff:ffff:ffff:ffff", "discard"},
    {"100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", "dummy"},
    {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol"},
    {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"},
    {"2002:a00::", "2002:aff:ffff:ffff:ffff:ffff:ffff:ffff", "private use"},
    {"2002:7f00::", "2002:7fff:ffff:ffff:ffff:ffff:ffff:ffff", "loopback"},
    {"2002:c0a8::", "2002:c0a8:ffff:ffff:ffff:ffff:ffff:ffff", "private use"},
    {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"},
    {"4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global unicast"},
    {"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment routing"},
    {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local"},
    {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link local"},
    {"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site local"},
    {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
    /* between and beside the special ranges */
    {"::1:0:0:0", "::fffe:ffff:ffff:ffff", "not global unicast"},
    {"::1:0:0", "::fffe:ffff:ffff", "not global unicast"},
    {"::1:0:0:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "not global unicast"},
    {"64:ff9b:0:0:0:1::", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", "not global unicast"},
    {"64:ff9b:2::", "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global unicast"},
    {"100:0:0:2::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global unicast"},
    {"5f01::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global unicast"},
    {"fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global unicast"},
};

/* The public addresses next to every range, first and last of each run. */
static const struct range reachable[] = {
    {"1.0.0.0", "9.255.255.255", NULL},
    {"11.0.0.0", "100.63.255.255", NULL},
    {"100.128.0.0", "126.255.255.255", NULL},
    {"128.0.0.0", "169.253.255.255", NULL},
    {"169.255.0.0", "172.15.255.255", NULL},
    {"172.32.0.0", "191.255.255.255", NULL},
    {"192.0.1.0", "192.0.1.255", NULL},
    {"192.0.3.0", "192.88.98.255", NULL},
    {"192.88.100.0", "192.167.255.255", NULL},
    {"192.169.0.0", "198.17.255.255", NULL},
    {"198.20.0.0", "198.51.99.255", NULL},
    {"198.51.101.0", "203.0.112.255", NULL},
    {"203.0.114.0", "223.255.255.255", NULL},
    {"64:ff9b::100:0", "64:ff9b::9ff:ffff", NULL},
    {"64:ff9b::8000:0", "64:ff9b::a9fd:ffff", NULL},
    {"2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {"2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {"2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {"2002:100::", "2002:9ff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {"2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {"3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
};

static const char *refusal_of(const char *text) {
  struct acme_address address;
  if (!acme_address_parse(text, &address)) fail_msg("%s", text);
  return acme_address_refusal(&address);
}

static void edges_are_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    const char *edges[2] = {refused[i].first, refused[i].last};
    for (int j = 0; j < 2; j++) {
      const char *why = refusal_of(edges[j]);
      if (!why || !strstr(why, refused[i].why)) fail_msg("%s: %s", edges[j], why ? why : "allowed");
    }
  }
}

static void the_rest_is_reachable(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof reachable / sizeof reachable[0]; i++) {
    const char *edges[2] = {reachable[i].first, reachable[i].last};
    for (int j = 0; j < 2; j++)
      if (refusal_of(edges[j])) fail_msg("%s: %s", edges[j], refusal_of(edges[j]));
  }
}

/* The ranges as texts, for the resolver, are those that are looked at. */
static void texts_and_table_agree(void **state) {
  (void)state;
  const char *range;
  unsigned num = 0;
  for (; (range = acme_address_range(num)); num++) {
    char text[64];
    (void)snprintf(text, sizeof text, "%s", range);
    char *slash = strchr(text, '/');
    assert_non_null(slash);
    *slash = 0;
    unsigned len = (unsigned)strtoul(slash + 1, NULL, 10);
    struct acme_address first, last;
    assert_true(acme_address_parse(text, &first));
    unsigned size = first.family == AF_INET ? 32 : 128;
    assert_in_range(len, 1, size);
    last = first;
    for (unsigned bit = len; bit < size; bit++) {
      assert_int_equal(first.bytes[bit / 8] >> (7 - bit % 8) & 1, 0);
      last.bytes[bit / 8] = (uint8_t)(last.bytes[bit / 8] | 0x80 >> bit % 8);
    }
    assert_non_null(acme_address_refusal(&first));
    assert_non_null(acme_address_refusal(&last));
  }
  assert_int_equal(num, 30);
  assert_null(acme_address_range(num));
  assert_null(acme_address_range(1000));
}

static void no_family_is_refused(void **state) {
  (void)state;
  struct acme_address none = {0};
  assert_non_null(acme_address_refusal(&none));
}

static void texts_are_read_and_written(void **state) {
  (void)state;
  static const char *const wrong[] = {
      "",         "1.2.3",         "1.2.3.4.5",  "1.2.3.256", "01.2.3.4", "1.2.3.4 ",
      " 1.2.3.4", "0x7f.0.0.1",    "2130706433", "127.1",     "::g",      "fe80::1%1",
      "[::1]",    "1:2:3:4:5:6:7", "1::2::3",    "a.example", "::1/128",  "1.2.3.4:80"};
  struct acme_address address;
  char text[ACME_ADDRESS_TEXT_LEN];
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    if (acme_address_parse(wrong[i], &address)) fail_msg("\"%s\" is read", wrong[i]);
  assert_true(acme_address_parse("2001:DB8:0:0:0::1", &address));
  acme_address_text(&address, text);
  assert_string_equal(text, "2001:db8::1");
  assert_true(acme_address_parse("::ffff:255.255.255.255", &address));
  acme_address_text(&address, text);
  assert_string_equal(text, "::ffff:255.255.255.255");
}

static void record_data_is_an_address(void **state) {
  (void)state;
  static const uint8_t data[17] = {192, 0, 2, 1};
  struct acme_address address;
  for (size_t len = 0; len <= sizeof data; len++)
    assert_int_equal(acme_address_of(mtc_span_of(data, len), &address), len == 4 || len == 16);
  assert_true(acme_address_of(mtc_span_of(data, 4), &address));
  assert_int_equal(address.family, AF_INET);
  assert_memory_equal(address.bytes, data, 4);
}

static void names_in_reverse(void **state) {
  (void)state;
  struct acme_address address;
  char name[ACME_REVERSE_NAME_LEN];
  assert_true(acme_address_parse("192.0.2.255", &address));
  acme_address_reverse_name(&address, name);
  assert_string_equal(name, "255.2.0.192.in-addr.arpa");
  assert_true(acme_address_parse("2001:db8::567:89ab", &address));
  acme_address_reverse_name(&address, name);
  assert_string_equal(name,
                      "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

static void socket_addresses(void **state) {
  (void)state;
  struct acme_address address;
  struct sockaddr_storage out;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  assert_true(acme_address_parse("192.0.2.1", &address));
  assert_int_equal(acme_address_socket(&address, 80, &out), sizeof in);
  memcpy(&in, &out, sizeof in);
  assert_int_equal(in.sin_family, AF_INET);
  assert_int_equal(in.sin_port, htons(80));
  assert_int_equal(in.sin_addr.s_addr, htonl(0xc0000201));
  assert_true(acme_address_parse("2001:db8::1", &address));
  assert_int_equal(acme_address_socket(&address, 443, &out), sizeof in6);
  memcpy(&in6, &out, sizeof in6);
  assert_int_equal(in6.sin6_family, AF_INET6);
  assert_int_equal(in6.sin6_port, htons(443));
  assert_int_equal(in6.sin6_scope_id, 0);
  assert_memory_equal(&in6.sin6_addr, address.bytes, 16);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(edges_are_refused),          cmocka_unit_test(the_rest_is_reachable),
      cmocka_unit_test(texts_and_table_agree),      cmocka_unit_test(no_family_is_refused),
      cmocka_unit_test(texts_are_read_and_written), cmocka_unit_test(record_data_is_an_address),
      cmocka_unit_test(names_in_reverse),           cmocka_unit_test(socket_addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
