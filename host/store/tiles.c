/* Tiles: the row of tile level L holds hashes of tree level 8 * L. */
#include <string.h>

#include "mtc/runtime.h"
#include "store/internal.h"

/* Reads the whole row; *out_width is 0 when there is none. */
static mtc_status load_row(struct mtc_store *store, unsigned level, uint64_t index,
                           struct mtc_hash out_hashes[MTC_TILE_WIDTH], unsigned *out_width,
                           struct mtc_error *error) {
  struct mtc_query query;
  *out_width = 0;
  mtc_query_open(&query, store->db,
                 "SELECT width, bytes FROM tiles WHERE log_number = ? AND level = ?"
                 " AND tile_index = ?",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, level);
  mtc_query_bind_uint(&query, 3, index);
  if (mtc_query_next(&query)) {
    uint64_t width = mtc_query_uint(&query, 0);
    struct mtc_span bytes =
        mtc_query_blob(&query, 1, MTC_HASH_LEN, (size_t)MTC_TILE_WIDTH * MTC_HASH_LEN);
    if (width == 0 || width > MTC_TILE_WIDTH || bytes.len != width * MTC_HASH_LEN) {
      mtc_query_corrupt(&query, "tile %u/%llu: %zu bytes do not fit its width %llu", level,
                        (unsigned long long)index, bytes.len, (unsigned long long)width);
    } else {
      memcpy(out_hashes, bytes.data, bytes.len);
      *out_width = (unsigned)width;
    }
  }
  return mtc_query_close(&query);
}

