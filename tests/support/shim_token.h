/* A real token of each kind with the shim in front of it, and a signer on it. */
#ifndef MTC_TESTS_SHIM_TOKEN_H
#define MTC_TESTS_SHIM_TOKEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mtc/proof.h"
#include "mtc/runtime.h"
#include "mtc/sign.h"
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

static inline int shell(const char *format, ...) MTC_PRINTF(1, 2);
static inline int shell(const char *format, ...) {
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

static inline unsigned calls(const char *words) {
  return shim_calls(folder, words, NULL);
}

static struct mtc_signer_options token_options(void) {
  return (struct mtc_signer_options){.program = MTC_BIN "/mtc-signer",
                                     .key = URI,
                                     .module = module,
                                     .module_args = module_args,
                                     .pin_source = *pin_source ? pin_source : NULL,
                                     .algorithm = token->algorithm,
                                     .public_key = mtc_span_of_bytes(&public_key),
                                     .timeout_ms = 3000};
}

static mtc_status try_open(struct mtc_signer **out, struct mtc_error *error) {
  const struct mtc_signer_options options = token_options();
  return mtc_signer_open(&options, out, error);
}

static inline struct mtc_signer *open_signer(void) {
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
static inline void signs_in_the_end(struct mtc_signer *signer) {
  struct mtc_error error = {0};
  mtc_status status = sign(signer, &error);
  for (int i = 0; status && i < MAX_ATTEMPTS; i++) {
    (void)usleep(100000);
    status = sign(signer, &error);
  }
  must(status, &error);
}

/* Without NSS softoken a test says so and ends with 77: skipped. */
static inline bool has_nss(void) {
  mtc_log_init("test", MTC_LOG_WARNING);
  if (getenv("MTC_NSS_DIR")) return true;
  (void)fputs("skipped: MTC_NSS_DIR is not set (use scripts/run.sh)\n", stderr);
  return false;
}

#endif
