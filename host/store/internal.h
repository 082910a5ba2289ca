/* What the files of the store share. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <pthread.h>

#include "mtc/store.h"
#include "store/sqlite.h"

#define TILE_CACHE_SLOTS 64
#define BUNDLE_CACHE_SLOTS 2 /* certificates are read when they are new: at the log's end */

/* A tile that was read. Tiles only ever grow at their end, so a cached one never becomes wrong,
 * only too narrow. width 0 is an empty slot. */
struct mtc_cached_tile {
  unsigned level;
  uint64_t index;
  unsigned width;
  struct mtc_hash hashes[MTC_TILE_WIDTH];
  /* The nodes above, made when they are first asked for: below node k are 2k and 2k + 1, and those
   * from 256 on are the hashes. */
  struct mtc_hash nodes[MTC_TILE_WIDTH];
  bool has_node[MTC_TILE_WIDTH];
};

/* A bundle that entries were read from: those that are committed, and where each of them ends. */
struct mtc_cached_bundle {
  uint64_t index;
  unsigned width; /* 0 is an empty slot */
  struct mtc_bytes entries, public_keys;
  uint32_t entry_ends[MTC_TILE_WIDTH], key_ends[MTC_TILE_WIDTH];
};

struct mtc_store {
  sqlite3 *db;
  pthread_mutex_t mutex; /* recursive: a thread's transaction may hold others, for reading */
  unsigned depth;        /* of these transactions */
  const struct mtc_wire *wire;
  struct mtc_tai ca_id;
  uint64_t log_number;
  bool read_only;
  bool is_held;                       /* one read transaction for all that is read */
  char *path;                         /* of the database file, symbolic links resolved */
  int lock_fd;                        /* -1 when read_only */
  struct mtc_cached_tile *tile_cache; /* TILE_CACHE_SLOTS of them */
  struct mtc_cached_bundle bundle_cache[BUNDLE_CACHE_SLOTS];
};

enum mtc_store_access { MTC_STORE_READ, MTC_STORE_WRITE };

/*
 * mtc_store_begin takes the store's mutex and begins a transaction; mtc_store_end, which must
 * follow whatever mtc_store_begin returned, commits when `status` is MTC_OK, else rolls back, and
 * releases the mutex.
 *
 * Output:   mtc_store_end returns `status`, or why committing failed.
 * Errors:   INPUT (writing to a store opened for reading), IO.
 */
mtc_status mtc_store_begin(struct mtc_store *store, enum mtc_store_access access,
                           struct mtc_error *error) MTC_MUST_CHECK;
/* Commits or rolls back, and releases the mutex; see above. */
mtc_status mtc_store_end(struct mtc_store *store, mtc_status status,
                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_load_state reads the log's state inside a transaction and checks that its parts agree.
 */
mtc_status mtc_store_load_state(struct mtc_store *store, struct mtc_log_state *out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_store_load_size reads the committed tree size inside a transaction.
 */
mtc_status mtc_store_load_size(struct mtc_store *store, uint64_t *out_tree_size,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_schema_create makes the tables in an empty database; mtc_schema_upgrade brings an older
 * database forward (not when `read_only`) and checks that it has exactly the expected schema.
 *
 * Errors:   INPUT (not a store, a newer schema, an older one and read_only), CORRUPT, IO.
 */
mtc_status mtc_schema_create(sqlite3 *db, struct mtc_error *error) MTC_MUST_CHECK;
/* Migrates and checks; see above. */
mtc_status mtc_schema_upgrade(sqlite3 *db, bool read_only, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_tiles_write stores the nodes of a batch in tiles, inside a transaction.
 *
 * Errors:   CORRUPT when the tiles there do not end where the batch begins.
 */
mtc_status mtc_tiles_write(struct mtc_store *store, const struct mtc_hash_result *nodes,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_tiles_root computes the root of the tree of `tree_size` from tiles, inside a transaction and
 * past the cache: what is read may still be rolled back.
 */
mtc_status mtc_tiles_root(struct mtc_store *store, uint64_t tree_size, struct mtc_hash *out,
                          struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_bundles_write stores the entries and public keys of a batch, inside a transaction.
 *
 * Errors:   CORRUPT when the bundles there do not end where the batch begins.
 */
mtc_status mtc_bundles_write(struct mtc_store *store, const struct mtc_stage *stage,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_requests_insert stores the idempotency keys of a batch [start, end), inside a transaction.
 *
 * Errors:   INPUT for a malformed or used key, or an index outside the batch.
 */
mtc_status mtc_requests_insert(struct mtc_store *store, const struct mtc_request_row *requests,
                               size_t num_requests, struct mtc_subtree batch,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_keys_insert stores the SHA-256 of a revoked certificate's SubjectPublicKeyInfo, inside a
 * transaction; a row that is there stays as it is.
 */
mtc_status mtc_keys_insert(struct mtc_store *store, struct mtc_span serial,
                           const struct mtc_hash *key, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_revocation_read reads a row's serial, time_s and reason, its first columns.
 */
void mtc_revocation_read(struct mtc_query *query, struct mtc_revocation *out);

/*
 * mtc_reservations_clear removes the reservations below `tree_size`, inside a transaction.
 */
mtc_status mtc_reservations_clear(struct mtc_store *store, uint64_t tree_size,
                                  struct mtc_error *error) MTC_MUST_CHECK;

#endif
