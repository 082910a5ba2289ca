/* Log entries and the certificates made from them. All parsers are strict DER. */
#ifndef MTC_ENTRY_H
#define MTC_ENTRY_H

#include "mtc/tree.h"
#include "mtc/wire.h"

#define MTC_MAX_CSR_LEN 65536u

enum mtc_entry_type { MTC_ENTRY_NULL = 0, MTC_ENTRY_TBS_CERT = 1 };

/* A parsed MTCLogEntry; spans point into the input. */
struct mtc_log_entry {
  enum mtc_entry_type type;
  struct mtc_span extensions; /* the list without its length prefix */
  struct mtc_span tbs;        /* contents octets of TBSCertificateLogEntry; empty for null_entry */
};

/* A parsed TBSCertificateLogEntry; spans are complete DER TLVs pointing into the input. */
struct mtc_tbs_entry {
  struct mtc_span version;
  struct mtc_span issuer;
  struct mtc_span validity;
  int64_t not_before; /* POSIX seconds */
  int64_t not_after;
  struct mtc_span subject;
  struct mtc_span public_key_algorithm;
  struct mtc_span public_key_hash; /* the 32 bytes themselves */
  struct mtc_span rest;            /* unique IDs and extensions: everything after the hash */
};

/* A parsed TBSCertificate or Certificate; spans are complete TLVs pointing into the input. */
struct mtc_certificate {
  struct mtc_span tbs;                 /* the whole TBSCertificate */
  struct mtc_span version;             /* [0] EXPLICIT, empty when absent */
  struct mtc_span serial_number;       /* INTEGER's contents octets */
  struct mtc_span signature_algorithm; /* inside the TBSCertificate */
  struct mtc_span issuer;
  struct mtc_span validity;
  int64_t not_before;
  int64_t not_after;
  struct mtc_span subject;
  struct mtc_span public_key; /* SubjectPublicKeyInfo */
  struct mtc_span public_key_algorithm;
  struct mtc_span rest; /* everything after subjectPublicKeyInfo: unique IDs, extensions */
  struct mtc_span outer_algorithm; /* of the Certificate; empty when only a TBSCertificate */
  struct mtc_span signature;       /* BIT STRING contents after the unused-bits octet */
  unsigned unused_bits;
};

enum mtc_key_type_bits {
  MTC_KEY_P256 = 1u << 0,
  MTC_KEY_P384 = 1u << 1,
  MTC_KEY_RSA = 1u << 2,
  MTC_KEY_ED25519 = 1u << 3,
  MTC_KEY_MLDSA44 = 1u << 4,
  MTC_KEY_MLDSA65 = 1u << 5,
  MTC_KEY_MLDSA87 = 1u << 6,
};

/* What a CA lets into a certificate. Zero-terminated strings are owned by the configuration. */
struct mtc_profile {
  const char *name;
  int64_t validity_s;    /* notAfter = notBefore + validity_s - 1 */
  int64_t backdate_s;    /* notBefore = now - backdate_s */
  unsigned key_types;    /* mtc_key_type_bits */
  unsigned min_rsa_bits; /* never below 2048 */
  bool allow_wildcards;
  bool allow_ip;
  unsigned max_names;       /* 1..100 */
  bool subject_common_name; /* copy the first DNS name to the subject's CN; else empty subject */
  bool ext_key_usage_server;
  bool ext_key_usage_client;
  bool copy_key_usage;    /* take keyUsage from the CSR (checked), else digitalSignature */
  const char *policy_oid; /* certificatePolicies, dotted, or NULL */
};

/*
 * mtc_log_entry_parse splits an encoded MTCLogEntry.
 *
 * Errors:   INPUT: unknown entry type, extensions not strictly ascending, trailing bytes, over
 *           65535 bytes. `error` names the field.
 * Source:   merkle-tree-certs, "Log Entries"
 */
