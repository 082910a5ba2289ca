/* What a relying party is configured with; shared by the files of this folder. */
#ifndef MTC_VERIFY_VERIFIER_H
#define MTC_VERIFY_VERIFIER_H

#include "mtc/verify.h"

/* How much a relying party takes in: each list is gone through for every line or certificate. */
#define VERIFIER_MAX 4096          /* CAs, cosigners, groups, requirements: of each */
#define VERIFIER_MAX_MEMBERS 65536 /* of all groups */
#define VERIFIER_MAX_REVOCATIONS 65536
#define VERIFIER_MAX_TRUSTED_SUBTREES 16384 /* a landmark has two at most */

/* A CA from its certificate. */
struct verifier_ca {
  struct mtc_tai ca_id;
  uint64_t min_serial;
  uint64_t max_serial;
};

/* A cosigner: a CA's own, or one of a policy file. */
struct verifier_cosigner {
  struct mtc_tai cosigner_id;
  enum mtc_algorithm algorithm;
  struct mtc_bytes public_key; /* DER SubjectPublicKeyInfo */
  bool is_ca;
};

/* What a policy can ask for: a cosigner or a group, by index into the verifier's list. */
struct verifier_member {
  bool is_group;
  size_t index;
};

/* `num_required` of the members must have signed. Groups hold only cosigners and earlier groups. */
struct verifier_group {
  char *name;
  size_t num_required;
  size_t num_members;
  struct verifier_member *members;
};

/* A requirement for certificates of `ca_id`; an unset ID means every CA. */
struct verifier_requirement {
  struct mtc_tai ca_id;
  struct verifier_member member;
};

/* Serial numbers min to max, both included, are revoked. */
struct verifier_revocation {
  struct mtc_tai ca_id;
  uint64_t min_serial;
  uint64_t max_serial;
};

struct verifier_trusted_subtree {
  struct mtc_tai ca_id;
  uint64_t log_number;
  struct mtc_subtree subtree;
  struct mtc_hash hash;
};

/* Policies are shared between relying parties: what names a CA that is not configured stays here
 * and never matches. */
struct mtc_verifier {
  const struct mtc_wire *wire;
  size_t num_cas, num_cosigners, num_groups, num_requirements, num_revocations;
  size_t num_trusted_subtrees, num_members;
  struct verifier_ca *cas;
  struct verifier_cosigner *cosigners;
  size_t *cosigners_by_id; /* their indices, in the order of their IDs */
  struct verifier_group *groups;
  struct verifier_requirement *requirements;
  struct verifier_revocation *revocations;
  struct verifier_trusted_subtree *trusted_subtrees;
};

/*
 * verifier_grow makes room for one more object in a list of `num` objects of `size` bytes.
 *
 * Errors:   INPUT when there are `max` already, NOMEM; the list is unchanged.
 */
mtc_status verifier_grow(void **list, size_t num, size_t max, size_t size,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * verifier_find_ca and verifier_find_cosigner find by ID.
 *
 * Errors:   NULL when there is none.
 */
const struct verifier_ca *verifier_find_ca(const struct mtc_verifier *verifier,
                                           const struct mtc_tai *ca_id);
/* Finds a cosigner by the binary form of its ID; see verifier_find_ca. */
const struct verifier_cosigner *verifier_find_cosigner(const struct mtc_verifier *verifier,
                                                       struct mtc_span cosigner_id);

/*
 * verifier_add_cosigner adds a cosigner. A CA may also be named by a policy, with the same key.
 *
 * Errors:   INPUT (the ID is taken), NOMEM.
 */
mtc_status verifier_add_cosigner(struct mtc_verifier *verifier, const struct mtc_tai *cosigner_id,
                                 enum mtc_algorithm algorithm, struct mtc_span public_key,
                                 bool is_ca, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * verifier_trust_subtree is mtc_verifier_add_trusted_subtree for any CA, configured or not.
 */
mtc_status verifier_trust_subtree(struct mtc_verifier *verifier,
                                  const struct verifier_trusted_subtree *trusted,
                                  struct mtc_error *error) MTC_MUST_CHECK;

#endif
