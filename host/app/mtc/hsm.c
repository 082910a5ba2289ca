#include "app/mtc/hsm.h"

#include <libp11.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/resource.h>

#include "entry/der.h"
#include "mtc/entry.h"
#include "mtc/runtime.h"
#include "sign/raw_attribute.h"

/* libp11 keeps the CK_RV of what failed in libcrypto's error queue, under a library number of its
 * own, which ERR_get_CKR_code gives. */
static mtc_status fail(struct hsm *hsm, const char *what, struct mtc_error *error) {
  unsigned long last = ERR_peek_last_error(), rv = CKR_OK;
  const char *reason = ERR_reason_error_string(last);
  if (ERR_GET_LIB(last) == ERR_get_CKR_code()) rv = (unsigned long)ERR_GET_REASON(last);
  hsm->raw.pin_refused = mtc_pkcs11_is_pin_refusal(rv);
  mtc_status status =
      rv != CKR_OK ? mtc_pkcs11_fail(error, rv, what)
                   : mtc_fail(error, MTC_TOKEN, "%s: %s", what, reason ? reason : "libp11 failed");
  ERR_clear_error();
  return status;
}

/* Its own C_Initialize comes first, with the arguments as NSS wants them; libp11 then finds the
 * module initialised. */
static mtc_status load(struct hsm *hsm, const char *module_args, struct mtc_error *error) {
  mtc_status status = mtc_raw_token_load(&hsm->raw, hsm->module, module_args, error);
  if (status) return status;
  ERR_clear_error();
  hsm->context = PKCS11_CTX_new();
  if (!hsm->context) return mtc_fail(error, MTC_NOMEM, "libp11: out of memory");
  if (module_args) PKCS11_CTX_init_args(hsm->context, module_args);
  if (PKCS11_CTX_load(hsm->context, hsm->module)) {
    /* Nothing is loaded: only the memory is given back. */
    return fail(hsm, "loading the module", error);
  }
  if (PKCS11_enumerate_slots(hsm->context, &hsm->slots, &hsm->num_slots))
    return fail(hsm, "listing slots", error);
  return MTC_OK;
}

static bool slot_matches(const struct mtc_key_uri *uri, const PKCS11_SLOT *slot) {
  const PKCS11_TOKEN *token = slot->token;
  return token &&
         mtc_token_matches(uri, mtc_span_of_text(token->label ? token->label : ""),
                           mtc_span_of_text(token->serialnr ? token->serialnr : ""),
                           mtc_span_of_text(token->model ? token->model : ""),
                           mtc_span_of_text(token->manufacturer ? token->manufacturer : ""));
}

static mtc_status find_token(struct hsm *hsm, struct mtc_error *error) {
  size_t num_found = 0;
  CK_TOKEN_INFO info;
  for (unsigned i = 0; i < hsm->num_slots; i++) {
    if (!slot_matches(&hsm->uri, &hsm->slots[i])) continue;
    hsm->slot = &hsm->slots[i];
    num_found++;
  }
  if (num_found == 0)
    return mtc_fail(error, MTC_TOKEN, "no token \"%s\"%s%s in %u slots", hsm->uri.token,
                    hsm->uri.serial[0] ? " with serial " : "", hsm->uri.serial, hsm->num_slots);
  if (num_found > 1)
    return mtc_fail(error, MTC_TOKEN, "%zu tokens match \"%s\": add serial= to the URI", num_found,
                    hsm->uri.token);
  hsm->raw.slot = PKCS11_get_slotid_from_slot(hsm->slot);
  CK_RV rv = hsm->raw.functions->C_GetTokenInfo(hsm->raw.slot, &info);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "C_GetTokenInfo");
  return mtc_token_check_flags(&hsm->raw, info.flags, &hsm->uri, error);
}

