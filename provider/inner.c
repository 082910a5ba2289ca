#include "provider/inner.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#include "mtc/runtime.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *context;
static OSSL_PROVIDER *default_provider;

static struct inner_algorithm algorithms[] = {
    [MTC_ALGORITHM_MLDSA44] = {.name = "ML-DSA-44", .object_name = "id-ml-dsa-44"},
    [MTC_ALGORITHM_MLDSA65] = {.name = "ML-DSA-65", .object_name = "id-ml-dsa-65"},
    [MTC_ALGORITHM_MLDSA87] = {.name = "ML-DSA-87", .object_name = "id-ml-dsa-87"},
    [MTC_ALGORITHM_ECDSA_P256_SHA256] = {.name = "EC",
                                         .object_name = "id-ecPublicKey",
                                         .is_ec = true},
    [MTC_ALGORITHM_ECDSA_P384_SHA384] = {.name = "EC",
                                         .object_name = "id-ecPublicKey",
                                         .is_ec = true},
    [MTC_ALGORITHM_ED25519] = {.name = "ED25519", .object_name = "ED25519"},
};
#define NUM_ALGORITHMS (sizeof algorithms / sizeof algorithms[0])

static void read_keymgmt(const OSSL_DISPATCH *in, struct inner_keymgmt *out) {
  for (; in->function_id; in++) {
    switch (in->function_id) {
      case OSSL_FUNC_KEYMGMT_NEW:
        out->new_key = OSSL_FUNC_keymgmt_new(in);
        break;
      case OSSL_FUNC_KEYMGMT_FREE:
        out->free_key = OSSL_FUNC_keymgmt_free(in);
        break;
      case OSSL_FUNC_KEYMGMT_HAS:
        out->has = OSSL_FUNC_keymgmt_has(in);
        break;
      case OSSL_FUNC_KEYMGMT_MATCH:
        out->match = OSSL_FUNC_keymgmt_match(in);
        break;
      case OSSL_FUNC_KEYMGMT_VALIDATE:
        out->validate = OSSL_FUNC_keymgmt_validate(in);
        break;
      case OSSL_FUNC_KEYMGMT_DUP:
        out->dup = OSSL_FUNC_keymgmt_dup(in);
        break;
      case OSSL_FUNC_KEYMGMT_IMPORT:
        out->import = OSSL_FUNC_keymgmt_import(in);
        break;
      case OSSL_FUNC_KEYMGMT_IMPORT_TYPES:
        out->import_types = OSSL_FUNC_keymgmt_import_types(in);
        break;
      case OSSL_FUNC_KEYMGMT_IMPORT_TYPES_EX:
        out->import_types_ex = OSSL_FUNC_keymgmt_import_types_ex(in);
        break;
      case OSSL_FUNC_KEYMGMT_EXPORT:
        out->export_key = OSSL_FUNC_keymgmt_export(in);
        break;
      case OSSL_FUNC_KEYMGMT_EXPORT_TYPES:
        out->export_types = OSSL_FUNC_keymgmt_export_types(in);
        break;
      case OSSL_FUNC_KEYMGMT_EXPORT_TYPES_EX:
        out->export_types_ex = OSSL_FUNC_keymgmt_export_types_ex(in);
        break;
      case OSSL_FUNC_KEYMGMT_GET_PARAMS:
        out->get_params = OSSL_FUNC_keymgmt_get_params(in);
        break;
      case OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS:
        out->gettable_params = OSSL_FUNC_keymgmt_gettable_params(in);
        break;
      case OSSL_FUNC_KEYMGMT_SET_PARAMS:
        out->set_params = OSSL_FUNC_keymgmt_set_params(in);
        break;
      case OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS:
        out->settable_params = OSSL_FUNC_keymgmt_settable_params(in);
        break;
      case OSSL_FUNC_KEYMGMT_GEN_INIT:
        out->gen_init = OSSL_FUNC_keymgmt_gen_init(in);
        break;
      case OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE:
        out->gen_set_template = OSSL_FUNC_keymgmt_gen_set_template(in);
        break;
      case OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS:
        out->gen_set_params = OSSL_FUNC_keymgmt_gen_set_params(in);
        break;
      case OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS:
        out->gen_settable_params = OSSL_FUNC_keymgmt_gen_settable_params(in);
        break;
      case OSSL_FUNC_KEYMGMT_GEN_GET_PARAMS:
        out->gen_get_params = OSSL_FUNC_keymgmt_gen_get_params(in);
        break;
      case OSSL_FUNC_KEYMGMT_GEN_GETTABLE_PARAMS:
        out->gen_gettable_params = OSSL_FUNC_keymgmt_gen_gettable_params(in);
        break;
      case OSSL_FUNC_KEYMGMT_GEN:
        out->gen = OSSL_FUNC_keymgmt_gen(in);
        break;
      case OSSL_FUNC_KEYMGMT_GEN_CLEANUP:
        out->gen_cleanup = OSSL_FUNC_keymgmt_gen_cleanup(in);
        break;
      default: /* loading by reference and names of operations are this provider's own */
        break;
    }
  }
}

