/* The module with faults in it, through mtc-signer, around SoftHSM (P-256) and NSS (ML-DSA). */
#include <p11-kit/pkcs11.h>
#include <pthread.h>

#include "sign/raw_token.h"
#include "support/shim_token.h"

static void faultless_it_is_the_module(void **state) {
  (void)state;
  struct mtc_signer *signer = open_signer();
  struct mtc_error error = {0};
  must(sign(signer, &error), &error);
  must(sign(signer, &error), &error);
  mtc_signer_close(signer);
  assert_int_equal(calls("C_Initialize CKR_OK"), 1);
  assert_int_equal(calls("C_Sign CKR_OK"), 2);
  assert_int_equal(shim_calls(folder, "C_Login CKR_OK", " user"), 1);
  assert_int_equal(calls("C_Login"), 1);
}

static void slow(void **state) {
  (void)state;
  struct mtc_signer *signer = open_signer();
  struct mtc_error error = {0};
  shim_faults(folder, "C_Sign delay 30ms\nC_Sign delay 20000us\n");
  int64_t started_ms = mtc_clock_monotonic_ms();
  must(sign(signer, &error), &error);
  must(sign(signer, &error), &error);
  assert_true(mtc_clock_monotonic_ms() - started_ms >= 99);
  mtc_signer_close(signer);
}

static void one_that_hangs_or_crashes(void **state) {
  static const char *const faults[] = {"C_Sign hang @2", "C_Sign abort @2", "C_Sign segfault @2"};
  static const char *const seen[] = {"C_Sign hang", "C_Sign abort", "C_Sign segfault"};
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    struct mtc_signer *signer = open_signer();
    struct mtc_error error = {0};
    shim_faults(folder, faults[i]);
    must(sign(signer, &error), &error);
    assert_int_equal(calls(seen[i]), 0);
    signs_in_the_end(signer);
    /* Once, although there are new processes: calls are counted in all together. */
    assert_int_equal(calls(seen[i]), 1);
    mtc_signer_close(signer);
  }
}

static void hangs_before_there_is_a_key(void **state) {
  static const char *const functions[] = {"C_Initialize", "C_GetSlotList", "C_OpenSession",
                                          "C_Login"};
  (void)state;
  for (size_t i = 0; i < 4; i++) {
    char text[64];
    struct mtc_signer *signer = NULL;
    struct mtc_error error = {0};
    (void)snprintf(text, sizeof text, "%s hang", functions[i]);
    shim_faults(folder, text);
    assert_int_equal(try_open(&signer, &error), MTC_TOKEN);
    assert_int_equal(calls(text), 1);
  }
}

static void answers_that_are_errors(void **state) {
  static const char *const results[] = {"CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED",
                                        "CKR_TOKEN_NOT_PRESENT", "CKR_USER_NOT_LOGGED_IN",
                                        "CKR_SESSION_HANDLE_INVALID"};
  (void)state;
  struct mtc_signer *signer = open_signer();
  for (size_t i = 0; i < 5; i++) {
    char text[64];
    (void)snprintf(text, sizeof text, "C_Sign return %s @1+3", results[i]);
    shim_faults(folder, text);
    signs_in_the_end(signer);
    (void)snprintf(text, sizeof text, "C_Sign %s", results[i]);
    assert_int_equal(calls(text), 3);
  }
  mtc_signer_close(signer);
}

static void sessions_and_login_are_lost(void **state) {
  (void)state;
  struct mtc_signer *signer = open_signer();
  shim_faults(folder, "C_Sign close-sessions @1\n");
  signs_in_the_end(signer);
  assert_int_equal(calls("C_Sign CKR_SESSION_HANDLE_INVALID"), 1);
  assert_int_equal(shim_calls(folder, "C_Login CKR_OK", " user"), 2);
  shim_faults(folder, "C_SignInit log-out @1\n");
  signs_in_the_end(signer);
  assert_int_equal(shim_calls(folder, "C_Login CKR_OK", " user"), 3);
  mtc_signer_close(signer);
}

