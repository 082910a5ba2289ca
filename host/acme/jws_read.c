/* Flattened JSON Web Signatures, read and checked (RFC 7515; RFC 8555, "Request Authentication").
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "acme/flat_json.h"
#include "acme/jws.h"
#include "mtc/runtime.h"

#define MAX_DEPTH 16u
#define MAX_URL_LEN 2048u
#define MAX_NONCE_LEN 128u
#define MAX_HEADER_LEN 8192u /* a jwk of RSA 4096 and a URL, in base64url */

static enum acme_problem_type out_of_memory(struct acme_problem *problem) {
  return acme_fail(problem, ACME_SERVER_INTERNAL, "out of memory");
}

/* Counted before libjansson recurses over it. */
static bool is_too_deep(struct mtc_span text) {
  bool in_string = false;
  unsigned depth = 0;
  for (size_t i = 0; i < text.len; i++) {
    uint8_t c = text.data[i];
    if (in_string) {
      if (c == '\\')
        i++;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > MAX_DEPTH) return true;
    } else if ((c == '}' || c == ']') && depth) {
      depth--;
    }
  }
  return false;
}

/* `what` names the text in problems. */
static enum acme_problem_type load_object(struct mtc_span text, const char *what, json_t **out,
                                          struct acme_problem *problem) {
  json_error_t error;
  *out = acme_flat_json_load(text);
  if (*out) return ACME_NONE;
  if (is_too_deep(text))
    return acme_fail(problem, ACME_MALFORMED, "%s: JSON nested over %u deep", what, MAX_DEPTH);
  *out = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
  if (!*out) {
    if (json_error_code(&error) == json_error_out_of_memory) return out_of_memory(problem);
    return acme_fail(problem, ACME_MALFORMED, "%s: not JSON: %s at byte %d", what, error.text,
                     error.position);
  }
  if (json_is_object(*out)) return ACME_NONE;
  json_decref(*out);
  *out = NULL;
  return acme_fail(problem, ACME_MALFORMED, "%s: not a JSON object", what);
}

static enum acme_problem_type decode(const char *what, struct mtc_span text, struct mtc_bytes *out,
                                     struct acme_problem *problem) {
  if (!acme_append_decoded_base64url(out, text))
    return acme_fail(problem, ACME_MALFORMED, "%s is not base64url without padding", what);
  return mtc_bytes_status(out) ? out_of_memory(problem) : ACME_NONE;
}

/* Copies a member that is text of at most `max_len` bytes; the caller knows that it is there. */
static enum acme_problem_type copy_text(const json_t *header, const char *name, size_t max_len,
                                        char **out, struct acme_problem *problem) {
  const json_t *member = json_object_get(header, name);
  const char *text = json_string_value(member);
  if (!text || !text[0] || json_string_length(member) > max_len)
    return acme_fail(problem, ACME_MALFORMED,
                     "protected header: \"%s\" is not a string of 1 to %zu bytes", name, max_len);
  *out = mtc_strdup(text);
  return *out ? ACME_NONE : out_of_memory(problem);
}

static enum acme_problem_type refuse_algorithm(enum acme_jws_form form, const char *name,
                                               struct acme_problem *problem) {
  json_decref(problem->algorithms);
  problem->algorithms = json_array();
  if (form == ACME_JWS_BINDING) {
    for (unsigned bits = 256; bits <= 512; bits += 128)
      (void)json_array_append_new(problem->algorithms, json_sprintf("HS%u", bits));
  } else {
    for (unsigned i = 0; i < ACME_NUM_ALGORITHMS; i++)
      (void)json_array_append_new(problem->algorithms,
                                  json_string(acme_algorithm_name((enum acme_algorithm)i)));
  }
  return acme_fail(problem, ACME_BAD_SIGNATURE_ALGORITHM,
                   "protected header: \"alg\" is %.32s, which is not among those accepted here",
                   name);
}

static enum acme_problem_type read_algorithm(const json_t *header, enum acme_jws_form form,
                                             struct acme_jws *jws, struct acme_problem *problem) {
  static const char *const macs[] = {"HS256", "HS384", "HS512"};
  const char *name = json_string_value(json_object_get(header, "alg"));
  if (!name)
    return acme_fail(problem, ACME_MALFORMED, "protected header: \"alg\" is missing or no string");
  if (form != ACME_JWS_BINDING)
    return acme_algorithm_find(name, &jws->algorithm) ? ACME_NONE
                                                      : refuse_algorithm(form, name, problem);
  for (unsigned i = 0; i < 3; i++)
    if (strcmp(name, macs[i]) == 0) jws->mac_bits = 256 + 128 * i;
  return jws->mac_bits ? ACME_NONE : refuse_algorithm(form, name, problem);
}

