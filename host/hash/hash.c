#include <string.h>

#include "hash/hasher.h"
#include "mtc/runtime.h"

mtc_status mtc_hasher_init(struct mtc_hasher *hasher,
                           mtc_status (*run)(struct mtc_hasher *, const struct mtc_hash_job *,
                                             struct mtc_hash_result *, struct mtc_error *),
                           void (*close)(struct mtc_hasher *)) {
  memset(hasher, 0, sizeof *hasher);
  if (pthread_mutex_init(&hasher->stats_lock, NULL) != 0) return MTC_NOMEM;
  hasher->run = run;
  hasher->close = close;
  return MTC_OK;
}

mtc_status mtc_hasher_run(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                          struct mtc_hash_result *out, struct mtc_error *error) {
  memset(out, 0, sizeof *out);
  uint64_t start = job->frontier->tree_size;
  if (job->num_entries == 0 || job->num_entries > MTC_MAX_BATCH)
    return mtc_fail(error, MTC_INPUT, "a batch of %zu entries; 1 to %u are allowed",
                    job->num_entries, MTC_MAX_BATCH);
  for (size_t i = 0; i < job->num_entries; i++) {
    if (job->entries[i].len == 0 || job->entries[i].len > 65535)
      return mtc_fail(error, MTC_INPUT,
                      "entry %zu of the batch has %zu bytes; 1 to 65535 are allowed", i,
                      job->entries[i].len);
  }
  mtc_status status = mtc_hash_result_alloc(out, start, start + job->num_entries);
  if (status)
    return mtc_fail(error, status, "the hashes of entries %llu to %llu cannot be held",
                    (unsigned long long)start, (unsigned long long)(start + job->num_entries));
  status = hasher->run(hasher, job, out, error);
  if (status) {
    mtc_hash_result_free(out);
    return status;
  }
  pthread_mutex_lock(&hasher->stats_lock);
  hasher->stats.num_batches++;
  pthread_mutex_unlock(&hasher->stats_lock);
  return MTC_OK;
}

void mtc_hasher_stats(struct mtc_hasher *hasher, struct mtc_hash_stats *out) {
  pthread_mutex_lock(&hasher->stats_lock);
  *out = hasher->stats;
  pthread_mutex_unlock(&hasher->stats_lock);
}

void mtc_hasher_close(struct mtc_hasher *hasher) {
  if (!hasher) return;
  pthread_mutex_destroy(&hasher->stats_lock);
  hasher->close(hasher);
}