static void read_signature(const OSSL_DISPATCH *in, struct inner_signature *out) {
  for (; in->function_id; in++) {
    switch (in->function_id) {
      case OSSL_FUNC_SIGNATURE_NEWCTX:
        out->newctx = OSSL_FUNC_signature_newctx(in);
        break;
      case OSSL_FUNC_SIGNATURE_FREECTX:
        out->freectx = OSSL_FUNC_signature_freectx(in);
        break;
      case OSSL_FUNC_SIGNATURE_DUPCTX:
        out->dupctx = OSSL_FUNC_signature_dupctx(in);
        break;
      case OSSL_FUNC_SIGNATURE_SIGN_INIT:
        out->sign_init = OSSL_FUNC_signature_sign_init(in);
        break;
      case OSSL_FUNC_SIGNATURE_SIGN:
        out->sign = OSSL_FUNC_signature_sign(in);
        break;
      case OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT:
        out->sign_message_init = OSSL_FUNC_signature_sign_message_init(in);
        break;
      case OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_UPDATE:
        out->sign_message_update = OSSL_FUNC_signature_sign_message_update(in);
        break;
      case OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_FINAL:
        out->sign_message_final = OSSL_FUNC_signature_sign_message_final(in);
        break;
      case OSSL_FUNC_SIGNATURE_VERIFY_INIT:
        out->verify_init = OSSL_FUNC_signature_verify_init(in);
        break;
      case OSSL_FUNC_SIGNATURE_VERIFY:
        out->verify = OSSL_FUNC_signature_verify(in);
        break;
      case OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_INIT:
        out->verify_message_init = OSSL_FUNC_signature_verify_message_init(in);
        break;
      case OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_UPDATE:
        out->verify_message_update = OSSL_FUNC_signature_verify_message_update(in);
        break;
      case OSSL_FUNC_SIGNATURE_VERIFY_MESSAGE_FINAL:
        out->verify_message_final = OSSL_FUNC_signature_verify_message_final(in);
        break;
      case OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT:
        out->digest_sign_init = OSSL_FUNC_signature_digest_sign_init(in);
        break;
      case OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE:
        out->digest_sign_update = OSSL_FUNC_signature_digest_sign_update(in);
        break;
      case OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL:
        out->digest_sign_final = OSSL_FUNC_signature_digest_sign_final(in);
        break;
      case OSSL_FUNC_SIGNATURE_DIGEST_SIGN:
        out->digest_sign = OSSL_FUNC_signature_digest_sign(in);
        break;
      case OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT:
        out->digest_verify_init = OSSL_FUNC_signature_digest_verify_init(in);
        break;
      case OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE:
        out->digest_verify_update = OSSL_FUNC_signature_digest_verify_update(in);
        break;
      case OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL:
        out->digest_verify_final = OSSL_FUNC_signature_digest_verify_final(in);
        break;
      case OSSL_FUNC_SIGNATURE_DIGEST_VERIFY:
        out->digest_verify = OSSL_FUNC_signature_digest_verify(in);
        break;
      case OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS:
        out->get_ctx_params = OSSL_FUNC_signature_get_ctx_params(in);
        break;
      case OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS:
        out->gettable_ctx_params = OSSL_FUNC_signature_gettable_ctx_params(in);
        break;
      case OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS:
        out->set_ctx_params = OSSL_FUNC_signature_set_ctx_params(in);
        break;
      case OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS:
        out->settable_ctx_params = OSSL_FUNC_signature_settable_ctx_params(in);
        break;
      case OSSL_FUNC_SIGNATURE_GET_CTX_MD_PARAMS:
        out->get_ctx_md_params = OSSL_FUNC_signature_get_ctx_md_params(in);
        break;
      case OSSL_FUNC_SIGNATURE_GETTABLE_CTX_MD_PARAMS:
        out->gettable_ctx_md_params = OSSL_FUNC_signature_gettable_ctx_md_params(in);
        break;
      case OSSL_FUNC_SIGNATURE_SET_CTX_MD_PARAMS:
        out->set_ctx_md_params = OSSL_FUNC_signature_set_ctx_md_params(in);
        break;
      case OSSL_FUNC_SIGNATURE_SETTABLE_CTX_MD_PARAMS:
        out->settable_ctx_md_params = OSSL_FUNC_signature_settable_ctx_md_params(in);
        break;
      case OSSL_FUNC_SIGNATURE_QUERY_KEY_TYPES:
        out->query_key_types = OSSL_FUNC_signature_query_key_types(in);
        break;
      default:
        break;
    }
  }
}

