/* The tree, recomputed from the stored entries, 256 at a time. */
#include <string.h>

#include "engine/check.h"
#include "mtc/runtime.h"

/* Compares a tile that was recomputed with the stored one and the published one. */
static mtc_status compare_tile(struct check *check, const struct mtc_tile *tile, bool is_stored,
                               bool is_published) {
  const struct check_level *level = &check->levels[tile->level];
  struct mtc_hash stored[MTC_TILE_WIDTH];
  struct mtc_error error = {""};
  char name[64];
  mtc_tile_path(tile, false, name);
  if (is_stored) {
    struct mtc_tile_source source =
        mtc_store_tile_source(check->store, check->state.head.tree_size);
    mtc_status status = source.read_tile(source.context, tile, stored);
    if (status) {
      status = check_finding(check, status, &error, "stored %s", name);
      if (status) return status;
    } else if (memcmp(stored, level->hashes, tile->width * sizeof *stored) != 0) {
      check_problem(check, "stored %s is not what the entries hash to", name);
    }
  }
  return check_file(check, name, mtc_span_of(level->hashes, tile->width * sizeof *stored),
                    is_published);
}

/* Adds a node to the tiles of `level`; a full tile is compared and its root goes one level up. */
static mtc_status add_node(struct check *check, unsigned at, const struct mtc_hash *hash) {
  struct mtc_hash node = *hash;
  for (; at < CHECK_TILE_LEVELS; at++) {
    struct check_level *level = &check->levels[at];
    level->hashes[level->width++] = node;
    if (level->width < MTC_TILE_WIDTH) return MTC_OK;
    const struct mtc_tile tile = {at, level->index, MTC_TILE_WIDTH};
    uint64_t end = (level->index + 1) << (MTC_TILE_HEIGHT * (at + 1));
    mtc_status status = compare_tile(check, &tile, true, end <= check->published_size);
    if (!status) status = mtc_tile_node(level->hashes, MTC_TILE_WIDTH, MTC_TILE_HEIGHT, 0, &node);
    if (status) return status;
    level->index++;
    level->width = 0;
  }
  return MTC_OK;
}

/* Parses one entry, checks its key, and says whether it is a null entry. */
static void check_entry(struct check *check, uint64_t index, struct mtc_span entry,
                        struct mtc_span public_key, bool *out_is_null) {
  struct mtc_error error = {""};
  struct mtc_log_entry parsed;
  struct mtc_tbs_entry tbs;
  struct mtc_hash hash;
  *out_is_null = false;
  mtc_status status = mtc_log_entry_parse(entry, &parsed, &error);
  if (!status && parsed.type == MTC_ENTRY_NULL) {
    *out_is_null = true;
    check->report->num_null_entries++;
    if (public_key.len)
      check_problem(check, "null entry %llu has a public key", (unsigned long long)index);
    return;
  }
  if (!status)
    status =
        mtc_tbs_entry_parse(check->options->wire, &check->options->ca_id, parsed.tbs, &tbs, &error);
  if (status) {
    check_problem(check, "entry %llu: %s", (unsigned long long)index, error.text);
    return;
  }
  if (tbs.not_after > check->max_not_after) check->max_not_after = tbs.not_after;
  mtc_hash_message(public_key, &hash);
  if (memcmp(hash.bytes, tbs.public_key_hash.data, MTC_HASH_LEN) != 0)
    check_problem(check, "entry %llu: the stored public key is not the one it hashes",
                  (unsigned long long)index);
}

/* The tiles and the bundle as they were at a tree size that was published, or is the head's. */
static mtc_status check_edge(struct check *check, uint64_t tree_size, struct mtc_span bundle) {
  bool is_head = tree_size == check->state.head.tree_size;
  bool is_published = tree_size == check->published_size;
  mtc_status status = MTC_OK;
  for (unsigned at = 0; at < CHECK_TILE_LEVELS && !status; at++) {
    const struct mtc_tile tile = {at, check->levels[at].index, check->levels[at].width};
    if (tile.width) status = compare_tile(check, &tile, is_head, is_published);
  }
  const struct mtc_tile last = {0, tree_size / MTC_TILE_WIDTH, tree_size % MTC_TILE_WIDTH};
  char name[64];
  if (status || last.width == 0) return status;
  mtc_tile_path(&last, true, name);
  return check_file(check, name, bundle, is_published);
}

static mtc_status check_head(struct check *check, const struct mtc_head *head,
                             struct mtc_span bundle) {
  struct mtc_hash root;
  mtc_frontier_root(&check->frontier, &root);
  if (!mtc_hash_equal(&root, &head->root))
    check_problem(check, "the checkpoint of size %llu is not the root of the entries",
                  (unsigned long long)head->tree_size);
  if (head->timestamp_s < check->last_head.timestamp_s)
    check_problem(check, "the checkpoint of size %llu is older than the one of size %llu",
                  (unsigned long long)head->tree_size,
                  (unsigned long long)check->last_head.tree_size);
  mtc_status status = check_edge(check, head->tree_size, bundle);
  if (!status && head->tree_size)
    status = check_batch_is_signed(check, check->last_head.tree_size, head->tree_size);
  check->last_head = *head;
  return status;
}

/* When the tree has reached the size of a checkpoint. Sets `next` to the following one. */
static mtc_status check_heads_at(struct check *check, struct mtc_head *next, bool *has_next,
                                 struct mtc_span bundle) {
  struct mtc_error error = {""};
  uint64_t tree_size = check->frontier.tree_size;
  if (!*has_next || next->tree_size != tree_size) return MTC_OK;
  mtc_status status = check_head(check, next, bundle);
  if (status) return status;
  size_t num = 0;
  status = mtc_store_read_heads(check->store, tree_size + 1, next, 1, &num, &error);
  *has_next = !status && num == 1;
  return check_finding(check, status, &error, "checkpoint after size %llu",
                       (unsigned long long)tree_size);
}