static enum acme_problem_type read_nonce(const json_t *header, enum acme_jws_form form,
                                         struct acme_jws *jws, struct acme_problem *problem) {
  bool is_there = json_object_get(header, "nonce") != NULL;
  struct mtc_bytes bytes = {0};
  if (form != ACME_JWS_REQUEST)
    return is_there ? acme_fail(problem, ACME_MALFORMED,
                                "protected header: an inner JWS must have no \"nonce\"")
                    : ACME_NONE;
  if (!is_there)
    return acme_fail(problem, ACME_BAD_NONCE, "protected header: \"nonce\" is missing");
  enum acme_problem_type type = copy_text(header, "nonce", MAX_NONCE_LEN, &jws->nonce, problem);
  if (!type)
    type = decode("protected header: \"nonce\"", mtc_span_of_text(jws->nonce), &bytes, problem);
  mtc_bytes_free(&bytes);
  return type;
}

/* Who signed: RFC 8555 wants exactly one of the two everywhere. */
static enum acme_problem_type read_signer(const json_t *header, enum acme_jws_form form,
                                          struct acme_jws *jws, struct acme_problem *problem) {
  json_t *jwk = json_object_get(header, "jwk");
  bool has_kid = json_object_get(header, "kid") != NULL;
  if (jwk && has_kid)
    return acme_fail(problem, ACME_MALFORMED, "protected header: both \"jwk\" and \"kid\"");
  if (!jwk && !has_kid)
    return acme_fail(problem, ACME_MALFORMED, "protected header: neither \"jwk\" nor \"kid\"");
  if (form == ACME_JWS_KEY_CHANGE && has_kid)
    return acme_fail(problem, ACME_MALFORMED,
                     "protected header: the inner JWS of a key change has a \"jwk\", no \"kid\"");
  if (form == ACME_JWS_BINDING && jwk)
    return acme_fail(problem, ACME_MALFORMED,
                     "protected header: an external account binding has a \"kid\", no \"jwk\"");
  if (has_kid) return copy_text(header, "kid", MAX_URL_LEN, &jws->kid, problem);
  if (!json_is_object(jwk))
    return acme_fail(problem, ACME_MALFORMED, "protected header: \"jwk\" is not an object");
  jws->jwk = json_incref(jwk);
  return ACME_NONE;
}

static enum acme_problem_type read_header(struct mtc_span text, enum acme_jws_form form,
                                          struct acme_jws *jws, struct acme_problem *problem) {
  json_t *header = NULL;
  enum acme_problem_type type = load_object(text, "protected header", &header, problem);
  if (type) return type;
  /* "crit" asks for extensions, of which "b64" changes what is signed; none is known here. */
  if (json_object_get(header, "crit") || json_object_get(header, "b64"))
    type = acme_fail(problem, ACME_MALFORMED, "protected header: \"crit\" and \"b64\" are refused");
  if (!type) type = read_algorithm(header, form, jws, problem);
  if (!type) type = read_signer(header, form, jws, problem);
  if (!type) type = copy_text(header, "url", MAX_URL_LEN, &jws->url, problem);
  if (!type) type = read_nonce(header, form, jws, problem);
  json_decref(header);
  return type;
}

static enum acme_problem_type member(const json_t *json, const char *name, size_t max_len,
                                     struct mtc_span *out, struct acme_problem *problem) {
  const json_t *text = json_object_get(json, name);
  if (!json_is_string(text))
    return acme_fail(problem, ACME_MALFORMED, "JWS: \"%s\" is %s", name,
                     text ? "not a string" : "missing");
  *out = mtc_span_of(json_string_value(text), json_string_length(text));
  if (out->len > max_len)
    return acme_fail(problem, ACME_MALFORMED, "JWS: \"%s\" has %zu bytes; at most %zu are allowed",
                     name, out->len, max_len);
  return ACME_NONE;
}