static void pulled_out_and_put_back(void **state) {
  (void)state;
  struct mtc_signer *signer = open_signer(), *other = NULL;
  struct mtc_error error = {0};
  shim_faults(folder, "token removed\n");
  assert_int_equal(sign(signer, &error), MTC_TOKEN);
  assert_int_equal(try_open(&other, &error), MTC_TOKEN);
  assert_non_null(strstr(error.text, "in 0 slots"));
  shim_faults(folder, "token removed CKR_DEVICE_REMOVED\n");
  (void)sign(signer, &error);
  shim_faults(folder, "");
  signs_in_the_end(signer);
  mtc_signer_close(signer);
}

static void a_wrong_signature(void **state) {
  (void)state;
  struct mtc_signer *signer = open_signer();
  struct mtc_error error = {0};
  shim_faults(folder, "C_Sign flip @2\n");
  must(sign(signer, &error), &error);
  assert_int_equal(sign(signer, &error), MTC_TOKEN);
  assert_non_null(strstr(error.text, "does not verify"));
  /* An alarm: nothing is asked again before somebody has looked. */
  assert_int_equal(sign(signer, &error), MTC_TOKEN);
  assert_non_null(strstr(error.text, "mtc signer unlatch"));
  assert_int_equal(calls("C_Sign CKR_OK"), 2);
  must(mtc_signer_unlatch(signer, &error), &error);
  signs_in_the_end(signer);
  mtc_signer_close(signer);
}

static void a_pin_that_is_refused(void **state) {
  static const char *const faults[] = {
      "C_Login return CKR_PIN_INCORRECT", "C_Login return CKR_PIN_LOCKED",
      "token set CKF_USER_PIN_LOCKED", "token set CKF_USER_PIN_FINAL_TRY"};
  (void)state;
  for (size_t i = 0; i < 4; i++) {
    struct mtc_signer *signer = NULL;
    struct mtc_error error = {0};
    shim_faults(folder, faults[i]);
    assert_int_equal(try_open(&signer, &error), MTC_TOKEN);
    assert_non_null(strstr(error.text, "PIN"));
  }
  assert_int_equal(shim_calls(folder, "C_Login CKR_PIN_INCORRECT", " user"), 1);
  assert_int_equal(calls("C_Login"), 2);
}

static void a_keypad(void **state) {
  char saved[sizeof pin_source];
  (void)state;
  memcpy(saved, pin_source, sizeof saved);
  *pin_source = 0;
  shim_faults(folder, "token protected-path 123456\n");
  struct mtc_signer *signer = open_signer();
  signs_in_the_end(signer);
  mtc_signer_close(signer);
  assert_int_equal(calls("C_Login CKR_OK"), 1);
  memcpy(pin_source, saved, sizeof saved);
}

static void a_pin_for_each_signature(void **state) {
  (void)state;
  shim_faults(folder, "token always-authenticate\n");
  struct mtc_signer *signer = open_signer();
  struct mtc_error error = {0};
  for (int i = 0; i < 3; i++)
    must(sign(signer, &error), &error);
  assert_int_equal(shim_calls(folder, "C_Login CKR_OK", " user"), 1);
  assert_int_equal(shim_calls(folder, "C_Login CKR_OK", " context"), 3);
  /* Also after the sessions were lost. */
  shim_faults(folder, "token always-authenticate\nC_SignInit close-sessions @1\n");
  signs_in_the_end(signer);
  mtc_signer_close(signer);
}

static mtc_status sign_with(const struct mtc_signer_options *options, struct mtc_error *error) {
  struct mtc_signer *signer = NULL;
  mtc_status status = mtc_signer_open(options, &signer, error);
  if (!status) status = sign(signer, error);
  mtc_signer_close(signer);
  return status;
}

/* The filter of signer.confinement: what it lets through, and what ends the process and is named.
 */
