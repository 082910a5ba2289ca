/* The card as the driver sees it: docs/registers.md describes registers and streams. */
#ifndef MTC_HASH_CARD_H
#define MTC_HASH_CARD_H

#include "hash/hasher.h"

#define MTC_BEAT_LEN 64u
#define MTC_FRAME_LEN 4096u

/* A lane of a card, open. Most of the driver knows nothing larger: a lane has registers, streams
 * and sessions of its own. beats_written is the writer thread's, frames_read the reader's; the rest
 * does not change while it is open. */
struct mtc_card {
  volatile uint32_t *registers; /* of the lane */
  void *mapping;                /* all registers up to the lane's */
  size_t mapping_len;
  unsigned lane; /* its number */
  int user;
  int h2c;
  int c2h;
  uint32_t max_entry;     /* bytes */
  uint32_t max_batch;     /* entries */
  uint32_t max_open;      /* batches at a time, 1.. */
  uint32_t num_lanes;     /* of the whole card, 1.. */
  uint32_t input_beats;   /* depth of the input buffer: the credit cannot be larger */
  uint32_t nonce;         /* of the session */
  uint32_t beats_written; /* since the SYNC beat, modulo 2^32 */
  uint32_t frames_read;   /* since the SYNC frame, modulo 2^32 */
};

/*
 * mtc_card_open opens the files of a lane, checks identification and version, and brings its
 * streams into step, whatever a former driver left in them. No other process opens the lane
 * meanwhile.
 *
 * Owner:    close with mtc_card_close.
 * Errors:   DEVICE (`card` is closed).
 */