static void check_landmarks_at(struct check *check) {
  while (check->next_landmark < check->num_landmarks) {
    const struct mtc_landmark *landmark = &check->landmarks[check->next_landmark];
    if (landmark->tree_size > check->frontier.tree_size) return;
    if (check->options->wire->landmarks_have_expiry && landmark->expiry_s < check->max_not_after)
      check_problem(check, "landmark %llu expires at %lld, an entry below it at %lld",
                    (unsigned long long)landmark->number, (long long)landmark->expiry_s,
                    (long long)check->max_not_after);
    check->next_landmark++;
  }
}

/* One bundle's entries and keys; when they cannot be read, its leaf hashes from the tile. */
struct bundle {
  struct mtc_bytes entries, public_keys;
  struct mtc_hash leaves[MTC_TILE_WIDTH];
  bool is_damaged;
};

static mtc_status read_bundle(struct check *check, uint64_t bundle_index, unsigned width,
                              struct bundle *out) {
  struct mtc_error error = {""};
  mtc_status status =
      mtc_store_read_bundle(check->store, bundle_index, width, &out->entries, &error);
  if (!status)
    status =
        mtc_store_read_public_keys(check->store, bundle_index, width, &out->public_keys, &error);
  out->is_damaged = status != MTC_OK;
  if (!status) return MTC_OK;
  status = check_finding(check, status, &error, "entries from %llu on",
                         (unsigned long long)bundle_index * MTC_TILE_WIDTH);
  if (status) return status;
  /* The stored leaves stand in, so that the rest of the tree can still be judged. */
  const struct mtc_tile tile = {0, bundle_index, width};
  struct mtc_tile_source source = mtc_store_tile_source(check->store, check->state.head.tree_size);
  memset(out->leaves, 0, sizeof out->leaves);
  status = source.read_tile(source.context, &tile, out->leaves);
  return status == MTC_IO || status == MTC_NOMEM ? status : MTC_OK;
}

static mtc_status check_bundle(struct check *check, uint64_t bundle_index, unsigned width,
                               struct mtc_head *next, bool *has_next) {
  struct bundle bundle = {0};
  mtc_status status = read_bundle(check, bundle_index, width, &bundle);
  const struct mtc_span all = mtc_span_of_bytes(&bundle.entries);
  struct mtc_reader entries = mtc_reader_of(all);
  struct mtc_reader public_keys = mtc_reader_of(mtc_span_of_bytes(&bundle.public_keys));
  for (unsigned i = 0; i < width && !status; i++) {
    struct mtc_hash leaf = bundle.leaves[i];
    struct mtc_span entry, public_key;
    uint64_t index = check->frontier.tree_size;
    bool is_null = false;
    if (!bundle.is_damaged && mtc_read_prefixed(&entries, 2, &entry) &&
        mtc_read_prefixed(&public_keys, 2, &public_key)) {
      check_entry(check, index, entry, public_key, &is_null);
      mtc_hash_leaf(entry, &leaf);
    }
    status = check_mark_null(check, index, is_null);
    mtc_frontier_append(&check->frontier, &leaf);
    if (!status) status = add_node(check, 0, &leaf);
    if (!status)
      status = check_heads_at(check, next, has_next, mtc_span_of(all.data, all.len - entries.len));
    check_landmarks_at(check);
  }
  if (!status && width == MTC_TILE_WIDTH && !bundle.is_damaged) {
    const struct mtc_tile tile = {0, bundle_index, width};
    char name[64];
    mtc_tile_path(&tile, true, name);
    status =
        check_file(check, name, all, (bundle_index + 1) * MTC_TILE_WIDTH <= check->published_size);
  }
  mtc_bytes_free(&bundle.entries);
  mtc_bytes_free(&bundle.public_keys);
  return status;
}

mtc_status check_tree(struct check *check) {
  uint64_t tree_size = check->state.head.tree_size;
  struct mtc_error error = {""};
  struct mtc_head next;
  size_t num = 0;
  mtc_status status = mtc_store_read_heads(check->store, 0, &next, 1, &num, &error);
  status = check_finding(check, status, &error, "checkpoints");
  bool has_next = num == 1;
  if (!status && (!has_next || next.tree_size != 0))
    check_problem(check, "the checkpoint of the empty tree is gone");
  if (!status) status = check_heads_at(check, &next, &has_next, mtc_span_of(NULL, 0));
  for (uint64_t done = 0; done < tree_size && !status && !check_is_hopeless(check);) {
    uint64_t width = tree_size - done < MTC_TILE_WIDTH ? tree_size - done : MTC_TILE_WIDTH;
    status = check_bundle(check, done / MTC_TILE_WIDTH, (unsigned)width, &next, &has_next);
    done += width;
  }
  if (!status && !check_is_hopeless(check) && check->last_head.tree_size != tree_size)
    check_problem(check, "the checkpoint of the head, size %llu, was not found",
                  (unsigned long long)tree_size);
  int64_t max_not_after = 0;
  if (!status) {
    status = mtc_store_max_not_after(check->store, &max_not_after, &error);
    status = check_finding(check, status, &error, "latest expiry");
  }
  if (!status && max_not_after < check->max_not_after)
    check_problem(check, "the latest expiry is stored as %lld, but an entry expires at %lld",
                  (long long)max_not_after, (long long)check->max_not_after);
  return status;
}
