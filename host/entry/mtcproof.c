/* MTCProof: what stands in a certificate's signatureValue. */
#include <stdlib.h>
#include <string.h>

#include "mtc/proof.h"

/*
 *   u16 len | extensions: { u16 type, u16 len, data }, types strictly ascending
 *   u48 start | u48 end
 *   u16 len | inclusion proof: 32-byte hashes
 *   u16 (-05) or u24 len | cosignatures: { u8 len, cosigner ID, u16 len, signature }
 *
 * Cosigner IDs are strictly ascending: by length, then by bytes.
 */
#define MAX_SUBTREE_BOUND ((UINT64_C(1) << 48) - 1)

static int compare_ids(struct mtc_span a, struct mtc_span b) {
  if (a.len != b.len) return a.len < b.len ? -1 : 1;
  return a.len ? memcmp(a.data, b.data, a.len) : 0;
}

/* Strictly ascending types; the data is opaque here. */
static mtc_status check_extensions(struct mtc_span list, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(list);
  uint64_t previous = 0;
  for (size_t i = 0; reader.len; i++) {
    uint64_t type;
    struct mtc_span data;
    if (!mtc_read_uint(&reader, 2, &type) || !mtc_read_prefixed(&reader, 2, &data)) {
      return mtc_fail(error, MTC_INPUT, "MTCProof: extension %zu is truncated", i);
    }
    if (i && type <= previous) {
      return mtc_fail(error, MTC_INPUT, "MTCProof: extension type %llu does not ascend from %llu",
                      (unsigned long long)type, (unsigned long long)previous);
    }
    previous = type;
  }
  return MTC_OK;
}

bool mtc_cosignature_next(struct mtc_reader *list, struct mtc_cosignature *out) {
  struct mtc_reader rest = *list;
  if (!mtc_read_prefixed(&rest, 1, &out->cosigner_id) ||
      !mtc_read_prefixed(&rest, 2, &out->signature)) {
    return false;
  }
  *list = rest;
  return true;
}

static mtc_status check_cosignatures(struct mtc_mtcproof *proof, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(proof->cosignatures);
  struct mtc_span previous = mtc_span_of(NULL, 0);
  struct mtc_cosignature cosignature;
  for (size_t i = 0; reader.len; i++) {
    if (!mtc_cosignature_next(&reader, &cosignature)) {
      return mtc_fail(error, MTC_INPUT, "MTCProof: cosignature %zu is truncated", i);
    }
    if (cosignature.cosigner_id.len == 0) {
      return mtc_fail(error, MTC_INPUT, "MTCProof: cosignature %zu has an empty cosigner ID", i);
    }
    if (compare_ids(previous, cosignature.cosigner_id) >= 0) {
      return mtc_fail(error, MTC_INPUT,
                      "MTCProof: the cosigner ID of cosignature %zu does not ascend", i);
    }
    previous = cosignature.cosigner_id;
    proof->num_cosignatures = i + 1;
  }
  return MTC_OK;
}

mtc_status mtc_mtcproof_parse(const struct mtc_wire *wire, struct mtc_span der,
                              struct mtc_mtcproof *out, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(der);
  out->num_cosignatures = 0;
  if (!mtc_read_prefixed(&reader, 2, &out->extensions)) {
    return mtc_fail(error, MTC_INPUT, "MTCProof: extensions are truncated");
  }
  if (!mtc_read_uint(&reader, 6, &out->subtree.start) ||
      !mtc_read_uint(&reader, 6, &out->subtree.end)) {
    return mtc_fail(error, MTC_INPUT, "MTCProof: the subtree is truncated");
  }
  if (!mtc_read_prefixed(&reader, 2, &out->hashes)) {
    return mtc_fail(error, MTC_INPUT, "MTCProof: the inclusion proof is truncated");
  }
  if (out->hashes.len % MTC_HASH_LEN != 0) {
    return mtc_fail(error, MTC_INPUT,
                    "MTCProof: an inclusion proof of %zu bytes is not whole hashes",
                    out->hashes.len);
  }
  if (!mtc_read_prefixed(&reader, wire->signatures_prefix, &out->cosignatures)) {
    return mtc_fail(error, MTC_INPUT, "MTCProof: the cosignatures are truncated");
  }
  if (reader.len) {
    return mtc_fail(error, MTC_INPUT, "MTCProof: %zu bytes follow the cosignatures", reader.len);
  }
  mtc_status status = check_extensions(out->extensions, error);
  if (!status) status = check_cosignatures(out, error);
  return status;
}

