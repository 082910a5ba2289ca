/* The relying party's configuration: CAs, cosigners, trusted subtrees. */
#include "verify/verifier.h"

#include <string.h>

#include "mtc/runtime.h"

mtc_status mtc_verifier_open(const struct mtc_wire *wire, struct mtc_verifier **out) {
  *out = mtc_alloc(1, sizeof **out);
  if (!*out) return MTC_NOMEM;
  (*out)->wire = wire;
  return MTC_OK;
}

void mtc_verifier_close(struct mtc_verifier *verifier) {
  if (!verifier) return;
  for (size_t i = 0; i < verifier->num_cosigners; i++)
    mtc_bytes_free(&verifier->cosigners[i].public_key);
  for (size_t i = 0; i < verifier->num_groups; i++) {
    mtc_free(verifier->groups[i].name);
    mtc_free(verifier->groups[i].members);
  }
  mtc_free(verifier->cas);
  mtc_free(verifier->cosigners);
  mtc_free(verifier->cosigners_by_id);
  mtc_free(verifier->groups);
  mtc_free(verifier->requirements);
  mtc_free(verifier->revocations);
  mtc_free(verifier->trusted_subtrees);
  mtc_free(verifier);
}

mtc_status verifier_grow(void **list, size_t num, size_t max, size_t size,
                         struct mtc_error *error) {
  if (num >= max) return mtc_fail(error, MTC_INPUT, "there are more than %zu", max);
  /* Full exactly when the number of objects is 0 or a power of two: then it doubles. */
  if (num & (num - 1)) return MTC_OK;
  void *grown = num > SIZE_MAX / 4 / size ? NULL : mtc_realloc(*list, (num ? 2 * num : 1) * size);
  if (!grown) return mtc_fail(error, MTC_NOMEM, "out of memory");
  *list = grown;
  return MTC_OK;
}

const struct verifier_ca *verifier_find_ca(const struct mtc_verifier *verifier,
                                           const struct mtc_tai *ca_id) {
  for (size_t i = 0; i < verifier->num_cas; i++) {
    if (mtc_tai_compare(&verifier->cas[i].ca_id, ca_id) == 0) return &verifier->cas[i];
  }
  return NULL;
}

static int compare_id(const struct mtc_tai *tai, struct mtc_span id) {
  if (tai->len != id.len) return tai->len < id.len ? -1 : 1;
  return memcmp(tai->bytes, id.data, id.len);
}

/* Where `id` stands, or would stand, in cosigners_by_id. A certificate can name millions of
 * cosigners, so each is looked up by halving. */
