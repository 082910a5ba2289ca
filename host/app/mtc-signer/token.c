/*
 * A private key on a PKCS#11 token. pkcs11-helper keeps session and login alive; plain PKCS#11
 * calls beside it (in their own session, which shares the login) find the key and its public half.
 */
#include <pkcs11-helper-1.0/pkcs11h-certificate.h>
#include <pkcs11-helper-1.0/pkcs11h-core.h>
#include <pkcs11-helper-1.0/pkcs11h-token.h>
#include <stdio.h>
#include <string.h>

#include "key.h"
#include "login.h"
#include "mtc/runtime.h"
#include "sign/raw_token.h"

#define PROVIDER "token"

struct signer_key {
  struct mtc_mechanism mechanism;
  struct mtc_initialize_args args; /* pkcs11-helper keeps a pointer */
  struct mtc_key_uri uri;
  struct login *login;
  struct mtc_raw_token raw;
  struct mtc_raw_key raw_key;
  pkcs11h_certificate_t certificate; /* pkcs11-helper's name for "a key with a CKA_ID" */
  char *module, *module_args;
  bool initialized;
  unsigned num_prompts;         /* times the PIN was handed out, and nothing has succeeded since */
  bool first_was_login;         /* the first of them was for the session, not for a signature */
  bool login_refused;           /* the latch said no */
  struct mtc_error login_error; /* why the PIN was not handed out */
};

/*
 * pkcs11-helper logs in again whenever an operation fails. Were the PIN wrong (changed under us),
 * each call would cost an attempt and lock the token: so it gets the PIN once between successes. A
 * key that wants it for each signature may need it a second time: only where the first was to log
 * in and the token says that this worked.
 */
static bool may_have_pin(struct signer_key *key) {
  bool is_in = mtc_raw_token_user_is_in(&key->raw);
  if (key->num_prompts == 0) key->first_was_login = !is_in;
  return key->num_prompts == 0 || (key->num_prompts == 1 && key->first_was_login && is_in);
}

static PKCS11H_BOOL prompt(void *const global, void *const user, const pkcs11h_token_id_t token,
                           const unsigned retry, char *const pin, const size_t size) {
  struct signer_key *key = global;
  const char *text;
  (void)user, (void)token;
  if (retry > 0 || !may_have_pin(key)) return FALSE;
  if (login_begin(key->login, &text, &key->login_refused, &key->login_error)) return FALSE;
  size_t len = strlen(text);
  if (len >= size) return FALSE;
  memcpy(pin, text, len + 1);
  key->num_prompts++;
  return TRUE;
}

static void log_line(void *const global, const unsigned flags, const char *const format,
                     va_list args) MTC_PRINTF(3, 0);

static void log_line(void *const global, const unsigned flags, const char *const format,
                     va_list args) {
  char text[512];
  (void)global;
  (void)vsnprintf(text, sizeof text, format, args);
  mtc_log(flags <= PKCS11H_LOG_WARN ? MTC_LOG_WARNING : MTC_LOG_DEBUG, "pkcs11h", "text=\"%s\"",
          text);
}

static mtc_status fail(struct mtc_error *error, CK_RV rv, const char *what, bool *pin_refused) {
  if (mtc_pkcs11_is_pin_refusal(rv)) *pin_refused = true;
  return mtc_pkcs11_fail(error, rv, what);
}

/*
 * A PIN for a signature that the token refused: pkcs11-helper does not tell, for it tries once
 * more, gets no PIN again and reports that. Its other reason to try again is that signing failed.
 * So a PIN that has never been right counts as refused, and another one where the token counts
 * failures.
 */
static bool looks_refused(struct signer_key *key, CK_RV rv) {
  if (rv != CKR_CANCEL || key->num_prompts == 0) return false;
  return !login_pin_is_known(key->login) || mtc_raw_token_counts_failures(&key->raw);
}

/* After whatever may have logged in: latches a refusal, and says what kept the PIN back. */
static mtc_status finish(struct signer_key *key, CK_RV rv, const char *what, bool *pin_refused,
                         struct mtc_error *error) {
  mtc_status status = rv == CKR_OK ? MTC_OK : fail(error, rv, what, pin_refused);
  if (status && looks_refused(key, rv)) {
    *pin_refused = true;
    (void)mtc_fail(error, status, "%s: the token did not accept the PIN", what);
  }
  /* On a keypad pkcs11-helper logs in without asking: then the latch is not held yet. */
  if (status && *pin_refused && !login_has_pin(key->login)) {
    const char *none;
    if (login_begin(key->login, &none, &key->login_refused, &key->login_error))
      mtc_log(MTC_LOG_ERROR, "signer.latch_file", "text=\"%s\"", key->login_error.text);
  }
  login_end(key->login, !status, status && *pin_refused, error->text);
  if (!status) {
    key->num_prompts = 0;
  } else if (key->login_error.text[0]) {
    if (key->login_refused) *pin_refused = true;
    *error = key->login_error;
  }
  key->login_error.text[0] = 0;
  return status;
}

