#include "acme/client_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mtc/runtime.h"

extern char **environ;

#define MAX_MORE 8u
#define MAX_WORDS 64u

/* This process's environment with those added in front, which the C library finds first. */
static const char **make_environment(const char *const *more) {
  size_t num = 0, at = 0;
  while (environ[num])
    num++;
  const char **all = mtc_alloc(num + MAX_MORE + 1, sizeof *all);
  for (; all && at < MAX_MORE && more[at]; at++)
    all[at] = more[at];
  for (size_t i = 0; all && i < num; i++) {
    size_t len = strcspn(environ[i], "=");
    bool is_replaced = false;
    for (size_t j = 0; more[j] && j < MAX_MORE; j++)
      is_replaced |= strncmp(environ[i], more[j], len) == 0 && more[j][len] == '=';
    if (!is_replaced) all[at++] = environ[i];
  }
  return all;
}

/* posix_spawn promises not to change the strings, but its type does not. */
static char *const *unconst(const char **strings) {
  union {
    const char **from;
    char *const *to;
  } same = {.from = strings};
  return same.to;
}

static int spawn(const char **words, const char **environment, pid_t *out_pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  (void)sigemptyset(&none);
  sigset_t defaults = none;
  (void)sigaddset(&defaults, SIGPIPE);
  int failed = posix_spawn_file_actions_init(&actions);
  if (failed) return failed;
  failed = posix_spawnattr_init(&attributes);
  if (!failed) {
    /* A group of its own: its children can be ended with it. */
    failed = posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (!failed) failed = posix_spawnattr_setpgroup(&attributes, 0);
    if (!failed) failed = posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (!failed) failed = posix_spawnattr_setsigmask(&attributes, &none);
    if (!failed)
      failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed) failed = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (!failed)
      failed = posix_spawnp(out_pid, words[0], &actions, &attributes, unconst(words),
                            unconst(environment));
    (void)posix_spawnattr_destroy(&attributes);
  }
  (void)posix_spawn_file_actions_destroy(&actions);
  return failed;
}

static mtc_status wait_for(pid_t pid, const char *program, unsigned timeout_s,
                           struct mtc_error *error) {
  int64_t deadline_ms = mtc_clock_monotonic_ms() + (int64_t)timeout_s * 1000;
  struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
  int result = 0;
  for (;;) {
    pid_t ended = waitpid(pid, &result, WNOHANG);
    if (ended == pid) break;
    if (ended < 0 && errno != EINTR)
      return mtc_fail(error, MTC_IO, "%s: %s", program, strerror(errno));
    if (mtc_clock_monotonic_ms() >= deadline_ms) {
      (void)kill(-pid, SIGKILL);
      (void)waitpid(pid, &result, 0);
      return mtc_fail(error, MTC_IO, "%s: it had not ended after %u s", program, timeout_s);
    }
    (void)nanosleep(&pause, NULL);
  }
  if (WIFSIGNALED(result))
    return mtc_fail(error, MTC_IO, "%s: ended by signal %d", program, WTERMSIG(result));
  if (WEXITSTATUS(result))
    return mtc_fail(error, MTC_IO, "%s: exit code %d", program, WEXITSTATUS(result));
  return MTC_OK;
}

mtc_status acme_client_run_hook(const struct acme_client_words *words, const char *const *arguments,
                                const char *const *environment, unsigned timeout_s,
                                struct mtc_error *error) {
  const char *all[MAX_WORDS + 1] = {NULL};
  pid_t pid = 0;
  size_t num = 0;
  if (words->num == 0) return mtc_fail(error, MTC_INPUT, "there is no program");
  for (unsigned i = 0; i < words->num && num < MAX_WORDS - MAX_MORE; i++)
    all[num++] = words->items[i];
  for (size_t i = 0; arguments[i] && num < MAX_WORDS; i++)
    all[num++] = arguments[i];
  const char **variables = make_environment(environment);
  if (!variables) return mtc_fail(error, MTC_NOMEM, "out of memory");
  int failed = spawn(all, variables, &pid);
  mtc_free((void *)variables);
  if (failed) return mtc_fail(error, MTC_IO, "%s: %s", all[0], strerror(failed));
  return wait_for(pid, all[0], timeout_s, error);
}
