#include "sign/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mtc/runtime.h"

/* How long a killed process may take to vanish. One stuck in a driver never does. */
#define KILL_WAIT_MS 2000
/* Its socket closes a moment before it has ended. */
#define DESCRIBE_WAIT_MS 200

static mtc_status path_beside(char *out, size_t size, struct mtc_error *error) {
  ssize_t len = readlink("/proc/self/exe", out, size - 1);
  if (len <= 0)
    return mtc_fail(error, MTC_TOKEN, "cannot read /proc/self/exe: %s", strerror(errno));
  out[len] = 0;
  char *slash = strrchr(out, '/');
  size_t folder_len = slash ? (size_t)(slash - out) + 1 : 0;
  int written = snprintf(out + folder_len, size - folder_len, "mtc-signer");
  if (written < 0 || (size_t)written >= size - folder_len) {
    return mtc_fail(error, MTC_TOKEN, "the path of mtc-signer is too long");
  }
  return MTC_OK;
}

/* Signals that the daemon blocks or ignores must not stay so in the signer. */
static int set_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  (void)sigemptyset(&none);
  (void)sigfillset(&all);
  int rc = posix_spawnattr_setsigmask(attributes, &none);
  if (!rc) rc = posix_spawnattr_setsigdefault(attributes, &all);
  if (!rc) rc = posix_spawnattr_setpgroup(attributes, 0);
  if (!rc) {
    rc = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  return rc;
}

static int spawn(const char *program, int fd, pid_t *out_pid) {
  char name[] = "mtc-signer";
  char *argv[] = {name, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int rc = posix_spawn_file_actions_init(&actions);
  if (rc) return rc;
  rc = posix_spawnattr_init(&attributes);
  if (rc) {
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
  }
  /* Everything above the socket goes: sockets, the store, other signers' socket ends. */
  if (!rc) rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (!rc) rc = posix_spawn_file_actions_adddup2(&actions, 2, 1);
  if (!rc) rc = posix_spawn_file_actions_adddup2(&actions, fd, MTC_SIGNER_FD);
  if (!rc) rc = posix_spawn_file_actions_addclosefrom_np(&actions, MTC_SIGNER_FD + 1);
  if (!rc) rc = set_attributes(&attributes);
  if (!rc) rc = posix_spawn(out_pid, program, &actions, &attributes, argv, environ);
  (void)posix_spawnattr_destroy(&attributes);
  (void)posix_spawn_file_actions_destroy(&actions);
  return rc;
}

mtc_status mtc_signer_process_start(const char *program, struct mtc_signer_process *out,
                                    struct mtc_error *error) {
  char beside[PATH_MAX];
  int ends[2];
  *out = (struct mtc_signer_process){0};
  if (!program) {
    mtc_status status = path_beside(beside, sizeof beside, error);
    if (status) return status;
    program = beside;
  }
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return mtc_fail(error, MTC_TOKEN, "socketpair: %s", strerror(errno));
  }
  /* The child's standard descriptors are made first: its end must not be one of them. */
  int child_end = fcntl(ends[1], F_DUPFD_CLOEXEC, MTC_SIGNER_FD + 1);
  pid_t pid = 0;
  int rc = child_end < 0 ? errno : spawn(program, child_end, &pid);
  (void)close(ends[1]);
  if (child_end >= 0) (void)close(child_end);
  if (rc) {
    (void)close(ends[0]);
    return mtc_fail(error, MTC_TOKEN, "cannot start %s: %s", program, strerror(rc));
  }
  *out = (struct mtc_signer_process){.pid = pid, .pidfd = pidfd_open(pid, 0), .fd = ends[0]};
  if (out->pidfd < 0) {
    mtc_status status = mtc_fail(error, MTC_TOKEN, "pidfd_open: %s", strerror(errno));
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)close(ends[0]);
    *out = (struct mtc_signer_process){0};
    return status;
  }
  return MTC_OK;
}

