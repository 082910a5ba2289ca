#include "sign/raw_token.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"

#define MAX_SLOTS 256

mtc_status mtc_pkcs11_fail(struct mtc_error *error, unsigned long rv, const char *what) {
  return mtc_fail(error, rv == CKR_HOST_MEMORY ? MTC_NOMEM : MTC_TOKEN, "%s: %s (0x%lx)", what,
                  p11_kit_strerror(rv), rv);
}

bool mtc_pkcs11_is_pin_refusal(unsigned long rv) {
  return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE ||
         rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LOCKED || rv == CKR_USER_PIN_NOT_INITIALIZED;
}

void mtc_initialize_args_fill(const char *module_args, struct mtc_initialize_args *out) {
  _Static_assert(offsetof(struct mtc_initialize_args, library_parameters) ==
                     offsetof(CK_C_INITIALIZE_ARGS, pReserved),
                 "layout of CK_C_INITIALIZE_ARGS");
  *out = (struct mtc_initialize_args){0};
  out->flags = CKF_OS_LOCKING_OK;
  out->library_parameters = module_args && *module_args ? module_args : NULL;
}

mtc_status mtc_raw_module_load(const char *module, CK_FUNCTION_LIST **out,
                               struct mtc_error *error) {
  void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) return mtc_fail(error, MTC_TOKEN, "cannot load the module: %s", dlerror());
  CK_RV (*get_function_list)(CK_FUNCTION_LIST_PTR_PTR) = NULL;
  void *symbol = dlsym(library, "C_GetFunctionList");
  memcpy(&get_function_list, &symbol, sizeof symbol);
  *out = NULL;
  CK_RV rv = get_function_list ? get_function_list(out) : CKR_OK;
  /* RTLD_NODELETE keeps it mapped; this only gives the handle back. */
  (void)dlclose(library);
  if (rv == CKR_OK && *out) return MTC_OK;
  *out = NULL;
  return mtc_fail(error, MTC_TOKEN, "%s is no PKCS#11 module", module);
}

/* A padded field of CK_TOKEN_INFO against a URI's value; empty matches any. */
static bool field_matches(const char *wanted, struct mtc_span field) {
  size_t len = strlen(wanted);
  if (!len) return true;
  while (field.len && (field.data[field.len - 1] == ' ' || field.data[field.len - 1] == 0))
    field.len--;
  return len == field.len && memcmp(wanted, field.data, len) == 0;
}

bool mtc_token_matches(const struct mtc_key_uri *uri, struct mtc_span label, struct mtc_span serial,
                       struct mtc_span model, struct mtc_span manufacturer) {
  return field_matches(uri->token, label) && field_matches(uri->serial, serial) &&
         field_matches(uri->model, model) && field_matches(uri->manufacturer, manufacturer);
}

static bool info_matches(const struct mtc_key_uri *uri, const CK_TOKEN_INFO *info) {
  return mtc_token_matches(uri, mtc_span_of(info->label, sizeof info->label),
                           mtc_span_of(info->serialNumber, sizeof info->serialNumber),
                           mtc_span_of(info->model, sizeof info->model),
                           mtc_span_of(info->manufacturerID, sizeof info->manufacturerID));
}

mtc_status mtc_token_check_flags(struct mtc_raw_token *token, unsigned long flags,
                                 const struct mtc_key_uri *uri, struct mtc_error *error) {
  token->needs_login = (flags & CKF_LOGIN_REQUIRED) != 0;
  token->has_protected_path = (flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  if (token->needs_login && !(flags & CKF_USER_PIN_INITIALIZED)) {
    return mtc_fail(error, MTC_TOKEN, "token \"%s\" has no user PIN yet: initialise it",
                    uri->token);
  }
  /* Never use up the last attempts without a person: a locked HSM stops the CA. */
  token->pin_refused = flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY);
  if (flags & CKF_USER_PIN_LOCKED) {
    return mtc_fail(error, MTC_TOKEN, "token \"%s\": the PIN is locked", uri->token);
  }
  if (flags & CKF_USER_PIN_FINAL_TRY) {
    return mtc_fail(error, MTC_TOKEN,
                    "token \"%s\": one PIN attempt is left; log in by hand once, then restart",
                    uri->token);
  }
  return MTC_OK;
}

