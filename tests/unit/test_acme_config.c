/* acme.yaml: what is taken, and that every mistake is named with its line. */
#include "acme/config.h"
#include "unit/acme_fixture.h"

static const char minimal[] =
    "listen: 127.0.0.1:0\n"
    "url: https://acme.example/ca/\n"
    "database: acme.db\n"
    "profiles:\n"
    "- name: mtc\n"
    "  socket: mtcd.sock\n";

static void write_file(const char *path, const char *text) {
  struct mtc_error error;
  assert_int_equal(mtc_file_write_atomic(path, mtc_span_of_text(text), 0600, &error), MTC_OK);
}

static mtc_status load(void **state, const char *text, struct acme_config **out,
                       struct mtc_error *error) {
  const char *path = path_in(*state, "acme.yaml");
  write_file(path, text);
  return acme_config_load(path, out, error);
}

static void test_minimal(void **state) {
  struct acme_config *config;
  struct mtc_error error = {""};
  assert_int_equal(load(state, minimal, &config, &error), MTC_OK);
  assert_string_equal(config->url, "https://acme.example/ca");
  assert_string_equal(config->path, "/ca");
  assert_string_equal(config->address, "127.0.0.1");
  assert_string_equal(config->database, path_in(*state, "acme.db"));
  assert_string_equal(config->profiles[0].socket, path_in(*state, "mtcd.sock"));
  assert_string_equal(config->profiles[0].profile, "mtc");
  assert_int_equal(config->finalize_wait_ms, 2000);
  assert_int_equal(config->retention_s, 30 * 86400);
  assert_true(config->is_synchronous);
  assert_false(config->is_landmark_alternate);
  acme_config_free(config);
}

/* What is not there is a public CA's; 0 is none. */
static void test_limits(void **state) {
  struct acme_config *config;
  struct mtc_error error = {""};
  char text[1024];
  assert_int_equal(load(state, minimal, &config, &error), MTC_OK);
  assert_int_equal(config->limits.accounts_per_address_hour, 10);
  assert_int_equal(config->limits.orders_per_account_hour, 100);
  assert_int_equal(config->limits.pending_authorizations, 300);
  assert_int_equal(config->limits.failures_per_name_hour, 5);
  assert_int_equal(config->limits.certificates_per_name_week, 50);
  assert_int_equal(config->limits.certificates_per_set_week, 5);
  assert_int_equal(config->http.max_connections_per_address, 0); /* of a proxy */
  acme_config_free(config);
  (void)snprintf(text, sizeof text,
                 "%stls: {certificate: c, key: k}\n"
                 "limits: {connections: 100, accounts_per_address_hour: 0, pending_authorizations: "
                 "7, certificates_per_set_week: 0}\n",
                 minimal);
  assert_int_equal(load(state, text, &config, &error), MTC_OK);
  assert_int_equal(config->limits.accounts_per_address_hour, 0);
  assert_int_equal(config->limits.orders_per_account_hour, 100);
  assert_int_equal(config->limits.pending_authorizations, 7);
  assert_int_equal(config->limits.certificates_per_set_week, 0);
  assert_int_equal(config->http.max_connections, 100);
  assert_int_equal(config->http.max_connections_per_address, 13);
  acme_config_free(config);
}

static void test_default_profile_comes_first(void **state) {
  struct acme_config *config;
  struct mtc_error error = {""};
  char text[1024];
  (void)snprintf(text, sizeof text,
                 "%s- name: classic\n  socket: b.sock\n  instance: ec\n  profile: tls\n"
                 "default_profile: classic\n",
                 minimal);
  assert_int_equal(load(state, text, &config, &error), MTC_OK);
  assert_string_equal(config->profiles[0].name, "classic");
  assert_string_equal(config->profiles[0].profile, "tls");
  assert_string_equal(config->profiles[0].instance, "ec");
  assert_string_equal(config->profiles[1].name, "mtc");
  acme_config_free(config);
}

static void test_binding_keys(void **state) {
  struct acme_config *config;
  struct mtc_error error = {""};
  char text[1024];
  write_file(path_in(*state, "k1"), "MDEyMzQ1Njc4OWFiY2RlZg\n");
  (void)snprintf(text, sizeof text,
                 "%sexternal_account:\n  required: yes\n  keys:\n  - {kid: one, hmac_key: k1}\n",
                 minimal);
  assert_int_equal(load(state, text, &config, &error), MTC_OK);
  assert_true(config->is_binding_required);
  assert_int_equal(config->num_binding_keys, 1);
  assert_int_equal(config->binding_keys[0].mac_key.len, 16);
  assert_memory_equal(config->binding_keys[0].mac_key.data, "0123456789abcdef", 16);
  acme_config_free(config);
}