static mtc_status start_provider(struct signer_key *key, bool *pin_refused,
                                 struct mtc_error *error) {
  CK_RV rv = pkcs11h_initialize();
  if (rv != CKR_OK) return fail(error, rv, "pkcs11h_initialize", pin_refused);
  key->initialized = true;
  PKCS11H_BOOL keypad = TRUE;
  /* 0: what a key wants is read from its attributes (CKA_ALWAYS_AUTHENTICATE needs that). */
  unsigned private_mode = 0;
  void *args = &key->args;
  mtc_initialize_args_fill(key->module_args, &key->args);
  pkcs11h_setLogLevel(PKCS11H_LOG_WARN);
  rv = pkcs11h_setLogHook(log_line, NULL);
  if (rv == CKR_OK) rv = pkcs11h_setPINPromptHook(prompt, key);
  if (rv == CKR_OK) rv = pkcs11h_setMaxLoginRetries(1);
  if (rv == CKR_OK) rv = pkcs11h_setProtectedAuthentication(TRUE);
  if (rv == CKR_OK) rv = pkcs11h_registerProvider(PROVIDER);
  if (rv == CKR_OK) {
    rv = pkcs11h_setProviderProperty(PROVIDER, PKCS11H_PROVIDER_PROPERTY_LOCATION, key->module,
                                     strlen(key->module) + 1);
  }
  if (rv == CKR_OK) {
    rv = pkcs11h_setProviderProperty(PROVIDER, PKCS11H_PROVIDER_PROPERTY_INIT_ARGS, &args,
                                     sizeof args);
  }
  if (rv == CKR_OK) {
    rv = pkcs11h_setProviderProperty(PROVIDER, PKCS11H_PROVIDER_PROPERTY_MASK_PRIVATE_MODE,
                                     &private_mode, sizeof private_mode);
  }
  /* A keypad is used only when no PIN is configured. */
  if (rv == CKR_OK && !login_has_pin(key->login)) {
    rv = pkcs11h_setProviderProperty(PROVIDER, PKCS11H_PROVIDER_PROPERTY_ALLOW_PROTECTED_AUTH,
                                     &keypad, sizeof keypad);
  }
  if (rv == CKR_OK) rv = pkcs11h_initializeProvider(PROVIDER);
  return rv == CKR_OK ? MTC_OK : fail(error, rv, "starting the PKCS#11 module", pin_refused);
}

static bool matches(const char *wanted, const char *found) {
  return !*wanted || strcmp(wanted, found) == 0;
}

/* The token in pkcs11-helper's terms, which it logs into at once. mtc_raw_token_open has made sure
 * that exactly one matches and that its PIN is not about to lock. */
static mtc_status log_in(struct signer_key *key, pkcs11h_token_id_t *out, bool *pin_refused,
                         struct mtc_error *error) {
  pkcs11h_token_id_list_t list = NULL;
  CK_RV rv = pkcs11h_token_enumTokenIds(PKCS11H_ENUM_METHOD_RELOAD, &list);
  if (rv != CKR_OK) return fail(error, rv, "listing tokens", pin_refused);
  rv = CKR_TOKEN_NOT_PRESENT;
  for (pkcs11h_token_id_list_t item = list; item; item = item->next) {
    pkcs11h_token_id_t id = item->token_id;
    if (matches(key->uri.token, id->label) && matches(key->uri.serial, id->serialNumber) &&
        matches(key->uri.model, id->model) && matches(key->uri.manufacturer, id->manufacturerID)) {
      rv = pkcs11h_token_duplicateTokenId(out, id);
      break;
    }
  }
  (void)pkcs11h_token_freeTokenIdList(list);
  if (rv != CKR_OK) return fail(error, rv, "finding the token", pin_refused);
  if (!key->raw.needs_login) return MTC_OK;
  const char *pin;
  mtc_status status = login_begin(key->login, &pin, pin_refused, error);
  if (status) return status;
  rv = pkcs11h_token_login(*out, TRUE, *pin ? pin : NULL);
  return finish(key, rv, "logging in to the token", pin_refused, error);
}

static mtc_status bind_key(struct signer_key *key, pkcs11h_token_id_t token_id, bool *pin_refused,
                           struct mtc_error *error) {
  struct pkcs11h_certificate_id_s id = {
      .token_id = token_id,
      .attrCKA_ID = key->raw_key.id,
      .attrCKA_ID_size = key->raw_key.id_len,
  };
  (void)snprintf(id.displayName, sizeof id.displayName, "%s", key->uri.object);
  CK_RV rv = pkcs11h_certificate_create(&id, key, PKCS11H_PROMPT_MASK_ALLOW_PIN_PROMPT,
                                        PKCS11H_PIN_CACHE_INFINITE, &key->certificate);
  if (rv == CKR_OK) rv = pkcs11h_certificate_ensureKeyAccess(key->certificate);
  return finish(key, rv, "opening the private key", pin_refused, error);
}