/* Whether `name` is one of the names "A:B:C". */
static bool has_name(const char *names, const char *name) {
  size_t len = strlen(name);
  for (; names; names = strchr(names, ':')) {
    if (*names == ':') names++;
    if (OPENSSL_strncasecmp(names, name, len) == 0 && (names[len] == ':' || !names[len]))
      return true;
  }
  return false;
}

static const OSSL_ALGORITHM *find(int operation, const char *name) {
  int no_cache = 0;
  const OSSL_ALGORITHM *found =
      OSSL_PROVIDER_query_operation(default_provider, operation, &no_cache);
  while (found && found->algorithm_names && !has_name(found->algorithm_names, name))
    found++;
  return found && found->algorithm_names ? found : NULL;
}

static void open_context(void) {
  context = OSSL_LIB_CTX_new();
  default_provider = context ? OSSL_PROVIDER_load(context, "default") : NULL;
  if (!default_provider) return;
  for (size_t i = 1; i < NUM_ALGORITHMS; i++) {
    struct inner_algorithm *algorithm = &algorithms[i];
    const OSSL_ALGORITHM *keymgmt = find(OSSL_OP_KEYMGMT, algorithm->name);
    const OSSL_ALGORITHM *signature =
        find(OSSL_OP_SIGNATURE, algorithm->is_ec ? "ECDSA" : algorithm->name);
    if (!keymgmt || !signature) continue;
    read_keymgmt(keymgmt->implementation, &algorithm->keymgmt);
    read_signature(signature->implementation, &algorithm->signature);
    algorithm->keymgmt_names = keymgmt->algorithm_names;
    algorithm->signature_names = signature->algorithm_names;
  }
}

bool inner_open(void) {
  pthread_once(&once, open_context);
  return default_provider != NULL;
}

OSSL_PROVIDER *inner_provider(void) {
  return default_provider;
}

void *inner_context(void) {
  return OSSL_PROVIDER_get0_provider_ctx(default_provider);
}

const struct inner_algorithm *inner_find(enum mtc_algorithm algorithm) {
  const struct inner_algorithm *found = &algorithms[algorithm];
  return found->keymgmt.new_key && found->keymgmt.free_key && found->keymgmt.import &&
                 found->keymgmt.match && found->signature.newctx && found->signature.freectx
             ? found
             : NULL;
}

OSSL_LIB_CTX *inner_enter(void) {
  return OSSL_LIB_CTX_set0_default(context);
}

void inner_leave(OSSL_LIB_CTX *before) {
  OSSL_LIB_CTX_set0_default(before);
}

void *inner_key_of_spki(const struct inner_algorithm *algorithm, struct mtc_span public_key) {
  const unsigned char *at = public_key.data;
  OSSL_PARAM *params = NULL;
  void *key = NULL;
  ERR_set_mark();
  EVP_PKEY *decoded = d2i_PUBKEY_ex(NULL, &at, (long)public_key.len, context, NULL);
  if (decoded && EVP_PKEY_is_a(decoded, algorithm->name) &&
      EVP_PKEY_todata(decoded, EVP_PKEY_PUBLIC_KEY, &params) == 1)
    key = algorithm->keymgmt.new_key(inner_context());
  if (key && algorithm->keymgmt.import(key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    algorithm->keymgmt.free_key(key);
    key = NULL;
  }
  OSSL_PARAM_free(params);
  EVP_PKEY_free(decoded);
  ERR_pop_to_mark();
  return key;
}

OSSL_DISPATCH *inner_dispatch(const struct inner_row *rows, size_t num_rows) {
  size_t num = 0;
  OSSL_DISPATCH *out = mtc_alloc(num_rows + 1, sizeof *out);
  for (size_t i = 0; out && i < num_rows; i++) {
    if (rows[i].is_there) out[num++] = (OSSL_DISPATCH){rows[i].id, rows[i].function};
  }
  return out;
}
