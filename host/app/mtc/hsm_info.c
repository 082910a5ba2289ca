/* What a module and its token say of themselves, for transcripts. */
#include <string.h>

#include "app/mtc/hsm.h"
#include "app/mtc/json.h"
#include "mtc/runtime.h"
#include "sign/raw_attribute.h"

#define MAX_MODULE_LEN (256u << 20)

/* A padded field of PKCS#11. */
static json_t *field(const unsigned char *text, size_t len) {
  while (len && (text[len - 1] == ' ' || text[len - 1] == 0))
    len--;
  return mtc_json_text(mtc_span_of(text, len));
}

static json_t *version(CK_VERSION value) {
  return json_sprintf("%u.%u", value.major, value.minor);
}

static mtc_status check(json_t *object, json_t **out, struct mtc_error *error) {
  *out = object;
  return object ? MTC_OK : mtc_fail(error, MTC_NOMEM, "out of memory");
}

mtc_status hsm_module_json(const struct hsm *hsm, json_t **out, struct mtc_error *error) {
  CK_INFO info;
  struct mtc_bytes file = {0};
  memset(&info, 0, sizeof info);
  CK_RV rv = hsm->raw.functions->C_GetInfo(&info);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "C_GetInfo");
  /* Which file this is matters more than what it says of itself. */
  mtc_status status = mtc_file_read(hsm->module, MAX_MODULE_LEN, &file, error);
  if (!status)
    status =
        check(json_pack("{sosososososo}", "path", mtc_json_text(mtc_span_of_text(hsm->module)),
                        "sha256", cli_json_sha256(mtc_span_of_bytes(&file)), "manufacturer",
                        field(info.manufacturerID, sizeof info.manufacturerID), "description",
                        field(info.libraryDescription, sizeof info.libraryDescription), "version",
                        version(info.libraryVersion), "cryptoki", version(info.cryptokiVersion)),
              out, error);
  mtc_bytes_free(&file);
  return status;
}

mtc_status hsm_token_json(const struct hsm *hsm, json_t **out, struct mtc_error *error) {
  CK_TOKEN_INFO info;
  memset(&info, 0, sizeof info);
  CK_RV rv = hsm->raw.functions->C_GetTokenInfo(hsm->raw.slot, &info);
  if (rv != CKR_OK) return mtc_pkcs11_fail(error, rv, "C_GetTokenInfo");
  return check(
      json_pack("{sosososososososI}", "label", field(info.label, sizeof info.label), "manufacturer",
                field(info.manufacturerID, sizeof info.manufacturerID), "model",
                field(info.model, sizeof info.model), "serial",
                field(info.serialNumber, sizeof info.serialNumber), "hardware",
                version(info.hardwareVersion), "firmware", version(info.firmwareVersion), "flags",
                json_sprintf("0x%lx", info.flags), "slot", (json_int_t)hsm->raw.slot),
      out, error);
}

static mtc_status describe(const struct hsm *hsm, unsigned long type, unsigned long wanted,
                           const char *purpose, json_t **out, struct mtc_error *error) {
  CK_MECHANISM_INFO info;
  memset(&info, 0, sizeof info);
  CK_RV rv = hsm->raw.functions->C_GetMechanismInfo(hsm->raw.slot, type, &info);
  if (rv != CKR_OK)
    return mtc_pkcs11_fail(error, rv,
                           "the token does not offer the mechanism (key.mechanisms may name a "
                           "vendor's): C_GetMechanismInfo");
  if (!(info.flags & wanted))
    return mtc_fail(error, MTC_TOKEN, "the token's mechanism 0x%lx is not for %s", type, purpose);
  return check(
      json_pack("{sososbsisi}", "number", json_sprintf("0x%lx", type), "flags",
                json_sprintf("0x%lx", info.flags), "hardware", (info.flags & CKF_HW) != 0,
                "min_key_size", (int)info.ulMinKeySize, "max_key_size", (int)info.ulMaxKeySize),
      out, error);
}

mtc_status hsm_mechanism_json(const struct hsm *hsm, const struct mtc_mechanism *mechanism,
                              json_t **out, struct mtc_error *error) {
  json_t *generate = NULL, *sign = NULL;
  /* NSS offers ML-DSA key pairs under CKF_GENERATE. */
  mtc_status status = describe(hsm, mechanism->generate, CKF_GENERATE_KEY_PAIR | CKF_GENERATE,
                               "making keys", &generate, error);
  if (!status) status = describe(hsm, mechanism->sign, CKF_SIGN, "signing", &sign, error);
  if (status) {
    json_decref(generate);
    return status;
  }
  return check(json_pack("{soso}", "generate", generate, "sign", sign), out, error);
}
