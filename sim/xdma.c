/*
 * The XDMA driver's character devices, in front of the FIFOs of mtc-sim: what they refuse and how
 * they fail, which FIFOs do not by themselves. libmtc-xdma.so, for LD_PRELOAD, or linked into a
 * test: the driver of the card keeps the one path of code that it has for cards.
 *
 * - A c2h_<lane> that is open already is not opened again: EBUSY.
 * - Buffers of c2h begin at a multiple of 4,096 bytes, those of h2c of what --dma-align says, and
 *   lengths are multiples of 64: otherwise EINVAL, and nothing moves.
 * - A transfer in which nothing moves for the time-out ends: ETIMEDOUT, or a short count when
 *   something had moved.
 * - A transfer is moved in pieces (the engine's descriptors).
 *
 * Which of them happen on purpose is said on mtc-sim's command line; it writes that to the file
 * `dma` beside the FIFOs, which is read when one is opened. A file that is no FIFO is left alone.
 */
/* The definitions below are those that fortified calls end in. */
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES 1024
#define MAX_LANES 256u
#define MAX_FAULTS 16
#define BEAT_LEN 64u
#define PAGE_LEN 4096u /* of a FIFO: so much never blocks where poll says that there is room */

enum direction { H2C, C2H };

struct fault {
  char kind[16]; /* refuse, timeout, cut, busy */
  unsigned lane;
  enum direction direction;
  unsigned long number; /* of the transfer, from 1; busy: of the opening */
};

struct device {
  bool is_open;
  enum direction direction;
  unsigned lane;
  int timeout_ms;
  size_t split;
  size_t alignment;        /* of buffers */
  unsigned long long card; /* another one for each mtc-sim; 0 where nothing goes wrong */
  size_t num_faults;
  struct fault faults[MAX_FAULTS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct device devices[MAX_FILES];
/* Of the card that was opened last, so that a session that is opened again has no fault twice. */
static struct {
  unsigned long long card;
  unsigned long num_transfers, num_openings;
} counts[2][MAX_LANES];

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);
ssize_t __read_chk(int fd, void *out, size_t len, size_t room);

static struct {
  int (*open)(const char *path, int flags, ...);
  int (*openat)(int folder, const char *path, int flags, ...);
  int (*close)(int fd);
  ssize_t (*read)(int fd, void *out, size_t len);
  ssize_t (*write)(int fd, const void *data, size_t len);
} real;

/* Before other threads are there; a constructor of another library may open files yet earlier. */
__attribute__((constructor)) static void resolve(void) {
  static const char *const names[] = {"open", "openat", "close", "read", "write"};
  void *found[sizeof names / sizeof names[0]];
  if (real.open) return;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) found[i] = dlsym(RTLD_NEXT, names[i]);
  memcpy(&real, found, sizeof real);
}

/* Reads h2c_<lane> or c2h_<lane>, and the folder's `dma`, which need not be there. */
static bool describe(const char *path, struct device *out) {
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  char rest, full[PATH_MAX], line[128], direction[8];
  *out = (struct device){.timeout_ms = 10000, .alignment = 1};
  if (sscanf(name, "h2c_%3u%c", &out->lane, &rest) == 1)
    out->direction = H2C;
  else if (sscanf(name, "c2h_%3u%c", &out->lane, &rest) == 1)
    out->direction = C2H;
  else
    return false;
  if (out->lane >= MAX_LANES) return false;
  (void)snprintf(full, sizeof full, "%.*sdma", (int)(name - path), path);
  FILE *file = fopen(full, "re");
  while (file && fgets(line, sizeof line, file)) {
    struct fault *fault = &out->faults[out->num_faults];
    if (sscanf(line, "timeout %d", &out->timeout_ms) == 1) continue;
    if (sscanf(line, "split %zu", &out->split) == 1) continue;
    if (sscanf(line, "align %zu", &out->alignment) == 1) continue;
    if (sscanf(line, "card %llu", &out->card) == 1) continue;
    if (out->num_faults == MAX_FAULTS || sscanf(line, "%15[a-z]-%7[a-z0-9] %u %lu", fault->kind,
                                                direction, &fault->lane, &fault->number) != 4)
      continue;
    fault->direction = strcmp(direction, "h2c") == 0 ? H2C : C2H;
    if (fault->lane == out->lane && fault->direction == out->direction) out->num_faults++;
  }
  if (file) (void)fclose(file);
  if (out->direction == C2H) out->alignment = PAGE_LEN;
  return true;
}

/* Whether it is the turn of a fault of this kind. */
static bool has_fault(const struct device *device, const char *kind, unsigned long number) {
  for (size_t i = 0; i < device->num_faults; i++)
    if (strcmp(device->faults[i].kind, kind) == 0 && device->faults[i].number == number)
      return true;
  return false;
}

