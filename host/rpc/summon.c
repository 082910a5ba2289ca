/* A daemon for a CA's folder that nobody serves: started by whoever needs it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "rpc/frame.h"

#define START_WAIT_MS 120000 /* a token may be slow to open, a log to recover */
#define MAX_LINE 2048
#define MAX_ENVIRONMENT 4096

extern char **environ;

/* The guest's openssl.cnf is not the daemon's: it may even load the provider that asks. */
static bool is_passed_on(const char *variable) {
  return strncmp(variable, "OPENSSL_CONF=", 13) != 0 &&
         strncmp(variable, "OPENSSL_MODULES=", 16) != 0;
}

static int set_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  (void)sigemptyset(&none);
  (void)sigfillset(&all);
  int rc = posix_spawnattr_setsigmask(attributes, &none);
  if (!rc) rc = posix_spawnattr_setsigdefault(attributes, &all);
  if (!rc)
    rc = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  return rc;
}

/* The daemon outlives the guest for a moment, and keeps nothing of it open: no pipe of its output.
 */
static int spawn(char *program, char *config, int fd, pid_t *out_pid) {
  char name[] = "mtcd", on_demand[] = "--on-demand", config_option[] = "--config";
  char *argv[] = {name, on_demand, config_option, config, NULL};
  static char *const nothing[] = {NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  size_t num = 0;
  char **environment = mtc_alloc(MAX_ENVIRONMENT, sizeof *environment);
  for (char **at = environ; environment && at && *at && num < MAX_ENVIRONMENT - 1; at++) {
    if (is_passed_on(*at)) environment[num++] = *at;
  }
  int rc = posix_spawn_file_actions_init(&actions);
  if (!rc && (rc = posix_spawnattr_init(&attributes)))
    (void)posix_spawn_file_actions_destroy(&actions);
  if (rc) {
    mtc_free(environment);
    return rc;
  }
  rc = posix_spawn_file_actions_adddup2(&actions, fd, 1);
  if (!rc) rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (!rc) rc = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  if (!rc) rc = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (!rc) rc = set_attributes(&attributes);
  if (!rc)
    rc = posix_spawn(out_pid, program, &actions, &attributes, argv,
                     environment ? environment : nothing);
  (void)posix_spawnattr_destroy(&attributes);
  (void)posix_spawn_file_actions_destroy(&actions);
  mtc_free(environment);
  return rc;
}

/* One line, or what came of it until the daemon closed its end. */
static mtc_status read_line(int fd, char out[MAX_LINE], struct mtc_error *error) {
  size_t len = 0;
  int64_t deadline_ms = mtc_clock_monotonic_ms() + START_WAIT_MS;
  while (len < MAX_LINE - 1 && !memchr(out, '\n', len)) {
    int64_t left_ms = deadline_ms - mtc_clock_monotonic_ms();
    struct pollfd waiting = {fd, POLLIN, 0};
    int count = left_ms > 0 ? poll(&waiting, 1, (int)left_ms) : 0;
    if (count == 0)
      return mtc_fail(error, MTC_IO, "mtcd is not ready after %d s", START_WAIT_MS / 1000);
    ssize_t got = count > 0 ? read(fd, out + len, MAX_LINE - 1 - len) : -1;
    if (got < 0 && errno != EINTR)
      return mtc_fail(error, MTC_IO, "reading from mtcd: %s", strerror(errno));
    if (got == 0) break;
    if (got > 0) len += (size_t)got;
  }
  out[len] = 0;
  out[strcspn(out, "\n")] = 0;
  return MTC_OK;
}

static mtc_status take_answer(const char *line, char *out_socket, size_t size,
                              struct mtc_error *error) {
  if (strncmp(line, "ready ", 6) == 0 && strlen(line + 6) < size) {
    (void)snprintf(out_socket, size, "%s", line + 6);
    return MTC_OK;
  }
  if (strncmp(line, "error ", 6) == 0) line += 6;
  return mtc_fail(error, MTC_IO, "mtcd did not start: %s", line[0] ? line : "it said nothing");
}

mtc_status mtc_rpc_summon(const char *program, const char *folder, char *out_socket, size_t size,
                          struct mtc_error *error) {
  char config[PATH_MAX], path[PATH_MAX + 16], line[MAX_LINE] = "";
  int ends[2];
  pid_t pid = 0;
  (void)snprintf(path, sizeof path, "%s/mtc.yaml", folder);
  if (!realpath(path, config))
    return mtc_fail(error, MTC_INPUT, "%s is no CA's folder: mtc.yaml: %s", folder,
                    strerror(errno));
  /* Two copies above the standard descriptors, which the guest may have closed. */
  if (pipe2(ends, O_CLOEXEC) != 0) return mtc_fail(error, MTC_IO, "pipe: %s", strerror(errno));
  int child_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
  (void)snprintf(path, sizeof path, "%s", program);
  int rc = child_end < 0 ? errno : spawn(path, config, child_end, &pid);
  (void)close(ends[1]);
  if (child_end >= 0) (void)close(child_end);
  mtc_status status =
      rc ? mtc_fail(error, MTC_IO, "cannot start %s: %s", program, strerror(rc)) : MTC_OK;
  if (!status) status = read_line(ends[0], line, error);
  if (!status) status = take_answer(line, out_socket, size, error);
  (void)close(ends[0]);
  /* The daemon is that child's child: what was started here has ended, or is about to. */
  while (!rc && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  return status ? mtc_fail_within(error, status, "%s", folder) : MTC_OK;
}
