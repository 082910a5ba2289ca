/*
 * The engine: the life of a batch.
 *   COLLECT -> SEAL -> HASH -> STAGE -> SIGN -> COMMIT -> PUBLISH -> COSIGN -> CERTIFY
 */
#ifndef MTC_ENGINE_H
#define MTC_ENGINE_H

#include "mtc/publish.h"
#include "mtc/sign.h"

/* Everything the engine drives; borrowed, must outlive it. Strings are copied. */
struct mtc_engine_options {
  const struct mtc_wire *wire;
  struct mtc_tai ca_id;
  uint64_t log_number;
  struct mtc_span public_key; /* CA cosigner, DER SubjectPublicKeyInfo */
  struct mtc_store *store;
  struct mtc_hasher *hasher;
  struct mtc_signer *signer;
  const char *publish_folder;
  unsigned batch_max_entries;  /* 1..2^20; 0 means 4096 */
  unsigned batch_max_delay_ms; /* 0 means 100 */
  unsigned queue_max_entries;  /* entries waiting before MTC_BUSY, 1..2^20; 0 means 16384 */
  unsigned reservation_ttl_s;  /* 0 means 60 */
  int64_t landmark_interval_s; /* 0: only by mtc_engine_allocate_landmark */
  int64_t max_lifetime_s;      /* longest validity any profile gives */
};

/* The answer to one submission. */
struct mtc_receipt {
  mtc_status status; /* of the submission; the fields below only when MTC_OK */
  uint64_t log_number;
  uint64_t index;
  struct mtc_error error;
};

/*
 * Called once per accepted submission, from the engine's thread: it must not block and must not
 * call the engine.
 */
typedef void mtc_engine_done(void *context, const struct mtc_receipt *receipt);

/* One entry to be logged. Spans are copied. */
struct mtc_submission {
  struct mtc_span entry;          /* encoded MTCLogEntry of type tbs_cert_entry */
  struct mtc_span public_key;     /* SubjectPublicKeyInfo */
  const char *request_id;         /* idempotency key of 1..64 printable ASCII characters, or NULL */
  struct mtc_hash request_digest; /* what was asked (the CSR and profile), for the key's reuse */
  bool at_reserved;               /* fill the reserved index below instead of the next free one */
  uint64_t reserved_index;
};

enum mtc_engine_state {
  MTC_ENGINE_COLLECT,
  MTC_ENGINE_SEAL,
  MTC_ENGINE_HASH,
  MTC_ENGINE_STAGE,
  MTC_ENGINE_SIGN,
  MTC_ENGINE_COMMIT,
  MTC_ENGINE_PUBLISH,
  MTC_ENGINE_COSIGN,
  MTC_ENGINE_CERTIFY,
};

struct mtc_engine_stats {
  enum mtc_engine_state state;
  uint64_t tree_size;
  uint64_t num_batches;
  uint64_t num_entries;
  uint64_t num_null_entries;
  uint64_t num_waiting;
  uint64_t num_retries;
  int64_t last_batch_ms;
  uint64_t state_us[MTC_ENGINE_CERTIFY + 1]; /* spent in each state but COLLECT, in all batches */
  bool is_halted; /* nothing is accepted until an operator restarts it; last_error says why */
  char last_error[256];
};

struct mtc_engine;

/*
 * mtc_engine_open finishes what a crash left (a pending checkpoint is signed, committed and
 * published with the same bytes), then starts the engine's thread.
 *
 * Errors:   CORRUPT (stored tiles do not give the stored root, checkpoint signature wrong), IO,
 *           TOKEN, NOMEM.
 */
