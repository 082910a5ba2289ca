/* What stands in rows of its own: signatures, landmarks, idempotency keys. */
#include <string.h>

#include "engine/check.h"
#include "mtc/runtime.h"

#define MAX_SIGNATURES 256
#define PAGE 256

mtc_status check_load_landmarks(struct check *check) {
  struct mtc_error error = {""};
  size_t max = 256;
  for (;; max *= 2) {
    mtc_free(check->landmarks);
    check->landmarks = mtc_alloc(max, sizeof *check->landmarks);
    if (!check->landmarks) return mtc_fail(check->error, MTC_NOMEM, "landmarks: out of memory");
    mtc_status status = mtc_store_read_landmarks(check->store, check->landmarks, max,
                                                 &check->num_landmarks, &error);
    if (status) {
      check->num_landmarks = 0;
      return check_finding(check, status, &error, "landmarks");
    }
    if (check->num_landmarks < max) break;
  }
  for (size_t i = 0; i < check->num_landmarks / 2; i++) {
    struct mtc_landmark *a = &check->landmarks[i];
    struct mtc_landmark *b = &check->landmarks[check->num_landmarks - 1 - i];
    struct mtc_landmark swapped = *a;
    *a = *b;
    *b = swapped;
  }
  return MTC_OK;
}

/* Source: merkle-tree-certs, "Landmarks" */
mtc_status check_landmark_rules(struct check *check) {
  struct mtc_landmark last = {0};
  bool has_expiry = check->options->wire->landmarks_have_expiry;
  for (size_t i = 0; i < check->num_landmarks; i++) {
    const struct mtc_landmark *landmark = &check->landmarks[i];
    unsigned long long number = landmark->number;
    struct mtc_error error = {""};
    struct mtc_head head;
    if (landmark->number != last.number + 1)
      check_problem(check, "landmark %llu follows landmark %llu", number,
                    (unsigned long long)last.number);
    if (landmark->tree_size <= last.tree_size)
      check_problem(check, "landmark %llu is not larger than the one before it", number);
    if (has_expiry ? landmark->expiry_s < last.expiry_s : landmark->expiry_s != 0)
      check_problem(check, "landmark %llu: expiry %lld does not fit", number,
                    (long long)landmark->expiry_s);
    mtc_status status = mtc_store_read_head(check->store, landmark->tree_size, &head, &error);
    status = check_finding(check, status, &error, "landmark %llu", number);
    if (status) return status;
    last = *landmark;
  }
  return MTC_OK;
}

static bool is_ours(const struct check *check, const struct mtc_subtree_signature *signature) {
  return mtc_tai_compare(&signature->cosigner_id, &check->options->ca_id) == 0;
}

/* Tells that the CA's signature is there; whether it verifies, check_signatures finds out. */
static mtc_status check_is_signed(struct check *check, struct mtc_subtree subtree,
                                  bool is_checkpoint) {
  struct mtc_error error = {""};
  bool found = false;
  size_t num = 0;
  struct mtc_subtree_signature *signatures = mtc_alloc(MAX_SIGNATURES, sizeof *signatures);
  if (!signatures) return mtc_fail(check->error, MTC_NOMEM, "signatures: out of memory");
  mtc_status status = mtc_store_read_signatures(check->store, subtree, is_checkpoint, signatures,
                                                MAX_SIGNATURES, &num, &error);
  for (size_t i = 0; i < num; i++) {
    if (is_ours(check, &signatures[i])) found = true;
    mtc_bytes_free(&signatures[i].signature);
  }
  mtc_free(signatures);
  if (!status && !found)
    check_problem(check, "the CA's signature on the %s [%llu, %llu) is missing",
                  is_checkpoint ? "checkpoint" : "subtree", (unsigned long long)subtree.start,
                  (unsigned long long)subtree.end);
  return check_finding(check, status, &error, "signatures on [%llu, %llu)",
                       (unsigned long long)subtree.start, (unsigned long long)subtree.end);
}

mtc_status check_batch_is_signed(struct check *check, uint64_t old_size, uint64_t tree_size) {
  struct mtc_subtree cover[2];
  mtc_status status = check_is_signed(check, (struct mtc_subtree){0, tree_size}, true);
  mtc_subtree_cover((struct mtc_subtree){old_size, tree_size}, cover);
  for (size_t i = 0; i < 2 && !status; i++) {
    if (cover[i].start < cover[i].end) status = check_is_signed(check, cover[i], false);
  }
  return status;
}

/*
 * Verifies one of the CA's signatures. A subtree's hash comes from the stored tiles, which
 * check_tree has compared with the entries.
 */
