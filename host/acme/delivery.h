/* Certificates as a client downloads them: chain formats, their choice, certificate identifiers. */
#ifndef ACME_DELIVERY_H
#define ACME_DELIVERY_H

#include "mtc/entry.h"

enum acme_chain_format {
  ACME_CHAIN_PLAIN,      /* application/pem-certificate-chain: leaf, then its issuer */
  ACME_CHAIN_PROPERTIES, /* application/pem-certificate-chain-with-properties */
  ACME_CHAIN_NONE,       /* nothing that the client accepts: 406 */
};

/*
 * acme_choose_chain reads an Accept header (NULL: anything) with its quality values (RFC 9110,
 * "Accept"). At equal quality the plain chain wins; a header that is malformed counts as NULL.
 */
enum acme_chain_format acme_choose_chain(const char *accept);

/*
 * acme_chain_media_type names a format.
 */
const char *acme_chain_media_type(enum acme_chain_format format);

/*
 * acme_append_chain appends a chain as PEM: ACME_CHAIN_PROPERTIES writes the block CERTIFICATE
 * PROPERTIES (`properties`: a property list, empty: 2 zero bytes) and the leaf and leaves the
 * issuer, a trust anchor, away; ACME_CHAIN_PLAIN the leaf and `issuer`.
 *
 * Source:   tls-trust-anchor-ids, "Certificate Properties"; RFC 8555, "Downloading the Certificate"
 */
void acme_append_chain(enum acme_chain_format format, struct mtc_span leaf, struct mtc_span issuer,
                       struct mtc_span properties, struct mtc_bytes *out);

/*
 * acme_retry_after gives the seconds until a landmark that covers an entry is to be had: landmarks
 * are allocated every `interval_s`, next at `next_s`; what is overdue is asked for every 60 s or
 * every tenth of the interval, whichever is less (at least 1).
 */
unsigned acme_retry_after(int64_t now_s, int64_t next_s, int64_t interval_s);

#define ACME_MAX_CERT_ID 128u

/*
 * acme_cert_id writes a certificate's identifier: base64url(authority key identifier's key
 * identifier) "." base64url(serial number's contents octets). An MTC certificate has no
 * authorityKeyIdentifier: SHA-256 of the issuer's DER Name stands for it, cut to 20 bytes.
 *
 * Errors:   INPUT (longer than ACME_MAX_CERT_ID), NOMEM.
 * Source:   RFC 9773, "Extensions to the Order/Renewal Information Resource"
 */
mtc_status acme_cert_id(const struct mtc_certificate *certificate, char out[ACME_MAX_CERT_ID],
                        struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_renewal_window places the suggested window. A certificate of lifetime L is renewed at about
 * 75% of L, or one landmark interval and a margin of a tenth of L before its end if that is
 * earlier (so that the next landmark-relative one is there in time); the window is 2% of L long,
 * at least 60 s, and never begins before half of L nor ends after the certificate does.
 *
 * Requires: interval_s is 0 for a certificate that no landmark will cover.
 */
void acme_renewal_window(int64_t not_before_s, int64_t not_after_s, int64_t interval_s,
                         int64_t *out_start_s, int64_t *out_end_s);

#endif
