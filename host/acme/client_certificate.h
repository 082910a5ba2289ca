/* A subscriber's key and request; chains from the server, checked before anything uses them. */
#ifndef ACME_CLIENT_CERTIFICATE_H
#define ACME_CLIENT_CERTIFICATE_H

#include "acme/client_config.h"
#include "acme/delivery.h"

#define ACME_CLIENT_MAX_CHAIN 8u

/* A certification path as it was downloaded; zeroed is none. */
struct acme_client_chain {
  bool has_properties;
  struct mtc_bytes properties;                          /* a CertificatePropertyList */
  struct mtc_bytes certificates[ACME_CLIENT_MAX_CHAIN]; /* DER, the leaf first */
  size_t num;
};

struct acme_client_leaf {
  int64_t not_before_s;
  int64_t not_after_s;
  char cert_id[ACME_MAX_CERT_ID];
};

/*
 * acme_client_make_key makes a key pair of one of mtc_key_type_bits (RSA: 3072 bits).
 *
 * Errors:   INPUT (no such type), FATAL (libcrypto).
 */
mtc_status acme_client_make_key(unsigned key_type, EVP_PKEY **out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_append_csr appends a certification request (DER) with an empty subject.
 *
 * Errors:   NOMEM (also libcrypto's failures).
 */
mtc_status acme_client_append_csr(EVP_PKEY *key, const struct acme_identifier *identifiers,
                                  size_t num, struct mtc_bytes *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_read_chain reads a downloaded chain of either format: PEM blocks CERTIFICATE with at
 * most one CERTIFICATE PROPERTIES, in front.
 *
 * Errors:   IO (the server is at fault: other blocks, too many, a property list that is none),
 *           NOMEM; nothing needs freeing.
 */
mtc_status acme_client_read_chain(struct mtc_span body, struct acme_client_chain *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_check_chain checks that a chain's leaf is for this key and exactly these identifiers
 * and that the others are certificates. Signatures are not checked: TLS clients do.
 *
 * Requires: identifiers are sorted and without duplicates.
 * Errors:   IO naming the difference, NOMEM.
 */
mtc_status acme_client_check_chain(const struct acme_client_chain *chain, EVP_PKEY *key,
                                   const struct acme_identifier *identifiers, size_t num,
                                   struct acme_client_leaf *out,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_is_of_tree tells whether a leaf is of a Merkle tree: of such there may be a
 * landmark-relative one.
 */
bool acme_client_is_of_tree(const struct acme_client_chain *chain);

/*
 * acme_client_check_twin checks that a leaf is landmark-relative (its proof has no cosignature) and
 * of the same entry of a log as the standalone one: the same TBSCertificate.
 *
 * Errors:   IO.
 * Source:   merkle-tree-certs, "Landmark-Relative Certificates"
 */
mtc_status acme_client_check_twin(const struct acme_client_chain *standalone,
                                  const struct acme_client_chain *landmark,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_append_chain appends a chain as PEM, with its properties (an empty list where it has
 * none) or without.
 *
 * Source:   tls-trust-anchor-ids, "Media Type"
 */
void acme_client_append_chain(const struct acme_client_chain *chain, bool with_properties,
                              struct mtc_bytes *out);

/*
 * acme_client_chain_free releases a chain and makes it none.
 */
void acme_client_chain_free(struct acme_client_chain *chain);

#endif
