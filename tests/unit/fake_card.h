/*
 * A card in this process, in software, for what mtc-sim does not do: many lanes, each with a mood.
 * It speaks as docs/registers.md says; a batch is answered when all of it was taken.
 */
#ifndef MTC_TESTS_FAKE_CARD_H
#define MTC_TESTS_FAKE_CARD_H

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hash/card.h"
#include "hash/card_regs.h"
#include "mtc/bytes.h"
#include "mtc/runtime.h"

#define FAKE_PAGES 8192u
#define FAKE_DEPTH 4096u /* beats: more than a FIFO holds, so that a write can be stuck */
#define FAKE_MAX_ENTRIES 1024u
#define FAKE_MAX_LANES 20u

/* What a lane does from its batch number `after` on; the known-answer test is batch 0. */
enum fake_mood {
  FAKE_RIGHT,
  FAKE_HANGS,         /* takes the batch and does nothing any more */
  FAKE_STOPS_READING, /* has the header and takes nothing more, with credit given */
  FAKE_GONE,          /* every register reads as ones */
  FAKE_RESETS,        /* forgets all, once; right afterwards */
  FAKE_LIES,          /* a bit of a leaf hash */
  FAKE_CREDIT_BACK,   /* IN_CREDIT below what was written */
  FAKE_CREDIT_LEAPS,  /* IN_CREDIT by 2^31 */
  FAKE_AVAIL_BACK,    /* OUT_AVAIL below what was read */
  FAKE_AVAIL_LEAPS,   /* OUT_AVAIL by 2^31 */
  FAKE_AVAIL_MORE,    /* OUT_AVAIL one frame above what was promised */
  FAKE_CLOSED_BATCH,  /* the last frame of the batch before */
  FAKE_ANSWERS_EARLY, /* has the header alone, answers, and gives no credit any more */
};

struct fake_lane {
  struct fake_card *card;
  unsigned number;
  enum fake_mood mood;
  unsigned after;
  volatile uint32_t *registers;
  int h2c, c2h;
  uint32_t sequence;
  bool is_discarding, is_silent;
  uint32_t beats_taken, frames_sent;
  unsigned num_batches; /* since the card was made */
  struct mtc_bytes input;
  uint8_t last_frame[MTC_FRAME_LEN];
  pthread_t thread;
};

struct fake_card {
  char path[64];
  int user;
  void *memory;
  unsigned num_lanes;
  bool is_stopping;
  struct fake_lane lanes[FAKE_MAX_LANES];
};

static inline uint32_t fake_load(const struct fake_lane *lane, uint32_t offset) {
  return __atomic_load_n(&lane->registers[offset / 4], __ATOMIC_ACQUIRE);
}

static inline void fake_store(struct fake_lane *lane, uint32_t offset, uint32_t value) {
  __atomic_store_n(&lane->registers[offset / 4], value, __ATOMIC_RELEASE);
}

static inline uint64_t fake_get(const uint8_t *in, unsigned width) {
  uint64_t value = 0;
  for (unsigned i = 0; i < width; i++)
    value |= (uint64_t)in[i] << 8 * i;
  return value;
}

static inline void fake_put(uint8_t *out, uint64_t value, unsigned width) {
  for (unsigned i = 0; i < width; i++)
    out[i] = (uint8_t)(value >> 8 * i);
}

static inline bool fake_is_stopping(const struct fake_lane *lane) {
  return __atomic_load_n(&lane->card->is_stopping, __ATOMIC_ACQUIRE);
}

/* Promises a frame and sends it. */
static inline void fake_send(struct fake_lane *lane, const uint8_t *frame, bool is_counted) {
  if (is_counted) fake_store(lane, MTC_REG_OUT_AVAIL, ++lane->frames_sent);
  for (size_t done = 0; done < MTC_FRAME_LEN && !fake_is_stopping(lane);) {
    struct pollfd file = {lane->c2h, POLLOUT, 0};
    (void)poll(&file, 1, 10);
    /* A driver that was given up leaves its frames: the next one has it throw them away. */
    if (fake_load(lane, MTC_REG_CMD_SEQ) != lane->sequence &&
        fake_load(lane, MTC_REG_CMD) == MTC_CARD_CMD_RESYNC)
      return;
    ssize_t count = write(lane->c2h, frame + done, MTC_FRAME_LEN - done);
    if (count > 0) done += (size_t)count;
  }
}

