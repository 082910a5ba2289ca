/* Commands to the card, and the start of a session. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "hash/card.h"
#include "hash/card_regs.h"
#include "mtc/runtime.h"

/* Runs a command and waits for its acknowledgement. */
static mtc_status command(const struct mtc_card *card, uint32_t code, unsigned timeout_ms,
                          struct mtc_error *error) {
  /* A former driver's command may still wait: its number is in CMD_SEQ, not in CMD_ACK. */
  uint32_t sequence = mtc_card_register(card, MTC_REG_CMD_SEQ) + 1;
  mtc_card_set_register(card, MTC_REG_CMD, code);
  mtc_card_set_register(card, MTC_REG_CMD_SEQ, sequence);
  int64_t deadline_ms = mtc_clock_monotonic_ms() + timeout_ms;
  while (mtc_card_register(card, MTC_REG_CMD_ACK) != sequence) {
    if (mtc_clock_monotonic_ms() >= deadline_ms)
      return mtc_fail(error, MTC_DEVICE, "the card did not acknowledge command %u within %u ms",
                      code, timeout_ms);
    mtc_card_nap();
  }
  if (mtc_card_register(card, MTC_REG_CMD_RESULT) != 0)
    return mtc_fail(error, MTC_DEVICE, "the card does not know command %u", code);
  return MTC_OK;
}

static uint64_t read64(const struct mtc_card *card, uint32_t offset) {
  return mtc_card_register(card, offset) | (uint64_t)mtc_card_register(card, offset + 4) << 32;
}

mtc_status mtc_card_read_counters(const struct mtc_card *card, unsigned timeout_ms,
                                  struct mtc_card_counters *out, struct mtc_error *error) {
  mtc_status status = command(card, MTC_CARD_CMD_SNAPSHOT, timeout_ms, error);
  if (status) return status;
  *out = (struct mtc_card_counters){
      .num_cycles = read64(card, MTC_REG_CYCLES_LO),
      .num_leaf_blocks = read64(card, MTC_REG_LEAF_BLOCKS_LO),
      .num_node_blocks = read64(card, MTC_REG_NODE_BLOCKS_LO),
      .num_entries = read64(card, MTC_REG_ENTRIES_LO),
      .num_leaf_hashes = read64(card, MTC_REG_LEAF_HASHES_LO),
      .num_node_hashes = read64(card, MTC_REG_NODE_HASHES_LO),
      .num_no_input_ticks = read64(card, MTC_REG_NO_INPUT_LO),
      .num_no_credit_ticks = read64(card, MTC_REG_NO_CREDIT_LO),
      .num_tail_ticks = read64(card, MTC_REG_TAIL_LO),
      .num_stall_cycles = read64(card, MTC_REG_STALLS_LO),
  };
  return MTC_OK;
}

void mtc_card_diagnose(const struct mtc_card *card, struct mtc_error *error) {
  if (!card->registers) return;
  uint32_t id = mtc_card_register(card, MTC_REG_ID);
  if (id != MTC_CARD_REGISTER_ID)
    (void)mtc_fail_within(error, MTC_DEVICE, "the card is gone (its ID register is 0x%08x)", id);
  else if (mtc_card_register(card, MTC_REG_SYNC_ACK) != card->nonce)
    (void)mtc_fail_within(error, MTC_DEVICE, "the card was reset");
}

static mtc_status write_sync(struct mtc_card *card, void *context, struct mtc_error *error) {
  (void)context;
  _Alignas(MTC_BEAT_LEN) uint32_t words[MTC_BEAT_LEN / 4] = {
      htole32(MTC_CARD_MAGIC_SYNC), htole32(MTC_CARD_STREAM_VERSION), htole32(card->nonce)};
  return mtc_card_write(card, (const uint8_t *)words, sizeof words, error);
}

/*
 * Reads what is left of a former session and then the SYNC frame. As soon as SYNC_ACK shows the
 * nonce the frame is certain to come, so a read of up to a frame that starts before it cannot
 * block.
 */
static mtc_status read_sync(struct mtc_card *card, void *context, struct mtc_error *error) {
  (void)context;
  while (mtc_card_register(card, MTC_REG_SYNC_ACK) != card->nonce)
    mtc_card_nap();
  const uint32_t pattern[] = {htole32(MTC_CARD_MAGIC_FRAME),
                              htole32(MTC_CARD_STREAM_VERSION | MTC_CARD_FRAME_KIND_SYNC << 16),
                              htole32(card->nonce)};
  /* The first half holds the end of what was read before: the pattern may lie across two reads. */
  _Alignas(4096) uint8_t window[2 * MTC_FRAME_LEN];
  size_t held = 0;
  for (;;) {
    uint8_t *room = window + MTC_FRAME_LEN;
    ssize_t count = read(card->c2h, room, MTC_FRAME_LEN);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return mtc_fail(error, MTC_DEVICE, "reading the card's SYNC frame: %s",
                      count < 0 ? strerror(errno) : "it is gone");
    const uint8_t *begin = room - held;
    size_t len = held + (size_t)count;
    const uint8_t *found = memmem(begin, len, pattern, sizeof pattern);
    if (found) {
      size_t have = len - (size_t)(found - begin);
      if (have > MTC_FRAME_LEN)
        return mtc_fail(error, MTC_DEVICE, "the card sent more than its SYNC frame");
      return mtc_card_read(card, window, MTC_FRAME_LEN - have, error);
    }
    held = len < sizeof pattern ? len : sizeof pattern - 1;
    memmove(room - held, begin + len - held, held);
  }
}

mtc_status mtc_card_start_session(struct mtc_card *card, unsigned timeout_ms,
                                  struct mtc_error *error) {
  do {
    if (getrandom(&card->nonce, sizeof card->nonce, 0) != (ssize_t)sizeof card->nonce)
      return mtc_fail(error, MTC_DEVICE, "no random nonce: %s", strerror(errno));
  } while (card->nonce == 0 || card->nonce == UINT32_MAX); /* which a card that is gone shows */
  mtc_card_set_register(card, MTC_REG_NONCE, card->nonce);
  mtc_status status = command(card, MTC_CARD_CMD_RESYNC, timeout_ms, error);
  if (status) return status;
  const struct mtc_card_exchange exchange = {.write = write_sync, .read = read_sync};
  status = mtc_card_run(card, &exchange, timeout_ms, error);
  return status ? mtc_fail_within(error, status, "starting a session with the card") : MTC_OK;
}
