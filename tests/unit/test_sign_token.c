/* mtc-signer and mtc_key_generate on real tokens: NSS softoken (ML-DSA), SoftHSM (curves). */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mtc/runtime.h"
#include "mtc/sign.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

/*
 * LeakSanitizer: SoftHSM 2.6.1 loses an ASN1_OCTET_STRING in C_SignInit of an Edwards key. Only
 * what is allocated from within SoftHSM is forgiven; to see that through libcrypto, which has no
 * frame pointers, allocations are unwound the slow way.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libsofthsm2.so\n";
}
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "fast_unwind_on_malloc=0";
}

static char folder[64];
static char nss_module[256], nss_args[512], pin_source[128];

static const char *in_folder(const char *name) {
  static char path[128];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_pin(const char *pin) {
  struct mtc_error error = {0};
  assert_int_equal(mtc_file_write_atomic(in_folder("pin"), mtc_span_of_text(pin), 0600, &error),
                   MTC_OK);
}

static int run(const char *command, const char *name) {
  char text[256];
  (void)snprintf(text, sizeof text, "%s %s%s", command, folder, name);
  return system(text);
}

static int make_folder(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/mtc-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  (void)snprintf(pin_source, sizeof pin_source, "file:%s/pin", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  return run("rm -r", "");
}

static int make_nss(void **state) {
  char command[1024];
  if (make_folder(state)) return -1;
  write_pin("1234\n");
  (void)snprintf(nss_module, sizeof nss_module, "%s/libsoftokn3.so", getenv("LD_LIBRARY_PATH"));
  (void)snprintf(nss_args, sizeof nss_args,
                 "configDir='sql:%s' certPrefix='' keyPrefix='' secmod='secmod.db' "
                 "dbTokenDescription='mtc-ca' dbSlotDescription='mtc-ca' flags=",
                 folder);
  (void)snprintf(command, sizeof command, "%s/mtc-make-token %s \"%s\" mtc-ca <%s/pin", MTC_BIN,
                 nss_module, nss_args, folder);
  return system(command);
}

static int make_softhsm(void **state) {
  if (make_folder(state)) return -1;
  write_pin("1234\n");
  if (run("mkdir", "/tokens")) return -1;
  char text[256];
  struct mtc_error error = {0};
  (void)snprintf(text, sizeof text, "directories.tokendir = %s/tokens\nlog.level = ERROR\n",
                 folder);
  if (mtc_file_write_atomic(in_folder("conf"), mtc_span_of_text(text), 0600, &error)) return -1;
  if (setenv("SOFTHSM2_CONF", in_folder("conf"), 1)) return -1;
  return system(
      "softhsm2-util --init-token --free --label mtc-ca --pin 1234 --so-pin 5678 "
      ">/dev/null");
}

static struct mtc_key_request nss_request(const char *uri) {
  return (struct mtc_key_request){.uri = uri,
                                  .module = nss_module,
                                  .module_args = nss_args,
                                  .pin_source = pin_source,
                                  .algorithm = MTC_ALGORITHM_MLDSA44};
}

static struct mtc_signer_options options_of(const struct mtc_key_request *request,
                                            const struct mtc_bytes *public_key) {
  return (struct mtc_signer_options){
      .program = MTC_BIN "/mtc-signer",
      .key = request->uri,
      .module = request->module,
      .module_args = request->module_args,
      .pin_source = request->pin_source,
      .algorithm = request->algorithm,
      .public_key = mtc_span_of_bytes(public_key),
  };
}

static void expect_error(mtc_status expected, mtc_status found, const struct mtc_error *error,
                         const char *text) {
  if (found != expected || !strstr(error->text, text)) {
    fail_msg("%s: \"%s\" (expected \"%s\")", mtc_status_name(found), error->text, text);
  }
}

static void must(mtc_status status, const struct mtc_error *error) {
  if (status) fail_msg("%s: %s", mtc_status_name(status), error->text);
}

static pid_t child(void) {
  char path[64];
  int pid = 0;
  (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  if (fscanf(file, "%d", &pid) != 1) pid = 0;
  (void)fclose(file);
  return pid;
}

/* Generates, signs three messages, verifies each here too, compares the public keys. */
static void generate_and_sign(const struct mtc_key_request *request) {
  static const char *const messages[] = {"a", "the second message", "a"};
  struct mtc_bytes public_key = {0}, from_signer = {0};
  struct mtc_error error = {0};
  struct mtc_signer *signer = NULL;
  must(mtc_key_generate(request, &public_key, &error), &error);
  struct mtc_signer_options options = options_of(request, &public_key);
  must(mtc_signer_open(&options, &signer, &error), &error);
  must(mtc_signer_public_key(signer, &from_signer, &error), &error);
  assert_true(mtc_span_equal(mtc_span_of_bytes(&public_key), mtc_span_of_bytes(&from_signer)));
  for (size_t i = 0; i < 3; i++) {
    struct mtc_bytes signature = {0};
    struct mtc_span message = mtc_span_of_text(messages[i]);
    must(mtc_signer_sign(signer, message, &signature, &error), &error);
    assert_int_equal(mtc_signature_verify(request->algorithm, mtc_span_of_bytes(&public_key),
                                          message, mtc_span_of_bytes(&signature)),
                     MTC_OK);
    mtc_bytes_free(&signature);
  }
  mtc_signer_close(signer);
  mtc_bytes_free(&public_key);
  mtc_bytes_free(&from_signer);
}

