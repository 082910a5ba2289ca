/* Flattened JSON Web Signatures, as clients write them. */
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "acme/jws.h"
#include "mtc/runtime.h"

/* json_pack's optional members are left away when memory runs out, too: a header without its nonce.
 */
static json_t *make_header(const char *algorithm, const struct acme_key *key,
                           const struct acme_jws_header *header) {
  json_t *json = json_pack("{s:s, s:s}", "alg", algorithm, "url", header->url);
  bool is_good = json && (header->kid || key);
  if (is_good && header->nonce)
    is_good = json_object_set_new(json, "nonce", json_string(header->nonce)) == 0;
  if (is_good)
    is_good = header->kid ? json_object_set_new(json, "kid", json_string(header->kid)) == 0
                          : json_object_set_new(json, "jwk", json_loads(key->jwk, 0, NULL)) == 0;
  if (is_good) return json;
  json_decref(json);
  return NULL;
}

/* Appends protected "." payload, both in base64url. */
static mtc_status append_input(const char *algorithm, const struct acme_key *key,
                               const struct acme_jws_header *header, struct mtc_span payload,
                               struct mtc_bytes *out, struct mtc_error *error) {
  json_t *json = make_header(algorithm, key, header);
  char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
  if (text) {
    acme_append_base64url(out, mtc_span_of_text(text));
    mtc_bytes_append_text(out, ".");
    acme_append_base64url(out, payload);
  }
  bool is_good = text != NULL;
  json_decref(json);
  free(text); /* libjansson's own */
  if (!is_good)
    return mtc_fail(error, MTC_NOMEM,
                    "JWS: no protected header: out of memory, or its url, nonce or kid is not "
                    "UTF-8");
  return mtc_bytes_status(out);
}

static void append_jws(struct mtc_span input, struct mtc_span signature, struct mtc_bytes *out) {
  size_t dot = 0;
  while (dot < input.len && input.data[dot] != '.')
    dot++;
  mtc_bytes_append_text(out, "{\"protected\":\"");
  mtc_bytes_append(out, input.data, dot);
  mtc_bytes_append_text(out, "\",\"payload\":\"");
  mtc_bytes_append(out, input.data + dot + 1, input.len - dot - 1);
  mtc_bytes_append_text(out, "\",\"signature\":\"");
  acme_append_base64url(out, signature);
  mtc_bytes_append_text(out, "\"}");
}

mtc_status acme_jws_sign(const struct acme_key *key, const struct acme_jws_header *header,
                         struct mtc_span payload, struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_bytes input = {0}, signature = {0};
  mtc_status status =
      append_input(acme_algorithm_name(key->algorithm), key, header, payload, &input, error);
  if (!status) status = acme_key_sign(key, mtc_span_of_bytes(&input), &signature, error);
  if (!status) {
    append_jws(mtc_span_of_bytes(&input), mtc_span_of_bytes(&signature), out);
    status = mtc_bytes_status(out);
  }
  mtc_bytes_free(&input);
  mtc_bytes_free(&signature);
  return status;
}

mtc_status acme_jws_sign_mac(struct mtc_span mac_key, const struct acme_jws_header *header,
                             struct mtc_span payload, struct mtc_bytes *out,
                             struct mtc_error *error) {
  uint8_t mac[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  struct mtc_bytes input = {0};
  if (!header->kid || mac_key.len == 0 || mac_key.len > 1024)
    return mtc_fail(error, MTC_FATAL,
                    "external account binding: it wants a kid and a key of 1 to 1024 bytes");
  mtc_status status = append_input("HS256", NULL, header, payload, &input, error);
  if (!status &&
      !HMAC(EVP_sha256(), mac_key.data, (int)mac_key.len, input.data, input.len, mac, &len))
    status = mtc_fail(error, MTC_FATAL, "external account binding: libcrypto computes no MAC");
  if (!status) {
    append_jws(mtc_span_of_bytes(&input), mtc_span_of(mac, len), out);
    status = mtc_bytes_status(out);
  }
  mtc_bytes_free(&input);
  return status;
}