static inline void fake_answer_sync(struct fake_lane *lane) {
  uint8_t frame[MTC_FRAME_LEN] = {0};
  uint32_t nonce = fake_load(lane, MTC_REG_NONCE);
  lane->is_discarding = false;
  lane->beats_taken = lane->frames_sent = 0;
  fake_store(lane, MTC_REG_OUT_AVAIL, 0);
  fake_store(lane, MTC_REG_IN_CREDIT, FAKE_DEPTH);
  fake_store(lane, MTC_REG_SYNC_ACK, nonce);
  fake_put(frame, MTC_CARD_MAGIC_FRAME, 4);
  fake_put(frame + 4, MTC_CARD_STREAM_VERSION | MTC_CARD_FRAME_KIND_SYNC << 16, 4);
  fake_put(frame + 8, nonce, 4);
  fake_send(lane, frame, false);
}

static inline void fake_send_result(struct fake_lane *lane, uint32_t number,
                                    const struct mtc_hash_result *result) {
  size_t num_records = 0, done = 0;
  for (unsigned level = 0; level < MTC_LEVELS; level++)
    num_records += result->num_nodes[level];
  uint8_t frame[MTC_FRAME_LEN] = {0};
  for (unsigned level = 0; level < MTC_LEVELS; level++) {
    for (size_t i = 0; i < result->num_nodes[level]; i++) {
      uint8_t *record = frame + (1 + done % MTC_CARD_FRAME_RECORDS) * MTC_BEAT_LEN;
      memcpy(record, result->nodes[level][i].bytes, MTC_HASH_LEN);
      fake_put(record + 32, result->first[level] + i, 8);
      record[40] = (uint8_t)level;
      record[41] = level ? MTC_CARD_RECORD_NODE : MTC_CARD_RECORD_LEAF;
      fake_put(record + 44, number, 4);
      fake_put(record + 48, level ? 0 : i, 4);
      bool is_last = ++done == num_records;
      if (done % MTC_CARD_FRAME_RECORDS && !is_last) continue;
      fake_put(frame, MTC_CARD_MAGIC_FRAME, 4);
      fake_put(frame + 4, MTC_CARD_STREAM_VERSION | MTC_CARD_FRAME_KIND_BATCH << 16, 4);
      fake_put(frame + 8, fake_load(lane, MTC_REG_NONCE), 4);
      fake_put(frame + 12, number, 4);
      fake_put(frame + 16, (done - 1) / MTC_CARD_FRAME_RECORDS, 4);
      fake_put(frame + 20, num_records, 4);
      fake_put(frame + 24, done, 4);
      fake_put(frame + 28, is_last, 4);
      fake_send(lane, frame, true);
      memcpy(lane->last_frame, frame, sizeof frame);
      memset(frame, 0, sizeof frame);
    }
  }
}

/* The mood, now that a batch of `result` was taken; false: it is not answered as it should be. */
static inline bool fake_is_moody(struct fake_lane *lane, struct mtc_hash_result *result) {
  switch (lane->mood) {
    case FAKE_HANGS:
      lane->is_silent = true;
      return true;
    case FAKE_GONE:
      for (uint32_t offset = 0; offset < FAKE_PAGES; offset += 4)
        fake_store(lane, offset, UINT32_MAX);
      lane->is_silent = true;
      return true;
    case FAKE_RESETS:
      lane->mood = FAKE_RIGHT;
      for (uint32_t offset = MTC_REG_NONCE; offset <= MTC_REG_CMD_SEQ; offset += 4)
        fake_store(lane, offset, 0);
      fake_store(lane, MTC_REG_SYNC_ACK, 0);
      fake_store(lane, MTC_REG_CMD_ACK, 0);
      lane->sequence = 0;
      lane->is_discarding = true;
      return true;
    case FAKE_LIES:
      result->nodes[0][0].bytes[5] ^= 1;
      return false;
    case FAKE_CREDIT_BACK:
      fake_store(lane, MTC_REG_IN_CREDIT, lane->beats_taken - 5);
      lane->is_discarding = true; /* and takes what comes */
      return true;
    case FAKE_CREDIT_LEAPS:
      fake_store(lane, MTC_REG_IN_CREDIT, lane->beats_taken + 0x80000000u);
      lane->is_discarding = true; /* and takes what comes */
      return true;
    case FAKE_AVAIL_BACK:
      fake_store(lane, MTC_REG_OUT_AVAIL, lane->frames_sent - 1);
      lane->is_silent = true;
      return true;
    case FAKE_AVAIL_LEAPS:
      fake_store(lane, MTC_REG_OUT_AVAIL, lane->frames_sent + 0x80000000u);
      lane->is_silent = true;
      return true;
    case FAKE_AVAIL_MORE:
      /* Each of the four batches has a frame, and one was answered. */
      fake_store(lane, MTC_REG_OUT_AVAIL, lane->frames_sent + 4);
      lane->is_silent = true;
      return true;
    case FAKE_CLOSED_BATCH: {
      uint8_t frame[MTC_FRAME_LEN];
      memcpy(frame, lane->last_frame, sizeof frame);
      fake_send(lane, frame, true);
      lane->is_silent = true;
      return true;
    }
    case FAKE_RIGHT:
    case FAKE_STOPS_READING:
    case FAKE_ANSWERS_EARLY:
      break;
  }
  return false;
}

