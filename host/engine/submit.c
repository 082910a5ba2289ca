/* COLLECT: what callers do to the queue. Whatever could harm others in a batch is refused here. */
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "mtc/runtime.h"

static mtc_status check_submission(const struct mtc_engine *engine,
                                   const struct mtc_submission *submission,
                                   struct mtc_hash *out_key, struct mtc_error *error) {
  struct mtc_log_entry entry;
  struct mtc_tbs_entry tbs;
  mtc_status status = mtc_log_entry_parse(submission->entry, &entry, error);
  if (status) return status;
  if (entry.type != MTC_ENTRY_TBS_CERT)
    return mtc_fail(error, MTC_INPUT, "only entries of type tbs_cert_entry can be submitted");
  if (entry.extensions.len)
    return mtc_fail(error, MTC_INPUT, "the log entry has extensions; none are known");
  status =
      mtc_tbs_entry_parse(engine->options.wire, &engine->options.ca_id, entry.tbs, &tbs, error);
  if (status) return status;
  if (submission->public_key.len < 1 || submission->public_key.len > MTC_MAX_ENTRY_LEN)
    return mtc_fail(error, MTC_INPUT, "a public key of %zu bytes; 1 to %u are allowed",
                    submission->public_key.len, MTC_MAX_ENTRY_LEN);
  mtc_hash_message(submission->public_key, out_key);
  if (memcmp(out_key->bytes, tbs.public_key_hash.data, MTC_HASH_LEN) != 0)
    return mtc_fail(error, MTC_INPUT, "the public key is not the one that the log entry hashes");
  if (!submission->request_id) return MTC_OK;
  size_t len = strlen(submission->request_id);
  if (len < 1 || len > 64)
    return mtc_fail(error, MTC_INPUT, "a request ID of %zu characters; 1 to 64 are allowed", len);
  for (size_t i = 0; i < len; i++) {
    if (submission->request_id[i] <= 0x20 || submission->request_id[i] >= 0x7f)
      return mtc_fail(error, MTC_INPUT, "the request ID has a byte that is not printable ASCII");
  }
  return MTC_OK;
}

static mtc_status add_waiter(struct item *item, mtc_engine_done *done, void *context) {
  struct waiter *waiter = mtc_alloc(1, sizeof *waiter);
  if (!waiter) return MTC_NOMEM;
  *waiter = (struct waiter){done, context, item->waiters};
  item->waiters = waiter;
  return MTC_OK;
}

/*
 * An entry for a reserved index is found again by the index: a mark that no request ID has keeps
 * the two apart. The store needs no row for it: the entry itself is there.
 */
#define RESERVED_MARK '\x01'

static void set_reserved_id(uint64_t index, char out[72]) {
  (void)snprintf(out, 72, "%c%llu", RESERVED_MARK, (unsigned long long)index);
}

bool request_is_stored(const struct item *item) {
  return item->request_id[0] && item->request_id[0] != RESERVED_MARK;
}

static mtc_status make_item(const struct mtc_submission *submission, mtc_engine_done *done,
                            void *context, struct item **out) {
  struct item *item = mtc_alloc(1, sizeof *item);
  if (!item) return MTC_NOMEM;
  mtc_bytes_append_span(&item->entry, submission->entry);
  mtc_bytes_append_span(&item->public_key, submission->public_key);
  if (submission->request_id)
    (void)snprintf(item->request_id, sizeof item->request_id, "%s", submission->request_id);
  else if (submission->at_reserved)
    set_reserved_id(submission->reserved_index, item->request_id);
  item->request_digest = submission->request_digest;
  item->queued_ms = mtc_clock_monotonic_ms();
  if (mtc_bytes_status(&item->entry) || mtc_bytes_status(&item->public_key) ||
      add_waiter(item, done, context)) {
    item_free(item);
    return MTC_NOMEM;
  }
  *out = item;
  return MTC_OK;
}

static mtc_status refuse_reuse(const char *request_id, struct mtc_error *error) {
  return mtc_fail(error, MTC_INPUT, "request ID %s was used for another request", request_id);
}