mtc_status mtc_card_open(struct mtc_card *card, const char *path, unsigned lane,
                         unsigned timeout_ms, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_count_lanes asks the card how many lanes it has, whoever has them open.
 *
 * Errors:   DEVICE (`out` is untouched).
 */
mtc_status mtc_card_count_lanes(const char *path, unsigned *out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_start_session agrees with the card on a fresh nonce and reads away what is left of a
 * former session: the second half of mtc_card_open.
 *
 * Errors:   DEVICE, NOMEM.
 */
mtc_status mtc_card_start_session(struct mtc_card *card, unsigned timeout_ms,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_close releases the files; closing twice is harmless.
 */
void mtc_card_close(struct mtc_card *card);

/*
 * mtc_card_register reads the register at `offset`; _set_register writes one and reads it back, so
 * that a posted write has arrived.
 */
uint32_t mtc_card_register(const struct mtc_card *card, uint32_t offset);
/* Writes a register; see above. */
void mtc_card_set_register(const struct mtc_card *card, uint32_t offset, uint32_t value);

/*
 * mtc_card_nap sleeps for the moment between two looks at a register; a cancellation point.
 */
void mtc_card_nap(void);

/*
 * mtc_card_write writes all of `data`; mtc_card_read reads exactly `len` bytes.
 *
 * Requires: the card promised the room or the bytes. SIGPIPE is blocked in the calling thread.
 *           What is written begins at a multiple of a beat (64), what is read into of a frame
 * (4096). Errors:   DEVICE with the reason in words.
 */
mtc_status mtc_card_write(const struct mtc_card *card, const uint8_t *data, size_t len,
                          struct mtc_error *error) MTC_MUST_CHECK;
/* Reads exactly `len` bytes; see above. */
mtc_status mtc_card_read(const struct mtc_card *card, uint8_t *out, size_t len,
                         struct mtc_error *error) MTC_MUST_CHECK;

/* The two halves of an exchange; each runs in a thread of its own that may be cancelled at any
 * write, read or nap, so they own nothing at those points. */
struct mtc_card_exchange {
  mtc_status (*write)(struct mtc_card *card, void *context, struct mtc_error *error);
  mtc_status (*read)(struct mtc_card *card, void *context, struct mtc_error *error);
  void *context;
};

/*
 * mtc_card_run runs both halves until they end, one fails, or `timeout_ms` passed.
 *
 * Errors:   DEVICE (what failed first, or the timeout), NOMEM (no thread: nothing was sent).
 */
mtc_status mtc_card_run(struct mtc_card *card, const struct mtc_card_exchange *exchange,
                        uint64_t timeout_ms, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_read_counters has the card copy its counters and reads them.
 *
 * Requires: one command at a time.
 * Errors:   DEVICE (it did not answer in time; `out` is untouched).
 */
mtc_status mtc_card_read_counters(const struct mtc_card *card, unsigned timeout_ms,
                                  struct mtc_card_counters *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_diagnose puts before the fault in `error` what the registers say about it: that nothing
 * answers any more, or that the card was reset.
 */
void mtc_card_diagnose(const struct mtc_card *card, struct mtc_error *error);

/* A batch on the wire. Zeroed but for what mtc_card_batch_init sets. */
struct mtc_card_batch {
  const struct mtc_hash_job *job;
  struct mtc_hash_result *out;
  uint32_t number;     /* of the batch in the session */
  size_t num_records;  /* promised */
  size_t num_taken;    /* records received */
  uint32_t num_frames; /* frames received */
  uint8_t *seen;       /* a bit for each hash of `out`, in the order of its storage */
  size_t next_item;    /* to be sent: 0 the header, then the seeds, then the entries */
  size_t item_offset;  /* bytes of that item gathered so far, its padding included */
};

/*
 * mtc_card_batch_init prepares a batch; mtc_card_batch_free releases it.
 *
 * Requires: `job` is within max_entry and max_batch; `out` is sized for it; both are borrowed.
 * Errors:   NOMEM.
 */
mtc_status mtc_card_batch_init(struct mtc_card_batch *batch, const struct mtc_hash_job *job,
                               struct mtc_hash_result *out) MTC_MUST_CHECK;
/* Releases what belongs to the batch; see above. */
void mtc_card_batch_free(struct mtc_card_batch *batch);

/*
 * mtc_card_batch_gather copies the batch's next beats to `out`, as many as go into `max_len` (a
 * multiple of MTC_BEAT_LEN), and returns their bytes: 0 when all were gathered.
 */
size_t mtc_card_batch_gather(struct mtc_card_batch *batch, uint32_t nonce, uint8_t *out,
                             size_t max_len);

/*
 * mtc_card_batch_gathered tells whether all beats were gathered.
 */
bool mtc_card_batch_gathered(const struct mtc_card_batch *batch);

/*
 * mtc_card_frame_batch checks that `frame` is one of the session's batches and gives its number.
 *
 * Errors:   DEVICE.
 */
mtc_status mtc_card_frame_batch(const uint8_t *frame, uint32_t nonce, uint32_t *out_number,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_card_batch_take takes the records of the batch's next frame. The batch is complete when
 * num_taken is num_records.
 *
 * Errors:   DEVICE.
 */
mtc_status mtc_card_batch_take(struct mtc_card_batch *batch, const uint8_t *frame,
                               struct mtc_error *error) MTC_MUST_CHECK;

/* How far to recompute a batch in software. */
struct mtc_card_checking {
  enum mtc_card_check mode;
  unsigned sample_every;
  uint64_t phase; /* which of the first `sample_every` leaves is the first sample */
};

/*
 * mtc_card_check_batch recomputes hashes of the card in software: every one (full); every interior
 * node from the card's leaf hashes, which covers every subtree root (root); that and every Nth leaf
 * (sample).
 *
 * Output:   how many hashes were recomputed.
 * Errors:   DEVICE when one differs, NOMEM.
 */
mtc_status mtc_card_check_batch(const struct mtc_card_checking *checking,
                                const struct mtc_hash_job *job,
                                const struct mtc_hash_result *result, size_t *out_num_checked,
                                struct mtc_error *error) MTC_MUST_CHECK;

#endif