static mtc_status open_token(struct signer_key *key, struct mtc_bytes *out_public_key,
                             bool *pin_refused, struct mtc_error *error) {
  pkcs11h_token_id_t token_id = NULL;
  struct _CK_FUNCTION_LIST *functions = NULL;
  /* pkcs11-helper would load it as well, but does not tell why it could not. */
  mtc_status status = mtc_raw_module_load(key->module, &functions, error);
  if (!status) status = start_provider(key, pin_refused, error);
  if (status) return status;
  status = mtc_raw_token_open(&key->raw, key->module, key->module_args, false, &key->uri, error);
  if (key->raw.pin_refused) *pin_refused = true;
  if (!status && key->raw.needs_login && !key->raw.has_protected_path &&
      !login_has_pin(key->login)) {
    status =
        mtc_fail(error, MTC_INPUT, "token \"%s\" wants a PIN: give a pin-source", key->uri.token);
  }
  if (!status) status = log_in(key, &token_id, pin_refused, error);
  if (!status) status = mtc_raw_token_start(&key->raw, false, false, NULL, error);
  if (!status) {
    status = mtc_raw_token_find_key(&key->raw, &key->uri, &key->mechanism, &key->raw_key, error);
  }
  if (!status && key->raw_key.public_handle) {
    status = mtc_raw_token_public_key(&key->raw, &key->mechanism, key->raw_key.public_handle,
                                      out_public_key, error);
  }
  if (!status) status = bind_key(key, token_id, pin_refused, error);
  mtc_raw_token_end(&key->raw);
  if (token_id) (void)pkcs11h_token_freeTokenId(token_id);
  return status;
}

static void token_close(struct signer_key *key) {
  if (key->certificate) (void)pkcs11h_certificate_freeCertificate(key->certificate);
  mtc_raw_token_close(&key->raw);
  if (key->initialized) (void)pkcs11h_terminate();
  login_free(key->login);
  mtc_key_uri_wipe(&key->uri);
  mtc_free(key->module);
  mtc_free(key->module_args);
  mtc_free(key);
}

static mtc_status token_open(const struct mtc_signer_config *config, struct signer_key **out,
                             struct mtc_bytes *out_description, struct mtc_bytes *out_public_key,
                             bool *pin_refused, struct mtc_error *error) {
  struct signer_key *key = mtc_alloc(1, sizeof *key);
  if (!key) return mtc_fail(error, MTC_NOMEM, "out of memory");
  const struct mtc_mechanism_numbers numbers = {.sign = config->sign_mechanism};
  key->mechanism = mtc_mechanism_override(mtc_mechanism_get(config->algorithm), &numbers);
  const char *module = NULL;
  mtc_status status = mtc_key_uri_parse(config->key, &key->uri, error);
  if (!status) status = mtc_key_uri_module(&key->uri, config->module, &module, error);
  if (!status) {
    key->module = mtc_strdup(module);
    key->module_args = mtc_strdup(config->module_args);
    if (!key->module || !key->module_args) status = mtc_fail(error, MTC_NOMEM, "out of memory");
  }
  if (!status) status = login_new(config, &key->uri, &key->login, error);
  if (!status) status = open_token(key, out_public_key, pin_refused, error);
  if (status) {
    token_close(key);
    return status;
  }
  mtc_bytes_append_text(out_description, key->raw.description);
  *out = key;
  return MTC_OK;
}

static mtc_status token_sign(struct signer_key *key, struct mtc_span message, struct mtc_bytes *out,
                             bool *pin_refused, struct mtc_error *error) {
  uint8_t digest[64];
  unsigned char raw[MTC_MAX_SIGNATURE_LEN];
  size_t raw_len = sizeof raw;
  struct mtc_span input;
  mtc_status status = mtc_mechanism_input(&key->mechanism, message, digest, &input);
  if (status) return mtc_fail(error, status, "computing a digest: out of memory");
  CK_RV rv = pkcs11h_certificate_lockSession(key->certificate);
  if (rv == CKR_OK) {
    rv = pkcs11h_certificate_signAny(key->certificate, key->mechanism.sign, input.data, input.len,
                                     raw, &raw_len);
    (void)pkcs11h_certificate_releaseSession(key->certificate);
  }
  status = finish(key, rv, "signing on the token", pin_refused, error);
  if (status) return status;
  return mtc_mechanism_append_signature(&key->mechanism, mtc_span_of(raw, raw_len), out, error);
}

static mtc_status token_public_key(struct signer_key *key, struct mtc_bytes *out,
                                   struct mtc_error *error) {
  struct mtc_raw_key found;
  mtc_status status = mtc_raw_token_start(&key->raw, false, false, NULL, error);
  /* Object handles may have changed since OPEN. */
  if (!status) {
    status = mtc_raw_token_find_key(&key->raw, &key->uri, &key->mechanism, &found, error);
  }
  if (!status) {
    status = mtc_raw_token_public_key(&key->raw, &key->mechanism, found.public_handle, out, error);
  }
  mtc_raw_token_end(&key->raw);
  return status;
}

const struct signer_key_kind signer_token_key = {
    .open = token_open,
    .sign = token_sign,
    .public_key = token_public_key,
    .close = token_close,
};
