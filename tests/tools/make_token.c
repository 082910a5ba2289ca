/*
 * mtc-make-token MODULE MODULE-ARGS TOKEN-LABEL: sets the user PIN (read from standard input) of a
 * fresh NSS softoken token, whose security officer has an empty PIN. For tests and the demo.
 */
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <string.h>

#include "sign/raw_token.h"

static int fail(const char *what, CK_RV rv) {
  (void)fprintf(stderr, "mtc-make-token: %s: %s (0x%lx)\n", what, p11_kit_strerror(rv), rv);
  return 1;
}

static CK_RV find_slot(CK_FUNCTION_LIST *functions, const char *label, CK_SLOT_ID *out) {
  CK_SLOT_ID slots[64];
  CK_ULONG num_slots = sizeof slots / sizeof slots[0];
  CK_RV rv = functions->C_GetSlotList(CK_TRUE, slots, &num_slots);
  size_t len = strlen(label);
  for (CK_ULONG i = 0; rv == CKR_OK && i < num_slots; i++) {
    CK_TOKEN_INFO info;
    if (functions->C_GetTokenInfo(slots[i], &info) != CKR_OK || len > sizeof info.label) continue;
    if (memcmp(info.label, label, len) == 0 &&
        (len == sizeof info.label || info.label[len] == ' ')) {
      *out = slots[i];
      return CKR_OK;
    }
  }
  return rv == CKR_OK ? CKR_TOKEN_NOT_PRESENT : rv;
}

int main(int argc, char **argv) {
  char pin[MTC_PIN_MAX_LEN + 2];
  if (argc != 4 || !fgets(pin, sizeof pin, stdin)) {
    (void)fputs("usage: mtc-make-token MODULE MODULE-ARGS TOKEN-LABEL <PIN-FILE\n", stderr);
    return 2;
  }
  pin[strcspn(pin, "\r\n")] = 0;
  CK_FUNCTION_LIST *functions = NULL;
  struct mtc_error error = {0};
  if (mtc_raw_module_load(argv[1], &functions, &error)) {
    (void)fprintf(stderr, "mtc-make-token: %s\n", error.text);
    return 1;
  }
  struct mtc_initialize_args args;
  mtc_initialize_args_fill(argv[2], &args);
  CK_RV rv = functions->C_Initialize(&args);
  if (rv != CKR_OK) return fail("C_Initialize", rv);
  CK_SLOT_ID slot = 0;
  CK_SESSION_HANDLE session = 0;
  rv = find_slot(functions, argv[3], &slot);
  if (rv != CKR_OK) return fail(argv[3], rv);
  rv = functions->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
  if (rv != CKR_OK) return fail("C_OpenSession", rv);
  CK_UTF8CHAR none[1] = {0}, text[sizeof pin];
  memcpy(text, pin, sizeof pin);
  rv = functions->C_Login(session, CKU_SO, none, 0);
  if (rv != CKR_OK) return fail("C_Login as security officer (is there a PIN already?)", rv);
  rv = functions->C_InitPIN(session, text, strlen(pin));
  if (rv != CKR_OK) return fail("C_InitPIN", rv);
  (void)functions->C_Finalize(NULL);
  return 0;
}
