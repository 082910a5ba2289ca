/* The procedure: is this certificate signed? */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"
#include "verify/verifier.h"

#define INDEX_BITS 48

/* One check. Each step sets the verdict when the certificate fails it. */
struct check {
  const struct mtc_verifier *verifier;
  const struct verifier_ca *ca;
  struct mtc_certificate certificate;
  struct mtc_mtcproof proof;
  struct mtc_verification *out;
};

static const char *const texts[] = {
    [MTC_VERDICT_OK_TRUSTED_SUBTREE] = "accepted: the subtree is trusted",
    [MTC_VERDICT_OK_COSIGNATURES] = "accepted: the required cosigners have signed",
    [MTC_VERDICT_MALFORMED_CERTIFICATE] = "the certificate is malformed",
    [MTC_VERDICT_WRONG_ALGORITHM] = "the signature algorithm is not id-alg-mtcProof",
    [MTC_VERDICT_ALGORITHM_MISMATCH] = "the two signature algorithms of the certificate differ",
    [MTC_VERDICT_UNUSED_BITS] = "the signature is not a whole number of bytes",
    [MTC_VERDICT_MALFORMED_PROOF] = "the MTCProof is malformed",
    [MTC_VERDICT_UNKNOWN_ISSUER] = "the issuer is not a configured CA",
    [MTC_VERDICT_SERIAL_RANGE] = "the serial number is negative or above 2^64-1",
    [MTC_VERDICT_REVOKED] = "the serial number is revoked",
    [MTC_VERDICT_LOG_NUMBER_ZERO] = "the log number is 0",
    [MTC_VERDICT_PROOF_EVALUATION] = "the inclusion proof does not fit index and subtree",
    [MTC_VERDICT_SUBTREE_MISMATCH] = "the trusted subtree has another hash",
    [MTC_VERDICT_COSIGNERS] = "the cosigner policy is not satisfied",
    [MTC_VERDICT_NOT_YET_VALID] = "the certificate is not yet valid",
    [MTC_VERDICT_EXPIRED] = "the certificate has expired",
};

const char *mtc_verdict_text(enum mtc_verdict verdict) {
  size_t index = (size_t)verdict;
  return index < sizeof texts / sizeof texts[0] ? texts[index] : "unknown verdict";
}

bool mtc_verdict_is_ok(enum mtc_verdict verdict) {
  return verdict == MTC_VERDICT_OK_TRUSTED_SUBTREE || verdict == MTC_VERDICT_OK_COSIGNATURES;
}

/* Adds to the detail text, after "; "; what does not fit is cut. */
MTC_PRINTF(2, 3)
static void say(struct check *check, const char *format, ...) {
  char *detail = check->out->detail;
  size_t used = strlen(detail);
  if (used && used + sizeof "; " < sizeof check->out->detail) {
    memcpy(detail + used, "; ", sizeof "; ");
    used += 2;
  }
  va_list args;
  va_start(args, format);
  (void)vsnprintf(detail + used, sizeof check->out->detail - used, format, args);
  va_end(args);
}

static bool reject(struct check *check, enum mtc_verdict verdict) {
  check->out->verdict = verdict;
  return false;
}

static bool check_structure(struct check *check, struct mtc_span der, mtc_status *out_status) {
  const struct mtc_wire *wire = check->verifier->wire;
  struct mtc_certificate *certificate = &check->certificate;
  struct mtc_error error = {0};
  *out_status = mtc_certificate_parse(der, certificate, &error);
  if (*out_status) {
    say(check, "%s", error.text);
    return reject(check, MTC_VERDICT_MALFORMED_CERTIFICATE);
  }
  if (!mtc_span_equal(certificate->signature_algorithm, wire->proof_algorithm)) {
    say(check, "not the AlgorithmIdentifier of id-alg-mtcProof in %s", wire->name);
    return reject(check, MTC_VERDICT_WRONG_ALGORITHM);
  }
  if (!mtc_span_equal(certificate->outer_algorithm, certificate->signature_algorithm)) {
    say(check, "signatureAlgorithm is not the TBSCertificate's signature field");
    return reject(check, MTC_VERDICT_ALGORITHM_MISMATCH);
  }
  if (certificate->unused_bits) {
    say(check, "%u unused bits in signatureValue", certificate->unused_bits);
    return reject(check, MTC_VERDICT_UNUSED_BITS);
  }
  *out_status = mtc_mtcproof_parse(wire, certificate->signature, &check->proof, &error);
  if (*out_status) {
    say(check, "%s", error.text);
    return reject(check, MTC_VERDICT_MALFORMED_PROOF);
  }
  return true;
}

