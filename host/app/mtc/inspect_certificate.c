/* Certificates and MTCProofs in words. */
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "app/mtc/cli.h"
#include "app/mtc/inspect.h"

static void append_bio(BIO *bio, struct mtc_bytes *out) {
  char *text;
  long len = BIO_get_mem_data(bio, &text);
  if (len > 0) mtc_bytes_append(out, text, (size_t)len);
}

/* Subject, key and extensions are plain X.509: libcrypto prints them. */
static void append_x509(struct mtc_span der, struct mtc_bytes *out) {
  const uint8_t *at = der.data;
  X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
  BIO *bio = BIO_new(BIO_s_mem());
  if (certificate && bio) {
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    (void)BIO_printf(bio, "subject: ");
    (void)X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    (void)BIO_printf(bio, "\nkey: %s, %d bits\n", key ? EVP_PKEY_get0_type_name(key) : "unknown",
                     key ? EVP_PKEY_get_bits(key) : 0);
    (void)X509V3_extensions_print(bio, "extensions", X509_get0_extensions(certificate),
                                  X509V3_EXT_DUMP_UNKNOWN, 2);
    append_bio(bio, out);
  }
  BIO_free(bio);
  X509_free(certificate);
  ERR_clear_error();
}

static void append_cosigner(struct mtc_span id, struct mtc_bytes *out) {
  struct mtc_tai tai;
  char text[MTC_TAI_MAX_TEXT];
  if (mtc_tai_decode(id, &tai, NULL)) {
    mtc_bytes_append_text(out, "hex ");
    mtc_bytes_append_hex(out, id);
    return;
  }
  mtc_tai_format(&tai, text);
  mtc_bytes_append_text(out, text);
}

static json_t *proof_object(const struct mtc_wire *wire, const struct mtc_mtcproof *proof) {
  json_t *hashes = json_array(), *cosignatures = json_array();
  struct mtc_reader list = mtc_reader_of(proof->cosignatures);
  struct mtc_cosignature cosignature;
  for (size_t i = 0; i < proof->hashes.len; i += MTC_HASH_LEN)
    (void)json_array_append_new(hashes,
                                inspection_hex(mtc_span_of(proof->hashes.data + i, MTC_HASH_LEN)));
  while (mtc_cosignature_next(&list, &cosignature)) {
    struct mtc_bytes id = {0};
    append_cosigner(cosignature.cosigner_id, &id);
    (void)json_array_append_new(cosignatures,
                                json_pack("{s:s%, s:I}", "cosigner", (const char *)id.data, id.len,
                                          "signature_len", (json_int_t)cosignature.signature.len));
    mtc_bytes_free(&id);
  }
  return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "kind", "mtcproof", "wire_version",
                   wire->name, "start", (json_int_t)proof->subtree.start, "end",
                   (json_int_t)proof->subtree.end, "extensions_len",
                   (json_int_t)proof->extensions.len, "hashes", hashes, "cosignatures",
                   cosignatures);
}

static mtc_status describe_proof(const struct mtc_wire *wire, struct mtc_span octets,
                                 struct mtc_bytes *out, json_t **out_object,
                                 struct mtc_error *error) {
  struct mtc_mtcproof proof;
  struct mtc_cosignature cosignature;
  mtc_status status = mtc_mtcproof_parse(wire, octets, &proof, error);
  if (status) return status;
  mtc_bytes_append_format(out,
                          "MTCProof (%s, %zu bytes)\n  subtree: [%llu, %llu)\n"
                          "  entry extensions: %zu bytes\n  inclusion proof: %zu hashes\n",
                          wire->name, octets.len, (unsigned long long)proof.subtree.start,
                          (unsigned long long)proof.subtree.end, proof.extensions.len,
                          proof.hashes.len / MTC_HASH_LEN);
  for (size_t i = 0; i < proof.hashes.len; i += MTC_HASH_LEN) {
    mtc_bytes_append_text(out, "    ");
    mtc_bytes_append_hex(out, mtc_span_of(proof.hashes.data + i, MTC_HASH_LEN));
    mtc_bytes_append_text(out, "\n");
  }
  mtc_bytes_append_format(out, "  cosignatures: %zu\n", proof.num_cosignatures);
  struct mtc_reader list = mtc_reader_of(proof.cosignatures);
  while (mtc_cosignature_next(&list, &cosignature)) {
    mtc_bytes_append_text(out, "    ");
    append_cosigner(cosignature.cosigner_id, out);
    mtc_bytes_append_format(out, ": %zu bytes\n", cosignature.signature.len);
  }
  *out_object = proof_object(wire, &proof);
  return MTC_OK;
}

mtc_status inspect_mtcproof(const struct mtc_wire *wire, struct mtc_span octets,
                            struct inspection *out, struct mtc_error *error) {
  json_t *object = NULL;
  mtc_status status = describe_proof(wire, octets, &out->text, &object, error);
  if (!status) inspection_add(out, object);
  return status;
}

