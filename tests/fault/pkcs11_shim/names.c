#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"

struct name {
  const char *text;
  unsigned long value;
};

#define NAME(value) {#value, value}
static const struct name results[] = {
    NAME(CKR_OK),
    NAME(CKR_CANCEL),
    NAME(CKR_HOST_MEMORY),
    NAME(CKR_SLOT_ID_INVALID),
    NAME(CKR_GENERAL_ERROR),
    NAME(CKR_FUNCTION_FAILED),
    NAME(CKR_ARGUMENTS_BAD),
    NAME(CKR_ATTRIBUTE_TYPE_INVALID),
    NAME(CKR_ATTRIBUTE_VALUE_INVALID),
    NAME(CKR_DATA_INVALID),
    NAME(CKR_DEVICE_ERROR),
    NAME(CKR_DEVICE_MEMORY),
    NAME(CKR_DEVICE_REMOVED),
    NAME(CKR_FUNCTION_CANCELED),
    NAME(CKR_FUNCTION_NOT_SUPPORTED),
    NAME(CKR_KEY_HANDLE_INVALID),
    NAME(CKR_KEY_FUNCTION_NOT_PERMITTED),
    NAME(CKR_MECHANISM_INVALID),
    NAME(CKR_OBJECT_HANDLE_INVALID),
    NAME(CKR_OPERATION_ACTIVE),
    NAME(CKR_OPERATION_NOT_INITIALIZED),
    NAME(CKR_PIN_INCORRECT),
    NAME(CKR_PIN_INVALID),
    NAME(CKR_PIN_LEN_RANGE),
    NAME(CKR_PIN_EXPIRED),
    NAME(CKR_PIN_LOCKED),
    NAME(CKR_SESSION_CLOSED),
    NAME(CKR_SESSION_COUNT),
    NAME(CKR_SESSION_HANDLE_INVALID),
    NAME(CKR_SESSION_EXISTS),
    NAME(CKR_TOKEN_NOT_PRESENT),
    NAME(CKR_TOKEN_NOT_RECOGNIZED),
    NAME(CKR_TOKEN_WRITE_PROTECTED),
    NAME(CKR_USER_ALREADY_LOGGED_IN),
    NAME(CKR_USER_NOT_LOGGED_IN),
    NAME(CKR_USER_PIN_NOT_INITIALIZED),
    NAME(CKR_USER_TYPE_INVALID),
    NAME(CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    NAME(CKR_USER_TOO_MANY_TYPES),
    NAME(CKR_BUFFER_TOO_SMALL),
    NAME(CKR_CRYPTOKI_NOT_INITIALIZED),
    NAME(CKR_CRYPTOKI_ALREADY_INITIALIZED),
    NAME(CKR_VENDOR_DEFINED),
};

static const struct name flags[] = {
    NAME(CKF_WRITE_PROTECTED),        NAME(CKF_LOGIN_REQUIRED),
    NAME(CKF_USER_PIN_INITIALIZED),   NAME(CKF_PROTECTED_AUTHENTICATION_PATH),
    NAME(CKF_TOKEN_INITIALIZED),      NAME(CKF_USER_PIN_COUNT_LOW),
    NAME(CKF_USER_PIN_FINAL_TRY),     NAME(CKF_USER_PIN_LOCKED),
    NAME(CKF_USER_PIN_TO_BE_CHANGED), NAME(CKF_SO_PIN_LOCKED),
};

static const struct name attributes[] = {
    NAME(CKA_ALWAYS_AUTHENTICATE),
    NAME(CKA_EXTRACTABLE),
    NAME(CKA_SENSITIVE),
    NAME(CKA_LOCAL),
    NAME(CKA_VALUE),
};

#define FUNCTION_NAME(name, kind, how, parameters, ...) #name,
static const char *const functions[] = {SHIM_FUNCTIONS(FUNCTION_NAME)};

static bool find(const struct name *names, size_t num_names, const char *text,
                 unsigned long *out_value) {
  for (size_t i = 0; i < num_names; i++) {
    if (strcmp(names[i].text, text) != 0) continue;
    *out_value = names[i].value;
    return true;
  }
  char *end = NULL;
  *out_value = strtoul(text, &end, 0);
  return end != text && !*end;
}

bool shim_result_of(const char *text, unsigned long *out_rv) {
  return find(results, sizeof results / sizeof results[0], text, out_rv);
}

const char *shim_result_name(unsigned long rv, char *out_text, size_t size) {
  for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
    if (results[i].value == rv) return results[i].text;
  }
  (void)snprintf(out_text, size, "0x%lx", rv);
  return out_text;
}

bool shim_flag_of(const char *text, unsigned long *out_flag) {
  return find(flags, sizeof flags / sizeof flags[0], text, out_flag);
}

bool shim_attribute_of(const char *text, unsigned long *out_type) {
  return find(attributes, sizeof attributes / sizeof attributes[0], text, out_type);
}

bool shim_function_of(const char *text, size_t *out_function) {
  for (size_t i = 0; i < SHIM_NUM_FUNCTIONS; i++) {
    if (strcmp(functions[i], text) != 0) continue;
    *out_function = i;
    return true;
  }
  return false;
}

const char *shim_function_name(size_t function) {
  return functions[function];
}