mtc_status mtc_log_entry_parse(struct mtc_span entry, struct mtc_log_entry *out,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_tbs_entry_parse splits the contents octets of a TBSCertificateLogEntry, checking strict DER
 * down to the fields, the extensions for duplicates, and the issuer against `ca_id` (NULL: any CA).
 *
 * Errors:   INPUT.
 */
mtc_status mtc_tbs_entry_parse(const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                               struct mtc_span contents, struct mtc_tbs_entry *out,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_entry_append_null appends an encoded null_entry (4 bytes).
 */
void mtc_entry_append_null(struct mtc_bytes *out);

/*
 * mtc_entry_from_csr makes the log entry for a PKCS#10 request (DER) under `profile`.
 *
 * Output:   the MTCLogEntry appended to `out_entry`, the SubjectPublicKeyInfo to `out_public_key`.
 * Errors:   INPUT with the reason: DER, self-signature, key (type, size, known to be weak), names
 *           (empty, malformed, NUL or control bytes, not allowed by the profile), over 65535 bytes;
 *           outputs untouched.
 * Source:   merkle-tree-certs, "Log Entries"; RFC 2986; RFC 5280
 */
mtc_status mtc_entry_from_csr(const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                              const struct mtc_profile *profile, struct mtc_span csr, int64_t now_s,
                              struct mtc_bytes *out_entry, struct mtc_bytes *out_public_key,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_entry_from_tbs makes the log entry for a DER TBSCertificate whose issuer is the CA and whose
 * signature field is id-alg-mtcProof.
 *
 * Output:   as mtc_entry_from_csr; *out_serial is the serial number.
 * Errors:   INPUT (DER, version, issuer, algorithm, a key that no request could come with, notAfter
 *           before notBefore, before `now_s` or after `latest_not_after`, serial 0, negative or
 *           above 2^64-1, log number 0); outputs untouched.
 */
mtc_status mtc_entry_from_tbs(const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                              struct mtc_span tbs, int64_t now_s, int64_t latest_not_after,
                              struct mtc_bytes *out_entry, struct mtc_bytes *out_public_key,
                              uint64_t *out_serial, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_certificate_parse splits a DER Certificate; mtc_certificate_parse_tbs a bare TBSCertificate.
 *
 * Errors:   INPUT: anything that is not DER, trailing bytes, a time out of range.
 */
mtc_status mtc_certificate_parse(struct mtc_span der, struct mtc_certificate *out,
                                 struct mtc_error *error) MTC_MUST_CHECK;
/* Splits a bare DER TBSCertificate; see mtc_certificate_parse. */
mtc_status mtc_certificate_parse_tbs(struct mtc_span der, struct mtc_certificate *out,
                                     struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_certificate_entry_hash computes the leaf hash of a certificate's log entry in one pass.
 *
 * Requires: `extensions` is the MTCProof's extension list without its length prefix.
 * Source:   merkle-tree-certs, "Verifying Certificate Signatures"
 */
void mtc_certificate_entry_hash(const struct mtc_certificate *certificate,
                                struct mtc_span extensions, struct mtc_hash *out);

/*
 * mtc_certificate_assemble appends the DER Certificate of a log entry.
 *
 * Requires: `public_key` hashes to the entry's subjectPublicKeyInfoHash; `proof` is an MTCProof.
 * Errors:   INPUT (null entry, key does not match, index above 2^48-2, log number 0), NOMEM.
 * Source:   merkle-tree-certs, "Certificate Format"
 */
mtc_status mtc_certificate_assemble(const struct mtc_wire *wire, struct mtc_span entry,
                                    struct mtc_span public_key, uint64_t log_number, uint64_t index,
                                    struct mtc_span proof, struct mtc_bytes *out,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/* What the CA certificate says. */
struct mtc_ca_params {
  const struct mtc_wire *wire;
  struct mtc_tai ca_id;
  enum mtc_algorithm algorithm;
  struct mtc_span public_key; /* DER SubjectPublicKeyInfo of the CA cosigner */
  uint64_t min_serial;
  uint64_t max_serial;
  int64_t not_before;
  int64_t not_after;
  bool crl_sign;              /* keyUsage has cRLSign beside keyCertSign */
  struct mtc_span prefix_url; /* IA5String contents of the mtc-tlog extension; empty: absent */
};

/*
 * mtc_ca_certificate_make appends the unsigned (RFC 9925) DER CA certificate.
 *
 * Errors:   INPUT (bounds of the wire version, min above max, URL not ASCII), NOMEM.
 * Source:   merkle-tree-certs, "Representing Certification Authorities"; RFC 9925; mtc-tlog
 */
mtc_status mtc_ca_certificate_make(const struct mtc_ca_params *params, struct mtc_bytes *out,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_ca_certificate_parse reads a CA certificate of exactly this wire version (signed or not).
 *
 * Output:   spans point into `der`.
 * Errors:   INPUT: subject, key, missing or non-critical CA extension, other version's identifiers,
 *           sigAlg that does not fit the key, bounds, keyUsage not in DER or without keyCertSign,
 *           not a CA.
 */
mtc_status mtc_ca_certificate_parse(const struct mtc_wire *wire, struct mtc_span der,
                                    struct mtc_ca_params *out,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_ca_certificate_detect finds the wire version whose CA extension the certificate carries.
 *
 * Errors:   NULL when none of them (or more than one) is there.
 */
const struct mtc_wire *mtc_ca_certificate_detect(struct mtc_span der);

#define MTC_DIRECT_SERIAL_LEN 16u

/* A CA instance that signs certificates directly; spans point into its certificate. */
struct mtc_direct_issuer {
  struct mtc_span certificate; /* DER */
  enum mtc_algorithm algorithm;
  struct mtc_span public_key;     /* DER SubjectPublicKeyInfo */
  struct mtc_span subject;        /* Name, whole TLV */
  struct mtc_span key_identifier; /* of subjectKeyIdentifier: 1 to 64 bytes */
  int64_t not_before;
  int64_t not_after;
};

/*
 * mtc_direct_issuer_parse reads an instance's CA certificate. Its own signature is not looked at:
 * it may be self-signed or another CA's.
 *
 * Errors:   INPUT: not a version 3 certificate in DER, no CA (critical basicConstraints), keyUsage
 *           not there or without keyCertSign, no subjectKeyIdentifier, an empty subject, a key of
 *           none of the algorithms. Its time is the caller's business.
 * Source:   RFC 5280, "Basic Certificate Fields", "Standard Extensions"
 */
mtc_status mtc_direct_issuer_parse(struct mtc_span der, struct mtc_direct_issuer *out,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_direct_serial makes a serial number: 16 bytes with 126 random bits, of which the first is
 * never 0 or above 127, so that it is the contents of a DER INTEGER as it is and no log's.
 *
 * Errors:   IO (no randomness).
 */
mtc_status mtc_direct_serial(uint8_t out[MTC_DIRECT_SERIAL_LEN],
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_direct_tbs_make appends the DER TBSCertificate for a PKCS#10 request (DER) under `profile`;
 * it is valid no longer than the issuer.
 *
 * Errors:   as mtc_entry_from_csr; INPUT also when the issuer is not valid at `now_s`.
 * Source:   RFC 5280; RFC 7093, "Additional Methods for Generating Key Identifiers", method 1
 */
mtc_status mtc_direct_tbs_make(const struct mtc_direct_issuer *issuer,
                               const struct mtc_profile *profile, struct mtc_span csr,
                               const uint8_t serial[MTC_DIRECT_SERIAL_LEN], int64_t now_s,
                               struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_direct_certificate_make appends the DER Certificate out of a TBSCertificate and its
 * signature.
 *
 * Errors:   INPUT (the TBSCertificate is for another algorithm or malformed), NOMEM; nothing
 *           appended.
 */
mtc_status mtc_direct_certificate_make(enum mtc_algorithm algorithm, struct mtc_span tbs,
                                       struct mtc_span signature, struct mtc_bytes *out,
                                       struct mtc_error *error) MTC_MUST_CHECK;

#define MTC_MAX_SUBJECT_LEN 4096u
#define MTC_SUBJECT_TEXT 256

/*
 * mtc_subject_check checks that `name` is one whole Name in strict DER, of at most
 * MTC_MAX_SUBJECT_LEN bytes: what a serial number can be reserved for.
 *
 * Errors:   INPUT.
 */
mtc_status mtc_subject_check(struct mtc_span name, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_subject_parse appends the Name that `openssl req -subj TEXT` writes: "/C=UK/O=a+OU=b/CN=c",
 * with a backslash before a character that would end a value; "/" is the empty name. Strings are of
 * the type that OpenSSL gives them: mostly UTF8String, PrintableString in C and serialNumber.
 *
 * Errors:   INPUT naming the part; NOMEM.
 */
mtc_status mtc_subject_parse(const char *text, struct mtc_bytes *out,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_subject_format writes a Name for people: printable ASCII in the form of RFC 4514, or # and
 * hexadecimal digits where it cannot be shown so; cut at the buffer's end with "...".
 *
 * Output:   out_text.
 * Requires: `name` may be any bytes.
 * Source:   RFC 4514
 */
const char *mtc_subject_format(struct mtc_span name, char out_text[MTC_SUBJECT_TEXT]);

#endif
