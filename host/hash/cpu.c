/* The software backend: the oracle of the card's checks, and the default where there is no card. */
#include "hash/hasher.h"
#include "mtc/runtime.h"

void mtc_hash_on_cpu(const struct mtc_hash_job *job, struct mtc_hash_result *out) {
  for (size_t i = 0; i < job->num_entries; i++)
    mtc_hash_leaf(job->entries[i], &out->nodes[0][i]);
  mtc_hash_interior(job->frontier, 1, out);
}

void mtc_hasher_run_on_cpu(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket) {
  mtc_hash_on_cpu(&ticket->job, &ticket->result);
  pthread_mutex_lock(&hasher->stats_lock);
  hasher->stats.num_cpu_entries += ticket->job.num_entries;
  pthread_mutex_unlock(&hasher->stats_lock);
}

static void close_cpu(struct mtc_hasher *hasher) {
  (void)pthread_mutex_destroy(&hasher->stats_lock);
  mtc_free(hasher);
}

static const struct mtc_hasher_backend cpu_backend = {
    .wait = mtc_hasher_run_on_cpu,
    .close = close_cpu,
};

mtc_status mtc_hasher_open_cpu(struct mtc_hasher **out) {
  struct mtc_hasher *hasher = mtc_alloc(1, sizeof *hasher);
  if (!hasher) return MTC_NOMEM;
  mtc_status status = mtc_hasher_init(hasher, &cpu_backend);
  if (status) {
    mtc_free(hasher);
    return status;
  }
  *out = hasher;
  return MTC_OK;
}
