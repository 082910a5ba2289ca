/* CAA: what is read, and what every kind of record decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "acme/caa.h"

#define ACCOUNT "https://acme.example/account/7"

/* Properties as "flags tag value", one a line. */
struct row {
  const char *properties;
  char kind;       /* 'n' name, 'w' wildcard */
  const char *why; /* part of the reason, NULL: allowed */
};

#define NOT_NAMED "not named"
#define MALFORMED "malformed"
#define ACCOUNT_DIFFERS "accounturi"
#define METHOD_DIFFERS "validationmethods"
#define UNKNOWN "not understood"

static const struct row rows[] = {
    /* issuer domain names */
    {"0 issue ca.example", 'n', NULL},
    {"0 issue ca.example", 'w', NULL},
    {"0 issue CA.Example", 'n', NULL},
    {"0 ISSUE ca.example", 'n', NULL},
    {"128 issue ca.example", 'n', NULL},
    {"1 issue ca.example", 'n', NULL},
    {"0 issue second.ca.example", 'n', NULL},
    {"0 issue  \tca.example \t", 'n', NULL},
    {"0 issue ca.example;", 'n', NULL},
    {"0 issue ca.example ; ", 'n', NULL},
    {"0 issue another.example", 'n', NOT_NAMED},
    {"0 issue a.ca.example", 'n', NOT_NAMED},
    {"0 issue example", 'n', NOT_NAMED},
    {"0 issue ca.exampl", 'n', NOT_NAMED},
    {"0 issue ca.examplex", 'n', NOT_NAMED},
    {"0 issue another.example\n0 issue ca.example", 'n', NULL},
    {"0 issue ca.example\n0 issue another.example", 'n', NULL},
    {"0 issue another.example\n0 issue a-third.example", 'n', NOT_NAMED},
    /* nobody */
    {"0 issue ;", 'n', NOT_NAMED},
    {"0 issue ", 'n', NOT_NAMED},
    {"0 issue   ;  ", 'n', NOT_NAMED},
    {"0 issue ; a=b", 'n', NOT_NAMED},
    {"0 issue ;\n0 issue ca.example", 'n', NULL},
    /* malformed values name nobody */
    {"0 issue ca.example.", 'n', MALFORMED},
    {"0 issue .ca.example", 'n', MALFORMED},
    {"0 issue ca..example", 'n', MALFORMED},
    {"0 issue -ca.example", 'n', MALFORMED},
    {"0 issue ca-.example", 'n', MALFORMED},
    {"0 issue ca_x.example", 'n', MALFORMED},
    {"0 issue \"ca.example\"", 'n', MALFORMED},
    {"0 issue ca.example another.example", 'n', MALFORMED},
    {"0 issue ca.example,another.example", 'n', MALFORMED},
    {"0 issue ca.example; a", 'n', MALFORMED},
    {"0 issue ca.example; a=b c=d", 'n', MALFORMED},
    {"0 issue ca.example; =b", 'n', MALFORMED},
    {"0 issue ca.example; -a=b", 'n', MALFORMED},
    {"0 issue ca.example; a-=b", 'n', MALFORMED},
    {"0 issue ca.example; a_b=c", 'n', MALFORMED},
    {"0 issue ca.example;; a=b", 'n', MALFORMED},
    {"0 issue ca.example; a=b;; c=d", 'n', MALFORMED},
    {"0 issue ca.example; a=\x80", 'n', MALFORMED},
    {"0 issue ca.example; a=\x7f", 'n', MALFORMED},
    {"0 issue ca.example\x01", 'n', MALFORMED},
    {"0 issue %%%%", 'n', MALFORMED},
    {"0 issue %%%%\n0 issue ca.example", 'n', NULL},
    {"0 issue %%%%\n0 issue another.example", 'n', NOT_NAMED},
    /* parameters that say nothing here */
    {"0 issue ca.example; a=b", 'n', NULL},
    {"0 issue ca.example;a=b;c=d", 'n', NULL},
    {"0 issue ca.example ; a = b ; c = d ;", 'n', NULL},
    {"0 issue ca.example; a=", 'n', NULL},
    {"0 issue ca.example; a-b=c=d", 'n', NULL},
    /* accounts (RFC 8657) */
    {"0 issue ca.example; accounturi=" ACCOUNT, 'n', NULL},
    {"0 issue ca.example; AccountURI=" ACCOUNT, 'n', NULL},
    {"0 issue ca.example; accounturi=" ACCOUNT "0", 'n', ACCOUNT_DIFFERS},
    {"0 issue ca.example; accounturi=https://acme.example/account/", 'n', ACCOUNT_DIFFERS},
    {"0 issue ca.example; accounturi=HTTPS://acme.example/account/7", 'n', ACCOUNT_DIFFERS},
    {"0 issue ca.example; accounturi=", 'n', ACCOUNT_DIFFERS},
    {"0 issue ca.example; accounturi=" ACCOUNT "; accounturi=" ACCOUNT, 'n', ACCOUNT_DIFFERS},
    {"0 issue ca.example; accounturi=x\n0 issue ca.example; accounturi=" ACCOUNT, 'n', NULL},
    {"0 issue another.example; accounturi=" ACCOUNT, 'n', NOT_NAMED},
    {"0 issue ; accounturi=" ACCOUNT, 'n', NOT_NAMED},
    /* methods (RFC 8657) */
    {"0 issue ca.example; validationmethods=dns-01", 'n', NULL},
    {"0 issue ca.example; validationmethods=http-01,dns-01", 'n', NULL},
    {"0 issue ca.example; validationmethods=dns-01,ca-other", 'n', NULL},
    {"0 issue ca.example; validationmethods=http-01", 'n', METHOD_DIFFERS},
    {"0 issue ca.example; validationmethods=DNS-01", 'n', METHOD_DIFFERS},
    {"0 issue ca.example; validationmethods=dns-011", 'n', METHOD_DIFFERS},
    {"0 issue ca.example; validationmethods=dns-0", 'n', METHOD_DIFFERS},
    {"0 issue ca.example; validationmethods=", 'n', METHOD_DIFFERS},
    {"0 issue ca.example; validationmethods=,dns-01", 'n', METHOD_DIFFERS},
    {"0 issue ca.example; validationmethods=dns-01,", 'n', METHOD_DIFFERS},
    {"0 issue ca.example; validationmethods=dns-01,a_b", 'n', METHOD_DIFFERS},
    {"0 issue ca.example; validationmethods=dns-01; validationmethods=dns-01", 'n', METHOD_DIFFERS},
    {"0 issue ca.example; validationmethods=dns-01; accounturi=" ACCOUNT, 'n', NULL},
    {"0 issue ca.example; validationmethods=dns-01; accounturi=x", 'n', ACCOUNT_DIFFERS},
    {"0 issue ca.example; accounturi=" ACCOUNT "; validationmethods=x", 'n', METHOD_DIFFERS},
    /* wildcards */
    {"0 issuewild ca.example", 'w', NULL},
    {"0 issuewild ca.example", 'n', NULL},
    {"0 issuewild another.example", 'n', NULL},
    {"0 issuewild another.example", 'w', NOT_NAMED},
    {"0 issue ca.example\n0 issuewild ;", 'w', NOT_NAMED},
    {"0 issue ca.example\n0 issuewild ;", 'n', NULL},
    {"0 issue ;\n0 issuewild ca.example", 'w', NULL},
    {"0 issue ;\n0 issuewild ca.example", 'n', NOT_NAMED},
    {"0 issue ca.example\n0 issuewild %", 'w', MALFORMED},
    {"0 IssueWild another.example\n0 issuewild ca.example", 'w', NULL},
    {"0 issuewild ca.example; validationmethods=http-01", 'w', METHOD_DIFFERS},
    {"0 issue another.example", 'w', NOT_NAMED},
    /* other properties */
    {"0 iodef mailto:a@b.example", 'n', NULL},
    {"128 iodef mailto:a@b.example", 'n', NULL},
    {"128 issuemail ;", 'n', NULL},
    {"128 contactemail a@b.example", 'n', NULL},
    {"0 tbs x", 'n', NULL},
    {"0 tbs x\n0 issue another.example", 'n', NOT_NAMED},
    {"128 tbs x", 'n', UNKNOWN},
    {"255 tbs x", 'n', UNKNOWN},
    {"127 tbs x", 'n', NULL},
    {"0 issue ca.example\n128 tbs x", 'n', UNKNOWN},
    {"128 tbs x\n0 issue ca.example", 'w', UNKNOWN},
    {"128 issuex ca.example", 'n', UNKNOWN},
    {"128 issu ca.example", 'n', UNKNOWN},
    {"128 is\x01ue ca.example", 'n', UNKNOWN},
    {"0 issu ;", 'n', NULL},
};

