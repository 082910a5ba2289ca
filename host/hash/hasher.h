/* What a hashing backend gives; hash.c is the front that checks jobs and keeps the counters. */
#ifndef MTC_HASH_HASHER_H
#define MTC_HASH_HASHER_H

#include <pthread.h>

#include "mtc/hash.h"

#define MTC_MAX_BATCH (1u << 20)

/*
 * A hasher: the front (mtc_hasher_run) validates the job and allocates `out`; `run` fills it.
 * A backend embeds this struct first and is released by `close`.
 */
struct mtc_hasher {
  mtc_status (*run)(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                    struct mtc_hash_result *out, struct mtc_error *error);
  void (*close)(struct mtc_hasher *hasher);
  pthread_mutex_t stats_lock;
  struct mtc_hash_stats stats; /* under stats_lock */
};

/*
 * mtc_hasher_init prepares the embedded part: functions, lock, zero counters.
 *
 * Errors:   NOMEM.
 */
mtc_status mtc_hasher_init(struct mtc_hasher *hasher,
                           mtc_status (*run)(struct mtc_hasher *, const struct mtc_hash_job *,
                                             struct mtc_hash_result *, struct mtc_error *),
                           void (*close)(struct mtc_hasher *)) MTC_MUST_CHECK;

/*
 * mtc_hash_on_cpu fills an allocated result in software.
 *
 * Requires: the job was validated; `out` is sized for it.
 */
void mtc_hash_on_cpu(const struct mtc_hash_job *job, struct mtc_hash_result *out);

/*
 * mtc_hash_interior fills levels 1.. of `out` from its leaf hashes and the frontier, and returns
 * how many nodes that were.
 */
size_t mtc_hash_interior(const struct mtc_frontier *frontier, struct mtc_hash_result *out);

#endif