/* Answers the batch at the start of the input, if all of it is there; returns its bytes. */
static inline size_t fake_serve_batch(struct fake_lane *lane) {
  const uint8_t *in = lane->input.data;
  if (lane->input.len < MTC_BEAT_LEN) return 0;
  bool is_due = lane->num_batches >= lane->after;
  uint32_t number = (uint32_t)fake_get(in + 12, 4);
  struct mtc_frontier frontier = {.tree_size = fake_get(in + 16, 8)};
  size_t num_entries = fake_get(in + 24, 4), num_seeds = fake_get(in + 28, 4);
  if (fake_get(in, 4) != MTC_CARD_MAGIC_BATCH || num_entries > FAKE_MAX_ENTRIES) abort();
  struct mtc_hash_result result;
  if (mtc_hash_result_alloc(&result, frontier.tree_size, frontier.tree_size + num_entries)) abort();
  if (is_due && lane->mood == FAKE_STOPS_READING) lane->is_silent = true;
  if (is_due && lane->mood == FAKE_ANSWERS_EARLY) {
    /* Leaf hashes of zeros, and a tree that fits them. */
    (void)mtc_hash_interior(&frontier, 1, &result);
    fake_send_result(lane, number, &result);
    lane->is_silent = true;
  }
  size_t used = MTC_BEAT_LEN * (1 + num_seeds), num_found = 0;
  static _Thread_local struct mtc_span entries[FAKE_MAX_ENTRIES];
  if (lane->is_silent || lane->input.len < used) goto out;
  for (size_t i = 1; i <= num_seeds; i++)
    memcpy(frontier.peaks[fake_get(in + i * MTC_BEAT_LEN + 32, 4)].bytes, in + i * MTC_BEAT_LEN,
           MTC_HASH_LEN);
  while (num_found < num_entries && lane->input.len - used >= MTC_BEAT_LEN) {
    size_t len = fake_get(in + used, 4), padded = (len + 8 + 63) / 64 * 64;
    if (lane->input.len - used < padded) break;
    entries[num_found++] = mtc_span_of(in + used + 8, len);
    used += padded;
  }
  if (num_found == num_entries) {
    const struct mtc_hash_job job = {&frontier, entries, num_entries};
    mtc_hash_on_cpu(&job, &result);
    if (!is_due || !fake_is_moody(lane, &result)) fake_send_result(lane, number, &result);
    lane->num_batches++;
    if (lane->mood == FAKE_ANSWERS_EARLY && lane->num_batches == lane->after)
      fake_store(lane, MTC_REG_IN_CREDIT, lane->beats_taken + 1);
    mtc_hash_result_free(&result);
    return used;
  }
out:
  mtc_hash_result_free(&result);
  return 0;
}

/* Throws away what is before the SYNC beat. */
static inline size_t fake_serve_sync(struct fake_lane *lane) {
  const uint32_t pattern[] = {htole32(MTC_CARD_MAGIC_SYNC), htole32(MTC_CARD_STREAM_VERSION),
                              htole32(fake_load(lane, MTC_REG_NONCE))};
  const uint8_t *in = lane->input.data, *found = NULL;
  if (pattern[2] && lane->input.len) found = memmem(in, lane->input.len, pattern, sizeof pattern);
  if (!found) return lane->input.len > 64 ? lane->input.len - 64 : 0;
  size_t used = (size_t)(found - in) + MTC_BEAT_LEN;
  if (used > lane->input.len) return (size_t)(found - in);
  fake_answer_sync(lane);
  return used;
}

static inline void fake_serve_command(struct fake_lane *lane) {
  uint32_t sequence = fake_load(lane, MTC_REG_CMD_SEQ);
  if (sequence == lane->sequence) return;
  lane->sequence = sequence;
  if (fake_load(lane, MTC_REG_CMD) == MTC_CARD_CMD_RESYNC) lane->is_discarding = true;
  fake_store(lane, MTC_REG_CMD_ACK, sequence);
}