/* What an open of a device does more; returns `fd`, or -1 having closed it. */
static int opened(int fd, const char *path) {
  struct stat info;
  struct device device;
  if (fd < 0 || fd >= MAX_FILES || !describe(path, &device)) return fd;
  if (fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode)) return fd;
  (void)pthread_mutex_lock(&lock);
  if (counts[device.direction][device.lane].card != device.card) {
    counts[device.direction][device.lane].card = device.card;
    counts[device.direction][device.lane].num_transfers = 0;
    counts[device.direction][device.lane].num_openings = 0;
  }
  unsigned long number = ++counts[device.direction][device.lane].num_openings;
  device.is_open = true;
  devices[fd] = device;
  (void)pthread_mutex_unlock(&lock);
  if (has_fault(&device, "busy", number) ||
      (device.direction == C2H && flock(fd, LOCK_EX | LOCK_NB) != 0)) {
    (void)close(fd);
    errno = EBUSY;
    return -1;
  }
  return fd;
}

/* The mode that follows where a file may be made. */
static mode_t mode_of(int flags, va_list list) {
  return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = mode_of(flags, list);
  va_end(list);
  resolve();
  return opened(real.open(path, flags, mode), path);
}

int open64(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = mode_of(flags, list);
  va_end(list);
  return open(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = mode_of(flags, list);
  va_end(list);
  resolve();
  return opened(real.openat(folder, path, flags, mode), path);
}

int openat64(int folder, const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = mode_of(flags, list);
  va_end(list);
  return openat(folder, path, flags, mode);
}

int __open_2(const char *path, int flags) { return open(path, flags); }
int __open64_2(const char *path, int flags) { return open(path, flags); }
int __openat_2(int folder, const char *path, int flags) { return openat(folder, path, flags); }
int __openat64_2(int folder, const char *path, int flags) { return openat(folder, path, flags); }

int close(int fd) {
  resolve();
  if (fd >= 0 && fd < MAX_FILES) {
    (void)pthread_mutex_lock(&lock);
    devices[fd].is_open = false;
    (void)pthread_mutex_unlock(&lock);
  }
  return real.close(fd);
}

/* The device behind `fd` and the number of its transfer that begins; false for other files. */
static bool begin(int fd, enum direction direction, struct device *out, unsigned long *out_number) {
  if (fd < 0 || fd >= MAX_FILES) return false;
  (void)pthread_mutex_lock(&lock);
  *out = devices[fd];
  bool is_device = out->is_open && out->direction == direction;
  if (is_device) *out_number = ++counts[direction][out->lane].num_transfers;
  (void)pthread_mutex_unlock(&lock);
  return is_device;
}

/* One transfer. `move` is the file's own read or write; a thread may be cancelled where it waits.
 */
static ssize_t transfer(int fd, const struct device *device, unsigned long number, uintptr_t buffer,
                        size_t len, ssize_t (*move)(int fd, uintptr_t buffer, size_t len)) {
  if (buffer % device->alignment || len % BEAT_LEN || has_fault(device, "refuse", number)) {
    errno = EINVAL;
    return -1;
  }
  size_t limit = len, moved = 0;
  if (has_fault(device, "timeout", number)) limit = 0;
  if (has_fault(device, "cut", number)) limit = len / 2 / BEAT_LEN * BEAT_LEN;
  size_t piece = device->split && device->split < PAGE_LEN ? device->split : PAGE_LEN;
  while (moved < len) {
    struct pollfd file = {fd, device->direction == H2C ? POLLOUT : POLLIN, 0};
    if (moved == limit) file.fd = -1;
    int ready = poll(&file, 1, device->timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    size_t count = limit - moved < piece ? limit - moved : piece;
    ssize_t done = move(fd, buffer + moved, count);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return moved ? (ssize_t)moved : done;
    moved += (size_t)done;
  }
  if (moved || !len) return (ssize_t)moved;
  errno = ETIMEDOUT;
  return -1;
}

static ssize_t move_in(int fd, uintptr_t buffer, size_t len) {
  return real.read(fd, (void *)buffer, len);
}

static ssize_t move_out(int fd, uintptr_t buffer, size_t len) {
  return real.write(fd, (const void *)buffer, len);
}

ssize_t read(int fd, void *out, size_t len) {
  struct device device;
  unsigned long number;
  resolve();
  if (!begin(fd, C2H, &device, &number)) return real.read(fd, out, len);
  return transfer(fd, &device, number, (uintptr_t)out, len, move_in);
}

ssize_t __read_chk(int fd, void *out, size_t len, size_t room) {
  if (len > room) __builtin_trap();
  return read(fd, out, len);
}

ssize_t write(int fd, const void *data, size_t len) {
  struct device device;
  unsigned long number;
  resolve();
  if (!begin(fd, H2C, &device, &number)) return real.write(fd, data, len);
  return transfer(fd, &device, number, (uintptr_t)data, len, move_out);
}
