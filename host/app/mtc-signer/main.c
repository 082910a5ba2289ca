/*
 * mtc-signer: the process that alone loads the HSM module, reads the PIN and signs. It is started
 * by the daemon (host/sign), reads requests from descriptor 3 and ends when that is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"
#include "key.h"
#include "login.h"
#include "mtc/runtime.h"
#include "sign/uri.h"

/* So long a login may go on that a dead daemon has begun. */
#define ORPHAN_LOGIN_S 5

static pid_t parent;

/*
 * SIGTERM comes from the kernel when the *thread* that started us ends, and from service managers
 * that stop the whole group. Only a dead parent is a reason to go: the daemon may still need a
 * signature to finish its batch, and closes the socket when it does not.
 */
static void end_with_parent(int signal_number) {
  (void)signal_number;
  if (getppid() == parent) return;
  /* Were a refused PIN not written down, the next daemon would try it again. */
  if (!login_is_under_way) _exit(0);
  (void)alarm(ORPHAN_LOGIN_S);
}

/* Nothing of this process may be dumped, traced or gain rights. */
static bool harden(void) {
  const struct rlimit none = {0, 0};
  const struct sigaction on_end = {.sa_handler = end_with_parent, .sa_flags = SA_RESTART};
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  parent = getppid();
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 &&
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sigaction(SIGTERM, &on_end, NULL) == 0 &&
         sigaction(SIGINT, &ignore, NULL) == 0 && sigaction(SIGHUP, &ignore, NULL) == 0 &&
         prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0;
}

/* What the daemon is told about a failure. */
static enum mtc_signer_outcome outcome_of(mtc_status status, bool pin_refused) {
  if (status == MTC_OK) return MTC_SIGNER_DONE;
  if (pin_refused) return MTC_SIGNER_PIN;
  if (status == MTC_INPUT) return MTC_SIGNER_INPUT;
  return status == MTC_NOMEM ? MTC_SIGNER_NOMEM : MTC_SIGNER_FAILED;
}

struct session {
  const struct signer_key_kind *kind;
  struct signer_key *key; /* NULL until OPEN succeeded */
};

static mtc_status open_key(struct session *session, struct mtc_span payload, struct mtc_bytes *out,
                           bool *pin_refused, struct mtc_error *error) {
  struct mtc_signer_config config;
  if (session->key) return mtc_fail(error, MTC_INPUT, "signer: the key is open already");
  if (!mtc_signer_config_parse(payload, &config) || !mtc_mechanism_get(config.algorithm)) {
    return mtc_fail(error, MTC_INPUT, "signer: malformed configuration");
  }
  session->kind = mtc_key_is_uri(config.key) ? &signer_token_key : &signer_file_key;
  mtc_status status = confine(config.confinement, error);
  if (status) return status;
  struct mtc_bytes description = {0}, public_key = {0};
  status =
      session->kind->open(&config, &session->key, &description, &public_key, pin_refused, error);
  if (!status) {
    mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&description), 2);
    mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&public_key), 2);
    status = mtc_bytes_status(out);
  }
  mtc_bytes_free(&description);
  mtc_bytes_free(&public_key);
  return status;
}

static mtc_status handle(struct session *session, const struct mtc_signer_packet *request,
                         struct mtc_bytes *out, bool *pin_refused, struct mtc_error *error) {
  if (request->request == MTC_SIGNER_OPEN) {
    return open_key(session, request->payload, out, pin_refused, error);
  }
  if (!session->key) return mtc_fail(error, MTC_INPUT, "signer: no key is open");
  if (request->request == MTC_SIGNER_PUBLIC_KEY) {
    return session->kind->public_key(session->key, out, error);
  }
  if (request->payload.len == 0 || request->payload.len > MTC_SIGNER_MAX_MESSAGE) {
    return mtc_fail(error, MTC_INPUT, "signer: a message of %zu bytes", request->payload.len);
  }
  return session->kind->sign(session->key, request->payload, out, pin_refused, error);
}

/* Answers one request; false when the daemon has gone or talks nonsense. */
static bool serve_one(struct session *session, uint8_t *packet, size_t size) {
  ssize_t len = recv(MTC_SIGNER_FD, packet, size, MSG_TRUNC);
  if (len < 0 && errno == EINTR) return true;
  struct mtc_signer_packet request;
  if (len <= 0 || (size_t)len > size ||
      !mtc_signer_packet_parse(mtc_span_of(packet, (size_t)len), &request)) {
    return false;
  }
  struct mtc_bytes payload = {0}, reply = {0};
  struct mtc_error error = {0};
  bool pin_refused = false;
  mtc_status status = handle(session, &request, &payload, &pin_refused, &error);
  /* A configuration may hold a PIN. */
  explicit_bzero(packet, (size_t)len);
  struct mtc_signer_packet answer = {
      .request = request.request,
      .outcome = outcome_of(status, pin_refused),
      .sequence = request.sequence,
      .payload = status ? mtc_span_of(NULL, 0) : mtc_span_of_bytes(&payload),
      .text = mtc_span_of_text(error.text),
  };
  mtc_signer_packet_append(&answer, &reply);
  bool ok = !mtc_bytes_status(&reply) &&
            send(MTC_SIGNER_FD, reply.data, reply.len, MSG_NOSIGNAL) == (ssize_t)reply.len;
  mtc_bytes_free(&payload);
  mtc_bytes_free(&reply);
  return ok;
}

int main(int argc, char **argv) {
  struct stat info;
  (void)argv;
  mtc_log_init("mtc-signer", MTC_LOG_INFO);
  if (argc != 1 || fstat(MTC_SIGNER_FD, &info) != 0 || !S_ISSOCK(info.st_mode)) {
    (void)fputs("mtc-signer is started by mtcd and mtc; it has no options of its own.\n", stderr);
    return 2;
  }
  /* What a PKCS#11 module starts shall not hold the socket open. */
  (void)fcntl(MTC_SIGNER_FD, F_SETFD, FD_CLOEXEC);
  if (!harden()) {
    mtc_log(MTC_LOG_ERROR, "signer.harden", "error=\"%s\"", strerror(errno));
    return 1;
  }
  static uint8_t packet[MTC_SIGNER_MAX_PACKET];
  struct session session = {0};
  while (serve_one(&session, packet, sizeof packet))
    continue;
  if (session.key) session.kind->close(session.key);
  /* Exit handlers of a PKCS#11 module may hang or crash; there is nothing left to do for them. */
  _exit(0);
}