/* Fixed-size fields without their padding; control bytes of a strange token go. */
static void describe(struct mtc_raw_token *token, const CK_TOKEN_INFO *info) {
  const struct {
    const char *label;
    const unsigned char *field;
    size_t size;
  } fields[] = {{"", info->manufacturerID, sizeof info->manufacturerID},
                {" ", info->model, sizeof info->model},
                {", serial ", info->serialNumber, sizeof info->serialNumber}};
  size_t len = 0;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    size_t field_len = fields[i].size;
    while (field_len && (fields[i].field[field_len - 1] == ' ' || !fields[i].field[field_len - 1]))
      field_len--;
    len += (size_t)snprintf(token->description + len, sizeof token->description - len, "%s%.*s",
                            fields[i].label, (int)field_len, (const char *)fields[i].field);
  }
  (void)snprintf(token->description + len, sizeof token->description - len, ", firmware %u.%u",
                 info->firmwareVersion.major, info->firmwareVersion.minor);
  for (char *c = token->description; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = '?';
}

static mtc_status find_token(struct mtc_raw_token *token, const struct mtc_key_uri *uri,
                             struct mtc_error *error) {
  CK_SLOT_ID slots[MAX_SLOTS];
  CK_ULONG num_slots = MAX_SLOTS;
  CK_RV rv = token->functions->C_GetSlotList(CK_TRUE, slots, &num_slots);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "C_GetSlotList");
  CK_FLAGS flags = 0;
  size_t num_found = 0;
  for (CK_ULONG i = 0; i < num_slots; i++) {
    CK_TOKEN_INFO info;
    memset(&info, 0, sizeof info);
    /* A slot that fails is a token pulled out just now: not ours, or the search finds none. */
    if (token->functions->C_GetTokenInfo(slots[i], &info) != CKR_OK) continue;
    if (!info_matches(uri, &info)) continue;
    token->slot = slots[i];
    describe(token, &info);
    flags = info.flags;
    num_found++;
  }
  if (num_found == 0) {
    return mtc_fail(error, MTC_TOKEN, "no token \"%s\"%s%s in %lu slots", uri->token,
                    uri->serial[0] ? " with serial " : "", uri->serial, num_slots);
  }
  if (num_found > 1) {
    return mtc_fail(error, MTC_TOKEN, "%zu tokens match \"%s\": add serial= to the URI", num_found,
                    uri->token);
  }
  return mtc_token_check_flags(token, flags, uri, error);
}

mtc_status mtc_raw_token_load(struct mtc_raw_token *out, const char *module,
                              const char *module_args, struct mtc_error *error) {
  *out = (struct mtc_raw_token){0};
  mtc_status status = mtc_raw_module_load(module, &out->functions, error);
  if (status) return status;
  struct mtc_initialize_args args;
  mtc_initialize_args_fill(module_args, &args);
  CK_RV rv = out->functions->C_Initialize(&args);
  if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
    return mtc_pkcs11_fail(error, rv, "C_Initialize");
  out->initialized = rv == CKR_OK;
  return MTC_OK;
}

mtc_status mtc_raw_token_open(struct mtc_raw_token *out, const char *module,
                              const char *module_args, bool initialize,
                              const struct mtc_key_uri *uri, struct mtc_error *error) {
  *out = (struct mtc_raw_token){0};
  if (!module || !*module) {
    return mtc_fail(error, MTC_INPUT, "a pkcs11: URI needs the path of a PKCS#11 module");
  }
  mtc_status status = initialize ? mtc_raw_token_load(out, module, module_args, error)
                                 : mtc_raw_module_load(module, &out->functions, error);
  return status ? status : find_token(out, uri, error);
}

/* The user's login in this session, or the key's own where CKA_ALWAYS_AUTHENTICATE wants one. */
static CK_RV log_in(struct mtc_raw_token *token, CK_USER_TYPE user, const struct mtc_pin *pin) {
  CK_UTF8CHAR text[MTC_PIN_MAX_LEN + 1];
  struct mtc_pin copy = {0};
  if (pin) copy = *pin;
  memcpy(text, copy.text, sizeof text);
  bool on_keypad = token->has_protected_path && !copy.len;
  CK_RV rv = token->functions->C_Login(token->session, user, on_keypad ? NULL : text,
                                       on_keypad ? 0 : copy.len);
  OPENSSL_cleanse(text, sizeof text);
  mtc_pin_wipe(&copy);
  token->pin_refused = mtc_pkcs11_is_pin_refusal(rv);
  return rv;
}