mtc_status hsm_open(const struct hsm_options *options, struct hsm *out, struct mtc_error *error) {
  *out = (struct hsm){.pin_source = options->pin_source, .read_write = options->read_write};
  mtc_status status = mtc_token_uri_parse(options->uri, &out->uri, error);
  if (!status) status = mtc_key_uri_module(&out->uri, options->module, &out->module, error);
  if (!status) status = load(out, options->module_args, error);
  if (!status) status = find_token(out, error);
  return status;
}

mtc_status hsm_log_in(struct hsm *hsm, struct mtc_error *error) {
  struct mtc_raw_token *raw = &hsm->raw;
  const struct rlimit no_core = {0, 0};
  /* A core dump would hold the PIN. */
  (void)setrlimit(RLIMIT_CORE, &no_core);
  mtc_status status = mtc_pin_find(&hsm->uri, hsm->pin_source, raw->needs_login,
                                   raw->has_protected_path, &hsm->pin, error);
  if (status) return status;
  ERR_clear_error();
  if (PKCS11_open_session(hsm->slot, hsm->read_write)) return fail(hsm, "opening a session", error);
  /* One attempt, whatever comes of it. Without a PIN the token asks on its own keypad. */
  if (raw->needs_login && PKCS11_login(hsm->slot, 0, hsm->pin.len ? hsm->pin.text : NULL))
    return fail(hsm, "logging in to the token", error);
  return mtc_raw_token_start(raw, hsm->read_write, false, NULL, error);
}

mtc_status hsm_renew_session(struct hsm *hsm, struct mtc_error *error) {
  /* The login is not lost with it: libp11 keeps a session of its own. */
  mtc_raw_token_end(&hsm->raw);
  return mtc_raw_token_start(&hsm->raw, hsm->read_write, false, NULL, error);
}

static mtc_status find_stored(struct hsm *hsm, const char *label, struct mtc_span id,
                              unsigned long *out_handle, size_t *out_num, struct mtc_error *error) {
  unsigned long handles[2];
  mtc_status status =
      mtc_raw_token_find(&hsm->raw, CKO_CERTIFICATE, label, id, handles, 2, out_num, error);
  if (!status && *out_num) *out_handle = handles[0];
  return status;
}

/* The certificate as the token has it: another than what was given is no certificate of ours. */
static mtc_status check_stored(struct hsm *hsm, struct mtc_span der, const char *label,
                               struct mtc_span id, unsigned long *out_handle,
                               struct mtc_error *error) {
  struct mtc_bytes value = {0};
  size_t num = 0;
  mtc_status status = find_stored(hsm, label, id, out_handle, &num, error);
  if (!status && num != 1)
    status = mtc_fail(error, MTC_TOKEN, "the certificate is %s",
                      num ? "there more than once" : "not there");
  if (status) return status;
  uint8_t *room = mtc_bytes_reserve(&value, der.len + 1);
  if (!room) return mtc_fail(error, MTC_NOMEM, "out of memory");
  CK_ATTRIBUTE attribute = {CKA_VALUE, room, der.len + 1};
  CK_RV rv = hsm->raw.functions->C_GetAttributeValue(hsm->raw.session, *out_handle, &attribute, 1);
  if (rv != CKR_OK)
    status = mtc_pkcs11_fail(error, rv, "reading the certificate");
  else if (attribute.ulValueLen != der.len || memcmp(room, der.data, der.len) != 0)
    status = mtc_fail(error, MTC_TOKEN, "the token holds another certificate than it was given");
  mtc_bytes_free(&value);
  return status;
}

/* With libp11; false where the token does not take what that gives it. */
static bool store_with_libp11(struct hsm *hsm, struct mtc_span der, const char *label,
                              struct mtc_span id) {
  const uint8_t *cursor = der.data;
  char text[MTC_MAX_ATTRIBUTE_LEN];
  uint8_t id_copy[MTC_MAX_KEY_ID_LEN];
  /* libp11 has no const. */
  memcpy(text, label, strlen(label) + 1);
  memcpy(id_copy, id.data, id.len);
  X509 *certificate = d2i_X509(NULL, &cursor, (long)der.len);
  bool is_stored = certificate && PKCS11_store_certificate(hsm->slot->token, certificate, text,
                                                           id_copy, id.len, NULL) == 0;
  X509_free(certificate);
  ERR_clear_error();
  return is_stored;
}

