/* Landmarks: allocated from the published tree, never changed, published newest first. */
#include "engine/engine.h"
#include "mtc/runtime.h"

#define MAX_LANDMARKS 4096 /* in the published file; a 7-day CA with hourly ones has 169 */

uint64_t mtc_engine_max_active_landmarks(const struct mtc_engine_options *options) {
  uint64_t lifetime_s = (uint64_t)options->max_lifetime_s;
  uint64_t interval_s = (uint64_t)options->landmark_interval_s;
  return interval_s ? (lifetime_s + interval_s - 1) / interval_s + 1 : 169;
}

mtc_status engine_publish_landmarks(struct mtc_engine *engine, struct mtc_error *error) {
  struct mtc_bytes file = {0};
  size_t num = 0, listed = 0;
  int64_t now_s = mtc_clock_now_ms() / 1000;
  struct mtc_landmark *landmarks = mtc_alloc(MAX_LANDMARKS + 1, sizeof *landmarks);
  if (!landmarks) return MTC_NOMEM;
  mtc_status status =
      mtc_store_read_landmarks(engine->options.store, landmarks, MAX_LANDMARKS, &num, error);
  /* Up to the first that has expired, else down to landmark 0, which always has. */
  while (listed < num && landmarks[listed].expiry_s >= now_s)
    listed++;
  if (!engine->options.wire->landmarks_have_expiry) {
    uint64_t max_active = mtc_engine_max_active_landmarks(&engine->options);
    listed = num < max_active ? num : (size_t)max_active;
  }
  if (listed < num)
    listed++;
  else if (num < MAX_LANDMARKS)
    landmarks[listed++] = (struct mtc_landmark){0};
  else
    status = mtc_fail(error, MTC_INPUT, "more than %d landmarks are active", MAX_LANDMARKS);
  if (!status)
    status = mtc_landmarks_append(engine->options.wire, landmarks, listed, now_s, &file, error);
  if (!status)
    status = mtc_publish_landmarks(engine->publish_folder, engine->options.log_number,
                                   mtc_span_of_bytes(&file), error);
  mtc_bytes_free(&file);
  mtc_free(landmarks);
  return status;
}

/*
 * Without expiry, each landmark ends the oldest active one: not while a certificate below that can
 * be valid. The entries below a checkpoint were made before its time.
 */
static mtc_status check_oldest_active(struct mtc_engine *engine, uint64_t number,
                                      struct mtc_error *error) {
  uint64_t max_active = mtc_engine_max_active_landmarks(&engine->options);
  struct mtc_landmark *landmarks;
  struct mtc_head head;
  size_t num = 0;
  if (engine->options.wire->landmarks_have_expiry || number <= max_active) return MTC_OK;
  landmarks = mtc_alloc(max_active, sizeof *landmarks);
  if (!landmarks) return MTC_NOMEM;
  mtc_status status =
      mtc_store_read_landmarks(engine->options.store, landmarks, (size_t)max_active, &num, error);
  struct mtc_landmark oldest = num ? landmarks[num - 1] : (struct mtc_landmark){0};
  mtc_free(landmarks);
  if (!status) status = mtc_store_read_head(engine->options.store, oldest.tree_size, &head, error);
  if (status) return status;
  if (head.timestamp_s + engine->options.max_lifetime_s < mtc_clock_now_ms() / 1000) return MTC_OK;
  return mtc_fail(
      error, MTC_BUSY,
      "%llu landmarks are active, and the oldest (%llu) still covers valid certificates",
      (unsigned long long)max_active, (unsigned long long)oldest.number);
}

/* The next landmark: the published tree, valid as long as any certificate below it. */
static mtc_status next_landmark(struct mtc_engine *engine, struct mtc_landmark *out,
                                bool *out_is_new, struct mtc_error *error) {
  struct mtc_log_state state;
  struct mtc_landmark last = {0};
  size_t num = 0;
  int64_t max_not_after = 0;
  mtc_status status = mtc_store_state(engine->options.store, &state, error);
  if (!status) status = mtc_store_read_landmarks(engine->options.store, &last, 1, &num, error);
  if (!status) status = mtc_store_max_not_after(engine->options.store, &max_not_after, error);
  if (status) return status;
  if (state.published_size <= last.tree_size && engine->landmarks_unpublished) {
    /* The last one's publication failed: that is what is left to do. */
    *out = last;
    return MTC_OK;
  }
  if (state.published_size <= last.tree_size)
    return mtc_fail(error, MTC_BUSY, "the tree has not grown since landmark %llu (size %llu)",
                    (unsigned long long)last.number, (unsigned long long)last.tree_size);
  status = check_oldest_active(engine, last.number + 1, error);
  if (status) return status;
  *out_is_new = true;
  *out = (struct mtc_landmark){.number = last.number + 1, .tree_size = state.published_size};
  if (engine->options.wire->landmarks_have_expiry) {
    out->expiry_s = mtc_clock_now_ms() / 1000 + engine->options.max_lifetime_s;
    if (out->expiry_s < max_not_after) out->expiry_s = max_not_after;
    if (out->expiry_s < last.expiry_s) out->expiry_s = last.expiry_s;
  }
  return MTC_OK;
}

/* When the next one is due, counted from the last one's checkpoint: restarts do not put it off. */
mtc_status engine_schedule_landmark(struct mtc_engine *engine, struct mtc_error *error) {
  int64_t interval_ms = engine->options.landmark_interval_s * 1000, wait_ms = interval_ms;
  struct mtc_landmark last;
  struct mtc_head head;
  size_t num = 0;
  if (interval_ms <= 0) return MTC_OK;
  mtc_status status = mtc_store_read_landmarks(engine->options.store, &last, 1, &num, error);
  if (!status && num) {
    status = mtc_store_read_head(engine->options.store, last.tree_size, &head, error);
    if (status == MTC_INPUT) status = MTC_CORRUPT;
    if (status) return status;
    wait_ms = head.timestamp_s * 1000 + interval_ms - mtc_clock_now_ms();
    if (wait_ms < 1) wait_ms = 1;
    if (wait_ms > interval_ms) wait_ms = interval_ms;
  }
  engine->next_landmark_ms = mtc_clock_monotonic_ms() + wait_ms;
  return status;
}

int64_t mtc_engine_next_landmark(struct mtc_engine *engine) {
  int64_t next_ms = engine->next_landmark_ms;
  if (!next_ms) return 0;
  int64_t left_ms = next_ms - mtc_clock_monotonic_ms();
  return (mtc_clock_now_ms() + (left_ms > 0 ? left_ms : 0) + 999) / 1000;
}

mtc_status mtc_engine_allocate_landmark(struct mtc_engine *engine, struct mtc_landmark *out,
                                        struct mtc_error *error) {
  struct mtc_landmark landmark;
  bool is_new = false;
  pthread_mutex_lock(&engine->landmark_lock);
  mtc_status status = next_landmark(engine, &landmark, &is_new, error);
  if (!status && is_new) status = mtc_store_add_landmark(engine->options.store, &landmark, error);
  if (!status) {
    *out = landmark;
    status = engine_publish_landmarks(engine, error);
    engine->landmarks_unpublished = status != MTC_OK;
  }
  pthread_mutex_unlock(&engine->landmark_lock);
  if (!status)
    mtc_log(MTC_LOG_INFO, "landmark", "number=%llu tree_size=%llu expiry=%lld",
            (unsigned long long)landmark.number, (unsigned long long)landmark.tree_size,
            (long long)landmark.expiry_s);
  return status;
}
