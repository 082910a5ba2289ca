/* Durable state of a CA's logs. SQLite now; the interface is what PostgreSQL will serve too. */
#ifndef MTC_STORE_H
#define MTC_STORE_H

#include "mtc/entry.h"
#include "mtc/hash.h"
#include "mtc/proof.h"

/* A tree head that is staged or committed. */
struct mtc_head {
  uint64_t tree_size;
  struct mtc_hash root;
  int64_t timestamp_s; /* what the checkpoint signature says; fixed when staged */
};

/* A signature on a checkpoint (start 0, its timestamp) or a subtree (timestamp 0). */
struct mtc_subtree_signature {
  struct mtc_subtree subtree;
  bool is_checkpoint;
  struct mtc_tai cosigner_id;
  struct mtc_bytes signature; /* owned by whoever holds the struct */
};

/* An idempotency key and the index it was given. */
struct mtc_request_row {
  char request_id[72]; /* zero-terminated, 1..64 printable ASCII characters */
  uint8_t digest[32];  /* SHA-256 of what was asked: the same key for another request is refused */
  uint64_t index;
  uint64_t log_number; /* whose index it is; given by mtc_store_find_request alone */
  bool is_withdrawn; /* it was withdrawn before it was used: there is no index and never will be */
};

/* One batch, written whole by mtc_store_stage. */
struct mtc_stage {
  uint64_t old_size;
  struct mtc_head head;                /* the new pending checkpoint */
  const struct mtc_span *entries;      /* head.tree_size - old_size of them */
  const struct mtc_span *public_keys;  /* likewise; empty span for a null entry */
  const struct mtc_hash_result *nodes; /* start = old_size, end = head.tree_size */
  const struct mtc_request_row *requests;
  size_t num_requests;
};

/* What the store knows of a log. */
struct mtc_log_state {
  struct mtc_head head; /* committed */
  bool has_pending;
  struct mtc_head pending; /* staged, not committed */
  uint64_t published_size; /* tree size whose publication completed */
  uint64_t next_reserved;  /* lowest unfilled reserved index at or above head; UINT64_MAX: none */
};

struct mtc_store;

/*
 * mtc_store_create makes the database of a new CA and its log.
 *
 * Errors:   INPUT when `path` exists; IO.
 */