/* libp11 0.4.13 leaves out the serial number, without which NSS takes no certificate. */
static mtc_status store_whole(struct hsm *hsm, struct mtc_span der, const char *label,
                              struct mtc_span id, struct mtc_error *error) {
  static const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
  static const CK_CERTIFICATE_TYPE type = CKC_X_509;
  static const CK_BBOOL yes = CK_TRUE;
  struct mtc_certificate certificate;
  struct mtc_bytes serial = {0};
  CK_OBJECT_HANDLE handle;
  mtc_status status = mtc_certificate_parse(der, &certificate, error);
  if (status) return status;
  mtc_der_append(&serial, MTC_DER_INTEGER, certificate.serial_number);
  status = mtc_bytes_status(&serial);
  if (status) return mtc_fail(error, status, "out of memory");
  CK_ATTRIBUTE attributes[] = {
      mtc_ck_attribute(CKA_CLASS, &class, sizeof class),
      mtc_ck_attribute(CKA_CERTIFICATE_TYPE, &type, sizeof type),
      mtc_ck_attribute(CKA_TOKEN, &yes, sizeof yes),
      mtc_ck_attribute(CKA_LABEL, label, strlen(label)),
      mtc_ck_attribute(CKA_ID, id.data, id.len),
      mtc_ck_attribute(CKA_SUBJECT, certificate.subject.data, certificate.subject.len),
      mtc_ck_attribute(CKA_ISSUER, certificate.issuer.data, certificate.issuer.len),
      mtc_ck_attribute(CKA_SERIAL_NUMBER, serial.data, serial.len),
      mtc_ck_attribute(CKA_VALUE, der.data, der.len),
  };
  CK_RV rv = hsm->raw.functions->C_CreateObject(hsm->raw.session, attributes,
                                                sizeof attributes / sizeof *attributes, &handle);
  mtc_bytes_free(&serial);
  return rv == CKR_OK ? MTC_OK : mtc_pkcs11_fail(error, rv, "C_CreateObject");
}

mtc_status hsm_store_certificate(struct hsm *hsm, struct mtc_span der, const char *label,
                                 struct mtc_span id, unsigned long *out_handle,
                                 struct mtc_error *error) {
  mtc_status status = MTC_OK;
  *out_handle = 0;
  if (strlen(label) >= MTC_MAX_ATTRIBUTE_LEN || id.len > MTC_MAX_KEY_ID_LEN)
    return mtc_fail(error, MTC_INPUT, "the label or the id is too long");
  if (!store_with_libp11(hsm, der, label, id)) {
    /* It may have failed after the token had taken it. */
    size_t num = 0;
    status = find_stored(hsm, label, id, out_handle, &num, error);
    if (!status && num == 0) status = store_whole(hsm, der, label, id, error);
  }
  return status ? status : check_stored(hsm, der, label, id, out_handle, error);
}

void hsm_close(struct hsm *hsm) {
  mtc_raw_token_end(&hsm->raw);
  if (hsm->slots) {
    (void)PKCS11_logout(hsm->slot ? hsm->slot : hsm->slots);
    PKCS11_release_all_slots(hsm->context, hsm->slots, hsm->num_slots);
  }
  if (hsm->context) {
    PKCS11_CTX_unload(hsm->context);
    PKCS11_CTX_free(hsm->context);
    hsm->raw.initialized = false; /* libp11 has finalised the module */
  }
  mtc_raw_token_close(&hsm->raw);
  mtc_pin_wipe(&hsm->pin);
  mtc_key_uri_wipe(&hsm->uri);
  ERR_clear_error();
  *hsm = (struct hsm){0};
}
