/* Bundles: 256 entries and their public keys, each value behind a 16-bit length. */
#include "store/internal.h"

/* 256 values of up to 65535 bytes with their prefixes. */
#define MAX_BLOB_LEN ((size_t)MTC_TILE_WIDTH * (2 + MTC_MAX_ENTRY_LEN))

/* Splits off the first `count` values; false when they are not all there. */
static bool take_values(struct mtc_reader *reader, unsigned count, struct mtc_span *out_last) {
  *out_last = mtc_span_of(NULL, 0);
  for (unsigned i = 0; i < count; i++) {
    if (!mtc_read_prefixed(reader, 2, out_last)) return false;
  }
  return true;
}

/* Checks that `blob` holds `width` values and nothing else. */
static bool holds(struct mtc_span blob, unsigned width) {
  struct mtc_reader reader = mtc_reader_of(blob);
  struct mtc_span last;
  return take_values(&reader, width, &last) && reader.len == 0;
}

/*
 * Opens the row of a bundle; `out_entries` and `out_public_keys` live until `query` is closed.
 * *out_width is 0 when there is no such row.
 */
static void open_row(struct mtc_query *query, struct mtc_store *store, uint64_t bundle_index,
                     unsigned *out_width, struct mtc_span *out_entries,
                     struct mtc_span *out_public_keys, struct mtc_error *error) {
  *out_width = 0;
  *out_entries = *out_public_keys = mtc_span_of(NULL, 0);
  mtc_query_open(query, store->db,
                 "SELECT width, entries, subject_public_keys FROM bundles"
                 " WHERE log_number = ? AND bundle_index = ?",
                 error);
  mtc_query_bind_uint(query, 1, store->log_number);
  mtc_query_bind_uint(query, 2, bundle_index);
  if (!mtc_query_next(query)) return;
  uint64_t width = mtc_query_uint(query, 0);
  struct mtc_span entries = mtc_query_blob(query, 1, 2, MAX_BLOB_LEN);
  struct mtc_span public_keys = mtc_query_blob(query, 2, 2, MAX_BLOB_LEN);
  if (query->status) return;
  if (width == 0 || width > MTC_TILE_WIDTH || !holds(entries, (unsigned)width) ||
      !holds(public_keys, (unsigned)width)) {
    mtc_query_corrupt(query, "bundle %llu does not hold %llu values",
                      (unsigned long long)bundle_index, (unsigned long long)width);
    return;
  }
  *out_width = (unsigned)width;
  *out_entries = entries;
  *out_public_keys = public_keys;
}