static const char *const identities[] = {"ca.example", "second.ca.example"};

/* Record data of one line. */
static void make_record(const char *line, size_t len, struct mtc_bytes *out) {
  const char *tag = (const char *)memchr(line, ' ', len) + 1;
  const char *value = (const char *)memchr(tag, ' ', len - (size_t)(tag - line)) + 1;
  unsigned flags = 0;
  for (const char *c = line; *c != ' '; c++)
    flags = flags * 10 + (unsigned)(*c - '0');
  mtc_bytes_append_uint(out, flags, 1);
  mtc_bytes_append_prefixed(out, mtc_span_of(tag, (size_t)(value - 1 - tag)), 1);
  mtc_bytes_append(out, value, len - (size_t)(value - line));
}

static const char *decide(const char *properties, const struct acme_caa_request *request) {
  struct mtc_bytes data[8] = {{0}};
  struct mtc_span records[8] = {{0}};
  unsigned num = 0;
  for (const char *at = properties; *at;) {
    size_t len = strcspn(at, "\n");
    make_record(at, len, &data[num]);
    records[num] = mtc_span_of_bytes(&data[num]);
    num++;
    at += at[len] ? len + 1 : len;
  }
  const char *why = acme_caa_decide(records, num, request);
  for (unsigned i = 0; i < num; i++)
    mtc_bytes_free(&data[i]);
  return why;
}

