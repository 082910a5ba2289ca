/* The files of a lane of the card, and its registers. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hash/card.h"
#include "hash/card_regs.h"

#define REGISTERS_LEN 8192u /* of a lane */
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
  /* The device takes buffers that begin a page. What is left of a frame after a short count does
   * not: it comes by way of one that does. */
  _Alignas(MTC_FRAME_LEN) uint8_t page[MTC_FRAME_LEN];
  while (len) {
    bool is_aligned = (uintptr_t)out % sizeof page == 0;
    size_t wanted = is_aligned || len < sizeof page ? len : sizeof page;
    ssize_t count = read(card->c2h, is_aligned ? out : page, wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return mtc_fail(error, MTC_DEVICE, "reading from the card: %s",
                      count < 0 ? strerror(errno) : "it is gone");
    if (!is_aligned) memcpy(out, page, (size_t)count);
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

/* Opens the registers up to the lane's. */
static mtc_status open_registers(struct mtc_card *card, const char *path, unsigned lane,
                                 struct mtc_error *error) {
  *card = (struct mtc_card){.lane = lane, .user = -1, .h2c = -1, .c2h = -1};
  card->user = open_file(path, "user", O_RDWR | O_SYNC, error);
  if (card->user < 0) return MTC_DEVICE;
  size_t len = (lane + 1) * (size_t)REGISTERS_LEN;
  struct stat info;
  if (fstat(card->user, &info) != 0 || (S_ISREG(info.st_mode) && info.st_size < (off_t)len))
    return mtc_fail(error, MTC_DEVICE, "the card's registers at %s are too short for lane %u", path,
                    lane);
  /* From the start: a lane's first register need not begin a page of the host. */
  void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, card->user, 0);
  if (memory == MAP_FAILED)
    return mtc_fail(error, MTC_DEVICE, "cannot map the card's registers up to lane %u: %s", lane,
                    strerror(errno));
  card->mapping = memory;
  card->mapping_len = len;
  card->registers = (volatile uint32_t *)memory + lane * (size_t)REGISTERS_LEN / 4;
  return MTC_OK;
}

/*
 * Opens the lane's streams. All lanes share the registers' file, so a lane is locked by its own
 * stream; the shared lock is for tools that want the whole card for themselves.
 */
static mtc_status open_streams(struct mtc_card *card, const char *path, struct mtc_error *error) {
  char name[16];
  (void)snprintf(name, sizeof name, "h2c_%u", card->lane);
  card->h2c = open_file(path, name, O_WRONLY, error);
  if (card->h2c < 0) return MTC_DEVICE;
  if (flock(card->user, LOCK_SH | LOCK_NB) != 0 || flock(card->h2c, LOCK_EX | LOCK_NB) != 0)
    return mtc_fail(error, MTC_DEVICE, "the card %s is in use by another process", path);
  (void)snprintf(name, sizeof name, "c2h_%u", card->lane);
  card->c2h = open_file(path, name, O_RDONLY, error);
  return card->c2h < 0 ? MTC_DEVICE : MTC_OK;
}

/* A card that says it has lanes has registers for them. */
static mtc_status check_lanes(const struct mtc_card *card, const char *path,
                              struct mtc_error *error) {
  struct stat info;
  if (card->lane >= card->num_lanes)
    return mtc_fail(error, MTC_DEVICE, "the card %s has no lane %u: it says it has %u", path,
                    card->lane, card->num_lanes);
  if (fstat(card->user, &info) == 0 && S_ISREG(info.st_mode) &&
      info.st_size < (off_t)card->num_lanes * (off_t)REGISTERS_LEN)
    return mtc_fail(error, MTC_DEVICE,
                    "the card %s says it has %u lanes, but has registers for only %lld", path,
                    card->num_lanes, (long long)(info.st_size / (off_t)REGISTERS_LEN));
  return MTC_OK;
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
  /* Cards before version 1.1 do not say how many batches they hold open, nor their lanes: one. */
  uint32_t core = mtc_card_register(card, MTC_REG_CAPS_CORE);
  card->max_open = (core & MTC_CAPS_CORE_BATCHES_MASK) >> 16;
  if (!card->max_open) card->max_open = 1;
  card->num_lanes = (core & MTC_CAPS_CORE_LANES_MASK) >> 24;
  if (!card->num_lanes) card->num_lanes = 1;
  if (!card->max_entry || !card->max_batch || !card->input_beats)
    return mtc_fail(error, MTC_DEVICE, "the card %s says that it can hold nothing", path);
  return check_lanes(card, path, error);
}

mtc_status mtc_card_open(struct mtc_card *card, const char *path, unsigned lane,
                         unsigned timeout_ms, struct mtc_error *error) {
  mtc_status status = open_registers(card, path, lane, error);
  if (!status) status = open_streams(card, path, error);
  if (!status) status = identify(card, path, error);
  if (!status) status = mtc_card_start_session(card, timeout_ms, error);
  if (status) mtc_card_close(card);
  return status;
}

mtc_status mtc_card_count_lanes(const char *path, unsigned *out, struct mtc_error *error) {
  struct mtc_card card;
  mtc_status status = open_registers(&card, path, 0, error);
  if (!status) status = identify(&card, path, error);
  if (!status) *out = card.num_lanes;
  mtc_card_close(&card);
  return status;
}

void mtc_card_close(struct mtc_card *card) {
  if (card->mapping) (void)munmap(card->mapping, card->mapping_len);
  int *const files[] = {&card->c2h, &card->h2c, &card->user};
  for (size_t i = 0; i < 3; i++) {
    if (*files[i] >= 0) (void)close(*files[i]);
    *files[i] = -1;
  }
  card->mapping = NULL;
  card->registers = NULL;
}