static bool check_issuer(struct check *check, mtc_status *out_status) {
  struct mtc_error error = {0};
  *out_status =
      mtc_tai_of_name(check->verifier->wire, check->certificate.issuer, &check->out->ca_id, &error);
  if (*out_status) {
    say(check, "%s", error.text);
    return reject(check, MTC_VERDICT_UNKNOWN_ISSUER);
  }
  check->ca = verifier_find_ca(check->verifier, &check->out->ca_id);
  if (!check->ca) {
    char text[MTC_TAI_MAX_TEXT];
    mtc_tai_format(&check->out->ca_id, text);
    say(check, "issuer %s", text);
    return reject(check, MTC_VERDICT_UNKNOWN_ISSUER);
  }
  return true;
}

static bool check_serial(struct check *check) {
  const struct mtc_verifier *verifier = check->verifier;
  struct mtc_reader contents = mtc_reader_of(check->certificate.serial_number);
  struct mtc_verification *out = check->out;
  bool is_negative = contents.len && (contents.data[0] & 0x80);
  /* DER puts a zero octet before eight whose first bit is set. */
  if (contents.len == 9 && contents.data[0] == 0) {
    contents.data++;
    contents.len--;
  }
  if (is_negative || contents.len == 0 || contents.len > 8 ||
      !mtc_read_uint(&contents, (unsigned)contents.len, &out->serial)) {
    say(check, "serial number of %zu octets%s", check->certificate.serial_number.len,
        is_negative ? ", negative" : "");
    return reject(check, MTC_VERDICT_SERIAL_RANGE);
  }
  out->log_number = out->serial >> INDEX_BITS;
  out->index = out->serial & ((UINT64_C(1) << INDEX_BITS) - 1);
  if (out->serial < check->ca->min_serial || out->serial > check->ca->max_serial) {
    say(check, "entry %llu of log %llu is outside the CA certificate's bounds",
        (unsigned long long)out->index, (unsigned long long)out->log_number);
    return reject(check, MTC_VERDICT_REVOKED);
  }
  for (size_t i = 0; i < verifier->num_revocations; i++) {
    const struct verifier_revocation *revocation = &verifier->revocations[i];
    if (mtc_tai_compare(&revocation->ca_id, &out->ca_id) == 0 &&
        out->serial >= revocation->min_serial && out->serial <= revocation->max_serial) {
      say(check, "entry %llu of log %llu is in the revoked range %llu to %llu",
          (unsigned long long)out->index, (unsigned long long)out->log_number,
          (unsigned long long)revocation->min_serial, (unsigned long long)revocation->max_serial);
      return reject(check, MTC_VERDICT_REVOKED);
    }
  }
  if (out->log_number == 0) {
    say(check, "serial number %llu", (unsigned long long)out->serial);
    return reject(check, MTC_VERDICT_LOG_NUMBER_ZERO);
  }
  return true;
}

static bool check_inclusion(struct check *check) {
  struct mtc_verification *out = check->out;
  const struct mtc_mtcproof *proof = &check->proof;
  struct mtc_hash entry_hash;
  out->subtree = proof->subtree;
  mtc_certificate_entry_hash(&check->certificate, proof->extensions, &entry_hash);
  mtc_status status = mtc_proof_evaluate(out->index, proof->subtree, &entry_hash,
                                         (const struct mtc_hash *)proof->hashes.data,
                                         proof->hashes.len / MTC_HASH_LEN, &out->subtree_hash);
  if (!status) return true;
  say(check, "%zu hashes for entry %llu in [%llu, %llu)", proof->hashes.len / MTC_HASH_LEN,
      (unsigned long long)out->index, (unsigned long long)proof->subtree.start,
      (unsigned long long)proof->subtree.end);
  return reject(check, MTC_VERDICT_PROOF_EVALUATION);
}