mtc_status mtc_store_create(const char *path, const struct mtc_wire *wire,
                            const struct mtc_tai *ca_id, uint64_t log_number,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_open opens the database, migrates its schema forward, takes the exclusive owner lock
 * unless `read_only`, and checks that it is this CA's log.
 *
 * Owner:    close with mtc_store_close.
 * Errors:   INPUT (another CA, version or log; newer schema), BUSY (owned by another process),
 *           CORRUPT, IO.
 * Threads:  every call below is serialised inside.
 */
mtc_status mtc_store_open(const char *path, const struct mtc_wire *wire,
                          const struct mtc_tai *ca_id, uint64_t log_number, bool read_only,
                          struct mtc_store **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_close releases the store and its lock; NULL is ignored.
 */
void mtc_store_close(struct mtc_store *store);

/*
 * mtc_store_hold makes every read from now on see the store as it is now, whatever others write,
 * until mtc_store_let_go. For whoever compares many rows; nothing can be written meanwhile.
 *
 * Errors:   as mtc_store_state, which it reads; held all the same after CORRUPT.
 * Threads:  no other use of this store while it is held.
 */
mtc_status mtc_store_hold(struct mtc_store *store, struct mtc_error *error) MTC_MUST_CHECK;
/* Ends mtc_store_hold; does nothing where nothing is held. */
void mtc_store_let_go(struct mtc_store *store);

/*
 * mtc_store_begin_reading makes what this thread reads until mtc_store_end_reading one transaction:
 * of one state of the store, and cheaper. Nothing may be written in between.
 *
 * Output:   mtc_store_end_reading returns `status`, or why the transaction did not end well.
 * Errors:   IO (then there is nothing to end).
 * Threads:  all others wait.
 */
mtc_status mtc_store_begin_reading(struct mtc_store *store, struct mtc_error *error) MTC_MUST_CHECK;
/* Ends it; see above. */
mtc_status mtc_store_end_reading(struct mtc_store *store, mtc_status status,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_state reads heads, publication and reservations.
 */
mtc_status mtc_store_state(struct mtc_store *store, struct mtc_log_state *out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_stage writes a batch and its pending checkpoint in one durable transaction.
 *
 * Errors:   INPUT when old_size is not the committed size; BUSY when a pending checkpoint exists
 *           (it is never replaced); IO: nothing was written.
 */
mtc_status mtc_store_stage(struct mtc_store *store, const struct mtc_stage *stage,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_commit keeps the signatures and moves the head to the pending checkpoint, if the
 * committed head is still `old_size` (compare-and-swap), in one durable transaction.
 *
 * Errors:   FATAL when the head moved or the pending checkpoint is another one; IO.
 */
mtc_status mtc_store_commit(struct mtc_store *store, uint64_t old_size, const struct mtc_head *head,
                            const struct mtc_subtree_signature *signatures, size_t num_signatures,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_set_published records that everything up to `tree_size` is published; never lowers it.
 */
mtc_status mtc_store_set_published(struct mtc_store *store, uint64_t tree_size,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_tile_source gives a reader of tiles (staged ones included) for a tree of `tree_size`.
 *
 * Owner:    the source borrows the store.
 */
struct mtc_tile_source mtc_store_tile_source(struct mtc_store *store, uint64_t tree_size);

/*
 * mtc_store_read_entry appends the encoded entry `index` and, where wanted, its public key.
 *
 * Errors:   INPUT when the log does not reach that far; CORRUPT; IO.
 */
mtc_status mtc_store_read_entry(struct mtc_store *store, uint64_t index,
                                struct mtc_bytes *out_entry, struct mtc_bytes *out_public_key,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_bundle appends the entry bundle (u16 length-prefixed entries) of 256-entry bundle
 * `bundle_index`, its first `width` entries.
 */
mtc_status mtc_store_read_bundle(struct mtc_store *store, uint64_t bundle_index, unsigned width,
                                 struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_find_subtree finds the signed covering subtree (timestamp 0) that contains `index`.
 *
 * Errors:   BUSY when the entry is not committed yet.
 */
mtc_status mtc_store_find_subtree(struct mtc_store *store, uint64_t index, struct mtc_subtree *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_signatures reads the signatures on a subtree (or the checkpoint of that size).
 *
 * Output:   at most `max` rows; free each row's signature.
 */
mtc_status mtc_store_read_signatures(struct mtc_store *store, struct mtc_subtree subtree,
                                     bool is_checkpoint, struct mtc_subtree_signature *out,
                                     size_t max, size_t *out_num,
                                     struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_head reads the committed checkpoint of exactly `tree_size`.
 *
 * Errors:   INPUT when there is none.
 */
mtc_status mtc_store_read_head(struct mtc_store *store, uint64_t tree_size, struct mtc_head *out,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_find_request looks an idempotency key up, of a request of any log of the database.
 *
 * Output:   *out_found, also of one that was withdrawn; `out` filled when found.
 */
mtc_status mtc_store_find_request(struct mtc_store *store, const char *request_id, bool *out_found,
                                  struct mtc_request_row *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_withdraw_request makes an idempotency key that nobody used unusable for good, of the
 * log's requests or (`is_direct`) of directly signing instances', in one durable transaction.
 *
 * Output:   *out_is_used: it was used, and stays as it is. Withdrawn before: false.
 * Errors:   INPUT (malformed), IO.
 */
mtc_status mtc_store_withdraw_request(struct mtc_store *store, bool is_direct,
                                      const char *request_id, bool *out_is_used,
                                      struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_add_landmark appends a landmark; the store refuses one that breaks the sequence.
 *
 * Errors:   INPUT (number, size not above the last and within the head, expiry decreasing); IO.
 */
mtc_status mtc_store_add_landmark(struct mtc_store *store, const struct mtc_landmark *landmark,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_landmarks reads up to `max` landmarks, newest first; landmark 0 is not a row.
 */
mtc_status mtc_store_read_landmarks(struct mtc_store *store, struct mtc_landmark *out, size_t max,
                                    size_t *out_num, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_find_landmark finds the lowest landmark whose tree size exceeds `index`, and the tree
 * size of the landmark before it.
 *
 * Errors:   BUSY when none has been allocated yet.
 */
mtc_status mtc_store_find_landmark(struct mtc_store *store, uint64_t index,
                                   struct mtc_landmark *out, uint64_t *out_previous_size,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_max_not_after gives the latest notAfter of any committed or staged entry; 0: none.
 */
mtc_status mtc_store_max_not_after(struct mtc_store *store, int64_t *out_not_after,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/* A reserved index: `index` may be used until `expires_s`. */
struct mtc_reservation {
  uint64_t index;
  int64_t expires_s;
  uint64_t subject_start; /* whose: see mtc_store_read_subject; UINT64_MAX: anybody's */
};

/*
 * mtc_store_reserve reserves `count` consecutive indices from `first` on.
 *
 * Errors:   INPUT when one of them is below the (pending) head or already reserved.
 */
mtc_status mtc_store_reserve(struct mtc_store *store, uint64_t first, uint64_t count,
                             int64_t expires_s, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_reserve_for does so for a subject alone, a Name; an empty span is anybody.
 *
 * Errors:   as mtc_store_reserve; INPUT when the subject is longer than MTC_MAX_SUBJECT_LEN.
 */
mtc_status mtc_store_reserve_for(struct mtc_store *store, uint64_t first, uint64_t count,
                                 int64_t expires_s, struct mtc_span subject,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_subject appends the subject of the reservations that have this subject_start.
 *
 * Errors:   CORRUPT when there is none.
 */
mtc_status mtc_store_read_subject(struct mtc_store *store, uint64_t subject_start,
                                  struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_reservations reads up to `max` reservations at or above the committed size, lowest
 * first. A staged batch removes those that it fills.
 */
mtc_status mtc_store_read_reservations(struct mtc_store *store, struct mtc_reservation *out,
                                       size_t max, size_t *out_num,
                                       struct mtc_error *error) MTC_MUST_CHECK;

/* A certificate that a CA instance signs itself. */
struct mtc_direct_row {
  uint8_t serial[MTC_DIRECT_SERIAL_LEN];
  char profile[72];
  char request_id[72];          /* empty: none */
  uint8_t digest[32];           /* SHA-256 of what was asked */
  struct mtc_bytes issuer;      /* DER CA certificate of the instance */
  struct mtc_bytes tbs;         /* DER TBSCertificate */
  struct mtc_bytes certificate; /* DER; empty: not signed yet */
};

/*
 * mtc_direct_row_free releases what a row holds and leaves it zeroed.
 */
void mtc_direct_row_free(struct mtc_direct_row *row);

/*
 * mtc_store_add_direct stores a certificate that is about to be signed, in one durable transaction.
 *
 * Errors:   INPUT when the serial number or the request ID is there already, the request ID was
 *           withdrawn, or something is malformed; IO.
 */
mtc_status mtc_store_add_direct(struct mtc_store *store, const struct mtc_direct_row *row,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_sign_direct keeps the signed certificate of a stored row, in one durable transaction.
 *
 * Output:   `out_kept` replaced by the certificate that is kept: this one, or the one that was
 * there first. Only that one may be handed out. Errors:   INPUT (no such serial number), IO.
 */
mtc_status mtc_store_sign_direct(struct mtc_store *store,
                                 const uint8_t serial[MTC_DIRECT_SERIAL_LEN],
                                 struct mtc_span certificate, struct mtc_bytes *out_kept,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_find_direct finds a directly signed certificate by its serial number (of any length),
 * mtc_store_find_direct_request by the client's request ID.
 *
 * Output:   *out_found; the zeroed `out` filled when found, to be freed in any case.
 */
mtc_status mtc_store_find_direct(struct mtc_store *store, struct mtc_span serial, bool *out_found,
                                 struct mtc_direct_row *out,
                                 struct mtc_error *error) MTC_MUST_CHECK;
/* Finds by request ID; see above. */
mtc_status mtc_store_find_direct_request(struct mtc_store *store, const char *request_id,
                                         bool *out_found, struct mtc_direct_row *out,
                                         struct mtc_error *error) MTC_MUST_CHECK;

struct mtc_revocation {
  uint8_t serial[20];
  uint8_t serial_len;
  int64_t time_s;
  uint8_t reason; /* RFC 5280, CRLReason */
};

/*
 * mtc_store_revoke stores a revocation, in one durable transaction; one that is there stays as it
 * is. `compromised_key`, unless it is NULL, is the SHA-256 of the certificate's
 * SubjectPublicKeyInfo, which mtc_store_check_key refuses from now on, whatever reason is kept.
 *
 * Output:   `out` is the one that is kept.
 * Errors:   INPUT (serial number of 0 or over 20 bytes, reason above 10), IO.
 */
mtc_status mtc_store_revoke(struct mtc_store *store, const struct mtc_revocation *revocation,
                            const struct mtc_hash *compromised_key, struct mtc_revocation *out,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_check_key refuses a key that was revoked as compromised.
 *
 * Requires: the SHA-256 of a SubjectPublicKeyInfo.
 * Errors:   INPUT (it was, with the hash), IO, CORRUPT.
 */
mtc_status mtc_store_check_key(struct mtc_store *store, const struct mtc_hash *key,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_next_unkeyed finds the first revocation for keyCompromise from number `first` on whose
 * key is not refused: one that a program before schema version 4 made. mtc_store_revoke with the
 * key mends it.
 *
 * Output:   *out_found; `out` and its number when found.
 */
mtc_status mtc_store_next_unkeyed(struct mtc_store *store, uint64_t first,
                                  struct mtc_revocation *out, uint64_t *out_number, bool *out_found,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_revocations reads up to `max` revocations from number `first` (0: the oldest) on,
 * in the order in which they were made.
 */
mtc_status mtc_store_read_revocations(struct mtc_store *store, uint64_t first,
                                      struct mtc_revocation *out, size_t max, size_t *out_num,
                                      struct mtc_error *error) MTC_MUST_CHECK;

/*
 * The calls below are for whoever examines a log (mtc_log_check); they read rows in key order, so
 * that a log of any size is walked with little memory.
 */

/*
 * mtc_store_check_file runs SQLite's own check of the database file: pages, indexes, keys used
 * twice; and the schema's CHECKs, which SQLite does not know of a file opened for reading.
 *
 * Output:   a line appended to `out_problems` for each of at most 100 problems.
 */
mtc_status mtc_store_check_file(struct mtc_store *store, struct mtc_bytes *out_problems,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_heads reads up to `max` committed checkpoints of at least `from_size`, smallest
 * first; the empty tree's is one of them.
 */
mtc_status mtc_store_read_heads(struct mtc_store *store, uint64_t from_size, struct mtc_head *out,
                                size_t max, size_t *out_num,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_public_keys appends the public keys of bundle `bundle_index`, its first `width`,
 * each behind a 16-bit length; a null entry's is empty.
 */
mtc_status mtc_store_read_public_keys(struct mtc_store *store, uint64_t bundle_index,
                                      unsigned width, struct mtc_bytes *out,
                                      struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_next_signature reads the signature after `after` (NULL: the first); subtrees come
 * before checkpoints, each by end, start and cosigner.
 *
 * Output:   *out_found; `out` filled when found, its signature freed by the caller. `after` may be
 *           `out`; only its key is used.
 */
mtc_status mtc_store_next_signature(struct mtc_store *store,
                                    const struct mtc_subtree_signature *after, bool *out_found,
                                    struct mtc_subtree_signature *out,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_read_requests reads up to `max` idempotency keys that sort after `after` (bytewise;
 * empty: from the first), staged ones included.
 */
mtc_status mtc_store_read_requests(struct mtc_store *store, const char *after,
                                   struct mtc_request_row *out, size_t max, size_t *out_num,
                                   struct mtc_error *error) MTC_MUST_CHECK;

#endif
