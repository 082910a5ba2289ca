/* A batch on the wire: its beats written, its frames read. */
#include <string.h>

#include "hash/card.h"
#include "hash/card_regs.h"
#include "mtc/runtime.h"

#define CHUNK_LEN 16384u

/* What both halves of the exchange work on. */
struct batch {
  const struct mtc_hash_job *job;
  struct mtc_hash_result *out;
  size_t num_records;
  uint8_t *seen; /* a bit for each hash of `out`, in the order of its storage */
  uint8_t chunk[CHUNK_LEN];
  size_t chunk_len;
};

static void put32(uint8_t *out, uint32_t value) {
  for (unsigned i = 0; i < 4; i++)
    out[i] = (uint8_t)(value >> 8 * i);
}

static void put64(uint8_t *out, uint64_t value) {
  put32(out, (uint32_t)value);
  put32(out + 4, (uint32_t)(value >> 32));
}

static uint32_t get32(const uint8_t *in) {
  return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static uint64_t get64(const uint8_t *in) {
  return get32(in) | (uint64_t)get32(in + 4) << 32;
}

/* Writes what is gathered, never more than the card has room for. */
static mtc_status flush(struct mtc_card *card, struct batch *batch, struct mtc_error *error) {
  size_t done = 0;
  while (done < batch->chunk_len) {
    uint32_t credit = mtc_card_register(card, MTC_REG_IN_CREDIT) - card->beats_written;
    if (credit == 0) {
      mtc_card_nap();
      continue;
    }
    if (credit > card->input_beats)
      return mtc_fail(error, MTC_DEVICE, "the card grants %u beats; its buffer has %u", credit,
                      card->input_beats);
    size_t len = batch->chunk_len - done;
    if (len > (size_t)credit * MTC_BEAT_LEN) len = (size_t)credit * MTC_BEAT_LEN;
    mtc_status status = mtc_card_write(card, batch->chunk + done, len, error);
    if (status) return status;
    card->beats_written += (uint32_t)(len / MTC_BEAT_LEN);
    done += len;
  }
  batch->chunk_len = 0;
  return MTC_OK;
}

/* Appends `head` and `body` and fills the last beat with zeros. */
static mtc_status append(struct mtc_card *card, struct batch *batch, struct mtc_span head,
                         struct mtc_span body, struct mtc_error *error) {
  const struct mtc_span parts[] = {head, body};
  for (size_t i = 0; i < 2; i++) {
    struct mtc_span rest = parts[i];
    while (rest.len) {
      size_t len = CHUNK_LEN - batch->chunk_len;
      if (len > rest.len) len = rest.len;
      memcpy(batch->chunk + batch->chunk_len, rest.data, len);
      batch->chunk_len += len;
      rest.data += len;
      rest.len -= len;
      if (batch->chunk_len == CHUNK_LEN) {
        mtc_status status = flush(card, batch, error);
        if (status) return status;
      }
    }
  }
  size_t padding = -batch->chunk_len % MTC_BEAT_LEN;
  memset(batch->chunk + batch->chunk_len, 0, padding);
  batch->chunk_len += padding;
  return batch->chunk_len == CHUNK_LEN ? flush(card, batch, error) : MTC_OK;
}

static mtc_status write_batch(struct mtc_card *card, void *context, struct mtc_error *error) {
  struct batch *batch = context;
  const struct mtc_hash_job *job = batch->job;
  uint64_t start = job->frontier->tree_size;
  const struct mtc_span nothing = {0};

  uint8_t header[32] = {0};
  put32(header, MTC_CARD_MAGIC_BATCH);
  put32(header + 4, MTC_CARD_STREAM_VERSION);
  put32(header + 8, card->nonce);
  put32(header + 12, card->batch);
  put64(header + 16, start);
  put32(header + 24, (uint32_t)job->num_entries);
  put32(header + 28, (uint32_t)__builtin_popcountll(start));
  mtc_status status = append(card, batch, mtc_span_of(header, sizeof header), nothing, error);

  for (uint64_t rest = start; rest && !status; rest &= rest - 1) {
    unsigned level = (unsigned)__builtin_ctzll(rest);
    uint8_t seed[36];
    memcpy(seed, job->frontier->peaks[level].bytes, MTC_HASH_LEN);
    put32(seed + 32, level);
    status = append(card, batch, mtc_span_of(seed, sizeof seed), nothing, error);
  }
  for (size_t i = 0; i < job->num_entries && !status; i++) {
    uint8_t head[8];
    put32(head, (uint32_t)job->entries[i].len);
    put32(head + 4, (uint32_t)i);
    status = append(card, batch, mtc_span_of(head, sizeof head), job->entries[i], error);
  }
  return status ? status : flush(card, batch, error);
}

static mtc_status check_header(const struct mtc_card *card, const struct batch *batch,
                               const uint8_t *frame, uint32_t number, bool last,
                               struct mtc_error *error) {
  uint32_t code = get32(frame + 32);
  if (get32(frame) == MTC_CARD_MAGIC_FRAME && get32(frame + 28) == 1 && code)
    return mtc_fail(error, MTC_DEVICE, "the card refused batch %u: error %u, value %u", card->batch,
                    code, get32(frame + 36));
  size_t so_far = last ? batch->num_records : (size_t)(number + 1) * MTC_CARD_FRAME_RECORDS;
  const struct {
    const char *name;
    unsigned offset;
    uint32_t expected;
  } fields[] = {
      {"magic", 0, MTC_CARD_MAGIC_FRAME},
      {"version and kind", 4, MTC_CARD_STREAM_VERSION | MTC_CARD_FRAME_KIND_BATCH << 16},
      {"nonce", 8, card->nonce},
      {"batch", 12, card->batch},
      {"number", 16, number},
      {"promise", 20, (uint32_t)batch->num_records},
      {"records", 24, (uint32_t)so_far},
      {"end mark", 28, last},
      {"error code", 32, 0},
      {"error info", 36, 0},
  };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    uint32_t found = get32(frame + fields[i].offset);
    if (found != fields[i].expected)
      return mtc_fail(error, MTC_DEVICE, "frame %u of batch %u: its %s is 0x%x, not 0x%x", number,
                      card->batch, fields[i].name, found, fields[i].expected);
  }
  return MTC_OK;
}