static const struct verifier_trusted_subtree *find_trusted(const struct check *check) {
  const struct mtc_verifier *verifier = check->verifier;
  const struct mtc_verification *out = check->out;
  for (size_t i = 0; i < verifier->num_trusted_subtrees; i++) {
    const struct verifier_trusted_subtree *trusted = &verifier->trusted_subtrees[i];
    if (trusted->log_number == out->log_number && trusted->subtree.start == out->subtree.start &&
        trusted->subtree.end == out->subtree.end &&
        mtc_tai_compare(&trusted->ca_id, &out->ca_id) == 0) {
      return trusted;
    }
  }
  return NULL;
}

/* The hash of a trusted subtree alone decides: cosignatures are not looked at. */
static bool check_trusted(struct check *check, const struct verifier_trusted_subtree *trusted) {
  if (!mtc_hash_equal(&trusted->hash, &check->out->subtree_hash)) {
    say(check, "entry %llu in trusted subtree [%llu, %llu)", (unsigned long long)check->out->index,
        (unsigned long long)trusted->subtree.start, (unsigned long long)trusted->subtree.end);
    return reject(check, MTC_VERDICT_SUBTREE_MISMATCH);
  }
  check->out->verdict = MTC_VERDICT_OK_TRUSTED_SUBTREE;
  return true;
}

/* Marks the configured cosigners whose signature on the evaluated subtree is valid. */
static mtc_status verify_cosignatures(struct check *check, bool *signed_by) {
  const struct mtc_verifier *verifier = check->verifier;
  struct mtc_verification *out = check->out;
  struct mtc_reader list = mtc_reader_of(check->proof.cosignatures);
  struct mtc_cosignature cosignature;
  struct mtc_bytes message = {0};
  struct mtc_tai log_id;
  mtc_status status = mtc_tai_log_id(&out->ca_id, out->log_number, &log_id);
  if (status == MTC_INPUT) {
    say(check, "the log ID is over 32 bytes");
    return MTC_OK; /* nobody can have signed for such a log */
  }
  while (!status && mtc_cosignature_next(&list, &cosignature)) {
    const struct verifier_cosigner *cosigner =
        verifier_find_cosigner(verifier, cosignature.cosigner_id);
    if (!cosigner) continue;
    mtc_bytes_clear(&message);
    status = mtc_cosigned_message_append(&cosigner->cosigner_id, &log_id, 0, out->subtree,
                                         &out->subtree_hash, &message);
    if (status) break;
    status = mtc_signature_verify(cosigner->algorithm, mtc_span_of_bytes(&cosigner->public_key),
                                  mtc_span_of_bytes(&message), cosignature.signature);
    if (status == MTC_INPUT) {
      char text[MTC_TAI_MAX_TEXT];
      mtc_tai_format(&cosigner->cosigner_id, text);
      say(check, "invalid signature of %s", text);
      status = MTC_OK;
    } else if (!status) {
      signed_by[cosigner - verifier->cosigners] = true;
      /* The list for people is bounded; the policy is evaluated on `signed_by`. */
      if (out->num_valid_cosignatures <
          sizeof out->valid_cosigners / sizeof out->valid_cosigners[0]) {
        out->valid_cosigners[out->num_valid_cosignatures++] = cosigner->cosigner_id;
      }
    }
  }
  mtc_bytes_free(&message);
  return status;
}

static bool is_satisfied(struct verifier_member member, const bool *signed_by,
                         const bool *group_satisfied) {
  return member.is_group ? group_satisfied[member.index] : signed_by[member.index];
}

static void say_missing(struct check *check, struct verifier_member member) {
  const struct mtc_verifier *verifier = check->verifier;
  char text[MTC_TAI_MAX_TEXT];
  if (member.is_group) {
    say(check, "missing: group %s", verifier->groups[member.index].name);
    return;
  }
  mtc_tai_format(&verifier->cosigners[member.index].cosigner_id, text);
  say(check, "missing: %s", text);
}