static void every_row_decides(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct acme_caa_request request = {.wildcard = rows[i].kind == 'w',
                                       .method = "dns-01",
                                       .account_uri = ACCOUNT,
                                       .identities = identities,
                                       .num_identities = 2};
    const char *why = decide(rows[i].properties, &request);
    if ((why == NULL) != (rows[i].why == NULL) || (why && !strstr(why, rows[i].why)))
      fail_msg("%s (%c): %s, wanted %s", rows[i].properties, rows[i].kind, why ? why : "allowed",
               rows[i].why ? rows[i].why : "allowed");
  }
}

static void a_ca_without_names_is_never_named(void **state) {
  (void)state;
  struct acme_caa_request request = {.method = "dns-01", .account_uri = ACCOUNT};
  assert_non_null(decide("0 issue ca.example", &request));
  assert_non_null(decide("0 issue ;", &request));
  assert_null(decide("0 iodef mailto:a@b.example", &request));
  /* Nor is one whose name is empty. */
  static const char *const empty[] = {""};
  request.identities = empty;
  request.num_identities = 1;
  assert_non_null(decide("0 issue ;", &request));
  assert_non_null(decide("0 issue ", &request));
}

static void data_is_taken_apart(void **state) {
  (void)state;
  struct acme_caa_property property;
  assert_true(acme_caa_read(mtc_span_of("\x80\x05issueca.example", 17), &property));
  assert_true(property.critical);
  assert_memory_equal(property.tag.data, "issue", 5);
  assert_int_equal(property.tag.len, 5);
  assert_memory_equal(property.value.data, "ca.example", 10);
  assert_int_equal(property.value.len, 10);
  assert_true(acme_caa_read(mtc_span_of("\0\x05issue", 7), &property));
  assert_false(property.critical);
  assert_int_equal(property.value.len, 0);
  static const struct mtc_span broken[] = {
      {(const uint8_t *)"", 0},           {(const uint8_t *)"\0", 1},
      {(const uint8_t *)"\0\0", 2},       {(const uint8_t *)"\0\0issue", 7},
      {(const uint8_t *)"\0\x05issu", 6}, {(const uint8_t *)"\0\xffissue;", 8},
  };
  struct acme_caa_request request = {
      .method = "dns-01", .account_uri = ACCOUNT, .identities = identities, .num_identities = 2};
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    assert_false(acme_caa_read(broken[i], &property));
    struct mtc_span records[2] = {mtc_span_of("\0\x05issueca.example", 17), broken[i]};
    const char *why = acme_caa_decide(records, 2, &request);
    assert_non_null(why);
    assert_string_equal(why, "a record is malformed");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_decides),
      cmocka_unit_test(a_ca_without_names_is_never_named),
      cmocka_unit_test(data_is_taken_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
