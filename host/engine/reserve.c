/* Reserved indices: given to whoever asks, durable before the answer, and filled by whose they are.
 */
#include <string.h>

#include "engine/engine.h"
#include "mtc/runtime.h"

#define MAX_RESERVED_SLOTS (1u << 18)
#define MAX_SUBJECTS_LEN (16u << 20)

mtc_status mtc_engine_reserve(struct mtc_engine *engine, uint64_t count, uint64_t *out_first,
                              int64_t *out_expires_s, struct mtc_error *error) {
  return mtc_engine_reserve_for(engine, count, mtc_span_of(NULL, 0), out_first, out_expires_s,
                                error);
}

static mtc_status check_room(struct mtc_engine *engine, uint64_t count, struct mtc_span subject,
                             struct mtc_error *error) {
  struct queue *queue = &engine->queue;
  if (engine->halted)
    return mtc_fail(error, engine->halted, "the log has stopped: %s", engine->stats.last_error);
  if (engine->stopping) return mtc_fail(error, MTC_BUSY, "the daemon is stopping");
  if (queue->num_slots - queue->num_items + count > MAX_RESERVED_SLOTS)
    return mtc_fail(error, MTC_BUSY, "too many indices are reserved; try again later");
  if (subject.len && queue->subjects_len + subject.len > MAX_SUBJECTS_LEN)
    return mtc_fail(error, MTC_BUSY, "indices are reserved for too many subjects; try again later");
  if (queue->first_index + queue->num_slots + count - 1 > MTC_MAX_INDEX)
    return mtc_fail(error, MTC_INPUT, "log %llu is full",
                    (unsigned long long)engine->options.log_number);
  if (queue_make_room(queue, (size_t)count))
    return mtc_fail(error, MTC_NOMEM, "%llu indices: out of memory", (unsigned long long)count);
  return MTC_OK;
}

/* Durable before anybody is told: after a crash nobody else gets these indices. */
static mtc_status reserve(struct mtc_engine *engine, uint64_t count, struct mtc_span name,
                          int64_t expires_s, struct mtc_error *error) {
  struct queue *queue = &engine->queue;
  struct subject *subject = NULL;
  uint64_t first = queue->first_index + queue->num_slots;
  mtc_status status = check_room(engine, count, name, error);
  if (!status && queue_make_subject(queue, name, &subject))
    status = mtc_fail(error, MTC_NOMEM, "the subject: out of memory");
  if (!status)
    status = mtc_store_reserve_for(engine->options.store, first, count, expires_s, name, error);
  for (uint64_t i = 0; !status && i < count; i++)
    status = queue_push_reserved(queue, expires_s, subject);
  queue_drop_subject(queue, subject);
  return status;
}

mtc_status mtc_engine_reserve_for(struct mtc_engine *engine, uint64_t count,
                                  struct mtc_span subject, uint64_t *out_first,
                                  int64_t *out_expires_s, struct mtc_error *error) {
  /* Rounded up: nobody has less than the time to live, not even the last millisecond's caller. */
  int64_t expires_s = (mtc_clock_now_ms() + 999) / 1000 + engine->options.reservation_ttl_s;
  if (count < 1 || count > 65536)
    return mtc_fail(error, MTC_INPUT, "%llu indices; 1 to 65536 can be reserved at once",
                    (unsigned long long)count);
  mtc_status status = subject.len ? mtc_subject_check(subject, error) : MTC_OK;
  if (status) return status;
  pthread_mutex_lock(&engine->lock);
  uint64_t first = engine->queue.first_index + engine->queue.num_slots;
  status = reserve(engine, count, subject, expires_s, error);
  pthread_cond_broadcast(&engine->wake); /* it wakes up again when they expire */
  pthread_mutex_unlock(&engine->lock);
  if (!status) {
    *out_first = first;
    *out_expires_s = expires_s;
  }
  return status;
}

/* The bytes must be the same: two encodings of one text are two subjects. */
static mtc_status check_subject(const struct mtc_engine *engine, const struct subject *subject,
                                const struct item *item, struct mtc_error *error) {
  struct mtc_log_entry entry;
  struct mtc_tbs_entry tbs;
  char wanted[MTC_SUBJECT_TEXT], found[MTC_SUBJECT_TEXT];
  struct mtc_span name = {subject->der, subject->len};
  mtc_status status = mtc_log_entry_parse(mtc_span_of_bytes(&item->entry), &entry, error);
  if (!status)
    status =
        mtc_tbs_entry_parse(engine->options.wire, &engine->options.ca_id, entry.tbs, &tbs, error);
  if (status || mtc_span_equal(tbs.subject, name)) return status;
  bool look_alike =
      strcmp(mtc_subject_format(name, wanted), mtc_subject_format(tbs.subject, found)) == 0;
  return mtc_fail(error, MTC_INPUT, "it is reserved for the subject %s, not for %s%s", wanted,
                  found, look_alike ? " (in another encoding)" : "");
}

mtc_status engine_fill_reserved(struct mtc_engine *engine, struct item *item, uint64_t index,
                                struct mtc_error *error) {
  struct queue *queue = &engine->queue;
  struct slot *slot = NULL;
  if (index >= queue->first_index && index - queue->first_index < queue->num_slots)
    slot = queue_at(queue, (size_t)(index - queue->first_index));
  if (!slot || !slot->expires_s)
    return mtc_fail(error, MTC_INPUT, "index %llu is not reserved", (unsigned long long)index);
  if (slot->item)
    return mtc_fail(error, MTC_INPUT, "index %llu is already used by another request",
                    (unsigned long long)index);
  if (slot->expires_s <= mtc_clock_now_ms() / 1000)
    return mtc_fail(error, MTC_INPUT, "the reservation of index %llu has expired",
                    (unsigned long long)index);
  mtc_status status = slot->subject ? check_subject(engine, slot->subject, item, error) : MTC_OK;
  if (status) return mtc_fail_within(error, status, "index %llu", (unsigned long long)index);
  slot->item = item;
  item->index = index;
  queue->num_items++;
  return MTC_OK;
}
