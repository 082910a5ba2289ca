/* Start-up: the stored log is checked, and what a crash left is finished by the normal states. */
#include <string.h>

#include "engine/engine.h"
#include "mtc/runtime.h"

static mtc_status check_committed(struct mtc_engine *engine, const struct mtc_head *head,
                                  struct mtc_error *error) {
  struct mtc_tile_source tiles = mtc_store_tile_source(engine->options.store, head->tree_size);
  const struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
  struct mtc_subtree_signature signatures[16];
  struct mtc_bytes message = {0};
  struct mtc_hash root;
  size_t num = 0;
  bool is_signed = false;
  mtc_status status = mtc_frontier_load(&nodes, head->tree_size, &engine->frontier);
  if (status)
    return mtc_fail(error, status == MTC_IO || status == MTC_NOMEM ? status : MTC_CORRUPT,
                    "the stored tiles cannot be read");
  mtc_frontier_root(&engine->frontier, &root);
  if (!mtc_hash_equal(&root, &head->root))
    return mtc_fail(error, MTC_CORRUPT, "the stored tiles of size %llu do not give the stored root",
                    (unsigned long long)head->tree_size);
  if (head->tree_size == 0) return MTC_OK;
  const struct mtc_subtree tree = {0, head->tree_size};
  status = mtc_cosigned_message_append(&engine->options.ca_id, &engine->log_id,
                                       (uint64_t)head->timestamp_s, tree, &head->root, &message);
  if (!status)
    status =
        mtc_store_read_signatures(engine->options.store, tree, true, signatures, 16, &num, error);
  for (size_t i = 0; i < num; i++) {
    if (!status && mtc_tai_compare(&signatures[i].cosigner_id, &engine->options.ca_id) == 0)
      is_signed =
          mtc_signature_verify(mtc_algorithm_of_public_key(mtc_span_of_bytes(&engine->public_key)),
                               mtc_span_of_bytes(&engine->public_key), mtc_span_of_bytes(&message),
                               mtc_span_of_bytes(&signatures[i].signature)) == MTC_OK;
    mtc_bytes_free(&signatures[i].signature);
  }
  mtc_bytes_free(&message);
  if (!status && !is_signed)
    status = mtc_fail(error, MTC_CORRUPT,
                      "the stored checkpoint of size %llu is not signed by the configured key",
                      (unsigned long long)head->tree_size);
  return status;
}

/* Puts the staged batch where the state machine expects it. */
static mtc_status load_pending(struct mtc_engine *engine, const struct mtc_log_state *state,
                               struct mtc_error *error) {
  struct batch *batch = &engine->batch;
  struct mtc_tile_source tiles =
      mtc_store_tile_source(engine->options.store, state->pending.tree_size);
  const struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
  struct mtc_hash root;
  batch->old_size = state->head.tree_size;
  batch->head = state->pending;
  batch->sealed_ms = mtc_clock_monotonic_ms();
  mtc_status status = mtc_frontier_load(&nodes, batch->head.tree_size, &batch->frontier);
  if (status)
    return mtc_fail(error, status == MTC_IO || status == MTC_NOMEM ? status : MTC_CORRUPT,
                    "the staged tiles cannot be read");
  mtc_frontier_root(&batch->frontier, &root);
  if (!mtc_hash_equal(&root, &batch->head.root))
    return mtc_fail(error, MTC_CORRUPT, "the staged tiles of size %llu do not give the staged root",
                    (unsigned long long)batch->head.tree_size);
  return MTC_OK;
}

/* More than a batch, a full queue and all reservations can be. */
#define MAX_PLACES (4u << 20)

/* One that no place was pushed with is dropped by whoever replaces it. */
static mtc_status load_subject(struct mtc_engine *engine, uint64_t subject_start,
                               struct subject **out, struct mtc_error *error) {
  struct mtc_bytes name = {0};
  queue_drop_subject(&engine->queue, *out);
  *out = NULL;
  mtc_status status = MTC_OK;
  if (subject_start != UINT64_MAX)
    status = mtc_store_read_subject(engine->options.store, subject_start, &name, error);
  if (!status) status = queue_make_subject(&engine->queue, mtc_span_of_bytes(&name), out);
  mtc_bytes_free(&name);
  return status;
}

/*
 * Reserved indices keep their places. What lies between the head and a reservation was given to
 * entries that nobody was promised: those places become null entries, as expired reservations do.
 */
