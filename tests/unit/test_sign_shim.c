/* The module with faults in it, through mtc-signer, around SoftHSM (P-256) and NSS (ML-DSA). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <p11-kit/pkcs11.h>

#include "mtc/proof.h"
#include "mtc/runtime.h"
#include "mtc/sign.h"
#include "sign/raw_token.h"
#include "support/shim.h"

#define URI "pkcs11:token=mtc-ca;object=mtc-ca"
#define MAX_ATTEMPTS 40 /* 100 ms apart: longer than the signer's back-off here */

static const struct token {
  const char *name;
  enum mtc_algorithm algorithm;
  const char *script, *module, *key_options;
} tokens[] = {
    {"softhsm", MTC_ALGORITHM_ECDSA_P256_SHA256, "make-softhsm.sh",
     "/usr/lib/softhsm/libsofthsm2.so", "--algorithm ecdsa-p256"},
    {"nss", MTC_ALGORITHM_MLDSA44, "make-token.sh", NULL, "--module-args \"$MODULE_ARGS\""},
};

static const struct token *token;
static char folder[64]; /* of the shim; the token is in its folder "token" */
static char module[128], module_args[512], pin_source[128];
static struct mtc_bytes public_key;

static int shell(const char *format, ...) MTC_PRINTF(1, 2);
static int shell(const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return system(text);
}

static void must(mtc_status status, const struct mtc_error *error) {
  if (status) fail_msg("%s: %s", mtc_status_name(status), error->text);
}

static void load_public_key(void) {
  char path[128];
  struct mtc_bytes pem = {0};
  struct mtc_error error = {0};
  (void)snprintf(path, sizeof path, "%s/public.pem", folder);
  must(mtc_file_read(path, 1 << 16, &pem, &error), &error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&pem));
  mtc_bytes_clear(&public_key);
  must(mtc_pem_next(&reader, "PUBLIC KEY", &public_key, &error), &error);
  mtc_bytes_free(&pem);
}

/* A token of its own, made and given a key through the real module. */
static int make_token(void **state) {
  char text[512];
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/mtc-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  if (shell("MTC_BIN=%s %s/%s %s/token 123456 >%s/token.sh && . %s/token.sh && "
            "%s/mtc key generate --uri '" URI "' --module \"$MODULE\" --pin-source \"$PIN_SOURCE\" "
            "%s --out %s/public.pem 2>/dev/null",
            MTC_BIN, MTC_SCRIPTS, token->script, folder, folder, folder, MTC_BIN,
            token->key_options, folder) ||
      shell("cp %s/../lib/libmtc-pkcs11-shim.so %s/module.so", MTC_BIN, folder))
    return -1;
  load_public_key();
  (void)snprintf(module, sizeof module, "%s/module.so", folder);
  (void)snprintf(pin_source, sizeof pin_source, "file:%s/token/pin", folder);
  *module_args = 0;
  (void)snprintf(text, sizeof text, "%s\nSOFTHSM2_CONF=%s/token/softhsm2.conf\n", token->module,
                 folder);
  if (!token->module) {
    const char *nss = getenv("MTC_NSS_DIR");
    (void)snprintf(text, sizeof text, "%s/lib/libsoftokn3.so\n", nss);
    (void)snprintf(module_args, sizeof module_args,
                   "configDir='sql:%s/token' certPrefix='' keyPrefix='' secmod='secmod.db' "
                   "dbTokenDescription='mtc-ca' dbSlotDescription='mtc-ca' flags=",
                   folder);
    /* For mtc-signer, which finds NSS's own libraries by it. */
    char path[256];
    (void)snprintf(path, sizeof path, "%s/lib", nss);
    if (setenv("LD_LIBRARY_PATH", path, 1)) return -1;
  }
  shim_write(folder, "module", text);
  return 0;
}

static int remove_token(void **state) {
  (void)state;
  mtc_bytes_free(&public_key);
  (void)unsetenv("LD_LIBRARY_PATH");
  return shell("rm -r %s", folder);
}

static int nothing_wrong(void **state) {
  (void)state;
  shim_faults(folder, "");
  return shell(": >%s/calls", folder); /* the same file: processes may have it open */
}

static unsigned calls(const char *words) {
  return shim_calls(folder, words, NULL);
}

static mtc_status try_open(struct mtc_signer **out, struct mtc_error *error) {
  const struct mtc_signer_options options = {.program = MTC_BIN "/mtc-signer",
                                             .key = URI,
                                             .module = module,
                                             .module_args = module_args,
                                             .pin_source = *pin_source ? pin_source : NULL,
                                             .algorithm = token->algorithm,
                                             .public_key = mtc_span_of_bytes(&public_key),
                                             .timeout_ms = 3000};
  return mtc_signer_open(&options, out, error);
}

static struct mtc_signer *open_signer(void) {
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  must(try_open(&signer, &error), &error);
  return signer;
}

static mtc_status sign(struct mtc_signer *signer, struct mtc_error *error) {
  struct mtc_bytes signature = {0};
  mtc_status status = mtc_signer_sign(signer, mtc_span_of_text("message"), &signature, error);
  mtc_bytes_free(&signature);
  return status;
}

/* Whatever the signer does about a fault, it signs in the end. */
static void signs_in_the_end(struct mtc_signer *signer) {
  struct mtc_error error = {0};
  mtc_status status = sign(signer, &error);
  for (int i = 0; status && i < MAX_ATTEMPTS; i++) {
    (void)usleep(100000);
    status = sign(signer, &error);
  }
  must(status, &error);
}

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
      TEST(faultless_it_is_the_module),
      TEST(slow),
      TEST(one_that_hangs_or_crashes),
      TEST(hangs_before_there_is_a_key),
      TEST(answers_that_are_errors),
      TEST(sessions_and_login_are_lost),
      TEST(pulled_out_and_put_back),
      TEST(a_wrong_signature),
      TEST(a_pin_that_is_refused),
      TEST(a_keypad),
      TEST(a_word_that_is_not_known_fails_everything),
      TEST(processes_count_together),
  };
  const struct CMUnitTest plain_tests[] = {
      TEST(a_key_that_wants_a_login_a_signature),
      TEST(threads_at_the_same_time),
  };
  mtc_log_init("test", MTC_LOG_WARNING);
  if (!getenv("MTC_NSS_DIR")) {
    (void)fputs("skipped: MTC_NSS_DIR is not set (use scripts/run.sh)\n", stderr);
    return 77;
  }
  int failed = 0;
  for (size_t i = 0; i < 2; i++) {
    token = &tokens[i];
    failed += cmocka_run_group_tests_name(token->name, tests, make_token, remove_token);
  }
  token = &tokens[0];
  return failed + cmocka_run_group_tests_name("plain", plain_tests, make_token, remove_token);
}
