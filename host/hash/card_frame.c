/* A batch on the wire, card to host: its frames. Nothing in them is believed. */
#include <endian.h>
#include <string.h>

#include "hash/card.h"
#include "hash/card_regs.h"

static uint32_t get32(const uint8_t *in) {
  uint32_t wire;
  memcpy(&wire, in, sizeof wire);
  return le32toh(wire);
}

static uint64_t get64(const uint8_t *in) {
  uint64_t wire;
  memcpy(&wire, in, sizeof wire);
  return le64toh(wire);
}

struct field {
  const char *name;
  unsigned offset;
  uint32_t expected;
};

static mtc_status check_fields(const uint8_t *frame, const struct field *fields, size_t num_fields,
                               struct mtc_error *error) {
  for (size_t i = 0; i < num_fields; i++) {
    uint32_t found = get32(frame + fields[i].offset);
    if (found != fields[i].expected)
      return mtc_fail(error, MTC_DEVICE, "frame %u of batch %u: its %s is 0x%x, not 0x%x",
                      get32(frame + 16), get32(frame + 12), fields[i].name, found,
                      fields[i].expected);
  }
  return MTC_OK;
}

mtc_status mtc_card_frame_batch(const uint8_t *frame, uint32_t nonce, uint32_t *out_number,
                                struct mtc_error *error) {
  const struct field fields[] = {
      {"magic", 0, MTC_CARD_MAGIC_FRAME},
      {"version and kind", 4, MTC_CARD_STREAM_VERSION | MTC_CARD_FRAME_KIND_BATCH << 16},
      {"nonce", 8, nonce},
  };
  *out_number = get32(frame + 12);
  return check_fields(frame, fields, sizeof fields / sizeof fields[0], error);
}

static mtc_status check_header(const struct mtc_card_batch *batch, const uint8_t *frame,
                               size_t num_records, struct mtc_error *error) {
  uint32_t code = get32(frame + 32);
  if (get32(frame + 28) == 1 && code)
    return mtc_fail(error, MTC_DEVICE, "the card refused batch %u: error %u, value %u",
                    batch->number, code, get32(frame + 36));
  const struct field fields[] = {
      {"number", 16, batch->num_frames},
      {"promise", 20, (uint32_t)batch->num_records},
      {"records", 24, (uint32_t)(batch->num_taken + num_records)},
      {"end mark", 28, batch->num_taken + num_records == batch->num_records},
      {"error code", 32, 0},
      {"error info", 36, 0},
  };
  return check_fields(frame, fields, sizeof fields / sizeof fields[0], error);
}

/* Puts one record where it belongs. Every place is filled once, so that the promised number of
 * records is the complete result. */
static mtc_status take_record(struct mtc_card_batch *batch, const uint8_t *record,
                              struct mtc_error *error) {
  struct mtc_hash_result *out = batch->out;
  uint64_t index = get64(record + 32);
  unsigned level = record[40], type = record[41];
  uint32_t cookie = get32(record + 48);
  if (type == MTC_CARD_RECORD_PADDING)
    return mtc_fail(error, MTC_DEVICE, "batch %u: padding in the place of a record", batch->number);
  if (level >= MTC_LEVELS || index < out->first[level] ||
      index - out->first[level] >= out->num_nodes[level] ||
      type != (level ? MTC_CARD_RECORD_NODE : MTC_CARD_RECORD_LEAF) ||
      get32(record + 44) != batch->number || cookie != (level ? 0 : (uint32_t)(index - out->start)))
    return mtc_fail(error, MTC_DEVICE,
                    "batch %u: a record that was not asked for (level %u, node %llu, type %u)",
                    batch->number, level, (unsigned long long)index, type);
  struct mtc_hash *place = &out->nodes[level][index - out->first[level]];
  size_t ordinal = (size_t)(place - out->storage);
  if (batch->seen[ordinal / 8] >> ordinal % 8 & 1)
    return mtc_fail(error, MTC_DEVICE, "batch %u: node %llu of level %u came twice", batch->number,
                    (unsigned long long)index, level);
  batch->seen[ordinal / 8] |= (uint8_t)(1u << ordinal % 8);
  memcpy(place->bytes, record, MTC_HASH_LEN);
  return MTC_OK;
}

mtc_status mtc_card_batch_take(struct mtc_card_batch *batch, const uint8_t *frame,
                               struct mtc_error *error) {
  size_t num_records = batch->num_records - batch->num_taken;
  if (num_records > MTC_CARD_FRAME_RECORDS) num_records = MTC_CARD_FRAME_RECORDS;
  mtc_status status = check_header(batch, frame, num_records, error);
  for (size_t i = 1; i <= num_records && !status; i++)
    status = take_record(batch, frame + i * MTC_BEAT_LEN, error);
  batch->num_taken += num_records;
  batch->num_frames++;
  return status;
}