static void nss_signs_with_ml_dsa(void **state) {
  (void)state;
  struct mtc_key_request request = nss_request("pkcs11:token=mtc-ca;object=ca;id=%01%02");
  generate_and_sign(&request);
  struct mtc_bytes out = {0};
  struct mtc_error error = {0};
  expect_error(MTC_INPUT, mtc_key_generate(&request, &out, &error), &error, "never overwritten");
  request.uri = "pkcs11:token=mtc-ca;object=ca";
  expect_error(MTC_INPUT, mtc_key_generate(&request, &out, &error), &error, "that label");
  request.uri = "pkcs11:token=mtc-ca;object=other;id=%01%02";
  expect_error(MTC_INPUT, mtc_key_generate(&request, &out, &error), &error, "that id");
  assert_int_equal(out.len, 0);
  request.uri = "pkcs11:token=mtc-ca;object=by-label-alone";
  generate_and_sign(&request);
  mtc_bytes_free(&out);
}

static void what_is_not_there_is_named(void **state) {
  (void)state;
  struct mtc_key_request request = nss_request("pkcs11:token=mtc-ca;object=nokey");
  struct mtc_signer_options options = options_of(&request, &(struct mtc_bytes){0});
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error,
               "no private key \"nokey\"");
  options.key = "pkcs11:token=elsewhere;object=nokey";
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error,
               "no token \"elsewhere\"");
  options.pin_source = NULL;
  options.key = "pkcs11:token=mtc-ca;object=nokey";
  expect_error(MTC_INPUT, mtc_signer_open(&options, &signer, &error), &error, "wants a PIN");
  options.pin_source = "file:/nonexistent/pin";
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "/nonexistent/pin");
  options.pin_source = pin_source;
  options.module = MTC_BIN "/mtc-signer";
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "cannot load");
  options.module = "libssl.so.3";
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "no PKCS#11 module");
}

static void a_refused_pin_latches(void **state) {
  (void)state;
  struct mtc_key_request request = nss_request("pkcs11:token=mtc-ca;object=latch");
  struct mtc_bytes public_key = {0}, signature = {0};
  struct mtc_error error = {0};
  struct mtc_signer *signer = NULL;
  struct mtc_signer_stats stats;
  must(mtc_key_generate(&request, &public_key, &error), &error);
  struct mtc_signer_options options = options_of(&request, &public_key);
  must(mtc_signer_open(&options, &signer, &error), &error);
  struct mtc_span message = mtc_span_of_text("m");
  must(mtc_signer_sign(signer, message, &signature, &error), &error);

  write_pin("4321\n");
  assert_int_equal(kill(child(), SIGKILL), 0);
  mtc_bytes_clear(&signature);
  expect_error(MTC_TOKEN, mtc_signer_sign(signer, message, &signature, &error), &error,
               "not tried again");
  mtc_signer_stats(signer, &stats);
  assert_true(stats.latched);
  assert_int_equal(stats.num_respawns, 1);
  /* Even with the right PIN back in place nothing reaches the token: no process is started. */
  write_pin("1234\n");
  expect_error(MTC_TOKEN, mtc_signer_sign(signer, message, &signature, &error), &error, "latched");
  expect_error(MTC_TOKEN, mtc_signer_public_key(signer, &signature, &error), &error, "latched");
  assert_int_equal(signature.len, 0);
  assert_int_equal(child(), 0);
  mtc_signer_stats(signer, &stats);
  assert_int_equal(stats.num_respawns, 1);
  mtc_signer_close(signer);

  write_pin("4321\n");
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "PIN");
  request.uri = "pkcs11:token=mtc-ca;object=never-made";
  expect_error(MTC_TOKEN, mtc_key_generate(&request, &signature, &error), &error, "C_Login");
  write_pin("1234\n");
  mtc_bytes_free(&public_key);
  mtc_bytes_free(&signature);
}