static int compare_cosignatures(const void *a, const void *b) {
  const struct mtc_cosignature *left = a, *right = b;
  return compare_ids(left->cosigner_id, right->cosigner_id);
}

/* Refuses what the fields cannot hold, so that nothing is written of a proof that cannot be. */
static mtc_status check_fields(const struct mtc_mtcproof *proof, struct mtc_error *error) {
  if (proof->extensions.len > UINT16_MAX) {
    return mtc_fail(error, MTC_INPUT, "MTCProof: %zu bytes of extensions are more than 65535",
                    proof->extensions.len);
  }
  mtc_status status = check_extensions(proof->extensions, error);
  if (status) return status;
  if (proof->subtree.start > MAX_SUBTREE_BOUND || proof->subtree.end > MAX_SUBTREE_BOUND) {
    return mtc_fail(error, MTC_INPUT, "MTCProof: subtree [%llu, %llu) reaches above 2^48-1",
                    (unsigned long long)proof->subtree.start,
                    (unsigned long long)proof->subtree.end);
  }
  if (proof->hashes.len % MTC_HASH_LEN != 0 || proof->hashes.len > UINT16_MAX) {
    return mtc_fail(error, MTC_INPUT, "MTCProof: an inclusion proof cannot have %zu bytes",
                    proof->hashes.len);
  }
  return MTC_OK;
}

static mtc_status check_list(const struct mtc_wire *wire,
                             const struct mtc_cosignature *cosignatures, size_t num_cosignatures,
                             struct mtc_error *error) {
  uint64_t list_len = 0;
  for (size_t i = 0; i < num_cosignatures; i++) {
    const struct mtc_cosignature *cosignature = &cosignatures[i];
    if (cosignature->cosigner_id.len == 0 || cosignature->cosigner_id.len > UINT8_MAX) {
      return mtc_fail(error, MTC_INPUT, "MTCProof: a cosigner ID cannot have %zu bytes",
                      cosignature->cosigner_id.len);
    }
    if (cosignature->signature.len > UINT16_MAX) {
      return mtc_fail(error, MTC_INPUT, "MTCProof: a signature of %zu bytes is over 65535",
                      cosignature->signature.len);
    }
    list_len += 3 + cosignature->cosigner_id.len + cosignature->signature.len;
  }
  if (list_len >> (8 * wire->signatures_prefix)) {
    return mtc_fail(error, MTC_INPUT, "MTCProof: %llu bytes of cosignatures are too many for %s",
                    (unsigned long long)list_len, wire->name);
  }
  return MTC_OK;
}

mtc_status mtc_mtcproof_append(const struct mtc_wire *wire, const struct mtc_mtcproof *proof,
                               struct mtc_cosignature *cosignatures, size_t num_cosignatures,
                               struct mtc_bytes *out, struct mtc_error *error) {
  mtc_status status = check_fields(proof, error);
  if (!status) status = check_list(wire, cosignatures, num_cosignatures, error);
  if (status) return status;
  if (num_cosignatures) {
    qsort(cosignatures, num_cosignatures, sizeof *cosignatures, compare_cosignatures);
  }
  for (size_t i = 1; i < num_cosignatures; i++) {
    if (compare_cosignatures(&cosignatures[i - 1], &cosignatures[i]) == 0) {
      return mtc_fail(error, MTC_INPUT, "MTCProof: two cosignatures of one cosigner");
    }
  }
  mtc_bytes_append_prefixed(out, proof->extensions, 2);
  mtc_bytes_append_uint(out, proof->subtree.start, 6);
  mtc_bytes_append_uint(out, proof->subtree.end, 6);
  mtc_bytes_append_prefixed(out, proof->hashes, 2);
  size_t list = mtc_bytes_open_prefix(out, wire->signatures_prefix);
  for (size_t i = 0; i < num_cosignatures; i++) {
    mtc_bytes_append_prefixed(out, cosignatures[i].cosigner_id, 1);
    mtc_bytes_append_prefixed(out, cosignatures[i].signature, 2);
  }
  mtc_bytes_close_prefix(out, list, wire->signatures_prefix);
  return mtc_bytes_status(out);
}
