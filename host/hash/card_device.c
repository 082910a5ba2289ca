#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hash/card.h"
#include "hash/card_regs.h"
#include "mtc/runtime.h"

#define REGISTERS_LEN 8192u
#define NAP_NS 50000

uint32_t mtc_card_register(const struct mtc_card *card, uint32_t offset) {
  return __atomic_load_n(&card->registers[offset / 4], __ATOMIC_ACQUIRE);
}

void mtc_card_set_register(const struct mtc_card *card, uint32_t offset, uint32_t value) {
  __atomic_store_n(&card->registers[offset / 4], value, __ATOMIC_RELEASE);
  (void)mtc_card_register(card, offset);
}

void mtc_card_nap(void) {
  struct timespec nap = {.tv_nsec = NAP_NS};
  (void)nanosleep(&nap, NULL);
}

mtc_status mtc_card_write(const struct mtc_card *card, const uint8_t *data, size_t len,
                          struct mtc_error *error) {
  while (len) {
    ssize_t count = write(card->h2c, data, len);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return mtc_fail(error, MTC_DEVICE, "writing to the card: %s",
                      count < 0 ? strerror(errno) : "nothing was taken");
    data += count;
    len -= (size_t)count;
  }
  return MTC_OK;
}

mtc_status mtc_card_read(const struct mtc_card *card, uint8_t *out, size_t len,
                         struct mtc_error *error) {
  while (len) {
    ssize_t count = read(card->c2h, out, len);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return mtc_fail(error, MTC_DEVICE, "reading from the card: %s",
                      count < 0 ? strerror(errno) : "it is gone");
    out += count;
    len -= (size_t)count;
  }
  return MTC_OK;
}

/* Opens <path>/<name> or <path>_<name>. */
static int open_file(const char *path, const char *name, int flags, struct mtc_error *error) {
  char full[PATH_MAX];
  struct stat info;
  char separator = stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? '/' : '_';
  int len = snprintf(full, sizeof full, "%s%c%s", path, separator, name);
  if (len < 0 || (size_t)len >= sizeof full) {
    (void)mtc_fail(error, MTC_DEVICE, "the card's path is too long");
    return -1;
  }
  /* Without O_NONBLOCK a FIFO that no model holds open would hang here; the flag goes again. */
  int fd = open(full, flags | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0 && fcntl(fd, F_SETFL, flags & ~O_ACCMODE) != 0) {
    (void)close(fd);
    fd = -1;
  }
  if (fd < 0) (void)mtc_fail(error, MTC_DEVICE, "cannot open %s: %s", full, strerror(errno));
  return fd;
}

static mtc_status open_files(struct mtc_card *card, const char *path, struct mtc_error *error) {
  card->user = open_file(path, "user", O_RDWR | O_SYNC, error);
  if (card->user < 0) return MTC_DEVICE;
  if (flock(card->user, LOCK_EX | LOCK_NB) != 0)
    return mtc_fail(error, MTC_DEVICE, "the card %s is in use by another process", path);
  struct stat info;
  if (fstat(card->user, &info) != 0 ||
      (S_ISREG(info.st_mode) && info.st_size < (off_t)REGISTERS_LEN))
    return mtc_fail(error, MTC_DEVICE, "the card's registers at %s are too short", path);
  void *memory = mmap(NULL, REGISTERS_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, card->user, 0);
  if (memory == MAP_FAILED)
    return mtc_fail(error, MTC_DEVICE, "cannot map the card's registers: %s", strerror(errno));
  card->registers = memory;
  card->h2c = open_file(path, "h2c_0", O_WRONLY, error);
  if (card->h2c < 0) return MTC_DEVICE;
  card->c2h = open_file(path, "c2h_0", O_RDONLY, error);
  return card->c2h < 0 ? MTC_DEVICE : MTC_OK;
}

static mtc_status identify(struct mtc_card *card, const char *path, struct mtc_error *error) {
  uint32_t id = mtc_card_register(card, MTC_REG_ID);
  if (id != MTC_CARD_REGISTER_ID)
    return mtc_fail(error, MTC_DEVICE, "%s is not the hashing card: its ID register is 0x%08x",
                    path, id);
  uint32_t version = mtc_card_register(card, MTC_REG_VERSION);
  if ((version & MTC_VERSION_MAJOR_MASK) != (MTC_CARD_INTERFACE_VERSION & MTC_VERSION_MAJOR_MASK))
    return mtc_fail(
        error, MTC_DEVICE, "the card %s has interface version %u.%u; this driver has %u", path,
        version >> 16, version & MTC_VERSION_MINOR_MASK, MTC_CARD_INTERFACE_VERSION >> 16);
  card->max_entry = mtc_card_register(card, MTC_REG_CAPS_ENTRY);
  card->max_batch = mtc_card_register(card, MTC_REG_CAPS_BATCH);
  card->input_beats = mtc_card_register(card, MTC_REG_CAPS_INPUT);
  /* Cards before version 1.1 do not say how many batches they hold open: one. */
  card->max_open = (mtc_card_register(card, MTC_REG_CAPS_CORE) & MTC_CAPS_CORE_BATCHES_MASK) >> 16;
  if (!card->max_open) card->max_open = 1;
  if (!card->max_entry || !card->max_batch || !card->input_beats)
    return mtc_fail(error, MTC_DEVICE, "the card %s says that it can hold nothing", path);
  return MTC_OK;
}

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
  uint32_t words[MTC_BEAT_LEN / 4] = {htole32(MTC_CARD_MAGIC_SYNC),
                                      htole32(MTC_CARD_STREAM_VERSION), htole32(card->nonce)};
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

static mtc_status start_session(struct mtc_card *card, unsigned timeout_ms,
                                struct mtc_error *error) {
  do {
    if (getrandom(&card->nonce, sizeof card->nonce, 0) != (ssize_t)sizeof card->nonce)
      return mtc_fail(error, MTC_DEVICE, "no random nonce: %s", strerror(errno));
  } while (card->nonce == 0);
  mtc_card_set_register(card, MTC_REG_NONCE, card->nonce);
  mtc_status status = command(card, MTC_CARD_CMD_RESYNC, timeout_ms, error);
  if (status) return status;
  const struct mtc_card_exchange exchange = {.write = write_sync, .read = read_sync};
  status = mtc_card_run(card, &exchange, timeout_ms, error);
  return status ? mtc_fail_within(error, status, "starting a session with the card") : MTC_OK;
}

mtc_status mtc_card_open(struct mtc_card *card, const char *path, unsigned timeout_ms,
                         struct mtc_error *error) {
  *card = (struct mtc_card){.user = -1, .h2c = -1, .c2h = -1};
  mtc_status status = open_files(card, path, error);
  if (!status) status = identify(card, path, error);
  if (!status) status = start_session(card, timeout_ms, error);
  if (status) mtc_card_close(card);
  return status;
}

void mtc_card_close(struct mtc_card *card) {
  if (card->registers) (void)munmap((void *)(uintptr_t)card->registers, REGISTERS_LEN);
  int *const files[] = {&card->c2h, &card->h2c, &card->user};
  for (size_t i = 0; i < 3; i++) {
    if (*files[i] >= 0) (void)close(*files[i]);
    *files[i] = -1;
  }
  card->registers = NULL;
}