mtc_status mtc_engine_open(const struct mtc_engine_options *options, struct mtc_engine **out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_engine_submit queues an entry; `done` is called when its certificate can be assembled.
 *
 * Output:   on MTC_OK `done` will be called exactly once, also at close. An idempotency key seen
 *           before gives the same index again.
 * Errors:   BUSY (queue full), INPUT (entry, a public key that was revoked as compromised,
 *           idempotency key reused for another request or withdrawn, index not reserved, expired or
 *           used; log full), NOMEM, IO; `done` is not called.
 * Threads:  any.
 */
mtc_status mtc_engine_submit(struct mtc_engine *engine, const struct mtc_submission *submission,
                             mtc_engine_done *done, void *context,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_engine_withdraw gives up a request: one that is known (queued, in the batch or in the log) is
 * answered to `done` as its submission is; of one that is not, the idempotency key is refused from
 * now on, also after a restart. So whoever does not know whether a request arrived learns what
 * became of it, and nothing can become of it later.
 *
 * Requires: a well-formed key.
 * Output:   *out_is_known: `done` will be called exactly once.
 * Errors:   as mtc_engine_submit; IO; `done` is not called.
 * Threads:  any; durable when it returns, so it may block on disk.
 */
mtc_status mtc_engine_withdraw(struct mtc_engine *engine, const char *request_id,
                               mtc_engine_done *done, void *context, bool *out_is_known,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_engine_reserve reserves `count` (1..65536) consecutive indices after everything queued.
 *
 * Output:   the first index and the time they expire, POSIX seconds; one that stays unfilled
 *           becomes a null_entry.
 * Errors:   BUSY, INPUT, IO.
 */
mtc_status mtc_engine_reserve(struct mtc_engine *engine, uint64_t count, uint64_t *out_first,
                              int64_t *out_expires_s, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_engine_reserve_for does so for entries with this subject alone, a Name that is compared byte
 * by byte; an empty span is anybody's. An entry with another subject is refused (INPUT, with both),
 * and leaves the reservation as it was. Kept over restarts.
 *
 * Errors:   as mtc_engine_reserve; INPUT when it is no Name in DER or too long; BUSY when 16 MiB of
 *           subjects are kept.
 */
mtc_status mtc_engine_reserve_for(struct mtc_engine *engine, uint64_t count,
                                  struct mtc_span subject, uint64_t *out_first,
                                  int64_t *out_expires_s, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_engine_max_active_landmarks tells how many of the newest landmarks are active in wire
 * versions whose landmarks have no expiry: as many as are allocated while a certificate lives, and
 * one more; 169 (hourly ones for 7 days) where they are allocated by hand.
 *
 * Source:   merkle-tree-certs -05, "Allocating Landmarks"
 */
uint64_t mtc_engine_max_active_landmarks(const struct mtc_engine_options *options);

/*
 * mtc_engine_allocate_landmark makes the latest published checkpoint a landmark and publishes the
 * file.
 *
 * Errors:   BUSY when the tree has not grown since the last landmark, or when (without expiry) a
 *           landmark would cease to be active while certificates below it are valid; IO.
 */
mtc_status mtc_engine_allocate_landmark(struct mtc_engine *engine, struct mtc_landmark *out,
                                        struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_engine_next_landmark tells when the engine will allocate the next landmark by itself, if the
 * tree has grown by then.
 *
 * Output:   POSIX seconds, rounded up and never in the past; 0: it does not.
 * Threads:  any.
 */
int64_t mtc_engine_next_landmark(struct mtc_engine *engine);

/*
 * mtc_engine_certificate appends the DER certificate of `index`: standalone, or landmark-relative
 * with `landmark` set, from the store.
 *
 * Output:   *out_landmark is the landmark's number (0 for a standalone one); may be NULL.
 * Errors:   BUSY (not committed, or no landmark yet), INPUT (no such index, a null entry).
 * Threads:  any.
 */
mtc_status mtc_engine_certificate(struct mtc_engine *engine, uint64_t index, bool landmark,
                                  struct mtc_bytes *out, uint64_t *out_landmark,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_engine_stats copies the counters. Threads: any.
 */
void mtc_engine_stats(struct mtc_engine *engine, struct mtc_engine_stats *out);

/*
 * mtc_engine_stop finishes the batch that is past SEAL, answers BUSY to what still waits, and stops
 * the thread. The log can still be read; submissions get BUSY. NULL is ignored.
 */
void mtc_engine_stop(struct mtc_engine *engine);

/*
 * mtc_engine_close stops the engine, where that was not done yet, and frees it; NULL is ignored.
 */
void mtc_engine_close(struct mtc_engine *engine);

/* What mtc_log_check found; every problem is also logged. */
struct mtc_log_report {
  uint64_t tree_size;
  uint64_t num_null_entries;
  uint64_t num_problems;
  char first_problem[256];
};

/*
 * mtc_log_check recomputes the whole tree from the stored entries and compares it with the stored
 * and the published tiles, bundles, checkpoint and signatures, public key hashes, landmarks, and
 * looks for an index, idempotency key or tree size used twice.
 *
 * Requires: `store` may be read-only. publish_folder NULL: the published files are left out.
 * Errors:   IO, NOMEM; what it finds is in the report.
 */
mtc_status mtc_log_check(struct mtc_store *store, const struct mtc_engine_options *options,
                         struct mtc_log_report *out, struct mtc_error *error) MTC_MUST_CHECK;

#endif
