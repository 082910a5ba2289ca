/* Subscriber keys: which of them a CA may certify. Private to host/entry. */
#ifndef MTC_ENTRY_PUBLIC_KEY_H
#define MTC_ENTRY_PUBLIC_KEY_H

#include "mtc/entry.h"

/*
 * mtc_public_key_check checks a DER SubjectPublicKeyInfo: one of the known types, DER down to the
 * numbers of an RSA key, its size, and that it is none of the known weak keys.
 *
 * Output:   *out_type is one of mtc_key_type_bits, *out_bits the size of an RSA modulus, else 0.
 * Errors:   INPUT with the reason.
 * Source:   RFC 8017, "RSA Public Key Syntax"; RFC 5480; RFC 8410; RFC 9881; CA/B Forum Baseline
 *           Requirements, "Public key parameters generation and quality checking"
 */
mtc_status mtc_public_key_check(struct mtc_span public_key, unsigned *out_type, unsigned *out_bits,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_public_key_check_point checks that an elliptic curve key is a point of its curve. A signature
 * that verifies under the key says as much; this is for keys that come without one.
 *
 * Requires: mtc_public_key_check accepted the key.
 * Errors:   INPUT.
 */
mtc_status mtc_public_key_check_point(struct mtc_span public_key,
                                      struct mtc_error *error) MTC_MUST_CHECK;

#endif
