/* The TLS side of tls-alpn-01: self-signed certificates that carry key authorizations. */
#ifndef ACME_CLIENT_ALPN_H
#define ACME_CLIENT_ALPN_H

#include <openssl/ssl.h>

#include "acme/client_listen.h"

/*
 * acme_client_alpn_context makes a TLS server that speaks "acme-tls/1" alone and answers each of
 * the server names (RFC 8738: addresses in reverse form) with its certificate.
 *
 * Requires: `answerable` lives as long as the context.
 * Errors:   NOMEM (also libcrypto's failures).
 * Source:   RFC 8737, "TLS with Application-Layer Protocol Negotiation (TLS ALPN) Challenge"
 */
mtc_status acme_client_alpn_context(const struct acme_client_answerable *answerable, size_t num,
                                    SSL_CTX **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_server_name gives the server name that a validator asks for.
 */
void acme_client_server_name(const struct acme_identifier *identifier, char out[256]);

#endif
