/* A PKCS#10 certification request (RFC 2986), split and its signature checked. Private. */
#ifndef MTC_ENTRY_CSR_H
#define MTC_ENTRY_CSR_H

#include "mtc/entry.h"

/* Spans point into the request. */
struct mtc_csr {
  struct mtc_span info;       /* CertificationRequestInfo, whole TLV: what is signed */
  struct mtc_span subject;    /* Name, whole TLV */
  struct mtc_span public_key; /* SubjectPublicKeyInfo, whole TLV */
  struct mtc_span public_key_algorithm;
  struct mtc_span extensions; /* contents of the requested Extensions; empty: none requested */
  struct mtc_span signature_algorithm; /* AlgorithmIdentifier, whole TLV */
  struct mtc_span signature;           /* its octets */
  unsigned key_type;                   /* one of mtc_key_type_bits */
  unsigned key_bits;                   /* of an RSA modulus */
};

/*
 * mtc_csr_split splits a request in strict DER and checks the key, but not the signature: for who
 * only passes it on.
 *
 * Errors:   INPUT: not DER, a key that mtc_public_key_check refuses, over 65536 bytes.
 */
mtc_status mtc_csr_split(struct mtc_span der, struct mtc_csr *out,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_csr_parse does so and checks the request's own signature, which proves that who asks has the
 * key.
 *
 * Errors:   those of mtc_csr_split; INPUT: a wrong signature or one over an MD5 or SHA-1 digest,
 *           a point that is not on its curve; NOMEM.
 */
mtc_status mtc_csr_parse(struct mtc_span der, struct mtc_csr *out,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_csr_common_name finds the subject's only commonName, where a request without subjectAltName
 * names its host; empty when there is none.
 *
 * Errors:   INPUT: several, or not a UTF8String, PrintableString or IA5String.
 */
mtc_status mtc_csr_common_name(const struct mtc_csr *csr, struct mtc_span *out,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_csr_info_append appends the CertificationRequestInfo that asks for a CA certificate's
 * subject, key and extensions: what is to be signed.
 *
 * Errors:   INPUT when it is no certificate with extensions; NOMEM. `out` is to be dropped then.
 * Source:   RFC 2986; RFC 2985, "Extension request"
 */
mtc_status mtc_csr_info_append(struct mtc_span ca_certificate, struct mtc_bytes *out,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_csr_append appends the PKCS#10 request made of an info and its signature.
 */
void mtc_csr_append(struct mtc_span info, enum mtc_algorithm algorithm, struct mtc_span signature,
                    struct mtc_bytes *out);

#endif
