/* What a hashing backend gives; hash.c is the front that checks jobs and keeps the counters. */
#ifndef MTC_HASH_HASHER_H
#define MTC_HASH_HASHER_H

#include <pthread.h>

#include "mtc/hash.h"

#define MTC_MAX_BATCH (1u << 20)

/* A batch on its way through a hasher: validated, its result allocated. */
struct mtc_hash_ticket {
  struct mtc_hash_job job;
  struct mtc_hash_result result;
  void *on_card; /* the card backend's part; NULL: the batch is the CPU's */
};

/* What a backend does. Members that may be NULL are those with a question mark. */
struct mtc_hasher_backend {
  void (*submit)(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket); /* ? */
  /* Fills ticket->result and releases ticket->on_card. */
  void (*wait)(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket);
  mtc_status (*readmit)(struct mtc_hasher *hasher, struct mtc_error *error); /* ? */
  void (*refresh)(struct mtc_hasher *hasher); /* ? reads counters into stats */
  void (*close)(struct mtc_hasher *hasher);
};

/*
 * A hasher: the front validates the job and allocates the result; the backend fills it. A backend
 * embeds this struct first.
 */
struct mtc_hasher {
  const struct mtc_hasher_backend *backend;
  pthread_mutex_t stats_lock;
  struct mtc_hash_stats stats; /* under stats_lock */
};

/*
 * mtc_hasher_init prepares the embedded part: backend, lock, zero counters.
 *
 * Errors:   NOMEM.
 */
mtc_status mtc_hasher_init(struct mtc_hasher *hasher,
                           const struct mtc_hasher_backend *backend) MTC_MUST_CHECK;

/*
 * mtc_hasher_run_on_cpu fills the ticket's result in software and counts it.
 */
void mtc_hasher_run_on_cpu(struct mtc_hasher *hasher, struct mtc_hash_ticket *ticket);

/*
 * mtc_hash_on_cpu fills an allocated result in software.
 *
 * Requires: the job was validated; `out` is sized for it.
 */
void mtc_hash_on_cpu(const struct mtc_hash_job *job, struct mtc_hash_result *out);

/*
 * mtc_hash_check_job checks what mtc_hasher_submit requires of a job.
 *
 * Errors:   INPUT.
 */
mtc_status mtc_hash_check_job(const struct mtc_hash_job *job,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_hash_interior fills levels first_level.. of `out` from the level below and the frontier, and
 * returns how many nodes that were.
 *
 * Requires: first_level is 1 or more.
 */
size_t mtc_hash_interior(const struct mtc_frontier *frontier, unsigned first_level,
                         struct mtc_hash_result *out);

/*
 * The parts of a large batch. A core that has the next part keeps as full with parts of 256 as
 * with the batch in one (docs/hardware.md); what counts is that the parts it has open outlast the
 * naps of the driver: four of 1,024 are 35,000 blocks, 140 microseconds at 250 MHz.
 */
#define MTC_PART_ENTRIES 1024u

/*
 * mtc_hasher_run_in_parts is mtc_hasher_run_large with another size of parts.
 *
 * Requires: part_entries is a power of 2.
 */
mtc_status mtc_hasher_run_in_parts(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                                   size_t part_entries, struct mtc_hash_result *out,
                                   struct mtc_error *error) MTC_MUST_CHECK;

#endif