static bool check_requirements(struct check *check, const bool *signed_by, bool *group_satisfied) {
  const struct mtc_verifier *verifier = check->verifier;
  const struct mtc_tai *ca_id = &check->out->ca_id;
  const struct verifier_cosigner *own =
      verifier_find_cosigner(verifier, mtc_span_of(ca_id->bytes, ca_id->len));
  bool is_ok = true;
  /* Members of a group stand before it, so one pass in order settles them all. */
  for (size_t i = 0; i < verifier->num_groups; i++) {
    const struct verifier_group *group = &verifier->groups[i];
    size_t num_signed = 0;
    for (size_t k = 0; k < group->num_members; k++)
      num_signed += is_satisfied(group->members[k], signed_by, group_satisfied);
    group_satisfied[i] = num_signed >= group->num_required;
  }
  /* Authenticity: the CA must have signed, whatever the policy says. */
  struct verifier_member ca_member = {false, (size_t)(own - verifier->cosigners)};
  if (!signed_by[ca_member.index]) {
    say_missing(check, ca_member);
    is_ok = false;
  }
  for (size_t i = 0; i < verifier->num_requirements; i++) {
    const struct verifier_requirement *requirement = &verifier->requirements[i];
    if (requirement->ca_id.len && mtc_tai_compare(&requirement->ca_id, ca_id) != 0) continue;
    if (is_satisfied(requirement->member, signed_by, group_satisfied)) continue;
    say_missing(check, requirement->member);
    is_ok = false;
  }
  if (!is_ok) return reject(check, MTC_VERDICT_COSIGNERS);
  check->out->verdict = MTC_VERDICT_OK_COSIGNATURES;
  return true;
}

static bool check_cosigners(struct check *check, mtc_status *out_status) {
  const struct mtc_verifier *verifier = check->verifier;
  /* What a landmark-relative certificate gets where its landmark is not known. */
  if (check->proof.num_cosignatures == 0)
    say(check, "it has no cosignatures, and its subtree [%llu, %llu) of log %llu is not trusted",
        (unsigned long long)check->out->subtree.start, (unsigned long long)check->out->subtree.end,
        (unsigned long long)check->out->log_number);
  bool *signed_by = mtc_alloc(verifier->num_cosigners + verifier->num_groups, sizeof *signed_by);
  if (!signed_by) {
    *out_status = MTC_NOMEM;
    return false;
  }
  *out_status = verify_cosignatures(check, signed_by);
  bool is_ok =
      !*out_status && check_requirements(check, signed_by, signed_by + verifier->num_cosigners);
  mtc_free(signed_by);
  return is_ok;
}

static void check_validity(struct check *check, int64_t now_s) {
  if (now_s < check->certificate.not_before) {
    say(check, "notBefore is %lld", (long long)check->certificate.not_before);
    check->out->verdict = MTC_VERDICT_NOT_YET_VALID;
  } else if (now_s > check->certificate.not_after) {
    say(check, "notAfter is %lld", (long long)check->certificate.not_after);
    check->out->verdict = MTC_VERDICT_EXPIRED;
  }
}

mtc_status mtc_verifier_check(const struct mtc_verifier *verifier, struct mtc_span certificate,
                              int64_t now_s, struct mtc_verification *out) {
  struct check check = {.verifier = verifier, .out = out};
  mtc_status status = MTC_OK;
  /* Whatever goes wrong on the way, what the caller finds is a refusal. */
  *out = (struct mtc_verification){.verdict = MTC_VERDICT_MALFORMED_CERTIFICATE};
  if (check_structure(&check, certificate, &status) && check_issuer(&check, &status) &&
      check_serial(&check) && check_inclusion(&check)) {
    const struct verifier_trusted_subtree *trusted = find_trusted(&check);
    bool is_signed = trusted ? check_trusted(&check, trusted) : check_cosigners(&check, &status);
    if (is_signed) check_validity(&check, now_s);
  }
  if (status != MTC_NOMEM) return MTC_OK;
  *out = (struct mtc_verification){.verdict = MTC_VERDICT_MALFORMED_CERTIFICATE};
  return MTC_NOMEM;
}
