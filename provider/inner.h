/* The default provider, in a library context of the provider's own: what all real cryptography and
 * every key that is no MTC CA's goes to, unchanged. */
#ifndef MTC_PROVIDER_INNER_H
#define MTC_PROVIDER_INNER_H

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include "mtc/wire.h"

/* The default provider's key management; a function it has not is NULL. */
struct inner_keymgmt {
  OSSL_FUNC_keymgmt_new_fn *new_key;
  OSSL_FUNC_keymgmt_free_fn *free_key;
  OSSL_FUNC_keymgmt_has_fn *has;
  OSSL_FUNC_keymgmt_match_fn *match;
  OSSL_FUNC_keymgmt_validate_fn *validate;
  OSSL_FUNC_keymgmt_dup_fn *dup;
  OSSL_FUNC_keymgmt_import_fn *import;
  OSSL_FUNC_keymgmt_import_types_fn *import_types;
  OSSL_FUNC_keymgmt_import_types_ex_fn *import_types_ex;
  OSSL_FUNC_keymgmt_export_fn *export_key;
  OSSL_FUNC_keymgmt_export_types_fn *export_types;
  OSSL_FUNC_keymgmt_export_types_ex_fn *export_types_ex;
  OSSL_FUNC_keymgmt_get_params_fn *get_params;
  OSSL_FUNC_keymgmt_gettable_params_fn *gettable_params;
  OSSL_FUNC_keymgmt_set_params_fn *set_params;
  OSSL_FUNC_keymgmt_settable_params_fn *settable_params;
  OSSL_FUNC_keymgmt_gen_init_fn *gen_init;
  OSSL_FUNC_keymgmt_gen_set_template_fn *gen_set_template;
  OSSL_FUNC_keymgmt_gen_set_params_fn *gen_set_params;
  OSSL_FUNC_keymgmt_gen_settable_params_fn *gen_settable_params;
  OSSL_FUNC_keymgmt_gen_get_params_fn *gen_get_params;
  OSSL_FUNC_keymgmt_gen_gettable_params_fn *gen_gettable_params;
  OSSL_FUNC_keymgmt_gen_fn *gen;
  OSSL_FUNC_keymgmt_gen_cleanup_fn *gen_cleanup;
};

/* The default provider's signature; a function it has not is NULL. */
struct inner_signature {
  OSSL_FUNC_signature_newctx_fn *newctx;
  OSSL_FUNC_signature_freectx_fn *freectx;
  OSSL_FUNC_signature_dupctx_fn *dupctx;
  OSSL_FUNC_signature_sign_init_fn *sign_init;
  OSSL_FUNC_signature_sign_fn *sign;
  OSSL_FUNC_signature_sign_message_init_fn *sign_message_init;
  OSSL_FUNC_signature_sign_message_update_fn *sign_message_update;
  OSSL_FUNC_signature_sign_message_final_fn *sign_message_final;
  OSSL_FUNC_signature_verify_init_fn *verify_init;
  OSSL_FUNC_signature_verify_fn *verify;
  OSSL_FUNC_signature_verify_message_init_fn *verify_message_init;
  OSSL_FUNC_signature_verify_message_update_fn *verify_message_update;
  OSSL_FUNC_signature_verify_message_final_fn *verify_message_final;
  OSSL_FUNC_signature_digest_sign_init_fn *digest_sign_init;
  OSSL_FUNC_signature_digest_sign_update_fn *digest_sign_update;
  OSSL_FUNC_signature_digest_sign_final_fn *digest_sign_final;
  OSSL_FUNC_signature_digest_sign_fn *digest_sign;
  OSSL_FUNC_signature_digest_verify_init_fn *digest_verify_init;
  OSSL_FUNC_signature_digest_verify_update_fn *digest_verify_update;
  OSSL_FUNC_signature_digest_verify_final_fn *digest_verify_final;
  OSSL_FUNC_signature_digest_verify_fn *digest_verify;
  OSSL_FUNC_signature_get_ctx_params_fn *get_ctx_params;
  OSSL_FUNC_signature_gettable_ctx_params_fn *gettable_ctx_params;
  OSSL_FUNC_signature_set_ctx_params_fn *set_ctx_params;
  OSSL_FUNC_signature_settable_ctx_params_fn *settable_ctx_params;
  OSSL_FUNC_signature_get_ctx_md_params_fn *get_ctx_md_params;
  OSSL_FUNC_signature_gettable_ctx_md_params_fn *gettable_ctx_md_params;
  OSSL_FUNC_signature_set_ctx_md_params_fn *set_ctx_md_params;
  OSSL_FUNC_signature_settable_ctx_md_params_fn *settable_ctx_md_params;
  OSSL_FUNC_signature_query_key_types_fn *query_key_types;
};

/* A key algorithm as the default provider has it. */
struct inner_algorithm {
  const char *name;            /* of the key: "ML-DSA-44", "EC" */
  const char *object_name;     /* of its object: "id-ml-dsa-44" */
  const char *keymgmt_names;   /* all of them, as libcrypto wants them */
  const char *signature_names; /* the same for the signature */
  bool is_ec;
  struct inner_keymgmt keymgmt;
  struct inner_signature signature;
};

/*
 * inner_open makes the private library context, once a process; it stays until the process ends.
 *
 * Errors:   false when libcrypto has no default provider.
 */
bool inner_open(void);

/*
 * inner_provider and inner_context give the default provider, and its own context for calls.
 */
OSSL_PROVIDER *inner_provider(void);
/* See inner_provider. */
void *inner_context(void);

/*
 * inner_find gives the default provider's functions for the keys of a cosigner algorithm.
 *
 * Errors:   NULL when it has none.
 */
const struct inner_algorithm *inner_find(enum mtc_algorithm algorithm);

/*
 * inner_enter makes the private context the thread's default, for libmtc; inner_leave ends that
 * with what inner_enter returned.
 */
OSSL_LIB_CTX *inner_enter(void);
/* See inner_enter. */
void inner_leave(OSSL_LIB_CTX *before);

/*
 * inner_key_of_spki makes key data of a DER SubjectPublicKeyInfo.
 *
 * Errors:   NULL for any other key, or out of memory.
 */
void *inner_key_of_spki(const struct inner_algorithm *algorithm, struct mtc_span public_key);

/* A function for libcrypto, where the default provider has it. */
struct inner_row {
  int id;
  bool is_there;
  void (*function)(void);
};

/*
 * inner_dispatch makes a dispatch table of the rows that are there; NULL when out of memory.
 *
 * Owner:    the caller frees it with mtc_free.
 */
OSSL_DISPATCH *inner_dispatch(const struct inner_row *rows, size_t num_rows);

#endif