/* What an earlier log of the database certified is not certified again. */
static mtc_status check_log(const struct mtc_engine *engine, const struct mtc_request_row *row,
                            struct mtc_error *error) {
  if (row->log_number == engine->options.log_number) return MTC_OK;
  return mtc_fail(error, MTC_INPUT,
                  "request ID %s has entry %llu of log %llu (serial number %llu); this is log %llu",
                  row->request_id, (unsigned long long)row->index,
                  (unsigned long long)row->log_number,
                  (unsigned long long)(row->log_number << 48 | row->index),
                  (unsigned long long)engine->options.log_number);
}

/* It is in the log: the engine's thread answers, as for every other submission. */
static mtc_status answer_later(struct mtc_engine *engine, uint64_t index, mtc_engine_done *done,
                               void *context) {
  struct item *item = mtc_alloc(1, sizeof *item);
  if (!item || add_waiter(item, done, context)) {
    item_free(item);
    return MTC_NOMEM;
  }
  item->index = index;
  item->next_by_request = engine->answered;
  engine->answered = item;
  pthread_cond_broadcast(&engine->wake);
  return MTC_OK;
}

/* The same entry for the same reserved index once more, in flight or in the log. */
static mtc_status join_reserved(struct mtc_engine *engine, const struct mtc_submission *submission,
                                mtc_engine_done *done, void *context, bool *out_handled,
                                struct mtc_error *error) {
  uint64_t index = submission->reserved_index;
  struct mtc_bytes logged = {0};
  char id[72];
  *out_handled = true;
  set_reserved_id(index, id);
  struct item *earlier = request_find(engine, id);
  if (earlier) {
    if (mtc_span_equal(mtc_span_of_bytes(&earlier->entry), submission->entry))
      return add_waiter(earlier, done, context);
    return mtc_fail(error, MTC_INPUT, "index %llu is already used by another request",
                    (unsigned long long)index);
  }
  if (index >= engine->queue.first_index) {
    *out_handled = false;
    return MTC_OK;
  }
  mtc_status status = mtc_store_read_entry(engine->options.store, index, &logged, NULL, error);
  bool is_same = !status && mtc_span_equal(mtc_span_of_bytes(&logged), submission->entry);
  bool is_null = !status && logged.len == 4;
  mtc_bytes_free(&logged);
  if (is_same) return answer_later(engine, index, done, context);
  if (status && status != MTC_INPUT) return status;
  return mtc_fail(error, MTC_INPUT, "index %llu %s", (unsigned long long)index,
                  is_null ? "is a null_entry: its reservation has expired"
                          : "is already used by another entry");
}

/* An idempotency key seen before: its answer is the first one's. *out_handled says so. */
static mtc_status join_earlier(struct mtc_engine *engine, const struct mtc_submission *submission,
                               mtc_engine_done *done, void *context, bool *out_handled,
                               struct mtc_error *error) {
  struct mtc_request_row row;
  bool found = false;
  *out_handled = true;
  struct item *earlier = request_find(engine, submission->request_id);
  if (earlier) {
    if (!mtc_hash_equal(&earlier->request_digest, &submission->request_digest))
      return refuse_reuse(submission->request_id, error);
    return add_waiter(earlier, done, context);
  }
  mtc_status status =
      mtc_store_find_request(engine->options.store, submission->request_id, &found, &row, error);
  if (status || !found) {
    *out_handled = status != MTC_OK;
    return status;
  }
  if (row.is_withdrawn)
    return mtc_fail(error, MTC_INPUT, "request ID %s was withdrawn", submission->request_id);
  if (memcmp(row.digest, submission->request_digest.bytes, sizeof row.digest) != 0)
    return refuse_reuse(submission->request_id, error);
  status = check_log(engine, &row, error);
  return status ? status : answer_later(engine, row.index, done, context);
}

static mtc_status check_running(const struct mtc_engine *engine, struct mtc_error *error) {
  if (engine->halted)
    return mtc_fail(error, engine->halted, "the log has stopped: %s", engine->stats.last_error);
  if (engine->stopping) return mtc_fail(error, MTC_BUSY, "the daemon is stopping");
  return MTC_OK;
}

