/* A batch on the wire, host to card: its beats. */
#include <endian.h>
#include <string.h>

#include "hash/card.h"
#include "hash/card_regs.h"
#include "mtc/runtime.h"

static void put32(uint8_t *out, uint32_t value) {
  uint32_t wire = htole32(value);
  memcpy(out, &wire, sizeof wire);
}

static void put64(uint8_t *out, uint64_t value) {
  uint64_t wire = htole64(value);
  memcpy(out, &wire, sizeof wire);
}

mtc_status mtc_card_batch_init(struct mtc_card_batch *batch, const struct mtc_hash_job *job,
                               struct mtc_hash_result *out) {
  memset(batch, 0, sizeof *batch);
  batch->job = job;
  batch->out = out;
  for (unsigned level = 0; level < MTC_LEVELS; level++)
    batch->num_records += out->num_nodes[level];
  batch->seen = mtc_alloc(batch->num_records / 8 + 1, 1);
  return batch->seen ? MTC_OK : MTC_NOMEM;
}

void mtc_card_batch_free(struct mtc_card_batch *batch) {
  mtc_free(batch->seen);
  batch->seen = NULL;
}

/* A header, a seed or an entry: bytes of the driver's, then bytes of the caller's. */
struct item {
  uint8_t head[36];
  size_t head_len;
  struct mtc_span body;
};

static void make_header(const struct mtc_card_batch *batch, uint32_t nonce, struct item *item) {
  uint64_t start = batch->job->frontier->tree_size;
  put32(item->head, MTC_CARD_MAGIC_BATCH);
  put32(item->head + 4, MTC_CARD_STREAM_VERSION);
  put32(item->head + 8, nonce);
  put32(item->head + 12, batch->number);
  put64(item->head + 16, start);
  put32(item->head + 24, (uint32_t)batch->job->num_entries);
  put32(item->head + 28, (uint32_t)__builtin_popcountll(start));
  item->head_len = 32;
}

static void make_seed(const struct mtc_card_batch *batch, size_t seed, struct item *item) {
  uint64_t rest = batch->job->frontier->tree_size;
  while (seed--)
    rest &= rest - 1;
  unsigned level = (unsigned)__builtin_ctzll(rest);
  memcpy(item->head, batch->job->frontier->peaks[level].bytes, MTC_HASH_LEN);
  put32(item->head + 32, level);
  item->head_len = 36;
}

static void make_entry(const struct mtc_card_batch *batch, size_t entry, struct item *item) {
  item->body = batch->job->entries[entry];
  put32(item->head, (uint32_t)item->body.len);
  put32(item->head + 4, (uint32_t)entry);
  item->head_len = 8;
}

static struct item item_of(const struct mtc_card_batch *batch, uint32_t nonce) {
  size_t num_seeds = (size_t)__builtin_popcountll(batch->job->frontier->tree_size);
  struct item item = {0};
  if (batch->next_item == 0)
    make_header(batch, nonce, &item);
  else if (batch->next_item <= num_seeds)
    make_seed(batch, batch->next_item - 1, &item);
  else
    make_entry(batch, batch->next_item - 1 - num_seeds, &item);
  return item;
}

/* Copies bytes from..from+len of the item, which end in zeros to a whole beat. */
static void copy_part(const struct item *item, size_t from, uint8_t *out, size_t len) {
  const struct mtc_span parts[] = {mtc_span_of(item->head, item->head_len), item->body};
  for (size_t i = 0; i < 2 && len; i++) {
    if (from >= parts[i].len) {
      from -= parts[i].len;
      continue;
    }
    size_t count = parts[i].len - from < len ? parts[i].len - from : len;
    memcpy(out, parts[i].data + from, count);
    out += count;
    len -= count;
    from = 0;
  }
  memset(out, 0, len);
}

bool mtc_card_batch_gathered(const struct mtc_card_batch *batch) {
  size_t num_seeds = (size_t)__builtin_popcountll(batch->job->frontier->tree_size);
  return batch->next_item == 1 + num_seeds + batch->job->num_entries;
}

size_t mtc_card_batch_gather(struct mtc_card_batch *batch, uint32_t nonce, uint8_t *out,
                             size_t max_len) {
  size_t done = 0;
  while (done < max_len && !mtc_card_batch_gathered(batch)) {
    struct item item = item_of(batch, nonce);
    size_t item_len = item.head_len + item.body.len;
    item_len += -item_len % MTC_BEAT_LEN;
    size_t len = item_len - batch->item_offset;
    if (len > max_len - done) len = max_len - done;
    copy_part(&item, batch->item_offset, out + done, len);
    done += len;
    batch->item_offset += len;
    if (batch->item_offset == item_len) {
      batch->next_item++;
      batch->item_offset = 0;
    }
  }
  return done;
}
