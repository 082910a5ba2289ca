/* The server's certificate and key, checked before libmicrohttpd gets them. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "mtc/bytes.h"

/* TLS 1.2 and 1.3 alone, with forward secrecy and authenticated encryption. */
#define HTTP_TLS_PRIORITIES                                                                   \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-AES-128-CBC:-AES-256-CBC:-SHA1:" \
  "%SERVER_PRECEDENCE"

/*
 * http_tls_read reads a certificate chain and its key, PEM files each, and checks that they go
 * together.
 *
 * Output:   both replaced, with a zero at their end.
 * Errors:   INPUT (which file and why), IO, NOMEM.
 */
mtc_status http_tls_read(const char *certificate_path, const char *key_path,
                         struct mtc_bytes *out_certificate, struct mtc_bytes *out_key,
                         struct mtc_error *error) MTC_MUST_CHECK;

#endif
