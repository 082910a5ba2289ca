/* dns-01, CAA and DNSSEC against an authoritative server; the validator's queue. */
#include "validate_fixture.h"

#include "acme/resolver.h"

#define DIGEST "LErY_CSP4pbS2liuXH0HiklOVjPraZ0fkqzJ709dFUY"

static struct knotd knotd;
static struct acme_validator *validator;
static char resolver_address[32], anchor[96];

static const char *const identities[] = {"ca.example", "other-name.example"};

static const char com[] =
    "@ CAA 128 iodef \"mailto:a@b.example\"\n"
    "good.example A 127.0.0.1\n"
    "_acme-challenge.good.example TXT \"" DIGEST
    "\"\n"
    "_acme-challenge.parts.example TXT \"LErY_CSP4pbS2l\" \"\" \"iuXH0HiklOVjPraZ0fkqzJ709dFUY\"\n"
    "_acme-challenge.second.example TXT \"something\"\n"
    "_acme-challenge.second.example TXT \"" DIGEST
    "\"\n"
    "_acme-challenge.wrong.example TXT \"\\027[31m" DIGEST
    "\"\n"
    "_acme-challenge.longer.example TXT \"" DIGEST
    "x\"\n"
    "_acme-challenge.case.example TXT \"leRy_csp4PBs2LIUxh0hIKLovJpRAz0FKQZj709Dfuy\"\n"
    "_acme-challenge.alias.example CNAME elsewhere.example\n"
    "elsewhere.example TXT \"" DIGEST
    "\"\n"
    "_acme-challenge.loop.example CNAME _acme-challenge.loop2.example\n"
    "_acme-challenge.loop2.example CNAME _acme-challenge.loop.example\n"
    "_acme-challenge.away.example CNAME name.nowhere.invalid.\n"
    /* CAA */
    "_acme-challenge.ours.example TXT \"" DIGEST
    "\"\n"
    "ours.example CAA 0 issue \"ca.example\"\n"
    "_acme-challenge.a.b.ours.example TXT \"" DIGEST
    "\"\n"
    "_acme-challenge.theirs.example TXT \"" DIGEST
    "\"\n"
    "theirs.example CAA 0 issue \"another.example\"\n"
    "_acme-challenge.a.theirs.example TXT \"" DIGEST
    "\"\n"
    "_acme-challenge.wild.example TXT \"" DIGEST
    "\"\n"
    "wild.example CAA 0 issue \"ca.example\"\n"
    "wild.example CAA 0 issuewild \";\"\n"
    "_acme-challenge.critical.example TXT \"" DIGEST
    "\"\n"
    "critical.example CAA 128 tbs \"x\"\n"
    "_acme-challenge.bound.example TXT \"" DIGEST
    "\"\n"
    "bound.example CAA 0 issue \"ca.example; accounturi=" ACCOUNT
    "; validationmethods=dns-01\"\n"
    "bound2.example CAA 0 issue \"ca.example; accounturi=" ACCOUNT
    "9\"\n"
    "bound3.example CAA 0 issue \"ca.example; validationmethods=http-01\"\n"
    "caa-alias.example CNAME theirs.example\n"
    "caa-away.example CNAME name.nowhere.invalid.\n";

static void write_records(struct knotd_zone *zone, char *out, size_t size) {
  size_t used = (size_t)snprintf(out, size, "%s", zone->records);
  for (unsigned i = 0; i < 65; i++)
    used +=
        (size_t)snprintf(out + used, size - used, "_acme-challenge.many.example TXT \"%u\"\n", i);
  for (unsigned i = 0; i < 63; i++)
    used +=
        (size_t)snprintf(out + used, size - used, "_acme-challenge.most.example TXT \"%u\"\n", i);
  (void)snprintf(out + used, size - used, "_acme-challenge.most.example TXT \"" DIGEST "\"\n");
  zone->records = out;
}