static void a_module_that_oversteps(void **state) {
  static const struct {
    enum mtc_signer_confinement confinement;
    bool may_execute, may_connect;
  } rows[] = {{MTC_SIGNER_CONFINED, false, true},
              {MTC_SIGNER_STRICT, false, false},
              {MTC_SIGNER_UNCONFINED, true, true}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct mtc_signer_options options = token_options();
    struct mtc_error error = {0};
    options.confinement = rows[i].confinement;
    (void)nothing_wrong(state);
    must(sign_with(&options, &error), &error);
    for (int connects = 0; connects < 2; connects++) {
      bool may = connects ? rows[i].may_connect : rows[i].may_execute;
      shim_faults(folder, connects ? "C_SignInit connect\n" : "C_SignInit execute\n");
      assert_int_equal(sign_with(&options, &error), may ? MTC_OK : MTC_TOKEN);
      if (!may && !strstr(error.text, "its filter does not allow")) fail_msg("%s", error.text);
    }
  }
}

/* A vendor's number is what the token is asked for, and nothing else. */
static void a_mechanism_of_a_vendors_own(void **state) {
  (void)state;
  struct mtc_signer_options options = token_options();
  struct mtc_error error = {0};
  options.sign_mechanism = mtc_mechanism_get(token->algorithm)->sign;
  must(sign_with(&options, &error), &error);
  options.sign_mechanism = 0x80001234UL;
  assert_int_equal(sign_with(&options, &error), MTC_TOKEN);
  assert_true(calls("C_SignInit CKR_MECHANISM_INVALID") > 0);
}

static void a_word_that_is_not_known_fails_everything(void **state) {
  (void)state;
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  shim_faults(folder, "C_Sign dellay 20ms\n");
  assert_int_equal(try_open(&signer, &error), MTC_TOKEN);
  assert_int_equal(calls("C_Initialize CKR_GENERAL_ERROR"), 1);
}

static void processes_count_together(void **state) {
  (void)state;
  struct mtc_signer *one = open_signer(), *two = open_signer();
  shim_faults(folder, "C_Sign delay 1us @4+2\nC_Sign return CKR_DEVICE_ERROR @4\n");
  for (int i = 0; i < 4; i++) {
    signs_in_the_end(one);
    signs_in_the_end(two);
  }
  assert_int_equal(calls("C_Sign CKR_DEVICE_ERROR"), 1);
  assert_int_equal(calls("C_Sign CKR_OK"), 8);
  mtc_signer_close(one);
  mtc_signer_close(two);
}

/* In this process, by plain PKCS #11: the rules of CKA_ALWAYS_AUTHENTICATE, and threads. */
struct plain {
  struct mtc_raw_token token;
  struct mtc_raw_key key;
};

static struct plain open_plain(void) {
  struct plain plain = {0};
  struct mtc_key_uri uri = {0};
  struct mtc_pin pin = {.text = "123456", .len = 6};
  struct mtc_error error = {0};
  const struct mtc_mechanism *mechanism = mtc_mechanism_get(token->algorithm);
  must(mtc_key_uri_parse(URI, &uri, &error), &error);
  must(mtc_raw_token_open(&plain.token, module, NULL, true, &uri, &error), &error);
  must(mtc_raw_token_start(&plain.token, false, true, &pin, &error), &error);
  must(mtc_raw_token_find_key(&plain.token, &uri, mechanism, &plain.key, &error), &error);
  return plain;
}

static CK_RV sign_plainly(CK_FUNCTION_LIST *functions, CK_SESSION_HANDLE session, CK_ULONG key,
                          CK_BYTE *pin) {
  CK_MECHANISM how = {.mechanism = CKM_ECDSA};
  CK_BYTE data[32] = {1}, signature[64];
  CK_ULONG len = sizeof signature;
  CK_RV rv = functions->C_SignInit(session, &how, key);
  if (rv == CKR_OK && pin) rv = functions->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, 6);
  return rv == CKR_OK ? functions->C_Sign(session, data, sizeof data, signature, &len) : rv;
}