static inline void *fake_run(void *context) {
  struct fake_lane *lane = context;
  static _Thread_local uint8_t bytes[16384];
  while (!fake_is_stopping(lane) && !lane->is_silent) {
    struct pollfd file = {lane->h2c, POLLIN, 0};
    (void)poll(&file, 1, 1);
    fake_serve_command(lane);
    ssize_t count = read(lane->h2c, bytes, sizeof bytes);
    if (count > 0) mtc_bytes_append(&lane->input, bytes, (size_t)count);
    for (size_t used = 1; used && !lane->is_silent;) {
      bool was_discarding = lane->is_discarding;
      used = was_discarding ? fake_serve_sync(lane) : fake_serve_batch(lane);
      lane->input.len -= used;
      if (used) memmove(lane->input.data, lane->input.data + used, lane->input.len);
      if (used && !was_discarding && !lane->is_discarding && !lane->is_silent) {
        lane->beats_taken += (uint32_t)(used / MTC_BEAT_LEN);
        bool is_withheld = lane->mood == FAKE_ANSWERS_EARLY && lane->num_batches >= lane->after;
        fake_store(lane, MTC_REG_IN_CREDIT, lane->beats_taken + (is_withheld ? 1 : FAKE_DEPTH));
      }
    }
  }
  return NULL;
}

static inline int fake_fifo(const struct fake_lane *lane, const char *name) {
  char path[96];
  (void)snprintf(path, sizeof path, "%s/%s_%u", lane->card->path, name, lane->number);
  assert_int_equal(mkfifo(path, 0600), 0);
  int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  assert_true(fd >= 0);
  return fd;
}

/* Makes a card whose registers have `num_pages` pairs, in a new folder, or in `path`. */
static inline void fake_make(struct fake_card *card, const char *path, unsigned num_lanes,
                             unsigned num_pages) {
  memset(card, 0, sizeof *card);
  (void)snprintf(card->path, sizeof card->path, "%s", path ? path : "/tmp/mtc-fake-XXXXXX");
  if (!path) assert_non_null(mkdtemp(card->path));
  card->num_lanes = num_lanes;
  char user[80];
  (void)snprintf(user, sizeof user, "%s/user", card->path);
  card->user = open(user, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  assert_true(card->user >= 0);
  assert_int_equal(ftruncate(card->user, (off_t)num_pages * FAKE_PAGES), 0);
  card->memory = mmap(NULL, (size_t)FAKE_MAX_LANES * FAKE_PAGES, PROT_READ | PROT_WRITE, MAP_SHARED,
                      card->user, 0);
  assert_true(card->memory != MAP_FAILED);
  for (unsigned i = 0; i < num_lanes && i < num_pages; i++) {
    struct fake_lane *lane = &card->lanes[i];
    lane->card = card;
    lane->number = i;
    lane->is_discarding = true;
    lane->registers = (volatile uint32_t *)card->memory + i * FAKE_PAGES / 4;
    fake_store(lane, MTC_REG_ID, MTC_CARD_REGISTER_ID);
    fake_store(lane, MTC_REG_VERSION, MTC_CARD_INTERFACE_VERSION);
    fake_store(lane, MTC_REG_CAPS_ENTRY, 8192);
    fake_store(lane, MTC_REG_CAPS_BATCH, FAKE_MAX_ENTRIES);
    fake_store(lane, MTC_REG_CAPS_INPUT, FAKE_DEPTH);
    fake_store(lane, MTC_REG_CAPS_CORE, 1 | 1 << 8 | 4 << 16 | num_lanes << 24);
    lane->h2c = fake_fifo(lane, "h2c");
    lane->c2h = fake_fifo(lane, "c2h");
  }
}

static inline void fake_set_mood(struct fake_card *card, unsigned lane, enum fake_mood mood,
                                 unsigned after) {
  card->lanes[lane].mood = mood;
  card->lanes[lane].after = after;
}

static inline void fake_start(struct fake_card *card) {
  for (unsigned i = 0; i < card->num_lanes; i++) {
    if (!card->lanes[i].card) continue;
    assert_int_equal(pthread_create(&card->lanes[i].thread, NULL, fake_run, &card->lanes[i]), 0);
  }
}

/* Ends the card and removes its files; the folder, too, unless another card comes there. */
static inline void fake_stop(struct fake_card *card, bool keep_folder) {
  char path[96];
  __atomic_store_n(&card->is_stopping, true, __ATOMIC_RELEASE);
  for (unsigned i = 0; i < card->num_lanes; i++) {
    struct fake_lane *lane = &card->lanes[i];
    if (!lane->card) continue;
    if (lane->thread) assert_int_equal(pthread_join(lane->thread, NULL), 0);
    (void)close(lane->h2c);
    (void)close(lane->c2h);
    mtc_bytes_free(&lane->input);
    (void)snprintf(path, sizeof path, "%s/h2c_%u", card->path, i);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/c2h_%u", card->path, i);
    (void)unlink(path);
  }
  (void)munmap(card->memory, (size_t)FAKE_MAX_LANES * FAKE_PAGES);
  (void)close(card->user);
  (void)snprintf(path, sizeof path, "%s/user", card->path);
  (void)unlink(path);
  if (!keep_folder) assert_int_equal(rmdir(card->path), 0);
}

#endif