static void softhsm_signs_with_curves(void **state) {
  (void)state;
  static const struct {
    enum mtc_algorithm algorithm;
    const char *uri;
  } keys[] = {
      {MTC_ALGORITHM_ECDSA_P256_SHA256, "pkcs11:token=mtc-ca;object=p256"},
      {MTC_ALGORITHM_ECDSA_P384_SHA384, "pkcs11:token=mtc-ca;object=p384;id=%09"},
      {MTC_ALGORITHM_ED25519, "pkcs11:token=mtc-ca;object=ed25519"},
  };
  struct mtc_bytes out = {0};
  struct mtc_error error = {0};
  struct mtc_key_request request = {.module = SOFTHSM, .pin_source = pin_source};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    request.uri = keys[i].uri;
    request.algorithm = keys[i].algorithm;
    generate_and_sign(&request);
    expect_error(MTC_INPUT, mtc_key_generate(&request, &out, &error), &error, "never overwritten");
  }
  /* A token without ML-DSA says so, and keeps nothing. */
  request.uri = "pkcs11:token=mtc-ca;object=mldsa";
  request.algorithm = MTC_ALGORITHM_MLDSA44;
  expect_error(MTC_TOKEN, mtc_key_generate(&request, &out, &error), &error, "C_GenerateKeyPair");
  /* The key's type is checked before anything is signed. */
  struct mtc_signer_options options = options_of(&request, &out);
  struct mtc_signer *signer = NULL;
  options.key = keys[2].uri;
  options.algorithm = MTC_ALGORITHM_ECDSA_P256_SHA256;
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "type");
}

/* pkcs11-helper takes the first key with an id, so an id that two keys share names neither. */
static void an_id_of_two_keys_is_refused(void **state) {
  (void)state;
  struct mtc_bytes out = {0};
  struct mtc_error error = {0};
  struct mtc_signer *signer = NULL;
  struct mtc_key_request request = {.uri = in_folder("twin.pem"),
                                    .algorithm = MTC_ALGORITHM_ECDSA_P256_SHA256};
  must(mtc_key_generate(&request, &out, &error), &error);
  assert_int_equal(run("softhsm2-util --token mtc-ca --pin 1234 --label twin --id 77 --force "
                       ">/dev/null --import",
                       "/twin.pem"),
                   0);
  request = (struct mtc_key_request){.uri = "pkcs11:token=mtc-ca;object=twin",
                                     .module = SOFTHSM,
                                     .pin_source = pin_source,
                                     .algorithm = MTC_ALGORITHM_ECDSA_P256_SHA256};
  struct mtc_signer_options options = options_of(&request, &out);
  must(mtc_signer_open(&options, &signer, &error), &error);
  mtc_signer_close(signer);
  assert_int_equal(run("softhsm2-util --token mtc-ca --pin 1234 --label twin2 --id 77 --force "
                       ">/dev/null --import",
                       "/twin.pem"),
                   0);
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "share the CKA_ID");
  options.key = "pkcs11:token=mtc-ca;id=%77";
  expect_error(MTC_TOKEN, mtc_signer_open(&options, &signer, &error), &error, "more than one");
  mtc_bytes_free(&out);
}

/* The libraries of NSS find each other by LD_LIBRARY_PATH, which counts at program start only. */
static void with_nss_libraries(char **argv) {
  char path[256];
  const char *nss = getenv("MTC_NSS_DIR");
  if (!nss || getenv("MTC_TEST_RESTARTED")) return;
  (void)snprintf(path, sizeof path, "%s/lib", nss);
  if (setenv("LD_LIBRARY_PATH", path, 1) || setenv("MTC_TEST_RESTARTED", "1", 1)) return;
  (void)execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
  (void)argc;
  with_nss_libraries(argv);
  const struct CMUnitTest nss_tests[] = {
      cmocka_unit_test(nss_signs_with_ml_dsa),
      cmocka_unit_test(what_is_not_there_is_named),
      cmocka_unit_test(a_refused_pin_latches),
  };
  const struct CMUnitTest softhsm_tests[] = {
      cmocka_unit_test(softhsm_signs_with_curves),
      cmocka_unit_test(an_id_of_two_keys_is_refused),
  };
  mtc_log_init("test", MTC_LOG_WARNING);
  if (!getenv("MTC_NSS_DIR")) {
    (void)fputs("skipped: MTC_NSS_DIR is not set (use scripts/run.sh)\n", stderr);
    return 77;
  }
  int failed = cmocka_run_group_tests_name("nss", nss_tests, make_nss, remove_folder);
  return failed +
         cmocka_run_group_tests_name("softhsm", softhsm_tests, make_softhsm, remove_folder);
}