static int set_up(void **state) {
  (void)state;
  static char records[16384];
  static const char signed_records[] =
      "_acme-challenge.good TXT \"" DIGEST "\"\n_acme-challenge.theirs TXT \"" DIGEST
      "\"\n"
      "theirs CAA 0 issue \"another.example\"\n";
  struct knotd_zone zones[] = {
      {"com", false, com},
      {"example", false, ""},
      {"signed.example", true, signed_records},
      {"bogus.example", true, signed_records},
      {"stripped.example", false, signed_records},
  };
  write_records(&zones[0], records, sizeof records);
  knotd_start(&knotd, zones, 5);
  FILE *file = knotd_file(&knotd, "anchor");
  knotd_append_ds(&knotd, "signed.example", file);
  for (int i = 0; i < 2; i++)
    (void)fprintf(file,
                  "%s.example. IN DS 1 13 2 "
                  "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n",
                  i == 0 ? "bogus" : "stripped");
  assert_int_equal(fclose(file), 0);
  (void)snprintf(anchor, sizeof anchor, "%s/anchor", knotd.folder);
  (void)snprintf(resolver_address, sizeof resolver_address, "127.0.0.1@%u", knotd.port);
  struct acme_validator_options options = {.threads = 4,
                                           .resolver = resolver_address,
                                           .trust_anchor = anchor,
                                           .allow_private = true,
                                           .caa_identities = identities,
                                           .num_caa_identities = 2};
  validator = open_validator(&options);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  acme_validator_close(validator);
  knotd_stop(&knotd);
  return 0;
}

static void expect_dns(const char *name, enum acme_problem_type problem, const char *text) {
  struct acme_validation validation = validation_of(ACME_DNS_01, name);
  struct acme_validation_result result = validate_it(validator, &validation);
  if (result.problem != problem) print_error("%s:\n", name);
  check_result(&result, problem, text, 0);
}

static void a_record_proves(void **state) {
  (void)state;
  expect_dns("good.example.com", ACME_NONE, "");
  expect_dns("*.good.example.com", ACME_NONE, "");
  expect_dns("parts.example.com", ACME_NONE, "");
  expect_dns("second.example.com", ACME_NONE, "");
  expect_dns("alias.example.com", ACME_NONE, "");
  expect_dns("most.example.com", ACME_NONE, "");
}

static void other_records_do_not(void **state) {
  (void)state;
  expect_dns("wrong.example.com", ACME_INCORRECT_RESPONSE, "one is \"\\x1b[31mLErY");
  expect_dns("longer.example.com", ACME_INCORRECT_RESPONSE,
             "none of 1 TXT records at "
             "_acme-challenge.longer.example.com is \"" DIGEST "\"");
  expect_dns("case.example.com", ACME_INCORRECT_RESPONSE, "one is \"leRy");
  expect_dns("none.example.com", ACME_INCORRECT_RESPONSE,
             "no TXT record at _acme-challenge.none.example.com");
  expect_dns("many.example.com", ACME_DNS, "more than 64 records");
  expect_dns("loop.example.com", ACME_DNS, "SERVFAIL");
  expect_dns("away.example.com", ACME_DNS, "SERVFAIL");
  expect_dns("unserved.org", ACME_DNS, "TXT of _acme-challenge.unserved.org");
}

static void dnssec_is_believed_and_asked_for(void **state) {
  (void)state;
  expect_dns("good.signed.example", ACME_NONE, "");
  expect_dns("theirs.signed.example", ACME_CAA, "this CA is not named");
  expect_dns("good.bogus.example", ACME_DNS, "DNSSEC validation failed");
  expect_dns("good.stripped.example", ACME_DNS, "DNSSEC validation failed");
  expect_dns("absent.bogus.example", ACME_DNS, "DNSSEC validation failed");
}

static void caa_decides(void **state) {
  (void)state;
  expect_dns("ours.example.com", ACME_NONE, "");
  expect_dns("a.b.ours.example.com", ACME_NONE, "");
  expect_dns("theirs.example.com", ACME_CAA,
             "CAA records at theirs.example.com forbid issuance for theirs.example.com: this CA");
  expect_dns("a.theirs.example.com", ACME_CAA, "CAA records at theirs.example.com");
  expect_dns("wild.example.com", ACME_NONE, "");
  expect_dns("*.wild.example.com", ACME_CAA, "for *.wild.example.com");
  expect_dns("critical.example.com", ACME_CAA, "not understood");
  expect_dns("bound.example.com", ACME_NONE, "");
}

static void expect_caa(const char *name, enum acme_challenge_type type,
                       enum acme_problem_type problem, const char *text) {
  struct acme_validation validation = validation_of(type, name);
  validation.caa_only = true;
  expect_result(validator, &validation, problem, text);
}