static json_t *describe_ca(const struct mtc_ca_params *ca, struct mtc_bytes *out) {
  char id[MTC_TAI_MAX_TEXT], min_serial[24], max_serial[24];
  mtc_tai_format(&ca->ca_id, id);
  (void)snprintf(min_serial, sizeof min_serial, "%llu", (unsigned long long)ca->min_serial);
  (void)snprintf(max_serial, sizeof max_serial, "%llu", (unsigned long long)ca->max_serial);
  mtc_bytes_append_format(out,
                          "MTC CA certificate (%s)\nCA ID: %s\ncosigner algorithm: %s\n"
                          "serial numbers: %s to %s (logs %llu to %llu)\n",
                          ca->wire->name, id, mtc_algorithm_name(ca->algorithm), min_serial,
                          max_serial, (unsigned long long)(ca->min_serial >> 48),
                          (unsigned long long)(ca->max_serial >> 48));
  json_t *object =
      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "ca_certificate", "wire_version",
                ca->wire->name, "ca", id, "algorithm", mtc_algorithm_name(ca->algorithm),
                "min_serial", min_serial, "max_serial", max_serial);
  if (ca->prefix_url.len) {
    mtc_bytes_append_text(out, "prefix URL: ");
    mtc_bytes_append_span(out, ca->prefix_url);
    mtc_bytes_append_text(out, "\n");
    (void)json_object_set_new(object, "prefix_url",
                              json_stringn((const char *)ca->prefix_url.data, ca->prefix_url.len));
  }
  return object;
}

/* A serial number is a string in JSON: programs read numbers as doubles. */
static void describe_serial(struct mtc_span serial, struct mtc_bytes *out, json_t *object) {
  uint64_t value = 0;
  char text[24];
  mtc_bytes_append_text(out, "serial number: ");
  if (serial.len > 9 || (serial.len == 9 && serial.data[0]) || serial.data[0] >= 0x80) {
    mtc_bytes_append_text(out, "hex ");
    mtc_bytes_append_hex(out, serial);
    mtc_bytes_append_text(out, " (out of range)\n");
    return;
  }
  for (size_t i = 0; i < serial.len; i++)
    value = value << 8 | serial.data[i];
  (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  uint64_t index = value & ((UINT64_C(1) << 48) - 1);
  mtc_bytes_append_format(out, "%s (log %llu, index %llu)\n", text,
                          (unsigned long long)(value >> 48), (unsigned long long)index);
  (void)json_object_set_new(object, "serial", json_string(text));
  (void)json_object_set_new(object, "log", json_integer((json_int_t)(value >> 48)));
  (void)json_object_set_new(object, "index", json_integer((json_int_t)index));
}

/* The version whose identifiers the certificate carries: its algorithm and its issuer's form. */
static const struct mtc_wire *version_of(const struct mtc_certificate *certificate,
                                         struct mtc_tai *out_ca_id) {
  for (int version = MTC_WIRE_PLANTS_05; version <= MTC_WIRE_PLANTS_07; version++) {
    const struct mtc_wire *wire = mtc_wire_get((enum mtc_wire_version)version);
    if (mtc_span_equal(certificate->signature_algorithm, wire->proof_algorithm) &&
        mtc_tai_of_name(wire, certificate->issuer, out_ca_id, NULL) == MTC_OK)
      return wire;
  }
  return NULL;
}

static json_t *describe_leaf(const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                             const struct mtc_certificate *certificate, size_t len,
                             struct mtc_bytes *out) {
  char id[MTC_TAI_MAX_TEXT];
  mtc_tai_format(ca_id, id);
  mtc_bytes_append_format(out, "MTC certificate (%s, %zu bytes)\nissuer: CA %s\n", wire->name, len,
                          id);
  json_t *object =
      json_pack("{s:s, s:s, s:s}", "kind", "certificate", "wire_version", wire->name, "ca", id);
  describe_serial(certificate->serial_number, out, object);
  return object;
}

mtc_status inspect_certificate(const struct mtc_wire *wire, struct mtc_span der,
                               struct inspection *out, struct mtc_error *error) {
  struct mtc_certificate certificate;
  struct mtc_ca_params ca;
  struct mtc_tai ca_id;
  json_t *object = NULL, *proof = NULL;
  mtc_status status = mtc_certificate_parse(der, &certificate, error);
  if (status) return status;
  const struct mtc_wire *ca_wire = mtc_ca_certificate_detect(der);
  const struct mtc_wire *found = version_of(&certificate, &ca_id);
  if (ca_wire) {
    status = mtc_ca_certificate_parse(ca_wire, der, &ca, error);
    if (!status) object = describe_ca(&ca, &out->text);
  } else if (found && (!wire || wire == found)) {
    object = describe_leaf(found, &ca_id, &certificate, der.len, &out->text);
  } else {
    return mtc_fail(error, MTC_INPUT, "an X.509 certificate, but no Merkle Tree Certificate of %s",
                    wire ? wire->name : "a known version");
  }
  if (status) return status;
  char from[32], to[32];
  mtc_bytes_append_format(&out->text, "valid: %s to %s\n",
                          cli_format_time(certificate.not_before, from),
                          cli_format_time(certificate.not_after, to));
  (void)json_object_set_new(object, "not_before", json_string(from));
  (void)json_object_set_new(object, "not_after", json_string(to));
  append_x509(der, &out->text);
  if (!ca_wire) status = describe_proof(found, certificate.signature, &out->text, &proof, error);
  if (proof) (void)json_object_set_new(object, "proof", proof);
  if (status)
    json_decref(object);
  else
    inspection_add(out, object);
  return status;
}