static enum acme_problem_type read_parts(const json_t *json, enum acme_jws_form form,
                                         struct acme_jws *jws, struct acme_problem *problem) {
  struct mtc_span protected = {0}, payload = {0}, signature = {0};
  struct mtc_bytes header = {0};
  if (json_object_get(json, "header"))
    return acme_fail(problem, ACME_MALFORMED, "JWS: an unprotected \"header\" is refused");
  if (json_object_get(json, "signatures"))
    return acme_fail(problem, ACME_MALFORMED,
                     "JWS: \"signatures\": one signature in the flattened form is wanted");
  enum acme_problem_type type = member(json, "protected", MAX_HEADER_LEN, &protected, problem);
  if (!type) type = member(json, "payload", ACME_MAX_JWS_LEN, &payload, problem);
  if (!type) type = member(json, "signature", 1024, &signature, problem);
  if (!type) type = decode("JWS: \"protected\"", protected, &header, problem);
  if (!type) type = read_header(mtc_span_of_bytes(&header), form, jws, problem);
  mtc_bytes_free(&header);
  if (!type) type = decode("JWS: \"payload\"", payload, &jws->payload, problem);
  if (!type) type = decode("JWS: \"signature\"", signature, &jws->signature, problem);
  if (type) return type;
  if (jws->signature.len == 0)
    return acme_fail(problem, ACME_MALFORMED, "JWS: \"signature\" is empty");
  mtc_bytes_append_span(&jws->signing_input, protected);
  mtc_bytes_append_text(&jws->signing_input, ".");
  mtc_bytes_append_span(&jws->signing_input, payload);
  if (mtc_bytes_status(&jws->signing_input)) return out_of_memory(problem);
  if (jws->payload.len == 0) return ACME_NONE;
  return load_object(mtc_span_of_bytes(&jws->payload), "payload", &jws->json, problem);
}

enum acme_problem_type acme_jws_parse_json(const json_t *jws, enum acme_jws_form form,
                                           struct acme_jws *out, struct acme_problem *problem) {
  struct acme_jws parsed = {0};
  *out = parsed;
  if (!json_is_object(jws)) return acme_fail(problem, ACME_MALFORMED, "JWS: not a JSON object");
  enum acme_problem_type type = read_parts(jws, form, &parsed, problem);
  if (type)
    acme_jws_free(&parsed);
  else
    *out = parsed;
  return type;
}

enum acme_problem_type acme_jws_parse(struct mtc_span body, enum acme_jws_form form,
                                      struct acme_jws *out, struct acme_problem *problem) {
  json_t *json = NULL;
  *out = (struct acme_jws){0};
  if (body.len > ACME_MAX_JWS_LEN)
    return acme_fail(problem, ACME_MALFORMED, "JWS: %zu bytes; at most %u are allowed", body.len,
                     ACME_MAX_JWS_LEN);
  enum acme_problem_type type = load_object(body, "JWS", &json, problem);
  if (!type) type = acme_jws_parse_json(json, form, out, problem);
  json_decref(json);
  return type;
}

enum acme_problem_type acme_jws_verify(const struct acme_jws *jws, const struct acme_key *key,
                                       struct acme_problem *problem) {
  if (jws->mac_bits || jws->algorithm != key->algorithm)
    return acme_fail(problem, ACME_BAD_SIGNATURE_ALGORITHM,
                     "protected header: \"alg\" is %s; this key signs with %s",
                     jws->mac_bits ? "a MAC" : acme_algorithm_name(jws->algorithm),
                     acme_algorithm_name(key->algorithm));
  if (acme_key_verify(key, mtc_span_of_bytes(&jws->signing_input),
                      mtc_span_of_bytes(&jws->signature)))
    return ACME_NONE;
  return acme_fail(problem, ACME_MALFORMED, "JWS: the signature does not verify under the key");
}

enum acme_problem_type acme_jws_verify_mac(const struct acme_jws *jws, struct mtc_span mac_key,
                                           struct acme_problem *problem) {
  uint8_t mac[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  const EVP_MD *digest = jws->mac_bits == 256   ? EVP_sha256()
                         : jws->mac_bits == 384 ? EVP_sha384()
                         : jws->mac_bits == 512 ? EVP_sha512()
                                                : NULL;
  bool is_good = digest && mac_key.len && mac_key.len <= 1024 &&
                 HMAC(digest, mac_key.data, (int)mac_key.len, jws->signing_input.data,
                      jws->signing_input.len, mac, &len) &&
                 jws->signature.len == len && CRYPTO_memcmp(mac, jws->signature.data, len) == 0;
  OPENSSL_cleanse(mac, sizeof mac);
  if (is_good) return ACME_NONE;
  return acme_fail(problem, ACME_UNAUTHORIZED,
                   "external account binding: the MAC does not verify under the key of its kid");
}

void acme_jws_free(struct acme_jws *jws) {
  mtc_free(jws->url);
  mtc_free(jws->nonce);
  mtc_free(jws->kid);
  json_decref(jws->jwk);
  json_decref(jws->json);
  mtc_bytes_free(&jws->signing_input);
  mtc_bytes_free(&jws->payload);
  mtc_bytes_free(&jws->signature);
  *jws = (struct acme_jws){0};
}
