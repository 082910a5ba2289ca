/* mtc-sim as the tests of the card use it. */
#ifndef MTC_TESTS_CARD_FIXTURE_H
#define MTC_TESTS_CARD_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mtc/hash.h"

struct sim {
  pid_t pid;
  char path[64];
};

static const char *sim_program(void) {
  const char *given = getenv("MTC_SIM");
  return given ? given : MTC_BIN "/mtc-sim";
}

/* Whether there is a model; a test without one says so and returns SKIPPED. */
#define SKIPPED 77
static inline bool has_sim(void) {
  if (access(sim_program(), X_OK) == 0) return true;
  (void)fprintf(stderr, "skipped: this preset builds no mtc-sim (%s)\n", sim_program());
  return false;
}

/* Becomes mtc-sim with options that are separated by spaces. */
static void exec_sim(const char *path, const char *options) {
  char words[256], *rest = words;
  const char *arguments[16] = {"mtc-sim", "--path", path};
  size_t num = 3;
  (void)snprintf(words, sizeof words, "%s", options);
  for (char *word; num < 15 && (word = strsep(&rest, " ")) != NULL;)
    if (*word) arguments[num++] = word;
  (void)execv(sim_program(), (char *const *)(uintptr_t)arguments);
  _exit(127);
}

/* Starts mtc-sim in the folder `path` and waits for its "ready". */
static void start_sim_with(struct sim *sim, const char *path, const char *options) {
  (void)snprintf(sim->path, sizeof sim->path, "%s", path);
  int ready[2];
  assert_int_equal(pipe(ready), 0);
  sim->pid = fork();
  assert_true(sim->pid >= 0);
  if (sim->pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed assertion must leave no model behind */
    (void)dup2(ready[1], STDOUT_FILENO);
    (void)close(ready[0]);
    (void)close(ready[1]);
    exec_sim(sim->path, options);
  }
  (void)close(ready[1]);
  char line[8] = {0};
  assert_int_equal(read(ready[0], line, 6), 6);
  (void)close(ready[0]);
  assert_string_equal(line, "ready\n");
}

/* Starts mtc-sim with a fault or NULL. */
static inline void start_sim_in(struct sim *sim, const char *path, const char *fault) {
  char options[64] = "";
  if (fault) (void)snprintf(options, sizeof options, "--fault %s", fault);
  start_sim_with(sim, path, options);
}

/* Starts mtc-sim with options in a folder of its own. */
static inline void start_sim_options(struct sim *sim, const char *options) {
  char path[] = "/tmp/mtc-card-XXXXXX";
  assert_non_null(mkdtemp(path));
  start_sim_with(sim, path, options);
}

/* Starts mtc-sim in a folder of its own. */
static inline void start_sim(struct sim *sim, const char *fault) {
  char path[] = "/tmp/mtc-card-XXXXXX";
  assert_non_null(mkdtemp(path));
  start_sim_in(sim, path, fault);
}

/* Ends mtc-sim as a service manager does; its files must be gone. */
static inline void stop_sim(struct sim *sim) {
  char path[80];
  int result;
  assert_int_equal(kill(sim->pid, SIGTERM), 0);
  assert_int_equal(waitpid(sim->pid, &result, 0), sim->pid);
  assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
  (void)snprintf(path, sizeof path, "%s/user", sim->path);
  assert_int_not_equal(access(path, F_OK), 0);
  assert_int_equal(rmdir(sim->path), 0);
}

/* Removes what an mtc-sim that died leaves. */
static inline void bury_sim(struct sim *sim) {
  static const char *const names[] = {"user", "h2c_0", "c2h_0", "h2c_1", "c2h_1"};
  char path[80];
  assert_int_equal(waitpid(sim->pid, NULL, 0), sim->pid);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    (void)snprintf(path, sizeof path, "%s/%s", sim->path, names[i]);
    assert_true(unlink(path) == 0 || i > 2);
  }
  assert_int_equal(rmdir(sim->path), 0);
}

static inline struct mtc_hash_stats stats_of(struct mtc_hasher *hasher) {
  struct mtc_hash_stats stats;
  mtc_hasher_stats(hasher, &stats);
  return stats;
}

#endif