static mtc_status load_reservations(struct mtc_engine *engine, struct mtc_error *error) {
  struct mtc_reservation *reservations = NULL;
  mtc_status status = MTC_OK;
  size_t max = 1024, num = max;
  while (!status && num == max) {
    mtc_free(reservations);
    max *= 4;
    reservations = mtc_alloc(max, sizeof *reservations);
    if (!reservations) return mtc_fail(error, MTC_NOMEM, "reservations: out of memory");
    status = mtc_store_read_reservations(engine->options.store, reservations, max, &num, error);
  }
  struct subject *subject = NULL;
  for (size_t i = 0; !status && i < num; i++) {
    uint64_t next = engine->queue.first_index + engine->queue.num_slots;
    if (reservations[i].index < next ||
        reservations[i].index - engine->queue.first_index > MAX_PLACES)
      status = mtc_fail(error, MTC_CORRUPT, "index %llu is reserved out of order, or too far ahead",
                        (unsigned long long)reservations[i].index);
    for (; !status && next < reservations[i].index; next++)
      status = queue_push(&engine->queue, NULL, 1);
    bool is_next = i == 0 || reservations[i].subject_start != reservations[i - 1].subject_start;
    if (!status && is_next)
      status = load_subject(engine, reservations[i].subject_start, &subject, error);
    if (!status) status = queue_push_reserved(&engine->queue, reservations[i].expires_s, subject);
  }
  queue_drop_subject(&engine->queue, subject);
  mtc_free(reservations);
  return status;
}

/*
 * A checkpoint is published after it is committed: a published one that the store does not know
 * means that the store is an older copy, and going on with it would sign a size a second time.
 */
static mtc_status check_published(struct mtc_engine *engine, const struct mtc_log_state *state,
                                  const struct mtc_head *published, struct mtc_error *error) {
  unsigned long long size = published->tree_size;
  struct mtc_head stored;
  if (published->tree_size > state->head.tree_size)
    return mtc_fail(
        error, MTC_CORRUPT,
        "tree size %llu is published, but the database ends at %llu: it is an older copy, "
        "or lost its write-ahead log; this log must not be continued",
        size, (unsigned long long)state->head.tree_size);
  mtc_status status =
      mtc_store_read_head(engine->options.store, published->tree_size, &stored, error);
  if (!status && mtc_hash_equal(&stored.root, &published->root)) return MTC_OK;
  if (status && status != MTC_INPUT) return status;
  return mtc_fail(
      error, MTC_CORRUPT,
      "tree size %llu is published with a root that the database does not have: this log "
      "must not be continued",
      size);
}

/*
 * Signs the committed head once more, the bytes it was signed with: a key that is not the CA
 * certificate's, or a token that does not sign, shows before anybody is told "ready". The empty
 * tree was never signed: its checkpoint is published here.
 */
static mtc_status prove_key(struct mtc_engine *engine, const struct mtc_head *committed,
                            bool is_published, struct mtc_error *error) {
  struct mtc_head head = *committed;
  struct mtc_bytes note = {0};
  struct mtc_subtree_signature signature = {
      .subtree = {0, head.tree_size}, .is_checkpoint = true, .cosigner_id = engine->options.ca_id};
  mtc_status status = engine_sign(engine, signature.subtree, &head.root, (uint64_t)head.timestamp_s,
                                  &signature.signature, error);
  if (!status && head.tree_size == 0 && !is_published) {
    status = engine_make_note(engine, &head, &signature, 1, &note, error);
    if (!status)
      status = mtc_publish_checkpoint(engine->publish_folder, engine->options.log_number,
                                      mtc_span_of_bytes(&note), error);
  }
  mtc_bytes_free(&note);
  mtc_bytes_free(&signature.signature);
  return status;
}

mtc_status engine_recover(struct mtc_engine *engine, struct mtc_error *error) {
  struct mtc_log_state state;
  struct mtc_head published;
  bool is_published = false;
  mtc_status status = mtc_store_state(engine->options.store, &state, error);
  if (!status) status = check_committed(engine, &state.head, error);
  if (!status) status = engine_read_published(engine, &is_published, &published, error);
  if (!status && is_published) status = check_published(engine, &state, &published, error);
  if (!status && !state.has_pending) status = prove_key(engine, &state.head, is_published, error);
  if (status) return status;
  if (state.has_pending) {
    mtc_log(MTC_LOG_WARNING, "recovering", "committed=%llu pending=%llu",
            (unsigned long long)state.head.tree_size, (unsigned long long)state.pending.tree_size);
    status = load_pending(engine, &state, error);
    /* One attempt: whoever starts the daemon sees at once that the token is not there. */
    if (!status) status = batch_sign(engine, error);
    if (!status) status = batch_commit(engine, error);
    if (!status) status = batch_publish(engine, error);
    if (!status) status = batch_cosign(engine, error);
    if (!status) status = batch_certify(engine, error);
    batch_clear(&engine->batch);
  } else if (published.tree_size < state.head.tree_size) {
    engine->batch.head = state.head;
    status = batch_publish(engine, error);
    batch_clear(&engine->batch);
  }
  if (status) return status;
  engine->queue.first_index = engine->frontier.tree_size;
  engine->stats.tree_size = engine->frontier.tree_size;
  status = load_reservations(engine, error);
  if (!status) status = engine_publish_landmarks(engine, error);
  return status;
}
