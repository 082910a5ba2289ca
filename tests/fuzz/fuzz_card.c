/*
 * What a card answers. The frames of a right answer are changed as the input says; a batch that is
 * taken has every hash once, and the full check accepts exactly the right ones.
 *
 *   u8 entries - 1 | u16 start | u16 beat, exchanged with (top bit: overwritten by) u16 | { u16
 * offset, u8 value }
 */
#include "fuzz/fuzz.h"
#include "hash/card.h"
#include "hash/card_regs.h"

#define MAX_ENTRIES 200u
#define MAX_FRAMES 16u
#define NONCE 0x12345678u

static uint8_t frames[MAX_FRAMES * MTC_FRAME_LEN];
static struct mtc_span entries[MAX_ENTRIES];

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  static uint8_t contents[MAX_ENTRIES];
  (void)argc;
  (void)argv;
  for (size_t i = 0; i < MAX_ENTRIES; i++) {
    contents[i] = (uint8_t)i;
    entries[i] = mtc_span_of(&contents[i], 1);
  }
  return 0;
}

static void put(uint8_t *out, uint64_t value, unsigned width) {
  for (unsigned i = 0; i < width; i++)
    out[i] = (uint8_t)(value >> 8 * i);
}

/* Writes the frames of a right answer (hw/regs/streams.md); returns their number. */
static size_t write_frames(const struct mtc_hash_result *right, uint32_t batch) {
  size_t num_records = 0, done = 0, num_frames;
  for (unsigned level = 0; level < MTC_LEVELS; level++)
    num_records += right->num_nodes[level];
  num_frames = (num_records + MTC_CARD_FRAME_RECORDS - 1) / MTC_CARD_FRAME_RECORDS;
  assert(num_frames <= MAX_FRAMES);
  memset(frames, 0, sizeof frames);
  for (unsigned level = 0; level < MTC_LEVELS; level++) {
    for (size_t i = 0; i < right->num_nodes[level]; i++, done++) {
      uint8_t *record = frames + done / MTC_CARD_FRAME_RECORDS * MTC_FRAME_LEN +
                        (1 + done % MTC_CARD_FRAME_RECORDS) * MTC_BEAT_LEN;
      memcpy(record, right->nodes[level][i].bytes, MTC_HASH_LEN);
      put(record + 32, right->first[level] + i, 8);
      record[40] = (uint8_t)level;
      record[41] = level ? MTC_CARD_RECORD_NODE : MTC_CARD_RECORD_LEAF;
      put(record + 44, batch, 4);
      put(record + 48, level ? 0 : i, 4);
    }
  }
  for (size_t i = 0; i < num_frames; i++) {
    uint8_t *frame = frames + i * MTC_FRAME_LEN;
    bool last = i + 1 == num_frames;
    put(frame, MTC_CARD_MAGIC_FRAME, 4);
    put(frame + 4, MTC_CARD_STREAM_VERSION | MTC_CARD_FRAME_KIND_BATCH << 16, 4);
    put(frame + 8, NONCE, 4);
    put(frame + 12, batch, 4);
    put(frame + 16, i, 4);
    put(frame + 20, num_records, 4);
    put(frame + 24, last ? num_records : (i + 1) * MTC_CARD_FRAME_RECORDS, 4);
    put(frame + 28, last, 4);
  }
  return num_frames;
}

/* Records may come in any order, but none twice; bytes that are changed may be noticed. */
static void change_frames(struct mtc_reader *input, size_t num_frames) {
  uint8_t swap[MTC_BEAT_LEN];
  size_t beats = num_frames * MTC_FRAME_LEN / MTC_BEAT_LEN;
  uint64_t one = take_uint(input, 2), other = take_uint(input, 2);
  bool is_copy = one & 0x8000;
  uint8_t *to = frames + one % 0x8000 % beats * MTC_BEAT_LEN;
  uint8_t *from = frames + other % beats * MTC_BEAT_LEN;
  memcpy(swap, to, sizeof swap);
  memmove(to, from, sizeof swap);
  if (!is_copy) memcpy(from, swap, sizeof swap);
  while (input->len >= 3) {
    uint64_t offset = take_uint(input, 2);
    frames[offset % (num_frames * MTC_FRAME_LEN)] = (uint8_t)take_uint(input, 1);
  }
}

/* Takes the frames as the reader of a card does that has only batch 1 open. */
static mtc_status take_frames(struct mtc_card_batch *batch, size_t num_frames,
                              struct mtc_error *error) {
  mtc_status status = MTC_OK;
  for (size_t i = 0; i < num_frames && !status; i++) {
    const uint8_t *frame = frames + i * MTC_FRAME_LEN;
    uint32_t number;
    status = mtc_card_frame_batch(frame, NONCE, &number, error);
    if (!status && number != batch->number)
      status = mtc_fail(error, MTC_DEVICE, "a frame of batch %u", number);
    if (!status) status = mtc_card_batch_take(batch, frame, error);
  }
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_reader input = mtc_reader_of(mtc_span_of(data, len));
  struct mtc_frontier frontier = {0};
  struct mtc_hash_job job = {&frontier, entries, 1 + take_uint(&input, 1) % MAX_ENTRIES};
  uint64_t start = take_uint(&input, 2);
  struct mtc_hash_result right, result;
  struct mtc_error error = {0};
  frontier.tree_size = start; /* its peaks are zeros: any hashes do */
  assert(mtc_hash_result_alloc(&right, start, start + job.num_entries) == MTC_OK);
  assert(mtc_hash_result_alloc(&result, start, start + job.num_entries) == MTC_OK);
  mtc_hash_on_cpu(&job, &right);
  struct mtc_hash untouched; /* what no input spells out by chance */
  mtc_hash_message(mtc_span_of_text("untouched"), &untouched);
  size_t num_frames = write_frames(&right, 1), num_hashes = 0, num_checked;
  change_frames(&input, num_frames);
  for (unsigned level = 0; level < MTC_LEVELS; level++)
    num_hashes += right.num_nodes[level];
  for (size_t i = 0; i < num_hashes; i++)
    result.storage[i] = untouched;

  struct mtc_card_batch batch;
  assert(mtc_card_batch_init(&batch, &job, &result) == MTC_OK);
  batch.number = 1;
  mtc_status status = take_frames(&batch, num_frames, &error);
  if (status) {
    assert(status == MTC_DEVICE && error.text[0]);
  } else {
    const struct mtc_card_checking full = {.mode = MTC_CARD_CHECK_FULL};
    assert(batch.num_taken == num_hashes);
    for (size_t i = 0; i < num_hashes; i++)
      assert(!mtc_hash_equal(&result.storage[i], &untouched));
    bool is_right = memcmp(right.storage, result.storage, num_hashes * MTC_HASH_LEN) == 0;
    status = mtc_card_check_batch(&full, &job, &result, &num_checked, &error);
    assert(status == (is_right ? MTC_OK : MTC_DEVICE));
  }
  mtc_card_batch_free(&batch);
  mtc_hash_result_free(&right);
  mtc_hash_result_free(&result);
  return 0;
}