/* Waits until `fd` is ready for `events`: 1 ready, 0 deadline passed, -1 error. */
static int wait_for(int fd, short events, int64_t deadline_ms) {
  for (;;) {
    int64_t left = deadline_ms - mtc_clock_monotonic_ms();
    struct pollfd item = {.fd = fd, .events = events};
    int rc = poll(&item, 1, left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
    if (rc > 0) return 1;
    if (rc == 0 && left <= INT_MAX) return 0;
    if (rc < 0 && errno != EINTR) return -1;
  }
}

static enum mtc_exchange_result send_packet(int fd, struct mtc_span packet, int64_t deadline_ms) {
  for (;;) {
    if (send(fd, packet.data, packet.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
      return MTC_EXCHANGE_DONE;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return MTC_EXCHANGE_DIED;
    if (wait_for(fd, POLLOUT, deadline_ms) == 0) return MTC_EXCHANGE_HUNG;
  }
}

static enum mtc_exchange_result receive_packet(int fd, int64_t deadline_ms,
                                               struct mtc_bytes *buffer) {
  mtc_bytes_clear(buffer);
  uint8_t *room = mtc_bytes_reserve(buffer, MTC_SIGNER_MAX_PACKET);
  if (!room) return MTC_EXCHANGE_NOMEM;
  for (;;) {
    int ready = wait_for(fd, POLLIN, deadline_ms);
    if (ready == 0) return MTC_EXCHANGE_HUNG;
    ssize_t len = recv(fd, room, MTC_SIGNER_MAX_PACKET, MSG_DONTWAIT | MSG_TRUNC);
    if (len < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (len <= 0) return MTC_EXCHANGE_DIED;
    if (len > MTC_SIGNER_MAX_PACKET) return MTC_EXCHANGE_BROKEN;
    buffer->len = (size_t)len;
    return MTC_EXCHANGE_DONE;
  }
}

enum mtc_exchange_result mtc_signer_process_exchange(struct mtc_signer_process *process,
                                                     enum mtc_signer_request request,
                                                     struct mtc_span payload, int64_t deadline_ms,
                                                     struct mtc_bytes *buffer,
                                                     struct mtc_signer_packet *reply) {
  struct mtc_signer_packet packet = {
      .request = request, .sequence = ++process->sequence, .payload = payload};
  mtc_bytes_clear(buffer);
  /* Room for the reply before anything is sent: a reply nobody read would answer the next request.
   */
  if (!mtc_bytes_reserve(buffer, MTC_SIGNER_MAX_PACKET)) return MTC_EXCHANGE_NOMEM;
  mtc_signer_packet_append(&packet, buffer);
  if (mtc_bytes_status(buffer)) return MTC_EXCHANGE_NOMEM;
  enum mtc_exchange_result result =
      send_packet(process->fd, mtc_span_of_bytes(buffer), deadline_ms);
  if (result == MTC_EXCHANGE_DONE) result = receive_packet(process->fd, deadline_ms, buffer);
  if (result != MTC_EXCHANGE_DONE) return result;
  if (!mtc_signer_packet_parse(mtc_span_of_bytes(buffer), reply) || reply->request != request ||
      reply->sequence != process->sequence) {
    return MTC_EXCHANGE_BROKEN;
  }
  return MTC_EXCHANGE_DONE;
}

bool mtc_signer_process_is_dead(const struct mtc_signer_process *process) {
  struct pollfd item = {.fd = process->pidfd, .events = POLLIN};
  return poll(&item, 1, 0) > 0;
}

void mtc_signer_process_describe_end(const struct mtc_signer_process *process, const char *what,
                                     struct mtc_error *error) {
  siginfo_t info = {0};
  (void)mtc_fail(error, MTC_TOKEN, "%s", what);
  if (wait_for(process->pidfd, POLLIN, mtc_clock_monotonic_ms() + DESCRIBE_WAIT_MS) != 1 ||
      waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || !info.si_pid)
    return;
  if (info.si_code == CLD_EXITED) {
    (void)mtc_fail(error, MTC_TOKEN, "%s (exit code %d)", what, info.si_status);
  } else if (info.si_status == SIGSYS) {
    (void)mtc_fail(error, MTC_TOKEN,
                   "%s: it was killed for a system call that its filter does not allow "
                   "(signer.confinement)",
                   what);
  } else {
    (void)mtc_fail(error, MTC_TOKEN, "%s (signal %d, %s)", what, info.si_status,
                   strsignal(info.si_status));
  }
}

void mtc_signer_process_end(struct mtc_signer_process *process, int grace_ms) {
  if (!process->pid) return;
  (void)close(process->fd);
  if (wait_for(process->pidfd, POLLIN, mtc_clock_monotonic_ms() + grace_ms) != 1) {
    (void)kill(process->pid, SIGKILL); /* not reaped yet, so the number is still ours */
  }
  if (wait_for(process->pidfd, POLLIN, mtc_clock_monotonic_ms() + KILL_WAIT_MS) == 1) {
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
      continue;
  } else {
    mtc_log(MTC_LOG_ERROR, "signer.stuck", "pid=%d text=\"killed, but the kernel holds it\"",
            (int)process->pid);
  }
  (void)close(process->pidfd);
  *process = (struct mtc_signer_process){0};
}
