#include <string.h>

#include "hash/hasher.h"
#include "mtc/runtime.h"

mtc_status mtc_hasher_init(struct mtc_hasher *hasher, const struct mtc_hasher_backend *backend) {
  memset(hasher, 0, sizeof *hasher);
  if (pthread_mutex_init(&hasher->stats_lock, NULL) != 0) return MTC_NOMEM;
  hasher->backend = backend;
  return MTC_OK;
}

mtc_status mtc_hash_check_job(const struct mtc_hash_job *job, struct mtc_error *error) {
  if (job->num_entries == 0 || job->num_entries > MTC_MAX_BATCH)
    return mtc_fail(error, MTC_INPUT, "a batch of %zu entries; 1 to %u are allowed",
                    job->num_entries, MTC_MAX_BATCH);
  for (size_t i = 0; i < job->num_entries; i++) {
    if (job->entries[i].len == 0 || job->entries[i].len > 65535)
      return mtc_fail(error, MTC_INPUT,
                      "entry %zu of the batch has %zu bytes; 1 to 65535 are allowed", i,
                      job->entries[i].len);
  }
  return MTC_OK;
}

mtc_status mtc_hasher_submit(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                             struct mtc_hash_ticket **out, struct mtc_error *error) {
  uint64_t start = job->frontier->tree_size;
  mtc_status status = mtc_hash_check_job(job, error);
  if (status) return status;
  struct mtc_hash_ticket *ticket = mtc_alloc(1, sizeof *ticket);
  status =
      ticket ? mtc_hash_result_alloc(&ticket->result, start, start + job->num_entries) : MTC_NOMEM;
  if (status) {
    mtc_free(ticket);
    return mtc_fail(error, status, "the hashes of entries %llu to %llu cannot be held",
                    (unsigned long long)start, (unsigned long long)(start + job->num_entries));
  }
  ticket->job = *job;
  if (hasher->backend->submit) hasher->backend->submit(hasher, ticket);
  *out = ticket;
  return MTC_OK;
}

void mtc_hasher_wait(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket,
                     struct mtc_hash_result *out) {
  hasher->backend->wait(hasher, ticket);
  *out = ticket->result;
  mtc_free(ticket);
  pthread_mutex_lock(&hasher->stats_lock);
  hasher->stats.num_batches++;
  pthread_mutex_unlock(&hasher->stats_lock);
}

mtc_status mtc_hasher_run(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                          struct mtc_hash_result *out, struct mtc_error *error) {
  struct mtc_hash_ticket *ticket = NULL;
  memset(out, 0, sizeof *out);
  mtc_status status = mtc_hasher_submit(hasher, job, &ticket, error);
  if (!status) mtc_hasher_wait(hasher, ticket, out);
  return status;
}

mtc_status mtc_hasher_readmit(struct mtc_hasher *hasher, struct mtc_error *error) {
  if (!hasher->backend->readmit) return mtc_fail(error, MTC_INPUT, "there is no card configured");
  return hasher->backend->readmit(hasher, error);
}

void mtc_hasher_stats(struct mtc_hasher *hasher, struct mtc_hash_stats *out) {
  if (hasher->backend->refresh) hasher->backend->refresh(hasher);
  pthread_mutex_lock(&hasher->stats_lock);
  *out = hasher->stats;
  pthread_mutex_unlock(&hasher->stats_lock);
}

void mtc_hasher_close(struct mtc_hasher *hasher) {
  if (!hasher) return;
  hasher->backend->close(hasher);
}
