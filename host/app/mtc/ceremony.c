#include "app/mtc/ceremony.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"
#include "sign/transcript_file.h"

static const struct step {
  const char *name;
  mtc_status (*run)(struct ceremony *ceremony);
  bool is_dry; /* changes nothing: part of a dry run */
} steps[] = {
    {"beginning", ceremony_begin, true},
    {"opening the token", ceremony_open_token, true},
    {"checking label and id", ceremony_check_names, true},
    {"making the key", ceremony_generate, true},
    {"judging the key", ceremony_read_back, false},
    {"reading the public key", ceremony_read_public_key, false},
    {"testing the key", ceremony_test_key, false},
    {"making the CA certificate", ceremony_make_certificate, false},
    {"making the request", ceremony_make_csr, false},
    {"storing the certificate", ceremony_store_certificate, false},
    {"writing the files", ceremony_write_files, false},
    {"closing the transcript", ceremony_finish, false},
};

static volatile sig_atomic_t interrupted_by;

static void note_signal(int number) {
  interrupted_by = number;
}

/* A signal must not end the process between the key and its transcript. */
static void catch_signals(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  struct sigaction action = {.sa_handler = note_signal};
  (void)sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    (void)sigaction(numbers[i], &action, NULL);
}

mtc_status ceremony_record(struct ceremony *ceremony, const char *event, json_t *fields) {
  if (!ceremony->is_dry)
    return mtc_transcript_append(&ceremony->transcript, event, fields, ceremony->error);
  if (!fields) return mtc_fail(ceremony->error, MTC_NOMEM, "out of memory");
  (void)printf("%s: ", event);
  (void)json_dumpf(fields, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
  (void)putchar('\n');
  json_decref(fields);
  return MTC_OK;
}

static mtc_status open_transcript(struct ceremony *ceremony) {
  struct mtc_transcript_sink sink;
  const char *path = ceremony->plan->outputs[CEREMONY_TRANSCRIPT];
  if (ceremony->is_dry) return MTC_OK;
  mtc_status status =
      mtc_transcript_file_create(path, &ceremony->transcript_fd, &sink, ceremony->error);
  if (!status) mtc_transcript_start(&ceremony->transcript, &sink);
  return status;
}

static mtc_status run_steps(struct ceremony *ceremony, const char **out_step) {
  mtc_status status = MTC_OK;
  for (size_t i = 0; !status && i < sizeof steps / sizeof *steps; i++) {
    *out_step = steps[i].name;
    if (ceremony->is_dry && !steps[i].is_dry) continue;
    /* The PIN is typed before: until then a signal ends the process, as people expect. */
    if (steps[i].run == ceremony_check_names) catch_signals();
    mtc_fault_point(steps[i].name);
    status = steps[i].run(ceremony);
    if (!status && interrupted_by && steps[i].run != ceremony_finish)
      status = mtc_fail(ceremony->error, MTC_BUSY, "interrupted by signal %d", (int)interrupted_by);
  }
  return status;
}

mtc_status ceremony_run(const char *path, const struct ceremony_plan *plan, bool is_dry,
                        struct mtc_error *error) {
  struct ceremony ceremony = {
      .path = path, .plan = plan, .error = error, .is_dry = is_dry, .transcript_fd = -1};
  const char *step = "";
  /* A file that may not grow is an error to handle, not the end. */
  (void)signal(SIGXFSZ, SIG_IGN);
  mtc_status status = open_transcript(&ceremony);
  if (!status) {
    status = run_steps(&ceremony, &step);
    if (status) ceremony_undo(&ceremony, status, step);
  }
  mtc_transcript_file_close(&ceremony.transcript_fd);
  hsm_close(&ceremony.hsm);
  mtc_bytes_free(&ceremony.public_key);
  mtc_bytes_free(&ceremony.certificate);
  mtc_bytes_free(&ceremony.csr);
  return status;
}