/* Writes the row that holds entries from `index` on; *out_count tells how many it took. */
static mtc_status write_row(struct mtc_store *store, uint64_t index, const struct mtc_span *entries,
                            const struct mtc_span *public_keys, size_t num_entries,
                            unsigned *out_count, struct mtc_error *error) {
  struct mtc_bytes all_entries = {0}, all_keys = {0};
  struct mtc_span old_entries, old_keys;
  struct mtc_query query;
  uint64_t bundle_index = index / MTC_TILE_WIDTH;
  unsigned offset = (unsigned)(index % MTC_TILE_WIDTH), width, count = MTC_TILE_WIDTH - offset;
  if (count > num_entries) count = (unsigned)num_entries;
  *out_count = count;
  open_row(&query, store, bundle_index, &width, &old_entries, &old_keys, error);
  if (width != offset) {
    mtc_query_corrupt(&query, "bundle %llu has %u entries, not %u",
                      (unsigned long long)bundle_index, width, offset);
  }
  mtc_bytes_append_span(&all_entries, old_entries);
  mtc_bytes_append_span(&all_keys, old_keys);
  mtc_status status = mtc_query_close(&query);
  if (status) goto out;
  for (unsigned i = 0; i < count; i++) {
    mtc_bytes_append_prefixed(&all_entries, entries[i], 2);
    mtc_bytes_append_prefixed(&all_keys, public_keys[i], 2);
  }
  if (mtc_bytes_status(&all_entries) || mtc_bytes_status(&all_keys)) {
    status =
        mtc_fail(error, MTC_NOMEM, "bundle %llu: out of memory", (unsigned long long)bundle_index);
    goto out;
  }
  mtc_query_open(&query, store->db,
                 "INSERT INTO bundles(log_number, bundle_index, width, entries,"
                 " subject_public_keys) VALUES(?1, ?2, ?3, ?4, ?5)"
                 " ON CONFLICT(log_number, bundle_index) DO UPDATE SET width = excluded.width,"
                 " entries = excluded.entries, subject_public_keys = excluded.subject_public_keys",
                 error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  mtc_query_bind_uint(&query, 2, bundle_index);
  mtc_query_bind_uint(&query, 3, offset + count);
  mtc_query_bind_blob(&query, 4, mtc_span_of_bytes(&all_entries));
  mtc_query_bind_blob(&query, 5, mtc_span_of_bytes(&all_keys));
  (void)mtc_query_run(&query);
  status = mtc_query_close(&query);
out:
  mtc_bytes_free(&all_entries);
  mtc_bytes_free(&all_keys);
  return status;
}

mtc_status mtc_bundles_write(struct mtc_store *store, const struct mtc_stage *stage,
                             struct mtc_error *error) {
  size_t num_entries = (size_t)(stage->head.tree_size - stage->old_size);
  for (size_t done = 0; done < num_entries;) {
    unsigned count;
    mtc_status status = write_row(store, stage->old_size + done, stage->entries + done,
                                  stage->public_keys + done, num_entries - done, &count, error);
    if (status) return status;
    done += count;
  }
  return MTC_OK;
}

/* Refuses what is not committed: nothing may leave the store before its checkpoint is signed. */
static mtc_status check_committed(struct mtc_store *store, uint64_t end, uint64_t *out_tree_size,
                                  struct mtc_error *error) {
  mtc_status status = mtc_store_load_size(store, out_tree_size, error);
  if (!status && end > *out_tree_size) {
    status = mtc_fail(error, MTC_INPUT, "entry %llu: the log has %llu entries",
                      (unsigned long long)(end - 1), (unsigned long long)*out_tree_size);
  }
  return status;
}

/* Where each value of `blob`, of which there are `width`, ends. */
static void find_ends(struct mtc_span blob, unsigned width, uint32_t out_ends[MTC_TILE_WIDTH]) {
  size_t end = 0;
  for (unsigned i = 0; i < width; i++) {
    end += 2 + ((size_t)blob.data[end] << 8 | blob.data[end + 1]);
    out_ends[i] = (uint32_t)end;
  }
}

/* The cache's slot of the bundle of entry `index`, which is committed. It keeps committed entries
 * only: those are for ever. */
static mtc_status load_cached(struct mtc_store *store, uint64_t index, uint64_t tree_size,
                              struct mtc_cached_bundle **out, struct mtc_error *error) {
  uint64_t bundle_index = index / MTC_TILE_WIDTH, num = tree_size - bundle_index * MTC_TILE_WIDTH;
  unsigned committed = num < MTC_TILE_WIDTH ? (unsigned)num : MTC_TILE_WIDTH;
  unsigned wanted = (unsigned)(index % MTC_TILE_WIDTH) + 1;
  struct mtc_cached_bundle *slot = &store->bundle_cache[bundle_index % BUNDLE_CACHE_SLOTS];
  *out = slot;
  if (slot->index == bundle_index && slot->width >= wanted) return MTC_OK;
  slot->width = 0;
  mtc_bytes_clear(&slot->entries);
  mtc_bytes_clear(&slot->public_keys);
  struct mtc_query query;
  struct mtc_span entries, public_keys;
  unsigned width;
  open_row(&query, store, bundle_index, &width, &entries, &public_keys, error);
  mtc_bytes_append_span(&slot->entries, entries);
  mtc_bytes_append_span(&slot->public_keys, public_keys);
  find_ends(entries, width, slot->entry_ends); /* as many values as open_row has found */
  find_ends(public_keys, width, slot->key_ends);
  if (width < committed)
    mtc_query_corrupt(&query, "bundle %llu has %u entries, not %u",
                      (unsigned long long)bundle_index, width, committed);
  mtc_status status = mtc_query_close(&query);
  if (!status && (mtc_bytes_status(&slot->entries) || mtc_bytes_status(&slot->public_keys)))
    status =
        mtc_fail(error, MTC_NOMEM, "bundle %llu: out of memory", (unsigned long long)bundle_index);
  if (status) {
    mtc_bytes_free(&slot->entries);
    mtc_bytes_free(&slot->public_keys);
    return status;
  }
  slot->index = bundle_index;
  slot->width = committed;
  return MTC_OK;
}

static struct mtc_span value_of(const struct mtc_bytes *blob, const uint32_t *ends,
                                unsigned position) {
  size_t start = (position ? ends[position - 1] : 0) + 2;
  return mtc_span_of(blob->data + start, ends[position] - start);
}

static mtc_status load_entry(struct mtc_store *store, uint64_t index, struct mtc_bytes *out_entry,
                             struct mtc_bytes *out_public_key, struct mtc_error *error) {
  struct mtc_cached_bundle *bundle;
  uint64_t tree_size;
  unsigned position = (unsigned)(index % MTC_TILE_WIDTH);
  mtc_status status = check_committed(store, index + 1, &tree_size, error);
  if (!status) status = load_cached(store, index, tree_size, &bundle, error);
  if (status) return status;
  mtc_bytes_append_span(out_entry, value_of(&bundle->entries, bundle->entry_ends, position));
  if (out_public_key)
    mtc_bytes_append_span(out_public_key,
                          value_of(&bundle->public_keys, bundle->key_ends, position));
  if (mtc_bytes_status(out_entry) || (out_public_key && mtc_bytes_status(out_public_key)))
    return mtc_fail(error, MTC_NOMEM, "entry %llu: out of memory", (unsigned long long)index);
  return MTC_OK;
}

mtc_status mtc_store_read_entry(struct mtc_store *store, uint64_t index,
                                struct mtc_bytes *out_entry, struct mtc_bytes *out_public_key,
                                struct mtc_error *error) {
  if (index > MTC_MAX_INDEX) {
    return mtc_fail(error, MTC_INPUT, "no log has an entry %llu", (unsigned long long)index);
  }
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load_entry(store, index, out_entry, out_public_key, error);
  return mtc_store_end(store, status, error);
}

/* Which of a bundle's two blobs is wanted. */
enum column { ENTRIES, PUBLIC_KEYS };

static mtc_status load_bundle(struct mtc_store *store, uint64_t bundle_index, unsigned wanted,
                              enum column column, struct mtc_bytes *out, struct mtc_error *error) {
  uint64_t tree_size;
  mtc_status status =
      check_committed(store, bundle_index * MTC_TILE_WIDTH + wanted, &tree_size, error);
  if (status) return status;
  struct mtc_query query;
  struct mtc_span entries, public_keys, last;
  unsigned width;
  open_row(&query, store, bundle_index, &width, &entries, &public_keys, error);
  struct mtc_span blob = column == ENTRIES ? entries : public_keys;
  struct mtc_reader reader = mtc_reader_of(blob);
  if (width < wanted || !take_values(&reader, wanted, &last)) {
    mtc_query_corrupt(&query, "bundle %llu has %u entries, not %u",
                      (unsigned long long)bundle_index, width, wanted);
  } else {
    mtc_bytes_append(out, blob.data, blob.len - reader.len);
  }
  status = mtc_query_close(&query);
  return status ? status : mtc_bytes_status(out);
}

static mtc_status read_column(struct mtc_store *store, uint64_t bundle_index, unsigned width,
                              enum column column, struct mtc_bytes *out, struct mtc_error *error) {
  if (width < 1 || width > MTC_TILE_WIDTH || bundle_index > MTC_MAX_INDEX / MTC_TILE_WIDTH) {
    return mtc_fail(error, MTC_INPUT, "no log has %u entries in bundle %llu", width,
                    (unsigned long long)bundle_index);
  }
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = load_bundle(store, bundle_index, width, column, out, error);
  return mtc_store_end(store, status, error);
}

mtc_status mtc_store_read_bundle(struct mtc_store *store, uint64_t bundle_index, unsigned width,
                                 struct mtc_bytes *out, struct mtc_error *error) {
  return read_column(store, bundle_index, width, ENTRIES, out, error);
}

mtc_status mtc_store_read_public_keys(struct mtc_store *store, uint64_t bundle_index,
                                      unsigned width, struct mtc_bytes *out,
                                      struct mtc_error *error) {
  return read_column(store, bundle_index, width, PUBLIC_KEYS, out, error);
}