/* The tile is missing or too narrow: did the caller ask too much, or is the file damaged? */
static mtc_status fail_narrow(struct mtc_store *store, const struct mtc_tile *tile, unsigned width,
                              struct mtc_error *error) {
  struct mtc_query query;
  uint64_t tree_size = 0;
  mtc_query_open(&query, store->db,
                 "SELECT ifnull(max(tree_size), 0) FROM checkpoints WHERE log_number = ?", error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  if (mtc_query_next(&query)) tree_size = mtc_query_uint(&query, 0);
  mtc_status status = mtc_query_close(&query);
  if (status) return status;
  bool exists = mtc_tile_width(tile->level, tile->index, tree_size) >= tile->width;
  return mtc_fail(error, exists ? MTC_CORRUPT : MTC_INPUT,
                  "tile %u/%llu has %u hashes, not %u, in a log of %llu entries", tile->level,
                  (unsigned long long)tile->index, width, tile->width,
                  (unsigned long long)tree_size);
}

static mtc_status load_tile(struct mtc_store *store, const struct mtc_tile *tile,
                            struct mtc_hash hashes[MTC_TILE_WIDTH], unsigned *out_width,
                            struct mtc_error *error) {
  mtc_status status = load_row(store, tile->level, tile->index, hashes, out_width, error);
  if (!status && *out_width < tile->width) status = fail_narrow(store, tile, *out_width, error);
  return status;
}

/* The tile's place in the cache, with at least the tile's width. */
static mtc_status load_cached(struct mtc_store *store, const struct mtc_tile *tile,
                              struct mtc_cached_tile **out, struct mtc_error *error) {
  /* Neighbours, and the same index on several levels, go to different slots. */
  struct mtc_cached_tile *slot =
      &store->tile_cache[(tile->index + tile->level * UINT64_C(9)) % TILE_CACHE_SLOTS];
  if (slot->level != tile->level || slot->index != tile->index || slot->width < tile->width) {
    slot->width = 0;
    memset(slot->has_node, 0, sizeof slot->has_node);
    unsigned width;
    mtc_status status = load_tile(store, tile, slot->hashes, &width, error);
    if (status) return status;
    slot->level = tile->level;
    slot->index = tile->index;
    slot->width = width;
  }
  *out = slot;
  return MTC_OK;
}

/* Requires: the tile is wide enough for the node to be complete. */
static const struct mtc_hash *cached_node(struct mtc_cached_tile *slot, unsigned number) {
  if (number >= MTC_TILE_WIDTH) return &slot->hashes[number - MTC_TILE_WIDTH];
  if (!slot->has_node[number]) {
    const struct mtc_hash *left = cached_node(slot, 2 * number);
    mtc_hash_node(left, cached_node(slot, 2 * number + 1), &slot->nodes[number]);
    slot->has_node[number] = true;
  }
  return &slot->nodes[number];
}

/* mtc_tile_source has no place for a text, so it goes to the log. */
static mtc_status log_failure(mtc_status status, const struct mtc_error *error) {
  if (status) mtc_log(MTC_LOG_ERROR, "store.tile", "message=\"%s\"", error->text);
  return status;
}

static mtc_status read_tile(void *context, const struct mtc_tile *tile,
                            struct mtc_hash *out_hashes) {
  struct mtc_store *store = context;
  struct mtc_cached_tile *slot;
  struct mtc_error error = {0};
  if (tile->width > MTC_TILE_WIDTH) return MTC_INPUT;
  (void)pthread_mutex_lock(&store->mutex); /* a single SELECT needs no transaction */
  mtc_status status = load_cached(store, tile, &slot, &error);
  if (!status) memcpy(out_hashes, slot->hashes, tile->width * sizeof *out_hashes);
  (void)pthread_mutex_unlock(&store->mutex);
  return log_failure(status, &error);
}

/* Proofs of neighbours share most of their nodes: each is made once for as long as its tile is
 * kept. */
static mtc_status read_node(void *context, const struct mtc_tile *tile, unsigned height,
                            unsigned offset, struct mtc_hash *out) {
  struct mtc_store *store = context;
  struct mtc_cached_tile *slot;
  struct mtc_error error = {0};
  if (tile->width > MTC_TILE_WIDTH || height > MTC_TILE_HEIGHT ||
      ((uint64_t)offset + 1) << height > tile->width)
    return MTC_INPUT;
  (void)pthread_mutex_lock(&store->mutex);
  mtc_status status = load_cached(store, tile, &slot, &error);
  if (!status) *out = *cached_node(slot, (MTC_TILE_WIDTH >> height) + offset);
  (void)pthread_mutex_unlock(&store->mutex);
  return log_failure(status, &error);
}

struct mtc_tile_source mtc_store_tile_source(struct mtc_store *store, uint64_t tree_size) {
  return (struct mtc_tile_source){
      .read_tile = read_tile, .read_node = read_node, .context = store, .tree_size = tree_size};
}

/* Reads a tile inside the caller's transaction, past the cache. */
static mtc_status read_tile_inside(void *context, const struct mtc_tile *tile,
                                   struct mtc_hash *out_hashes) {
  struct mtc_hash hashes[MTC_TILE_WIDTH];
  struct mtc_error error = {0};
  unsigned width;
  mtc_status status = load_tile(context, tile, hashes, &width, &error);
  if (!status) memcpy(out_hashes, hashes, tile->width * sizeof *hashes);
  return log_failure(status, &error);
}

mtc_status mtc_tiles_root(struct mtc_store *store, uint64_t tree_size, struct mtc_hash *out,
                          struct mtc_error *error) {
  struct mtc_tile_source tiles = {
      .read_tile = read_tile_inside, .context = store, .tree_size = tree_size};
  struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
  mtc_status status = mtc_tree_hash(&nodes, (struct mtc_subtree){0, tree_size}, out);
  if (!status) return MTC_OK;
  return mtc_fail(error, status == MTC_INPUT ? MTC_CORRUPT : status,
                  "the tiles of tree size %llu cannot be read", (unsigned long long)tree_size);
}

/* Writes one row, new or grown. */
static void write_row(struct mtc_query *query, struct mtc_store *store, unsigned level,
                      uint64_t index, const struct mtc_hash *hashes, unsigned width) {
  mtc_query_bind_uint(query, 1, store->log_number);
  mtc_query_bind_uint(query, 2, level);
  mtc_query_bind_uint(query, 3, index);
  mtc_query_bind_uint(query, 4, width);
  mtc_query_bind_blob(query, 5, mtc_span_of(hashes, width * sizeof *hashes));
  (void)mtc_query_run(query);
}

static mtc_status write_level(struct mtc_store *store, unsigned level, uint64_t first,
                              const struct mtc_hash *nodes, size_t num_nodes,
                              struct mtc_error *error) {
  struct mtc_query query;
  mtc_status status = MTC_OK;
  mtc_query_open(&query, store->db,
                 "INSERT INTO tiles(log_number, level, tile_index, width, bytes)"
                 " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(log_number, level, tile_index)"
                 " DO UPDATE SET width = excluded.width, bytes = excluded.bytes",
                 error);
  while (num_nodes && !query.status && !status) {
    uint64_t index = first / MTC_TILE_WIDTH;
    unsigned offset = (unsigned)(first % MTC_TILE_WIDTH), width;
    unsigned count = MTC_TILE_WIDTH - offset;
    if (count > num_nodes) count = (unsigned)num_nodes;
    struct mtc_hash hashes[MTC_TILE_WIDTH];
    status = load_row(store, level, index, hashes, &width, error);
    if (!status && width != offset) {
      status = mtc_fail(error, MTC_CORRUPT, "tile %u/%llu has %u hashes, not %u", level,
                        (unsigned long long)index, width, offset);
    }
    if (status) break;
    memcpy(hashes + offset, nodes, count * sizeof *nodes);
    write_row(&query, store, level, index, hashes, offset + count);
    first += count;
    nodes += count;
    num_nodes -= count;
  }
  mtc_status closed = mtc_query_close(&query);
  return status ? status : closed;
}

mtc_status mtc_tiles_write(struct mtc_store *store, const struct mtc_hash_result *nodes,
                           struct mtc_error *error) {
  mtc_status status = MTC_OK;
  for (unsigned height = 0; height < MTC_LEVELS && !status; height += MTC_TILE_HEIGHT) {
    status = write_level(store, height / MTC_TILE_HEIGHT, nodes->first[height],
                         nodes->nodes[height], nodes->num_nodes[height], error);
  }
  return status;
}