/* Under the lock, which a submission takes too: it comes before, and is known here, or after, and
 * is refused. */
static mtc_status withdraw(struct mtc_engine *engine, const char *request_id, mtc_engine_done *done,
                           void *context, bool *out_is_known, struct mtc_error *error) {
  struct mtc_request_row row;
  struct item *earlier = request_find(engine, request_id);
  *out_is_known = true;
  if (earlier) return add_waiter(earlier, done, context);
  mtc_status status =
      mtc_store_withdraw_request(engine->options.store, false, request_id, out_is_known, error);
  if (status || !*out_is_known) return status;
  status = mtc_store_find_request(engine->options.store, request_id, out_is_known, &row, error);
  if (!status) status = check_log(engine, &row, error);
  return status ? status : answer_later(engine, row.index, done, context);
}

mtc_status mtc_engine_withdraw(struct mtc_engine *engine, const char *request_id,
                               mtc_engine_done *done, void *context, bool *out_is_known,
                               struct mtc_error *error) {
  *out_is_known = false;
  pthread_mutex_lock(&engine->lock);
  mtc_status status = check_running(engine, error);
  if (!status) status = withdraw(engine, request_id, done, context, out_is_known, error);
  pthread_mutex_unlock(&engine->lock);
  if (status == MTC_NOMEM) return mtc_fail(error, status, "withdrawing a request: no memory");
  return status;
}

static mtc_status enqueue(struct mtc_engine *engine, const struct mtc_submission *submission,
                          struct item *item, struct mtc_error *error) {
  struct queue *queue = &engine->queue;
  /* What fills a reserved place may be what the others wait for: it finds room in a full queue. */
  size_t max_items = engine->options.queue_max_entries * (submission->at_reserved ? 2u : 1u);
  if (queue->num_items >= max_items)
    return mtc_fail(error, MTC_BUSY, "%zu entries are waiting; try again later", queue->num_items);
  if (submission->at_reserved)
    return engine_fill_reserved(engine, item, submission->reserved_index, error);
  if (queue->first_index + queue->num_slots > MTC_MAX_INDEX)
    return mtc_fail(error, MTC_INPUT, "log %llu is full",
                    (unsigned long long)engine->options.log_number);
  return queue_push(queue, item, 0);
}

/* Whether the engine's thread has to hear of an entry that was queued: it waits for the first, for
 * the last that a batch takes and for one that fills a reservation. In between it has nothing to do
 * but count them again. */
static bool is_awaited(const struct mtc_engine *engine, const struct mtc_submission *submission) {
  const struct queue *queue = &engine->queue;
  return submission->at_reserved || queue->num_items == 1 ||
         queue->num_slots >= engine->options.batch_max_entries;
}

mtc_status mtc_engine_submit(struct mtc_engine *engine, const struct mtc_submission *submission,
                             mtc_engine_done *done, void *context, struct mtc_error *error) {
  struct item *item = NULL;
  struct mtc_hash key;
  bool handled = false;
  mtc_status status = check_submission(engine, submission, &key, error);
  if (status) return status;
  if (make_item(submission, done, context, &item))
    return mtc_fail(error, MTC_NOMEM, "the entry cannot be queued: no memory");
  pthread_mutex_lock(&engine->lock);
  status = check_running(engine, error);
  if (!status && submission->request_id)
    status = join_earlier(engine, submission, done, context, &handled, error);
  else if (!status && submission->at_reserved)
    status = join_reserved(engine, submission, done, context, &handled, error);
  /* What was accepted before its key was revoked is answered as ever. */
  if (!status && !handled) status = mtc_store_check_key(engine->options.store, &key, error);
  if (!status && !handled) {
    status = enqueue(engine, submission, item, error);
    if (!status) {
      request_add(engine, item);
      item = NULL;
      if (is_awaited(engine, submission)) pthread_cond_broadcast(&engine->wake);
    }
  }
  pthread_mutex_unlock(&engine->lock);
  item_free(item);
  if (status == MTC_NOMEM) return mtc_fail(error, status, "the entry cannot be queued: no memory");
  return status;
}