/* Puts one record where it belongs. Every place is filled once, so that the promised number of
 * records is the complete result. */
static mtc_status take_record(const struct mtc_card *card, struct batch *batch,
                              const uint8_t *record, struct mtc_error *error) {
  struct mtc_hash_result *out = batch->out;
  uint64_t index = get64(record + 32);
  unsigned level = record[40], type = record[41];
  uint32_t cookie = get32(record + 48);
  if (level >= MTC_LEVELS || index < out->first[level] ||
      index - out->first[level] >= out->num_nodes[level] ||
      type != (level ? MTC_CARD_RECORD_NODE : MTC_CARD_RECORD_LEAF) ||
      get32(record + 44) != card->batch || cookie != (level ? 0 : (uint32_t)(index - out->start)))
    return mtc_fail(error, MTC_DEVICE,
                    "batch %u: a record that was not asked for (level %u, node %llu, type %u)",
                    card->batch, level, (unsigned long long)index, type);
  struct mtc_hash *place = &out->nodes[level][index - out->first[level]];
  size_t ordinal = (size_t)(place - out->storage);
  if (batch->seen[ordinal / 8] >> ordinal % 8 & 1)
    return mtc_fail(error, MTC_DEVICE, "batch %u: node %llu of level %u came twice", card->batch,
                    (unsigned long long)index, level);
  batch->seen[ordinal / 8] |= (uint8_t)(1u << ordinal % 8);
  memcpy(place->bytes, record, MTC_HASH_LEN);
  return MTC_OK;
}

static mtc_status read_batch(struct mtc_card *card, void *context, struct mtc_error *error) {
  struct batch *batch = context;
  _Alignas(4096) uint8_t frame[MTC_FRAME_LEN];
  size_t left = batch->num_records;
  for (uint32_t number = 0; left; number++) {
    while (mtc_card_register(card, MTC_REG_OUT_AVAIL) == card->frames_read)
      mtc_card_nap();
    mtc_status status = mtc_card_read(card, frame, sizeof frame, error);
    if (status) return status;
    card->frames_read++;
    size_t count = left < MTC_CARD_FRAME_RECORDS ? left : MTC_CARD_FRAME_RECORDS;
    left -= count;
    status = check_header(card, batch, frame, number, left == 0, error);
    for (size_t i = 1; i <= count && !status; i++)
      status = take_record(card, batch, frame + i * MTC_BEAT_LEN, error);
    if (status) return status;
  }
  return MTC_OK;
}

mtc_status mtc_card_hash_batch(struct mtc_card *card, const struct mtc_hash_job *job,
                               uint64_t timeout_ms, struct mtc_hash_result *out,
                               struct mtc_error *error) {
  struct batch *batch = mtc_alloc(1, sizeof *batch);
  if (!batch) return mtc_fail(error, MTC_NOMEM, "no memory for a batch of the card");
  batch->job = job;
  batch->out = out;
  for (unsigned level = 0; level < MTC_LEVELS; level++)
    batch->num_records += out->num_nodes[level];
  mtc_status status;
  batch->seen = mtc_alloc(batch->num_records / 8 + 1, 1);
  if (!batch->seen) {
    status = mtc_fail(error, MTC_NOMEM, "no memory for a batch of the card");
    goto out;
  }
  card->batch++;
  const struct mtc_card_exchange exchange = {
      .write = write_batch, .read = read_batch, .context = batch};
  status = mtc_card_run(card, &exchange, timeout_ms, error);
out:
  mtc_free(batch->seen);
  mtc_free(batch);
  return status;
}
