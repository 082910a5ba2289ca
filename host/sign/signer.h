/* The signer's parts, shared by signer.c (requests), source.c (one token), worker.c (one process)
 * and keeper.c. */
#ifndef MTC_SIGN_SIGNER_H
#define MTC_SIGN_SIGNER_H

#include <pthread.h>

#include "mtc/digest.h"
#include "sign/process.h"

#define SIGNER_CLOSE_GRACE_MS \
  2000 /* in which a process that is no longer asked may end by itself */

/* A signer process; whoever has set `busy` owns the rest. */
struct signer_worker {
  bool busy;
  bool runs; /* as its owner left it */
  bool was_started;
  bool has_worked; /* this process has answered something */
  struct mtc_signer_process process;
  struct mtc_bytes buffer;
};

/* One copy of the key. Below the line everything is under the signer's lock. */
struct signer_source {
  char *key, *module, *module_args, *pin_source;
  unsigned long sign_mechanism;
  struct mtc_hash identity; /* in the latch file */

  struct signer_worker workers[MTC_SIGNER_MAX_PROCESSES];
  bool was_opened;                /* its options were good once */
  unsigned num_failures_in_a_row; /* of processes and requests */
  int64_t not_before_ms;          /* no new process before this */
  int64_t tested_ms;              /* when it last did something right */
  struct mtc_signer_source_stats stats;
};

struct mtc_signer {
  char *program, *latch;
  struct mtc_bytes public_key;
  enum mtc_algorithm algorithm;
  enum mtc_signer_confinement confinement;
  unsigned timeout_ms, num_processes, num_sources;

  pthread_mutex_t lock;
  pthread_cond_t changed; /* a worker is idle, or the keeper has something to do */
  bool stopping, keeper_runs;
  pthread_t keeper;
  uint64_t num_failovers;
  char last_error[256];
  struct signer_source sources[MTC_SIGNER_MAX_SOURCES];
};

/*
 * source_init copies what names a key; source_free ends its processes and releases it.
 *
 * Errors:   INPUT, NOMEM; source_free is needed all the same.
 */
mtc_status source_init(struct signer_source *source, const struct mtc_signer_source *options,
                       enum mtc_algorithm algorithm, struct mtc_error *error) MTC_MUST_CHECK;
void source_free(struct signer_source *source);

/*
 * worker_request has a process that is the caller's answer a request, and starts one where none
 * runs; for OPEN that is all. Errors as source_request.
 */
mtc_status worker_request(struct mtc_signer *signer, struct signer_source *source,
                          struct signer_worker *worker, enum mtc_signer_request type,
                          struct mtc_span payload, struct mtc_bytes *out,
                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * source_request has an idle process of the source answer a request; where none runs, one is
 * started. A process that dies before it has answered is replaced once, within the same deadline.
 *
 * Requires: not under the lock; it waits for a process to become idle.
 * Output:   `out` is appended the reply's payload; of SIGN a signature that verifies.
 * Errors:   TOKEN, INPUT, NOMEM; noted in the source's counters, and its next process waits.
 */
mtc_status source_request(struct mtc_signer *signer, struct signer_source *source,
                          enum mtc_signer_request request, struct mtc_span payload,
                          struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * source_test signs a text that is no cosigned message, to see whether the source works.
 */
mtc_status source_test(struct mtc_signer *signer, struct signer_source *source,
                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * keeper_start starts the thread that tries sources which are down, and the standby ones now and
 * then; keeper_stop ends it.
 *
 * Errors:   NOMEM.
 */
mtc_status keeper_start(struct mtc_signer *signer, struct mtc_error *error) MTC_MUST_CHECK;
void keeper_stop(struct mtc_signer *signer);

#endif