/* A line that is added to, or put in place of the same key of, the minimal configuration. */
static const struct {
  const char *lines, *said;
} mistakes[] = {
    {"listen: 127.0.0.1\n", "listen: it is not address:port"},
    {"listen: localhost:80\n", "not numeric"},
    {"listen: ::1:80\n", "not numeric"},
    {"listen: '[127.0.0.1]:80'\n", "not numeric"},
    {"listen: 127.0.0.1:65536\n", "listen: "},
    {"listen: 0.0.0.0:80\n", "without tls"},
    {"url: http://acme.example\n", "url: ACME is over https"},
    {"url: acme.example\n", "url: it is not an http"},
    {"url: https://\n", "url: it is not an http"},
    {"url: https://acme.example/?a\n", "url: it has a query"},
    {"url: 'https://acme.example/>'\n", "url: it is not an http"},
    {"terms_of_service: somewhere\n", "terms_of_service: "},
    {"website: 'ftp://a.b'\n", "website: "},
    {"proxies: [one]\n", "proxies: "},
    {"retention_s: -1\n", "retention_s: -1; 0 to 316224000"},
    {"retention_s: 316224001\n", "retention_s: 316224001; 0 to"},
    {"finalize_wait_ms: -1\n", "finalize_wait_ms: -1; 0 to 25000"},
    {"validation: {reuse_s: 864001}\n", "validation.reuse_s: 864001"},
    {"limits: {connections: 1000001}\n", "limits.connections: "},
    {"limits: {orders_per_account_hour: -1}\n", "limits.orders_per_account_hour: -1; 0 (none) to"},
    {"limits: {connections_per_address: 9999999999}\n", "limits.connections_per_address: 99"},
    {"landmark_link: maybe\n", "landmark_link: "},
    {"default_profile: none\n", "default_profile: "},
    {"external_account: {required: yes}\n", "external_account: it has no keys"},
    {"external_account: {keys: [{kid: a, hmac_key: none}]}\n", "external_account.keys"},
    {"external_account: {keys: [{kid: a, hmac_key: short}]}\n", "at least 16 bytes"},
    {"external_account: {keys: [{kid: a, hmac_key: good}, {kid: a, hmac_key: good}]}\n",
     "a kid is there twice"},
    {"resolver: 127.0.0.1\n", "resolver: it is for tests"},
    {"trust_anchor: none\n", "trust_anchor: it is for tests"},
    {"http_port: 8080\n", "http_port: it is for tests"},
    {"tls_port: 8443\n", "tls_port: it is for tests"},
    {"allow_private: yes\n", "allow_private: it is for tests"},
    {"synchronous: off\n", "synchronous: it is for tests"},
    {"testing: yes\nsynchronous: sometimes\n", "synchronous: it is neither"},
    {"testing: perhaps\n", "testing"},
    {"colour: red\n", "colour"},
    {"profiles: []\n", "Insufficient entries"},
    {"profiles: [{name: a, socket: s}, {name: a, socket: s}]\n", "profiles: a name is there twice"},
    {"profiles: [{name: 'a b', socket: s}]\n", "profiles: a name is over"},
    {"profiles: [{name: a}]\n", "socket"},
};

/* The minimal configuration without the key that `lines` begins with, and `lines`. */
static void compose(const char *lines, char *out, size_t out_len) {
  size_t key_len = strcspn(lines, ":") + 1, len = 0;
  for (const char *line = minimal, *end; *line; line = end) {
    end = strchr(line, '\n') + 1;
    bool is_profile = strncmp(lines, "profiles", 8) == 0 && (line[0] == '-' || line[0] == ' ');
    if (strncmp(line, lines, key_len) == 0 || is_profile) continue;
    memcpy(out + len, line, (size_t)(end - line));
    len += (size_t)(end - line);
  }
  (void)snprintf(out + len, out_len - len, "%s", lines);
}

static void test_mistakes(void **state) {
  write_file(path_in(*state, "short"), "MDEyMzQ1Njc4OWFiY2Rl");
  write_file(path_in(*state, "good"), "MDEyMzQ1Njc4OWFiY2RlZg");
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    struct acme_config *config = NULL;
    struct mtc_error error = {""};
    char text[1024];
    compose(mistakes[i].lines, text, sizeof text);
    mtc_status status = load(state, text, &config, &error);
    if (status == MTC_OK || config) fail_msg("taken: %s", mistakes[i].lines);
    if (!strstr(error.text, mistakes[i].said) || !strstr(error.text, "acme.yaml:"))
      fail_msg("%s -> %s", mistakes[i].lines, error.text);
  }
}

static void test_line_is_right(void **state) {
  struct acme_config *config;
  struct mtc_error error = {""};
  char text[1024];
  (void)snprintf(text, sizeof text, "%sfinalize_wait_ms: 100000\n", minimal);
  assert_int_equal(load(state, text, &config, &error), MTC_INPUT);
  assert_non_null(strstr(error.text, "acme.yaml:7: finalize_wait_ms"));
}

static void test_no_file(void **state) {
  struct acme_config *config;
  struct mtc_error error = {""};
  assert_int_equal(acme_config_load(path_in(*state, "none.yaml"), &config, &error), MTC_IO);
  assert_non_null(strstr(error.text, "none.yaml"));
}

static void test_memory_fails(void **state) {
  struct acme_config *config;
  struct mtc_error error = {""};
  const char *path = path_in(*state, "acme.yaml");
  write_file(path, minimal);
  mtc_status status = MTC_NOMEM;
  for (long count = 0; status; count++) {
    mtc_alloc_fail_after(count);
    status = acme_config_load(path, &config, &error);
    mtc_alloc_fail_after(-1);
    assert_true(count < 1000);
    if (status) assert_null(config);
  }
  acme_config_free(config);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
  const struct CMUnitTest tests[] = {
      TEST(test_minimal),       TEST(test_default_profile_comes_first),
      TEST(test_binding_keys),  TEST(test_mistakes),
      TEST(test_line_is_right), TEST(test_no_file),
      TEST(test_memory_fails),  TEST(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
