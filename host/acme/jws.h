/* Flattened JSON Web Signatures as RFC 8555 wants them: read by the server, written by clients. */
#ifndef ACME_JWS_H
#define ACME_JWS_H

#include "acme/key.h"

#define ACME_MAX_JWS_LEN 131072u

/* A request's JWS, parsed and not yet verified. Strings live as long as it does. Zeroed is none. */
struct acme_jws {
  enum acme_algorithm algorithm; /* not of a binding */
  unsigned mac_bits;             /* 256, 384, 512: a binding with HS256 and so on; 0: no MAC */
  char *url;
  char *nonce; /* NULL: none (inner JWS of key changes and external account binding) */
  char *kid;   /* exactly one of kid and jwk is set */
  json_t *jwk;
  struct mtc_bytes signing_input; /* protected "." payload, as sent */
  struct mtc_bytes payload;       /* decoded; empty for POST-as-GET */
  struct mtc_bytes signature;     /* decoded */
  json_t *json;                   /* the payload as a JSON object; NULL for POST-as-GET */
};

enum acme_jws_form {
  ACME_JWS_REQUEST,    /* nonce and url wanted, kid or jwk */
  ACME_JWS_KEY_CHANGE, /* inner: jwk wanted, url wanted, nonce refused */
  ACME_JWS_BINDING,    /* inner: alg HS256/384/512, kid and url wanted, nonce refused */
};

/*
 * acme_jws_parse reads and checks everything about a JWS but its signature, nonce and URL's value:
 * strict base64url without padding, no duplicate JSON members, no unprotected header, no "crit", no
 * "b64", no `signatures`, exactly one of jwk and kid, algorithm one of ours (never "none", never a
 * MAC but in a binding), nonce in base64url of at most 128 characters, depth and sizes bounded.
 *
 * Output:   payload parsed as a JSON object where it is not empty (depth at most 16).
 * Errors:   ACME_MALFORMED (also a nonce that is not base64url, as RFC 8555 has it),
 *           ACME_BAD_SIGNATURE_ALGORITHM (with the list), ACME_BAD_NONCE (absent),
 *           ACME_SERVER_INTERNAL.
 * Source:   RFC 8555, "Request Authentication"; RFC 7515, "Flattened JWS JSON Serialization Syntax"
 */
enum acme_problem_type acme_jws_parse(struct mtc_span body, enum acme_jws_form form,
                                      struct acme_jws *out,
                                      struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_jws_parse_json does so with an inner JWS that is a member of another payload.
 */
enum acme_problem_type acme_jws_parse_json(const json_t *jws, enum acme_jws_form form,
                                           struct acme_jws *out,
                                           struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_jws_verify checks the signature by `key`.
 *
 * Errors:   ACME_BAD_SIGNATURE_ALGORITHM when the header's algorithm is not the key's (ES256 with a
 *           P-384 key), ACME_MALFORMED when the signature is wrong (RFC 8555 names no type; 400).
 */
enum acme_problem_type acme_jws_verify(const struct acme_jws *jws, const struct acme_key *key,
                                       struct acme_problem *problem) MTC_MUST_CHECK;

/*
 * acme_jws_verify_mac checks a binding's MAC in constant time.
 *
 * Errors:   ACME_UNAUTHORIZED.
 */
enum acme_problem_type acme_jws_verify_mac(const struct acme_jws *jws, struct mtc_span mac_key,
                                           struct acme_problem *problem) MTC_MUST_CHECK;

/* What a client puts into a protected header. */
struct acme_jws_header {
  const char *url;
  const char *nonce; /* NULL: none */
  const char *kid;   /* NULL: the key itself (jwk) */
};

/*
 * acme_jws_sign appends a flattened JWS. `payload` is the JSON text, empty for POST-as-GET.
 *
 * Errors:   NOMEM, FATAL (libcrypto).
 */
mtc_status acme_jws_sign(const struct acme_key *key, const struct acme_jws_header *header,
                         struct mtc_span payload, struct mtc_bytes *out,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_jws_sign_mac appends a flattened JWS with HS256: a client's external account binding, whose
 * payload is its account's public JWK.
 */
mtc_status acme_jws_sign_mac(struct mtc_span mac_key, const struct acme_jws_header *header,
                             struct mtc_span payload, struct mtc_bytes *out,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_append_base64url appends base64url without padding.
 */
void acme_append_base64url(struct mtc_bytes *out, struct mtc_span bytes);

/*
 * acme_append_decoded_base64url decodes strict base64url (no padding, canonical) and appends.
 *
 * Output:   false when it is not, with nothing appended.
 */
bool acme_append_decoded_base64url(struct mtc_bytes *out, struct mtc_span text) MTC_MUST_CHECK;

/*
 * acme_jws_free releases a JWS and makes it none.
 */
void acme_jws_free(struct acme_jws *jws);

#endif