static size_t position_of(const struct mtc_verifier *verifier, struct mtc_span id) {
  size_t low = 0, high = verifier->num_cosigners;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare_id(&verifier->cosigners[verifier->cosigners_by_id[middle]].cosigner_id, id) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

const struct verifier_cosigner *verifier_find_cosigner(const struct mtc_verifier *verifier,
                                                       struct mtc_span cosigner_id) {
  size_t position = position_of(verifier, cosigner_id);
  if (position == verifier->num_cosigners) return NULL;
  const struct verifier_cosigner *found = &verifier->cosigners[verifier->cosigners_by_id[position]];
  return compare_id(&found->cosigner_id, cosigner_id) == 0 ? found : NULL;
}

/* Room for one more cosigner in both of their lists. */
static mtc_status grow_cosigners(struct mtc_verifier *verifier, struct mtc_error *error) {
  size_t num = verifier->num_cosigners;
  void *list = verifier->cosigners, *order = verifier->cosigners_by_id;
  mtc_status status = verifier_grow(&list, num, VERIFIER_MAX, sizeof verifier->cosigners[0], error);
  verifier->cosigners = list;
  if (status) return status;
  status = verifier_grow(&order, num, VERIFIER_MAX, sizeof verifier->cosigners_by_id[0], error);
  verifier->cosigners_by_id = order;
  return status;
}

mtc_status verifier_add_cosigner(struct mtc_verifier *verifier, const struct mtc_tai *cosigner_id,
                                 enum mtc_algorithm algorithm, struct mtc_span public_key,
                                 bool is_ca, struct mtc_error *error) {
  char text[MTC_TAI_MAX_TEXT];
  mtc_tai_format(cosigner_id, text);
  const struct verifier_cosigner *known =
      verifier_find_cosigner(verifier, mtc_span_of(cosigner_id->bytes, cosigner_id->len));
  if (known && known->is_ca == is_ca) {
    return mtc_fail(error, MTC_INPUT, "cosigner %s is configured already", text);
  }
  if (known) {
    bool is_same = known->algorithm == algorithm &&
                   mtc_span_equal(mtc_span_of_bytes(&known->public_key), public_key);
    return is_same
               ? MTC_OK
               : mtc_fail(error, MTC_INPUT, "cosigner %s: not the key of the CA certificate", text);
  }
  mtc_status status = grow_cosigners(verifier, error);
  if (status) return status;
  struct verifier_cosigner *cosigner = &verifier->cosigners[verifier->num_cosigners];
  *cosigner = (struct verifier_cosigner){
      .cosigner_id = *cosigner_id, .algorithm = algorithm, .is_ca = is_ca};
  mtc_bytes_append_span(&cosigner->public_key, public_key);
  status = mtc_bytes_status(&cosigner->public_key);
  if (status) {
    mtc_bytes_free(&cosigner->public_key);
    return mtc_fail(error, status, "out of memory");
  }
  size_t position = position_of(verifier, mtc_span_of(cosigner_id->bytes, cosigner_id->len));
  size_t *at = verifier->cosigners_by_id + position;
  memmove(at + 1, at, (verifier->num_cosigners - position) * sizeof *at);
  *at = verifier->num_cosigners++;
  return MTC_OK;
}

mtc_status mtc_verifier_add_ca(struct mtc_verifier *verifier, struct mtc_span ca_certificate,
                               struct mtc_error *error) {
  struct mtc_ca_params params;
  mtc_status status = mtc_ca_certificate_parse(verifier->wire, ca_certificate, &params, error);
  if (status) return status;
  if (verifier_find_ca(verifier, &params.ca_id)) {
    char text[MTC_TAI_MAX_TEXT];
    mtc_tai_format(&params.ca_id, text);
    return mtc_fail(error, MTC_INPUT, "CA %s has a certificate already", text);
  }
  void *list = verifier->cas;
  status = verifier_grow(&list, verifier->num_cas, VERIFIER_MAX, sizeof verifier->cas[0], error);
  verifier->cas = list;
  if (!status) {
    status = verifier_add_cosigner(verifier, &params.ca_id, params.algorithm, params.public_key,
                                   true, error);
  }
  if (status) return status;
  verifier->cas[verifier->num_cas++] =
      (struct verifier_ca){params.ca_id, params.min_serial, params.max_serial};
  return MTC_OK;
}

mtc_status verifier_trust_subtree(struct mtc_verifier *verifier,
                                  const struct verifier_trusted_subtree *trusted,
                                  struct mtc_error *error) {
  struct mtc_subtree subtree = trusted->subtree;
  unsigned long long start = subtree.start, end = subtree.end;
  if (trusted->log_number < 1 || trusted->log_number > UINT16_MAX) {
    return mtc_fail(error, MTC_INPUT, "trusted subtree: log number %llu is not 1 to 65535",
                    (unsigned long long)trusted->log_number);
  }
  if (!mtc_subtree_is_valid(subtree) || end > MTC_MAX_INDEX + 1 ||
      (start == end && !verifier->wire->allows_empty_subtrees)) {
    return mtc_fail(error, MTC_INPUT, "trusted subtree: [%llu, %llu) is not a subtree of a log",
                    start, end);
  }
  for (size_t i = 0; i < verifier->num_trusted_subtrees; i++) {
    const struct verifier_trusted_subtree *known = &verifier->trusted_subtrees[i];
    if (mtc_tai_compare(&known->ca_id, &trusted->ca_id) != 0 ||
        known->log_number != trusted->log_number || known->subtree.start != subtree.start ||
        known->subtree.end != subtree.end) {
      continue;
    }
    if (mtc_hash_equal(&known->hash, &trusted->hash)) return MTC_OK;
    return mtc_fail(error, MTC_INPUT, "trusted subtree: [%llu, %llu) has another hash already",
                    start, end);
  }
  void *list = verifier->trusted_subtrees;
  mtc_status status =
      verifier_grow(&list, verifier->num_trusted_subtrees, VERIFIER_MAX_TRUSTED_SUBTREES,
                    sizeof verifier->trusted_subtrees[0], error);
  verifier->trusted_subtrees = list;
  if (status) return status;
  verifier->trusted_subtrees[verifier->num_trusted_subtrees++] = *trusted;
  return MTC_OK;
}

mtc_status mtc_verifier_add_trusted_subtree(struct mtc_verifier *verifier,
                                            const struct mtc_tai *ca_id, uint64_t log_number,
                                            struct mtc_subtree subtree, const struct mtc_hash *hash,
                                            struct mtc_error *error) {
  if (!verifier_find_ca(verifier, ca_id)) {
    char text[MTC_TAI_MAX_TEXT];
    mtc_tai_format(ca_id, text);
    return mtc_fail(error, MTC_INPUT, "trusted subtree: CA %s is not configured", text);
  }
  const struct verifier_trusted_subtree trusted = {*ca_id, log_number, subtree, *hash};
  return verifier_trust_subtree(verifier, &trusted, error);
}
