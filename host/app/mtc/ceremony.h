/* A key ceremony: one plan, carried out step by step, each told by the transcript. */
#ifndef MTC_APP_MTC_CEREMONY_H
#define MTC_APP_MTC_CEREMONY_H

#include "app/mtc/ceremony_file.h"
#include "app/mtc/hsm.h"
#include "sign/transcript.h"

/* What a ceremony has made so far: all that has to go when it fails. */
struct ceremony {
  const char *path; /* of the plan's file */
  const struct ceremony_plan *plan;
  struct mtc_error *error;
  bool is_dry; /* nothing is made; what would be is printed */
  struct hsm hsm;
  struct mtc_transcript transcript;
  int transcript_fd;
  bool has_tried; /* to make the key: the token may hold something of it */
  struct mtc_key_pair pair;
  unsigned long certificate_object;
  bool is_written[CEREMONY_NUM_OUTPUTS];
  struct mtc_bytes public_key, certificate, csr;
};

/*
 * ceremony_run carries out a plan, or says what it would do.
 *
 * Errors:   as the step that failed, which the text names. Then nothing of the ceremony is left but
 *           its transcript, closed as failed; the text says what could not be taken away.
 * Threads:  one ceremony in a process; SIGINT, SIGTERM and SIGHUP end it between two steps.
 */
mtc_status ceremony_run(const char *path, const struct ceremony_plan *plan, bool is_dry,
                        struct mtc_error *error) MTC_MUST_CHECK;

/*
 * ceremony_record writes a line of the transcript (or prints it, in a dry run). `fields` is
 * released.
 *
 * Errors:   as mtc_transcript_append.
 */
mtc_status ceremony_record(struct ceremony *ceremony, const char *event,
                           json_t *fields) MTC_MUST_CHECK;

/*
 * The steps, in their order. Each fails for a reason of its own, and what it has made is in
 * `ceremony` before anything else can fail.
 */
mtc_status ceremony_begin(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Opens the token, logs in; tells of module, token, mechanisms; see ceremony_begin. */
mtc_status ceremony_open_token(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Refuses a label or id that is there; see ceremony_begin. */
mtc_status ceremony_check_names(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Makes the key pair; the templates are told before; see ceremony_begin. */
mtc_status ceremony_generate(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Reads back what the token made, judges it; see ceremony_begin. */
mtc_status ceremony_read_back(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Reads the public key; see ceremony_begin. */
mtc_status ceremony_read_public_key(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Signs and verifies; see ceremony_begin. */
mtc_status ceremony_test_key(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Makes the CA certificate; see ceremony_begin. */
mtc_status ceremony_make_certificate(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Makes the request, where one is wanted; see ceremony_begin. */
mtc_status ceremony_make_csr(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Stores the CA certificate on the token, where that is wanted; see ceremony_begin. */
mtc_status ceremony_store_certificate(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Writes the files; see ceremony_begin. */
mtc_status ceremony_write_files(struct ceremony *ceremony) MTC_MUST_CHECK;
/* Signs and closes the transcript; see ceremony_begin. */
mtc_status ceremony_finish(struct ceremony *ceremony) MTC_MUST_CHECK;

/*
 * ceremony_undo takes away what a failed ceremony made, newest first, and closes its transcript.
 *
 * Output:   ceremony->error, with what is left where something is.
 */
void ceremony_undo(struct ceremony *ceremony, mtc_status status, const char *step);

#endif
