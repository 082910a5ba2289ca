/* The relying party: decides whether an MTC certificate is signed, as the draft prescribes. */
#ifndef MTC_VERIFY_H
#define MTC_VERIFY_H

#include "mtc/entry.h"
#include "mtc/proof.h"

/* Each way in which a certificate fails, in the order of the procedure. */
enum mtc_verdict {
  MTC_VERDICT_OK_TRUSTED_SUBTREE,
  MTC_VERDICT_OK_COSIGNATURES,
  MTC_VERDICT_MALFORMED_CERTIFICATE,
  MTC_VERDICT_WRONG_ALGORITHM,    /* signature field is not id-alg-mtcProof without parameters */
  MTC_VERDICT_ALGORITHM_MISMATCH, /* inner and outer algorithm differ */
  MTC_VERDICT_UNUSED_BITS,        /* BIT STRING is not whole octets */
  MTC_VERDICT_MALFORMED_PROOF,
  MTC_VERDICT_UNKNOWN_ISSUER, /* no configured CA has this issuer name */
  MTC_VERDICT_SERIAL_RANGE,   /* negative or above 2^64-1 */
  MTC_VERDICT_REVOKED,        /* in a revoked range, below minSerial or above maxSerial */
  MTC_VERDICT_LOG_NUMBER_ZERO,
  MTC_VERDICT_PROOF_EVALUATION, /* invalid subtree, index outside it, wrong proof length */
  MTC_VERDICT_SUBTREE_MISMATCH, /* a trusted subtree, but another hash */
  MTC_VERDICT_COSIGNERS,        /* the cosigner policy is not satisfied */
  MTC_VERDICT_NOT_YET_VALID,
  MTC_VERDICT_EXPIRED,
};

/*
 * mtc_verdict_text says a verdict in a sentence; mtc_verdict_is_ok is true for the first two.
 */
const char *mtc_verdict_text(enum mtc_verdict verdict);
/* True for the two verdicts that accept. */
bool mtc_verdict_is_ok(enum mtc_verdict verdict);

struct mtc_verifier;

/*
 * mtc_verifier_open makes an empty relying party for one wire version: it trusts nobody.
 *
 * Owner:    free with mtc_verifier_close.
 */
mtc_status mtc_verifier_open(const struct mtc_wire *wire, struct mtc_verifier **out) MTC_MUST_CHECK;

/*
 * mtc_verifier_add_ca configures a CA from its DER certificate: cosigner, serial bounds, name.
 *
 * Errors:   INPUT (malformed, another wire version, a second certificate for the same CA ID).
 */
mtc_status mtc_verifier_add_ca(struct mtc_verifier *verifier, struct mtc_span ca_certificate,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_verifier_add_policy reads a policy file (text).
 *
 * Errors:   INPUT naming `file_name` and the line; what came before that line stays configured.
 * Source:   shared/spec/POLICY.md
 */
mtc_status mtc_verifier_add_policy(struct mtc_verifier *verifier, const char *file_name,
                                   struct mtc_span text, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_verifier_add_trusted_subtree trusts a subtree of a CA's log by its hash.
 *
 * Errors:   INPUT (unknown CA, log number 0, invalid subtree, another hash for the same subtree).
 */
mtc_status mtc_verifier_add_trusted_subtree(struct mtc_verifier *verifier,
                                            const struct mtc_tai *ca_id, uint64_t log_number,
                                            struct mtc_subtree subtree, const struct mtc_hash *hash,
                                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_verifier_load_subtrees trusts those subtrees of the file `subtrees` (lines of "CA-ID LOG
 * START END base64") that belong to a landmark, active at now_s, of one of the landmarks files
 * ("CA-ID:LOG:FILE").
 *
 * Errors:   INPUT with file and line, IO, NOMEM; what came before stays trusted.
 * Source:   merkle-tree-certs, "Trusted Subtrees"
 */
mtc_status mtc_verifier_load_subtrees(struct mtc_verifier *verifier, const struct mtc_wire *wire,
                                      const char *const *landmarks, size_t num_landmarks,
                                      const char *subtrees, int64_t now_s,
                                      struct mtc_error *error) MTC_MUST_CHECK;

/* What mtc_verifier_check found out. */
struct mtc_verification {
  enum mtc_verdict verdict;
  uint64_t serial;
  uint64_t log_number;
  uint64_t index;
  struct mtc_tai ca_id;
  struct mtc_subtree subtree;
  struct mtc_hash subtree_hash; /* evaluated */
  size_t num_valid_cosignatures;
  struct mtc_tai valid_cosigners[32];
  char detail[512]; /* what exactly, for a person */
};

/*
 * mtc_verifier_check verifies one DER certificate at time `now_s`.
 *
 * Output:   `out` whole, whatever the verdict.
 * Errors:   NOMEM only; a certificate that fails is a verdict.
 * Threads:  concurrent checks on one verifier.
 * Source:   merkle-tree-certs, "Verifying Certificate Signatures"
 */
mtc_status mtc_verifier_check(const struct mtc_verifier *verifier, struct mtc_span certificate,
                              int64_t now_s, struct mtc_verification *out) MTC_MUST_CHECK;

/*
 * mtc_verifier_close releases the relying party; NULL is ignored.
 */
void mtc_verifier_close(struct mtc_verifier *verifier);

#endif
