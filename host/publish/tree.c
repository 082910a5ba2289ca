/* Tiles and entry bundles. */
#include <limits.h>

#include "mtc/publish.h"
#include "publish/file.h"

/* What one run writes: the growth from `old_size` to `tree_size`. */
struct growth {
  struct mtc_store *store;
  const char *folder; /* of the log */
  struct mtc_publish_folders *folders;
  uint64_t old_size;
  uint64_t tree_size;
  struct mtc_error *error;
};

static mtc_status publish_tile(const struct growth *growth, const struct mtc_tile *tile) {
  struct mtc_tile_source source = mtc_store_tile_source(growth->store, growth->tree_size);
  struct mtc_hash hashes[MTC_TILE_WIDTH];
  char name[64];
  mtc_tile_path(tile, false, name);
  mtc_status status = source.read_tile(source.context, tile, hashes);
  if (status) return mtc_fail(growth->error, status, "cannot read %s from the store", name);
  return mtc_publish_once(growth->folders, growth->folder, name,
                          mtc_span_of(hashes, tile->width * sizeof *hashes), growth->error);
}

static mtc_status publish_bundle(const struct growth *growth, const struct mtc_tile *tile) {
  struct mtc_bytes bundle = {0};
  char name[64];
  mtc_tile_path(tile, true, name);
  mtc_status status =
      mtc_store_read_bundle(growth->store, tile->index, tile->width, &bundle, growth->error);
  if (!status) {
    status = mtc_publish_once(growth->folders, growth->folder, name, mtc_span_of_bytes(&bundle),
                              growth->error);
  }
  mtc_bytes_free(&bundle);
  return status;
}

typedef mtc_status publish_one(const struct growth *growth, const struct mtc_tile *tile);

/* Publishes the tiles of `level` that the growth filled. */
static mtc_status publish_full(const struct growth *growth, unsigned level, publish_one *publish) {
  unsigned height = MTC_TILE_HEIGHT * (level + 1);
  struct mtc_tile tile = {.level = level, .width = MTC_TILE_WIDTH};
  uint64_t end = growth->tree_size >> height;
  for (tile.index = growth->old_size >> height; tile.index < end; tile.index++) {
    mtc_status status = publish(growth, &tile);
    if (status) return status;
  }
  return MTC_OK;
}

/* Publishes the partial tile at the right edge of `level`, where there is one. */
static mtc_status publish_partial(const struct growth *growth, unsigned level,
                                  publish_one *publish) {
  struct mtc_tile tile = {.level = level};
  tile.index = growth->tree_size >> (MTC_TILE_HEIGHT * (level + 1));
  tile.width = mtc_tile_width(level, tile.index, growth->tree_size);
  return tile.width ? publish(growth, &tile) : MTC_OK;
}

/* A tree below 2^48 entries has tiles on levels 0 to 5. */
#define NUM_LEVELS 6u

mtc_status mtc_publish_tree(struct mtc_store *store, const char *folder, uint64_t log_number,
                            uint64_t old_size, const struct mtc_head *head,
                            struct mtc_error *error) {
  char log_folder[PATH_MAX];
  if (old_size > head->tree_size || head->tree_size > MTC_MAX_INDEX + 1) {
    return mtc_fail(error, MTC_INPUT, "cannot publish from tree size %llu to %llu",
                    (unsigned long long)old_size, (unsigned long long)head->tree_size);
  }
  struct mtc_head committed;
  mtc_status status = mtc_store_read_head(store, head->tree_size, &committed, error);
  if (!status && !mtc_hash_equal(&committed.root, &head->root)) {
    status = mtc_fail(error, MTC_INPUT, "tree size %llu is committed with another root",
                      (unsigned long long)head->tree_size);
  }
  if (!status) status = mtc_publish_folder(folder, log_number, log_folder, error);
  struct mtc_publish_folders folders = {0};
  const struct growth growth = {store, log_folder, &folders, old_size, head->tree_size, error};
  for (unsigned level = 0; level < NUM_LEVELS && !status; level++)
    status = publish_full(&growth, level, publish_tile);
  for (unsigned level = 0; level < NUM_LEVELS && !status; level++)
    status = publish_partial(&growth, level, publish_tile);
  if (!status) status = publish_full(&growth, 0, publish_bundle);
  if (!status) status = publish_partial(&growth, 0, publish_bundle);
  return mtc_publish_sync_folders(&folders, status, error);
}
