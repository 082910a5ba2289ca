#include "acme/client_run.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "acme/client_step.h"
#include "mtc/runtime.h"

/* An order with which nothing goes right is given up. */
#define MAX_ORDER_FAILURES 5u

uint32_t acme_client_random(void) {
  uint32_t random = 0;
  return RAND_bytes((unsigned char *)&random, sizeof random) == 1 ? random : 0;
}

void acme_client_say(struct acme_client_run *run, enum acme_client_outcome outcome,
                     const char *format, ...) {
  struct acme_client_report *report = run->report;
  size_t len = strlen(report->text);
  va_list arguments;
  if (outcome > report->outcome) report->outcome = outcome;
  if (len + 3 < sizeof report->text && len) {
    memcpy(report->text + len, "; ", 3);
    len += 2;
  }
  va_start(arguments, format);
  (void)vsnprintf(report->text + len, sizeof report->text - len, format, arguments);
  va_end(arguments);
  /* Some of it are a server's words. */
  for (char *c = report->text + len; *c; c++)
    if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f) *c = '?';
}

mtc_status acme_client_save(struct acme_client_run *run, struct mtc_error *error) {
  return acme_client_state_save(run->certificate->folder, &run->state, error);
}

static int64_t now_s(void) {
  return mtc_clock_now_ms() / 1000;
}

/* Writes down what an order is to be, before the server hears of it. */
static mtc_status begin_order(struct acme_client_run *run, struct mtc_error *error) {
  struct acme_client_open_order *order = &run->state.order;
  char path[4096];
  acme_client_path(run->certificate, run->state.last_generation + 1, "", path);
  mtc_status status = mtc_make_folders(path, error);
  if (!status) status = mtc_folder_sync(path, error);
  if (status) return status;
  *order = (struct acme_client_open_order){.generation = ++run->state.last_generation};
  memcpy(order->identity, run->certificate->identity, sizeof order->identity);
  status = acme_client_save(run, error);
  mtc_fault_point("acme.client.begun");
  return status;
}

static mtc_status drop_order(struct acme_client_run *run, struct mtc_error *error) {
  run->state.order = (struct acme_client_open_order){0};
  mtc_status status = acme_client_save(run, error);
  return status ? status : acme_client_clean(run, error);
}

static mtc_status continue_order(struct acme_client_run *run, struct mtc_error *error) {
  bool is_pending = false;
  struct mtc_error ignored;
  mtc_status status = acme_client_advance(run, &is_pending, error);
  acme_client_listener_close(run->listener);
  run->listener = NULL;
  if (!status && is_pending)
    acme_client_say(run, ACME_CLIENT_DONE, "the order is pending: the next run goes on");
  if (!status && !run->state.order.generation)
    acme_client_say(run, ACME_CLIENT_DONE, "new certificate");
  if (!status) return MTC_OK;
  acme_client_note_failure(&run->state, now_s(), run->session->retry_after_s, acme_client_random(),
                           error->text[0] ? error->text : mtc_status_name(status));
  if (acme_client_save(run, &ignored)) acme_client_say(run, ACME_CLIENT_FAILED, "%s", ignored.text);
  if ((status == MTC_INPUT || run->state.failures >= MAX_ORDER_FAILURES) &&
      run->state.order.generation && drop_order(run, &ignored))
    acme_client_say(run, ACME_CLIENT_FAILED, "%s", ignored.text);
  return status;
}

static mtc_status fetch_landmark(struct acme_client_run *run, struct mtc_error *error) {
  mtc_status status = acme_client_fetch_landmark(run, error);
  if (!status && run->state.has_landmark)
    acme_client_say(run, ACME_CLIENT_DONE, "landmark-relative certificate");
  return status;
}

static mtc_status make(struct acme_client_run *run, enum acme_client_step step,
                       struct mtc_error *error) {
  switch (step) {
    case ACME_CLIENT_DEPLOY:
      return acme_client_deploy(run, error);
    case ACME_CLIENT_CLEAN:
      return acme_client_clean(run, error);
    case ACME_CLIENT_HOOK:
      return acme_client_call_hook(run, error);
    case ACME_CLIENT_ASK:
      return acme_client_ask(run, error);
    case ACME_CLIENT_DROP:
      return drop_order(run, error);
    case ACME_CLIENT_ORDER:
      return begin_order(run, error);
    case ACME_CLIENT_CONTINUE:
      return continue_order(run, error);
    case ACME_CLIENT_LANDMARK:
      return fetch_landmark(run, error);
    case ACME_CLIENT_NOTHING:
    default:
      return MTC_OK;
  }
}

/* Step after step, until there is none left for this run. A step that fails leaves the others
 * alone: a landmark that cannot be had is no reason not to renew. */
static void go(struct acme_client_run *run) {
  unsigned done = 0;
  for (;;) {
    struct mtc_error error = {""};
    enum acme_client_step step =
        acme_client_next(&run->state, run->certificate->identity, now_s(), done);
    if (step == ACME_CLIENT_NOTHING) return;
    mtc_status status = make(run, step, &error);
    if (status)
      acme_client_say(run, ACME_CLIENT_FAILED, "%s",
                      error.text[0] ? error.text : mtc_status_name(status));
    bool may_repeat = step <= ACME_CLIENT_HOOK;
    if (status || !may_repeat) done |= 1u << step;
  }
}

static int lock(const char *folder, struct mtc_error *error) {
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/lock", folder);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  if (fd >= 0 && errno == EWOULDBLOCK)
    error->text[0] = 0;
  else
    (void)mtc_fail(error, MTC_IO, "%s: %s", path, strerror(errno));
  if (fd >= 0) (void)close(fd);
  return -1;
}

static void explain_wait(struct acme_client_run *run) {
  const struct acme_client_state *state = &run->state;
  if (run->report->outcome == ACME_CLIENT_IDLE && state->failures)
    acme_client_say(run, ACME_CLIENT_IDLE, "waits %lld s after failure %u: %s",
                    (long long)(state->retry_at_s - now_s()), state->failures, state->problem);
}

void acme_client_run_certificate(struct acme_client_session *session,
                                 const struct acme_client_certificate *certificate,
                                 unsigned patience_s, bool renew,
                                 struct acme_client_report *out_report) {
  struct acme_client_run run = {
      .session = session,
      .certificate = certificate,
      .deadline_ms = mtc_clock_monotonic_ms() + (int64_t)patience_s * 1000,
      .report = out_report,
  };
  struct mtc_error error = {""};
  *out_report = (struct acme_client_report){0};
  mtc_status status = mtc_make_folders(certificate->folder, &error);
  int fd = status ? -1 : lock(certificate->folder, &error);
  if (fd < 0) {
    acme_client_say(&run, error.text[0] ? ACME_CLIENT_FAILED : ACME_CLIENT_IDLE, "%s",
                    error.text[0] ? error.text : "another run is at it");
    return;
  }
  status = acme_client_state_load(certificate->folder, &run.state, &error);
  if (status) acme_client_say(&run, ACME_CLIENT_FAILED, "%s", error.text);
  if (!status && renew) {
    memset(run.state.identity, 0, sizeof run.state.identity);
    acme_client_note_success(&run.state);
  }
  if (!status) go(&run);
  if (!status) explain_wait(&run);
  acme_client_state_free(&run.state);
  (void)close(fd);
}
