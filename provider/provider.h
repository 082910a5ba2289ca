/* What the files of the provider share. One struct provider a library context that loads mtc.so. */
#ifndef MTC_PROVIDER_PROVIDER_H
#define MTC_PROVIDER_PROVIDER_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdatomic.h>

#include "mtc/verify.h"
#include "provider/inner.h"

/* Reasons in the error stack. A refused certificate has reason REASON_VERDICT + its verdict. */
enum reason {
  REASON_VERDICT = 100,
  REASON_CONFIGURATION = 150,
  REASON_DAEMON,
  REASON_REFUSED,
  REASON_NO_CERTIFICATE,
  REASON_RAW_SIGNATURE,
  REASON_OTHER_KEY,
  REASON_PRIVATE_KEY,
  REASON_OPTION,
  REASON_LANDMARK,
  REASON_ONE_SHOT,
  REASON_URI,
  REASON_MEMORY,
};

/* Functions of libcrypto that the provider was given. */
struct core {
  const OSSL_CORE_HANDLE *handle;
  OSSL_FUNC_core_get_params_fn *get_params;
  OSSL_FUNC_core_new_error_fn *new_error;
  OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
  OSSL_FUNC_core_vset_error_fn *vset_error;
  OSSL_FUNC_core_obj_create_fn *obj_create;
  OSSL_FUNC_core_obj_add_sigid_fn *obj_add_sigid;
  OSSL_FUNC_BIO_read_ex_fn *bio_read;
};

struct config;
struct trust;
struct lobby;

struct provider {
  struct core core;
  bool stands_aside; /* libcrypto verifies MTC certificates itself */
  pthread_mutex_t lock;
  struct config *config; /* made when it is first needed, then constant */
  struct trust *trust;   /* what the configuration trusts now; replaced as its files change */
  struct lobby *lobby;   /* connections to daemons */
  struct provider *next; /* all providers of the process (critical.c) */
};

/*
 * provider_raise puts a reason with a formatted text on libcrypto's error stack and returns 0.
 */
int provider_raise(const struct provider *provider, enum reason reason, const char *format, ...)
    MTC_PRINTF(3, 4);

/*
 * provider_raise_error does so with the text of an mtc_error, or the status's name where it is
 * empty; the reason is REASON_MEMORY for MTC_NOMEM.
 */
int provider_raise_error(const struct provider *provider, enum reason reason, mtc_status status,
                         const struct mtc_error *error);

/*
 * provider_reason_strings gives the texts of all reasons, ended by a zero item.
 */
const OSSL_ITEM *provider_reason_strings(void);

/*
 * objects_register makes the object identifiers of a wire version known, and id-alg-mtcProof a
 * signature by keys of `key_name`; what is known already stays as it is. See objects.c.
 */
void objects_register(const struct core *core, const struct mtc_wire *wire, const char *key_name);

/*
 * objects_are_native tells whether libcrypto itself, or another module, knows id-alg-mtcProof as a
 * signature.
 */
bool objects_are_native(void);

/* The digest name under which libcrypto asks for the verification of an MTCProof; see objects.c. */
#define OBJECTS_PROOF_DIGEST "SHAKE256"

/*
 * critical_install hooks the check of critical extensions into every verification of the process,
 * and critical_add and critical_remove say whose CA certificates it lets pass. See critical.c.
 */
void critical_install(void);
/* See critical_install; the configuration of `provider` must be there. */
void critical_add(struct provider *provider);
/* See critical_install. */
void critical_remove(struct provider *provider);

/*
 * capabilities_get passes on what the default provider says of the key algorithm in TLS.
 */
int capabilities_get(struct provider *provider, const char *capability, OSSL_CALLBACK *callback,
                     void *argument);

/* The operations, each made for the CA keys' algorithm; NULL when out of memory. */
struct operations {
  OSSL_DISPATCH *keymgmt;
  OSSL_DISPATCH *signature;
  OSSL_ALGORITHM keymgmt_algorithms[2];
  OSSL_ALGORITHM signature_algorithms[3];
  OSSL_ALGORITHM decoder_algorithms[2];
  OSSL_ALGORITHM store_algorithms[2];
};

/* The name under which only this provider has a signature: keys of its own lead there. */
#define PROVIDER_SIGNATURE "MTC"

/*
 * keymgmt_dispatch and signature_dispatch give the functions for an algorithm, to be freed with
 * mtc_free; decoder_dispatch and store_dispatch those that are the same for all.
 */
OSSL_DISPATCH *keymgmt_dispatch(const struct inner_algorithm *algorithm);
/* See keymgmt_dispatch. */
OSSL_DISPATCH *signature_dispatch(const struct inner_algorithm *algorithm);
/* See keymgmt_dispatch. */
const OSSL_DISPATCH *decoder_dispatch(void);
/* See keymgmt_dispatch. */
const OSSL_DISPATCH *store_dispatch(void);

#endif
