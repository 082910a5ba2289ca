#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "functions.h"
#include "names.h"

/* Which file of faults it is: a renamed one differs in at least one of these. */
struct version {
  uint64_t inode, size;
  int64_t mtime_s, mtime_ns;
};

struct state {
  _Atomic uint64_t calls[SHIM_NUM_FUNCTIONS];
  uint64_t seen_at[SHIM_NUM_FUNCTIONS]; /* calls when the present faults were first seen */
  struct version version;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char faults_path[SHIM_MAX_PATH];
static int state_fd = -1, calls_fd = -1;
static struct state *state;
static struct version version = {.size = UINT64_MAX}; /* of what `faults` holds */
static struct shim_faults faults;
static bool is_well_formed = true;

static bool fail(const char *what, const char *path) {
  (void)fprintf(stderr, "pkcs11-shim: %s %s: %s\n", what, path, strerror(errno));
  return false;
}

static bool open_in(const char *folder, const char *name, int flags, int *out_fd) {
  char path[SHIM_MAX_PATH];
  if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
    errno = ENAMETOOLONG;
  else
    *out_fd = open(path, flags | O_CLOEXEC, 0600);
  return *out_fd >= 0 || fail("cannot open", path);
}

static bool read_module(const char *folder, char out_module[SHIM_MAX_PATH]) {
  char path[SHIM_MAX_PATH], line[SHIM_MAX_PATH];
  if ((size_t)snprintf(path, sizeof path, "%s/module", folder) >= sizeof path) return false;
  FILE *file = fopen(path, "re");
  if (!file) return fail("cannot open", path);
  *out_module = 0;
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    char *equals = strchr(line, '=');
    if (!*out_module) {
      strcpy(out_module, line);
    } else if (equals) {
      *equals = 0;
      (void)setenv(line, equals + 1, 0);
    }
  }
  (void)fclose(file);
  return *out_module || fail("no module in", path);
}

static bool open_all(const char *folder, char out_module[SHIM_MAX_PATH]) {
  if (!read_module(folder, out_module)) return false;
  if (state) return true;
  if (!open_in(folder, "calls", O_WRONLY | O_CREAT | O_APPEND, &calls_fd)) return false;
  if (!open_in(folder, "state", O_RDWR | O_CREAT, &state_fd)) return false;
  if (ftruncate(state_fd, sizeof *state) != 0) return fail("cannot size", "state");
  void *memory = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, state_fd, 0);
  if (memory == MAP_FAILED) return fail("cannot map", "state");
  (void)snprintf(faults_path, sizeof faults_path, "%s/faults", folder);
  state = memory;
  return true;
}

bool shim_folder_open(const char *path, char out_module[SHIM_MAX_PATH]) {
  (void)pthread_mutex_lock(&lock);
  bool is_open = open_all(path, out_module);
  (void)pthread_mutex_unlock(&lock);
  return is_open;
}

static struct version version_of(const struct stat *info) {
  return (struct version){.inode = info->st_ino,
                          .size = (uint64_t)info->st_size,
                          .mtime_s = info->st_mtim.tv_sec,
                          .mtime_ns = info->st_mtim.tv_nsec};
}

static bool same(const struct version *a, const struct version *b) {
  return a->inode == b->inode && a->size == b->size && a->mtime_s == b->mtime_s &&
         a->mtime_ns == b->mtime_ns;
}

/* The first process that sees new faults fixes from where their calls count. */
static void agree_on_start(void) {
  while (flock(state_fd, LOCK_EX) != 0 && errno == EINTR)
    continue;
  if (!same(&state->version, &version)) {
    for (size_t i = 0; i < SHIM_NUM_FUNCTIONS; i++)
      state->seen_at[i] = atomic_load(&state->calls[i]);
    state->version = version;
  }
  (void)flock(state_fd, LOCK_UN);
}

static void read_when_new(void) {
  static char text[65536];
  struct version found = {0};
  struct stat info;
  const char *line = "";
  ssize_t len = 0;
  if (stat(faults_path, &info) == 0) found = version_of(&info);
  if (same(&found, &version)) return;
  int fd = open(faults_path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    /* Of the file that was opened, which may be a newer one by now. */
    if (fstat(fd, &info) == 0) found = version_of(&info);
    len = read(fd, text, sizeof text - 1);
    (void)close(fd);
  } else {
    found = (struct version){0};
  }
  text[len > 0 ? len : 0] = 0;
  version = found;
  is_well_formed = len >= 0 && shim_faults_parse(text, &faults, &line);
  if (!is_well_formed)
    (void)fprintf(stderr, "pkcs11-shim: %s: unknown: \"%s ...\"\n", faults_path, line);
  agree_on_start();
}

bool shim_folder_count(size_t function, struct shim_faults *out_faults, uint64_t *out_call) {
  (void)pthread_mutex_lock(&lock);
  read_when_new();
  *out_call = atomic_fetch_add(&state->calls[function], 1) + 1 - state->seen_at[function];
  *out_faults = faults;
  bool is_good = is_well_formed;
  (void)pthread_mutex_unlock(&lock);
  return is_good;
}

void shim_folder_log(size_t function, const char *result, uint64_t duration_us,
                     const char *detail) {
  char line[256];
  int len = snprintf(line, sizeof line, "%s %s %d %llu%s%s\n", shim_function_name(function), result,
                     (int)getpid(), (unsigned long long)duration_us, detail ? " " : "",
                     detail ? detail : "");
  /* O_APPEND: whole lines, whatever other processes write. */
  if (write(calls_fd, line, (size_t)len) != len) (void)fail("cannot append to", "calls");
}
