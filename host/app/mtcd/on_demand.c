/*
 * A daemon that a program started because it needs the CA (mtc_rpc_summon). It says one line on
 * standard output: "ready SOCKET", of its own socket or of the daemon's that serves the CA already,
 * or "error TEXT". It leaves when nobody has been connected for IDLE_MS: however a program ends,
 * its connection does, too, so that nothing is left running for long, and programs that come after
 * one another or at once share one daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/mtcd/daemon.h"
#include "mtc/runtime.h"

#define IDLE_MS 2000
#define BUSY_WAIT_MS 60000 /* for a daemon that ends, or one that is starting */
#define BUSY_POLL_MS 20

/* The guest is the parent of a process that ends at once: it never has one to wait for. */
bool on_demand_detach(void) {
  pid_t pid = fork();
  if (pid > 0) _exit(0);
  return pid == 0 && setsid() > 0;
}

mtc_status on_demand_open_log(const char *config_path, struct mtc_error *error) {
  char folder[PATH_MAX], path[PATH_MAX + 16];
  (void)snprintf(folder, sizeof folder, "%s", config_path);
  (void)snprintf(path, sizeof path, "%s/mtcd.log", dirname(folder));
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
    return mtc_fail(error, MTC_IO, "cannot open %s: %s", path, strerror(errno));
  (void)close(fd);
  return MTC_OK;
}

/* The last word: whoever waits for it gets no other, and this end of its pipe is closed. */
static void say(const char *word, const char *text) {
  (void)printf("%s %s\n", word, text);
  (void)fflush(stdout);
  int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) (void)dup2(fd, STDOUT_FILENO);
  if (fd >= 0) (void)close(fd);
}

static bool is_served(const char *socket) {
  struct mtc_rpc_client *client = NULL;
  bool is_there = mtc_rpc_connect(socket, &client, NULL) == MTC_OK;
  mtc_rpc_close(client);
  return is_there;
}

mtc_status on_demand_open(struct daemon *daemon, const char *config_path, bool *out_served,
                          struct mtc_error *error) {
  static const struct timespec pause = {0, BUSY_POLL_MS * 1000000L};
  const int64_t deadline_ms = mtc_clock_monotonic_ms() + BUSY_WAIT_MS;
  *out_served = false;
  for (;;) {
    mtc_status status = daemon_open(daemon, config_path, error);
    if (status == MTC_BUSY && daemon->config && is_served(daemon->config->socket)) {
      *out_served = true;
      say("ready", daemon->config->socket);
      return MTC_OK;
    }
    if (!status) mtc_rpc_server_set_idle(daemon->server, IDLE_MS);
    if (status != MTC_BUSY || mtc_clock_monotonic_ms() >= deadline_ms) {
      say(status ? "error" : "ready", status ? error->text : daemon->config->socket);
      return status;
    }
    daemon_close(daemon);
    *daemon = (struct daemon){0};
    (void)nanosleep(&pause, NULL);
  }
}