static void caa_alone(void **state) {
  (void)state;
  expect_caa("never-proved.example.com", ACME_HTTP_01, ACME_NONE, "");
  expect_caa("theirs.example.com", ACME_HTTP_01, ACME_CAA, "this CA is not named");
  expect_caa("caa-alias.example.com", ACME_HTTP_01, ACME_CAA, "this CA is not named");
  expect_caa("bound.example.com", ACME_DNS_01, ACME_NONE, "");
  expect_caa("bound.example.com", ACME_HTTP_01, ACME_CAA, "validationmethods");
  expect_caa("bound2.example.com", ACME_HTTP_01, ACME_CAA, "accounturi");
  expect_caa("bound3.example.com", ACME_HTTP_01, ACME_NONE, "");
  expect_caa("bound3.example.com", ACME_TLS_ALPN_01, ACME_CAA, "validationmethods");
  expect_caa("caa-away.example.com", ACME_HTTP_01, ACME_DNS, "SERVFAIL");
  expect_caa("unserved.org", ACME_HTTP_01, ACME_DNS, "CAA of unserved.org");
  expect_caa("x.bogus.example", ACME_HTTP_01, ACME_DNS, "DNSSEC");
  expect_caa("192.0.2.1", ACME_HTTP_01, ACME_NONE, "");
}

static void methods_that_do_not_fit(void **state) {
  (void)state;
  struct acme_validation validation = validation_of(ACME_DNS_01, "192.0.2.1");
  expect_result(validator, &validation, ACME_MALFORMED, "dns-01 proves nothing about 192.0.2.1");
  validation = validation_of(ACME_HTTP_01, "*.good.example.com");
  expect_result(validator, &validation, ACME_MALFORMED, "*.good.example.com");
  validation = validation_of(ACME_TLS_ALPN_01, "*.good.example.com");
  expect_result(validator, &validation, ACME_MALFORMED, "*.good.example.com");
  validation = validation_of(ACME_NUM_CHALLENGES, "good.example.com");
  expect_result(validator, &validation, ACME_SERVER_INTERNAL, "no such challenge");
}

static void many_at_once(void **state) {
  (void)state;
  struct waited waited = WAITED;
  struct acme_validation validation = validation_of(ACME_DNS_01, "good.example.com");
  for (unsigned i = 0; i < 200; i++)
    assert_int_equal(acme_validator_submit(validator, &validation, waited_done, &waited), MTC_OK);
  wait_until_done(&waited, 200);
  check_result(&waited.result, ACME_NONE, "", __LINE__);
}