static mtc_status check_signature(struct check *check,
                                  const struct mtc_subtree_signature *signature,
                                  struct mtc_error *error) {
  const struct mtc_engine_options *options = check->options;
  uint64_t tree_size = check->state.head.tree_size, timestamp_s = 0;
  struct mtc_bytes message = {0};
  struct mtc_hash hash;
  mtc_status status;
  if (signature->subtree.end > tree_size)
    return mtc_fail(error, MTC_CORRUPT, "the log has only %llu entries",
                    (unsigned long long)tree_size);
  if (signature->is_checkpoint) {
    struct mtc_head head;
    status = mtc_store_read_head(check->store, signature->subtree.end, &head, error);
    if (status) return status;
    hash = head.root;
    timestamp_s = (uint64_t)head.timestamp_s;
  } else {
    struct mtc_tile_source tiles = mtc_store_tile_source(check->store, tree_size);
    const struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
    status = mtc_tree_hash(&nodes, signature->subtree, &hash);
    if (status) return mtc_fail(error, status, "its hash cannot be computed");
  }
  status = mtc_cosigned_message_append(&options->ca_id, &check->log_id, timestamp_s,
                                       signature->subtree, &hash, &message);
  if (!status)
    status =
        mtc_signature_verify(mtc_algorithm_of_public_key(options->public_key), options->public_key,
                             mtc_span_of_bytes(&message), mtc_span_of_bytes(&signature->signature));
  mtc_bytes_free(&message);
  return status ? mtc_fail(error, status, "it does not verify under the CA's key") : MTC_OK;
}

mtc_status check_signatures(struct check *check) {
  struct mtc_subtree_signature signature = {0};
  struct mtc_error error = {""};
  bool found = false;
  mtc_status status = mtc_store_next_signature(check->store, NULL, &found, &signature, &error);
  while (!status && found && !check_is_hopeless(check)) {
    struct mtc_error why = {""};
    /* Other cosigners' keys are not known here: their signatures are checked when they come. */
    if (is_ours(check, &signature))
      status = check_finding(check, check_signature(check, &signature, &why), &why,
                             "the CA's signature on the %s [%llu, %llu)",
                             signature.is_checkpoint ? "checkpoint" : "subtree",
                             (unsigned long long)signature.subtree.start,
                             (unsigned long long)signature.subtree.end);
    mtc_bytes_free(&signature.signature);
    if (status) return status;
    status = mtc_store_next_signature(check->store, &signature, &found, &signature, &error);
  }
  if (found && !status) mtc_bytes_free(&signature.signature);
  return check_finding(check, status, &error, "signatures");
}

/* Makes room for a bit per entry below `num_bits`. */
static mtc_status grow_used(struct check *check, uint64_t num_bits) {
  if (num_bits <= check->num_used_bits) return MTC_OK;
  uint64_t wanted = check->num_used_bits ? check->num_used_bits : 1u << 16;
  while (wanted < num_bits)
    wanted *= 2;
  uint8_t *used = mtc_realloc(check->used, (size_t)(wanted / 8));
  if (!used)
    return mtc_fail(check->error, MTC_NOMEM, "a bit for each of %llu entries: out of memory",
                    (unsigned long long)wanted);
  memset(used + check->num_used_bits / 8, 0, (size_t)((wanted - check->num_used_bits) / 8));
  check->used = used;
  check->num_used_bits = wanted;
  return MTC_OK;
}

/* Sets the bit and tells whether it was set before. */
static bool test_and_set(struct check *check, uint64_t index) {
  uint8_t mask = (uint8_t)(1u << (index % 8));
  bool was_set = (check->used[index / 8] & mask) != 0;
  check->used[index / 8] |= mask;
  return was_set;
}

mtc_status check_mark_null(struct check *check, uint64_t index, bool is_null) {
  mtc_status status = grow_used(check, index + 1);
  if (!status && is_null) (void)test_and_set(check, index);
  return status;
}

static mtc_status check_request(struct check *check, const struct mtc_request_row *row) {
  const struct mtc_log_state *state = &check->state;
  uint64_t end = state->has_pending ? state->pending.tree_size : state->head.tree_size;
  if (row->index >= end) {
    check_problem(check, "request %s has index %llu, but the log has %llu entries", row->request_id,
                  (unsigned long long)row->index, (unsigned long long)end);
    return MTC_OK;
  }
  mtc_status status = grow_used(check, row->index + 1);
  if (!status && test_and_set(check, row->index))
    check_problem(check, "request %s has index %llu, which is a null entry's or another request's",
                  row->request_id, (unsigned long long)row->index);
  return status;
}

mtc_status check_requests(struct check *check) {
  struct mtc_request_row *rows = mtc_alloc(PAGE, sizeof *rows);
  struct mtc_error error = {""};
  char after[sizeof rows->request_id] = "";
  mtc_status status = MTC_OK;
  size_t num = 0;
  if (!rows) return mtc_fail(check->error, MTC_NOMEM, "requests: out of memory");
  do {
    status = mtc_store_read_requests(check->store, after, rows, PAGE, &num, &error);
    status = check_finding(check, status, &error, "requests after \"%s\"", after);
    for (size_t i = 0; i < num && !status; i++)
      status = check_request(check, &rows[i]);
    if (num) memcpy(after, rows[num - 1].request_id, sizeof after);
  } while (num == PAGE && !status && !check_is_hopeless(check));
  mtc_free(rows);
  return status;
}
