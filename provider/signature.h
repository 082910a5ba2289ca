/* A signature operation: the default provider's, or one of the two that are about certificates. */
#ifndef MTC_PROVIDER_SIGNATURE_H
#define MTC_PROVIDER_SIGNATURE_H

#include "provider/issuer.h"
#include "provider/key.h"

enum mode {
  MODE_PLAIN, /* everything is passed on */
  MODE_PROOF, /* the signature is an MTCProof */
  MODE_ISSUE, /* signing logs a certificate */
};

struct signature {
  struct provider *provider;
  const struct inner_algorithm *inner;
  void *context;         /* the default provider's */
  const struct key *key; /* libcrypto keeps it while the operation lasts */
  enum mode mode;
  struct issuer_options options;
};

/*
 * proof_verify verifies an MTCProof as the signature of a TBSCertificate: 1, or 0 with the reason
 * on the error stack.
 */
int proof_verify(const struct signature *signature, struct mtc_span proof, struct mtc_span tbs);

/*
 * proof_may_sign refuses (0, with the reason) a TBSCertificate that a configured CA's key is said
 * to have signed itself.
 */
int proof_may_sign(const struct signature *signature, struct mtc_span message);

/*
 * issue_sign logs a certificate: as a provider's digest_sign, with the largest possible size when
 * `out` is NULL.
 */
int issue_sign(const struct signature *signature, unsigned char *out, size_t *out_len, size_t size,
               struct mtc_span tbs);

/*
 * issue_set_params and issue_settable_params take the options of -sigopt; issue_get_params and
 * issue_gettable_params give the AlgorithmIdentifier.
 */
int issue_set_params(struct signature *signature, const OSSL_PARAM params[]);
/* See issue_set_params. */
const OSSL_PARAM *issue_settable_params(void);
/* See issue_set_params. */
int issue_get_params(const struct signature *signature, OSSL_PARAM params[]);
/* See issue_set_params. */
const OSSL_PARAM *issue_gettable_params(void);

#endif