static void a_key_that_wants_a_login_a_signature(void **state) {
  (void)state;
  CK_BYTE right[] = "123456", wrong[] = "654321";
  CK_BBOOL always = CK_FALSE;
  CK_ATTRIBUTE attribute = {CKA_ALWAYS_AUTHENTICATE, &always, sizeof always};
  shim_faults(folder, "token always-authenticate\n");
  struct plain plain = open_plain();
  CK_FUNCTION_LIST *functions = plain.token.functions;
  CK_SESSION_HANDLE session = plain.token.session;
  CK_ULONG key = plain.key.private_handle;
  assert_int_equal(functions->C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
  assert_int_equal(always, CK_TRUE);
  assert_int_equal(sign_plainly(functions, session, key, NULL), CKR_USER_NOT_LOGGED_IN);
  assert_int_equal(sign_plainly(functions, session, key, right), CKR_OK);
  assert_int_equal(sign_plainly(functions, session, key, NULL), CKR_USER_NOT_LOGGED_IN);
  assert_int_equal(sign_plainly(functions, session, key, wrong), CKR_PIN_INCORRECT);
  assert_int_equal(shim_calls(folder, "C_Login CKR_OK", " context"), 1);
  mtc_raw_token_close(&plain.token);
}

#define NUM_THREADS 4
#define NUM_SIGNATURES 50

struct work {
  CK_FUNCTION_LIST *functions;
  CK_SESSION_HANDLE session;
  CK_ULONG key;
  unsigned num_good;
};

static void *sign_many(void *context) {
  struct work *work = context;
  for (int i = 0; i < NUM_SIGNATURES; i++)
    work->num_good += sign_plainly(work->functions, work->session, work->key, NULL) == CKR_OK;
  return NULL;
}

static void threads_at_the_same_time(void **state) {
  (void)state;
  pthread_t threads[NUM_THREADS];
  struct work work[NUM_THREADS];
  struct plain plain = open_plain();
  shim_faults(folder, "C_Sign delay 100us\nC_Sign return CKR_DEVICE_MEMORY @51+50\n");
  for (int i = 0; i < NUM_THREADS; i++) {
    work[i] = (struct work){.functions = plain.token.functions, .key = plain.key.private_handle};
    assert_int_equal(work[i].functions->C_OpenSession(plain.token.slot, CKF_SERIAL_SESSION, NULL,
                                                      NULL, &work[i].session),
                     CKR_OK);
    assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &work[i]), 0);
  }
  for (int i = 0; i < NUM_THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  unsigned num_good = calls("C_Sign CKR_OK");
  assert_int_equal(work[0].num_good + work[1].num_good + work[2].num_good + work[3].num_good,
                   num_good);
  assert_int_equal(calls("C_Sign CKR_DEVICE_MEMORY"), 50);
  mtc_raw_token_close(&plain.token);
}

#define TEST(name) cmocka_unit_test_setup(name, nothing_wrong)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(faultless_it_is_the_module),   TEST(slow),
      TEST(one_that_hangs_or_crashes),    TEST(hangs_before_there_is_a_key),
      TEST(answers_that_are_errors),      TEST(sessions_and_login_are_lost),
      TEST(pulled_out_and_put_back),      TEST(a_wrong_signature),
      TEST(a_pin_that_is_refused),        TEST(a_keypad),
      TEST(a_pin_for_each_signature),     TEST(a_word_that_is_not_known_fails_everything),
      TEST(processes_count_together),     TEST(a_module_that_oversteps),
      TEST(a_mechanism_of_a_vendors_own),
  };
  const struct CMUnitTest plain_tests[] = {
      TEST(a_key_that_wants_a_login_a_signature),
      TEST(threads_at_the_same_time),
  };
  int failed = 0;
  if (!has_nss()) return 77;
  for (size_t i = 0; i < 2; i++) {
    token = &tokens[i];
    failed += cmocka_run_group_tests_name(token->name, tests, make_token, remove_token);
  }
  token = &tokens[0];
  return failed + cmocka_run_group_tests_name("plain", plain_tests, make_token, remove_token);
}
