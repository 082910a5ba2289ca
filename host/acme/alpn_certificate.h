/* The certificate by which tls-alpn-01 is proved. */
#ifndef ACME_ALPN_CERTIFICATE_H
#define ACME_ALPN_CERTIFICATE_H

#include <openssl/x509.h>

#include "acme/identifier.h"

/*
 * acme_alpn_certificate_check tells what is wrong with a certificate as a proof: it must be
 * self-signed, its subjectAltName have the one identifier and nothing else, and its one critical
 * acmeIdentifier extension the SHA-256 digest of the key authorization.
 *
 * Output:   NULL: it proves control; else static text.
 * Source:   RFC 8737, "TLS with Application-Layer Protocol Negotiation (TLS ALPN) Challenge";
 *           RFC 8738, "TLS with ALPN Challenge"
 */
const char *acme_alpn_certificate_check(X509 *certificate, const struct acme_identifier *identifier,
                                        const char *key_authorization) MTC_MUST_CHECK;

#endif