/* A name server that takes questions and never answers. */
static unsigned silent_port(int *out_fd) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  *out_fd = socket(AF_INET, SOCK_DGRAM, 0);
  assert_int_equal(bind(*out_fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(getsockname(*out_fd, (struct sockaddr *)&address, &len), 0);
  return ntohs(address.sin_port);
}

static void silence_ends(void **state) {
  (void)state;
  int fd;
  char address[32];
  (void)snprintf(address, sizeof address, "127.0.0.1@%u", silent_port(&fd));
  struct acme_validator_options options = {.threads = 2,
                                           .timeout_ms = 300,
                                           .resolver = address,
                                           .trust_anchor = "",
                                           .allow_private = true};
  struct acme_validator *silent = open_validator(&options);
  struct acme_validation validation = validation_of(ACME_DNS_01, "good.example.com");
  expect_result(silent, &validation, ACME_DNS, "no answer from the name servers in time");
  validation = validation_of(ACME_HTTP_01, "good.example.com");
  expect_result(silent, &validation, ACME_DNS, "in time");
  validation.caa_only = true;
  expect_result(silent, &validation, ACME_DNS, "CAA of good.example.com: no answer");
  /* What waits when it closes is told so; what runs ends by its deadline. */
  struct waited waited = WAITED;
  for (unsigned i = 0; i < 20; i++)
    assert_int_equal(acme_validator_submit(silent, &validation, waited_done, &waited), MTC_OK);
  acme_validator_close(silent);
  assert_int_equal(waited.num_done, 20);
  (void)close(fd);
}

static void the_queue_is_bounded(void **state) {
  (void)state;
  int fd;
  char address[32];
  (void)snprintf(address, sizeof address, "127.0.0.1@%u", silent_port(&fd));
  struct acme_validator_options options = {.threads = 1,
                                           .timeout_ms = 2000,
                                           .resolver = address,
                                           .trust_anchor = "",
                                           .allow_private = true};
  struct acme_validator *silent = open_validator(&options);
  struct acme_validation validation = validation_of(ACME_DNS_01, "good.example.com");
  struct waited waited = WAITED;
  unsigned num = 0, num_each = 0;
  /* Each account's part of it, then all of it. */
  for (validation.account_id = 1; validation.account_id <= 11; validation.account_id++) {
    mtc_status status = MTC_OK;
    for (num_each = 0; !status && num_each < 2000; num_each += !status)
      status = acme_validator_submit(silent, &validation, waited_done, &waited);
    assert_int_equal(status, MTC_BUSY);
    if (validation.account_id <= 9) assert_in_range(num_each, 1000, 1010);
    num += num_each;
  }
  assert_in_range(num, 10000, 10100);
  acme_validator_close(silent);
  assert_int_equal(waited.num_done, num);
  (void)close(fd);
}

static void no_memory_for_one(void **state) {
  (void)state;
  struct acme_validation validation = validation_of(ACME_DNS_01, "good.example.com");
  struct waited waited = WAITED;
  mtc_alloc_fail_after(0);
  assert_int_equal(acme_validator_submit(validator, &validation, waited_done, &waited), MTC_NOMEM);
  mtc_alloc_fail_after(-1);
  assert_int_equal(waited.num_done, 0);
}

static void opening_fails_cleanly(void **state) {
  (void)state;
  static const char *const resolvers[] = {
      "",    "here",  "127.0.0.1@", "127.0.0.1@0",    "127.0.0.1@65536", "127.0.0.1@5x",
      "@53", "127.1", "fe80::1%lo", "127.0.0.1@53@53"};
  struct acme_validator *none;
  struct mtc_error error;
  for (size_t i = 0; i < sizeof resolvers / sizeof resolvers[0]; i++) {
    struct acme_validator_options options = {.resolver = resolvers[i], .trust_anchor = ""};
    error = (struct mtc_error){0};
    assert_int_equal(acme_validator_open(&options, &none, &error), MTC_INPUT);
    assert_non_null(strstr(error.text, "resolver \""));
    assert_null(none);
  }
  struct acme_validator_options absent = {.resolver = "127.0.0.1", .trust_anchor = "/nowhere/key"};
  assert_int_equal(acme_validator_open(&absent, &none, &error), MTC_INPUT);
  assert_non_null(strstr(error.text, "/nowhere/key"));
  char path[128];
  (void)snprintf(path, sizeof path, "%s/broken", knotd.folder);
  FILE *file = knotd_file(&knotd, "broken");
  (void)fprintf(file, "this is no trust anchor\n");
  assert_int_equal(fclose(file), 0);
  struct acme_validator_options broken = {.resolver = "127.0.0.1", .trust_anchor = path};
  assert_int_equal(acme_validator_open(&broken, &none, &error), MTC_INPUT);
  struct acme_validator_options greedy = {.threads = 100000, .trust_anchor = ""};
  assert_int_equal(acme_validator_open(&greedy, &none, &error), MTC_INPUT);
  for (long i = 0; i < 6; i++) {
    struct acme_validator_options options = {.threads = 1,
                                             .resolver = resolver_address,
                                             .trust_anchor = anchor,
                                             .caa_identities = identities,
                                             .num_caa_identities = 2};
    mtc_alloc_fail_after(i);
    mtc_status status = acme_validator_open(&options, &none, &error);
    mtc_alloc_fail_after(-1);
    assert_int_equal(status, MTC_NOMEM);
    acme_validator_close(none);
  }
  acme_validator_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_record_proves),
      cmocka_unit_test(other_records_do_not),
      cmocka_unit_test(dnssec_is_believed_and_asked_for),
      cmocka_unit_test(caa_decides),
      cmocka_unit_test(caa_alone),
      cmocka_unit_test(methods_that_do_not_fit),
      cmocka_unit_test(many_at_once),
      cmocka_unit_test(silence_ends),
      cmocka_unit_test(the_queue_is_bounded),
      cmocka_unit_test(no_memory_for_one),
      cmocka_unit_test(opening_fails_cleanly),
  };
  mtc_log_init("test", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
