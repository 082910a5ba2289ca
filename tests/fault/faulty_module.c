/*
 * A PKCS#11 module that passes everything on to another one, but for the faults that MTC_FAULTY
 * names, separated by commas. MTC_FAULTY_MODULE is the other module; MTC_FAULTY_LOGINS a file that
 * gets a line at each C_Login. For tests of what people do when a token lies or breaks.
 *
 *   extractable, readable, not_local   what it says of a private key
 *   generate, sign, store, destroy     these calls fail
 *   wrong_signature, other_certificate what it gives is not what it should be
 *   keypad                             the PIN is typed on the token: MTC_FAULTY_PIN is it
 *   final_try                          one attempt is left
 *   gone                               once the key is made, the token is away
 *   interrupt                          SIGTERM arrives while the key is made
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST real, faulty;
static bool is_gone;

static bool has(const char *fault) {
  const char *at = getenv("MTC_FAULTY");
  size_t len = strlen(fault);
  while (at && *at) {
    size_t word = strcspn(at, ",");
    if (word == len && strncmp(at, fault, len) == 0) return true;
    at += word + (at[word] == ',');
  }
  return false;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len) {
  const char *path = getenv("MTC_FAULTY_LOGINS");
  FILE *file = path ? fopen(path, "ae") : NULL;
  if (file) {
    (void)fputs("login\n", file);
    (void)fclose(file);
  }
  const char *typed = getenv("MTC_FAULTY_PIN");
  CK_UTF8CHAR copy[64] = {0};
  if (pin || !has("keypad") || !typed || strlen(typed) >= sizeof copy)
    return real.C_Login(session, user, pin, len);
  memcpy(copy, typed, strlen(typed));
  return real.C_Login(session, user, copy, strlen(typed));
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
  CK_RV rv = real.C_GetTokenInfo(slot, info);
  if (rv == CKR_OK && has("keypad")) info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
  if (rv == CKR_OK && has("final_try")) info->flags |= CKF_USER_PIN_FINAL_TRY;
  return rv;
}

static CK_RV get_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                            CK_ATTRIBUTE *attributes, CK_ULONG num) {
  if (is_gone) return CKR_DEVICE_REMOVED;
  CK_RV rv = real.C_GetAttributeValue(session, object, attributes, num);
  for (CK_ULONG i = 0; rv == CKR_OK && i < num; i++) {
    CK_BBOOL *value = attributes[i].pValue;
    if (!value || attributes[i].ulValueLen == CK_UNAVAILABLE_INFORMATION) continue;
    if (attributes[i].type == CKA_EXTRACTABLE && has("extractable")) *value = CK_TRUE;
    if (attributes[i].type == CKA_SENSITIVE && has("readable")) *value = CK_FALSE;
    if (attributes[i].type == CKA_LOCAL && has("not_local")) *value = CK_FALSE;
    if (attributes[i].type == CKA_VALUE && has("other_certificate")) *value ^= 1;
  }
  return rv;
}

static CK_RV generate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public,
                      CK_ULONG num_public, CK_ATTRIBUTE *private, CK_ULONG num_private,
                      CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key) {
  if (has("generate")) return CKR_DEVICE_ERROR;
  if (has("interrupt")) (void)raise(SIGTERM);
  is_gone = has("gone");
  return real.C_GenerateKeyPair(session, mechanism, public, num_public, private, num_private,
                                public_key, private_key);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *session) {
  return is_gone ? CKR_DEVICE_REMOVED
                 : real.C_OpenSession(slot, flags, application, notify, session);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *signature,
                  CK_ULONG *signature_len) {
  if (has("sign")) return CKR_DEVICE_ERROR;
  CK_RV rv = real.C_Sign(session, data, len, signature, signature_len);
  if (rv == CKR_OK && signature && has("wrong_signature")) signature[20] ^= 1;
  return rv;
}

static CK_RV create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG num,
                    CK_OBJECT_HANDLE *object) {
  return has("store") ? CKR_DEVICE_MEMORY : real.C_CreateObject(session, attributes, num, object);
}

static CK_RV destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  return has("destroy") ? CKR_DEVICE_ERROR : real.C_DestroyObject(session, object);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out) {
  const char *path = getenv("MTC_FAULTY_MODULE");
  void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
  CK_FUNCTION_LIST *list = NULL;
  void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
  memcpy(&get, &symbol, sizeof symbol);
  if (!get || get(&list) != CKR_OK) return CKR_GENERAL_ERROR;
  real = *list;
  faulty = real;
  faulty.C_Login = login;
  faulty.C_OpenSession = open_session;
  faulty.C_GetTokenInfo = get_token_info;
  faulty.C_GetAttributeValue = get_attributes;
  faulty.C_GenerateKeyPair = generate;
  faulty.C_Sign = sign;
  faulty.C_CreateObject = create;
  faulty.C_DestroyObject = destroy;
  *out = &faulty;
  return CKR_OK;
}
