/* What differs between wire versions, in one table; object identifiers; trust anchor IDs. */
#ifndef MTC_WIRE_H
#define MTC_WIRE_H

#include "mtc/digest.h"

#define MTC_MAX_ENTRY_LEN 65535u
#define MTC_MAX_INDEX ((UINT64_C(1) << 48) - 2) /* a log holds at most 2^48-1 entries */
#define MTC_TAI_MAX_LEN 32
#define MTC_TAI_MAX_TEXT 192

enum mtc_wire_version { MTC_WIRE_PLANTS_05, MTC_WIRE_PLANTS_06, MTC_WIRE_PLANTS_07 };

/*
 * Everything that depends on the wire version; nothing else may ask for the version.
 * DER spans are complete TLVs and static. Source: merkle-tree-certs -05, -06, -07.
 */
struct mtc_wire {
  enum mtc_wire_version version;
  const char *name;                /* "plants-07" */
  struct mtc_span proof_algorithm; /* AlgorithmIdentifier of id-alg-mtcProof, DER */
  struct mtc_span name_attribute;  /* OBJECT IDENTIFIER of id-rdna-trustAnchorID, DER */
  bool name_is_text;               /* UTF8String (-05), else RELATIVE-OID */
  struct mtc_span ca_extension;    /* OBJECT IDENTIFIER of the CA extension, DER */
  bool ca_extension_has_log_hash;  /* -05 */
  uint64_t min_serial_bound;       /* smallest allowed minSerial and maxSerial */
  unsigned signatures_prefix;      /* bytes of the signatures list's length: 2 or 3 */
  bool landmarks_have_expiry;      /* -06, -07 */
  bool allows_empty_subtrees;      /* -06, -07; -05: start < end */
  bool groups_are_ranges; /* -05: certificate properties of the trust anchor ID draft before
                           * it had patterns */
};

/*
 * mtc_wire_get gives the row of a version.
 */
const struct mtc_wire *mtc_wire_get(enum mtc_wire_version version);

/*
 * mtc_wire_find finds a row by name ("plants-07").
 *
 * Errors:   NULL when there is none.
 */
const struct mtc_wire *mtc_wire_find(const char *name);

/* Signature algorithms of a cosigner. Names as in policy files: mldsa44, ecdsa_p256_sha256, ... */
enum mtc_algorithm {
  MTC_ALGORITHM_NONE,
  MTC_ALGORITHM_MLDSA44,
  MTC_ALGORITHM_MLDSA65,
  MTC_ALGORITHM_MLDSA87,
  MTC_ALGORITHM_ECDSA_P256_SHA256,
  MTC_ALGORITHM_ECDSA_P384_SHA384,
  MTC_ALGORITHM_ED25519,
};

/*
 * mtc_algorithm_find finds an algorithm by the name of policy files ("mldsa44") or of the command
 * line ("ml-dsa-44", "ecdsa-p256", "ecdsa-p384", "ed25519").
 *
 * Errors:   MTC_ALGORITHM_NONE.
 */
enum mtc_algorithm mtc_algorithm_find(const char *name);

/*
 * mtc_algorithm_name gives the name used in policy files.
 */
const char *mtc_algorithm_name(enum mtc_algorithm algorithm);

/*
 * mtc_algorithm_of_public_key tells which cosigner algorithm a DER SubjectPublicKeyInfo is for.
 *
 * Errors:   MTC_ALGORITHM_NONE for any other key or malformed DER.
 */
enum mtc_algorithm mtc_algorithm_of_public_key(struct mtc_span public_key);

/*
 * mtc_algorithm_identifier gives the DER AlgorithmIdentifier of the signature algorithm, as the CA
 * certificate's extension carries it (sigAlg).
 */
struct mtc_span mtc_algorithm_identifier(enum mtc_algorithm algorithm);

/*
 * mtc_signature_verify checks `signature` over `message` under the DER SubjectPublicKeyInfo
 * (ML-DSA with empty context).
 *
 * Errors:   INPUT when it does not verify or the key is not of `algorithm`; NOMEM.
 */
mtc_status mtc_signature_verify(enum mtc_algorithm algorithm, struct mtc_span public_key,
                                struct mtc_span message, struct mtc_span signature) MTC_MUST_CHECK;

/* A trust anchor ID in its binary form: base-128 components, as in a RELATIVE-OID's contents. */
struct mtc_tai {
  uint8_t len; /* 1..32; 0 is unset */
  uint8_t bytes[MTC_TAI_MAX_LEN];
};

/*
 * mtc_tai_parse reads the text form, "32473.1".
 *
 * Errors:   INPUT: empty, not digits and single dots, a leading zero, a component above 2^63-1, or
 *           over 32 bytes in binary form. The text names which.
 * Source:   tls-trust-anchor-ids, "Trust Anchor Identifiers"
 */
mtc_status mtc_tai_parse(struct mtc_span text, struct mtc_tai *out,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_tai_decode reads the binary form, checking that every component is minimal and complete.
 *
 * Errors:   INPUT, as mtc_tai_parse.
 */
mtc_status mtc_tai_decode(struct mtc_span binary, struct mtc_tai *out,
                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_tai_format writes the text form, zero-terminated.
 */
void mtc_tai_format(const struct mtc_tai *tai, char out_text[MTC_TAI_MAX_TEXT]);

/*
 * mtc_tai_append adds a component to the end.
 *
 * Errors:   INPUT when the result would exceed 32 bytes; `tai` is unchanged.
 */
mtc_status mtc_tai_append(struct mtc_tai *tai, uint64_t component) MTC_MUST_CHECK;

/*
 * mtc_tai_log_id makes the log ID: the CA ID, 0, the log number.
 *
 * Errors:   INPUT when it would exceed 32 bytes, or log_number is not 1..65535.
 */
mtc_status mtc_tai_log_id(const struct mtc_tai *ca_id, uint64_t log_number,
                          struct mtc_tai *out) MTC_MUST_CHECK;

/*
 * mtc_tai_compare orders cosigner IDs: by length, then bytes; <0, 0, >0.
 *
 * Source:   merkle-tree-certs, "Certificate Format"
 */
int mtc_tai_compare(const struct mtc_tai *a, const struct mtc_tai *b);

/*
 * mtc_tai_append_origin appends "oid/1.3.6.1.4.1." and the text form.
 *
 * Source:   merkle-tree-certs, "Signature Format"; c2sp.org/mtc-tlog
 */
void mtc_tai_append_origin(const struct mtc_tai *tai, struct mtc_bytes *out);

/*
 * mtc_tai_append_name appends the DER distinguished name of a CA in this wire version.
 */
void mtc_tai_append_name(const struct mtc_wire *wire, const struct mtc_tai *tai,
                         struct mtc_bytes *out);

/*
 * mtc_tai_of_name reads the CA ID out of a DER distinguished name of exactly that form.
 *
 * Errors:   INPUT for any other name, including those of the other wire versions.
 */
mtc_status mtc_tai_of_name(const struct mtc_wire *wire, struct mtc_span name, struct mtc_tai *out,
                           struct mtc_error *error) MTC_MUST_CHECK;

#endif