mtc_status mtc_raw_token_start(struct mtc_raw_token *token, bool read_write, bool logs_in,
                               const struct mtc_pin *pin, struct mtc_error *error) {
  CK_FLAGS flags = CKF_SERIAL_SESSION | (read_write ? CKF_RW_SESSION : 0);
  CK_RV rv = token->functions->C_OpenSession(token->slot, flags, NULL, NULL, &token->session);
  if (rv != CKR_OK) {
    token->session = 0;
    return mtc_pkcs11_fail(error, rv, "C_OpenSession");
  }
  if (!logs_in || !token->needs_login) return MTC_OK;
  rv = log_in(token, CKU_USER, pin);
  token->logged_in = rv == CKR_OK;
  return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN ? MTC_OK
                                                          : mtc_pkcs11_fail(error, rv, "C_Login");
}

bool mtc_raw_token_user_is_in(const struct mtc_raw_token *token) {
  CK_SESSION_HANDLE session;
  CK_SESSION_INFO info = {0};
  if (token->functions->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL, &session) !=
      CKR_OK)
    return false;
  CK_RV rv = token->functions->C_GetSessionInfo(session, &info);
  (void)token->functions->C_CloseSession(session);
  return rv == CKR_OK &&
         (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

bool mtc_raw_token_counts_failures(const struct mtc_raw_token *token) {
  CK_TOKEN_INFO info = {0};
  const CK_FLAGS low = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
  return token->functions->C_GetTokenInfo(token->slot, &info) == CKR_OK && (info.flags & low);
}

/* Only where the key says so: a login that nobody asked for is an error to many modules. */
static bool always_authenticates(struct mtc_raw_token *token, CK_OBJECT_HANDLE key) {
  CK_BBOOL value = CK_FALSE;
  CK_ATTRIBUTE attribute = {CKA_ALWAYS_AUTHENTICATE, &value, sizeof value};
  CK_RV rv = token->functions->C_GetAttributeValue(token->session, key, &attribute, 1);
  return rv == CKR_OK && attribute.ulValueLen == sizeof value && value != CK_FALSE;
}

mtc_status mtc_raw_token_sign(struct mtc_raw_token *token, const struct mtc_mechanism *mechanism,
                              unsigned long private_handle, const struct mtc_pin *pin,
                              struct mtc_span message, struct mtc_bytes *out,
                              struct mtc_error *error) {
  uint8_t digest[64], raw[MTC_MAX_SIGNATURE_LEN];
  struct mtc_span input;
  struct mtc_bytes data = {0};
  mtc_status status = mtc_mechanism_input(mechanism, message, digest, &input);
  /* PKCS#11 has no const. */
  if (!status) mtc_bytes_append_span(&data, input);
  if (!status) status = mtc_bytes_status(&data);
  if (status) {
    mtc_bytes_free(&data);
    return mtc_fail(error, status, "preparing a signature: out of memory");
  }
  bool asks_each_time = always_authenticates(token, private_handle);
  CK_MECHANISM how = {.mechanism = mechanism->sign};
  CK_ULONG raw_len = sizeof raw;
  CK_RV rv = token->functions->C_SignInit(token->session, &how, private_handle);
  if (rv == CKR_OK && asks_each_time) rv = log_in(token, CKU_CONTEXT_SPECIFIC, pin);
  if (rv == CKR_OK)
    rv = token->functions->C_Sign(token->session, data.data, data.len, raw, &raw_len);
  mtc_bytes_free(&data);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "signing");
  return mtc_mechanism_append_signature(mechanism, mtc_span_of(raw, raw_len), out, error);
}

void mtc_raw_token_end(struct mtc_raw_token *token) {
  if (!token->session) return;
  /* C_Logout is application-wide: it would log pkcs11-helper out as well. */
  if (token->logged_in) (void)token->functions->C_Logout(token->session);
  (void)token->functions->C_CloseSession(token->session);
  token->session = 0;
  token->logged_in = false;
}

void mtc_raw_token_close(struct mtc_raw_token *token) {
  mtc_raw_token_end(token);
  if (token->initialized) (void)token->functions->C_Finalize(NULL);
  *token = (struct mtc_raw_token){0};
}
