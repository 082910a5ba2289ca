/* mtc ca init: what it was asked for, checked before anything is made, then made. */
#ifndef MTC_APP_MTC_CA_INIT_H
#define MTC_APP_MTC_CA_INIT_H

#include "mtc/entry.h"
#include "mtc/sign.h"

struct ca_init {
  const char *dir, *id, *wire_version, *key, *algorithm, *prefix_url, *card; /* NULL: not given */
  const char *certificate_file; /* of a key ceremony; NULL: a certificate is made */
  uint64_t log_number;
  struct mtc_signer_options signer;
  struct mtc_ca_params ca;
  struct mtc_bytes public_key, certificate;
  char key_path[4096], id_text[MTC_TAI_MAX_TEXT];
};

/*
 * ca_init_use_certificate takes ID, wire version, algorithm and everything else of the certificate
 * in `certificate_file`; the signer's key must be the certificate's from then on.
 *
 * Errors:   INPUT: no CA certificate, another ID than given, a log number outside its serial
 *           numbers; IO; NOMEM.
 */
mtc_status ca_init_use_certificate(struct ca_init *init, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * ca_init_check checks what was given against what a CA's files can hold, and fills `ca` (but the
 * key and the dates) and `signer`.
 *
 * Requires: dir and key are given, and a certificate, or else an ID; log_number is 1..65535;
 *           ca.wire and signer.algorithm are set.
 * Errors:   INPUT naming the option; NOMEM.
 * Source:   merkle-tree-certs, "MTC CA Identifier Child Components"; c2sp.org/mtc-tlog
 */
mtc_status ca_init_check(struct ca_init *init, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * ca_init_make makes the folder's files; mtc.yaml comes last: without it the folder is no CA.
 *
 * Requires: ca_init_check.
 * Errors:   INPUT when one of the files is there already; TOKEN, IO, NOMEM. What was made is taken
 *           away again, and nothing else.
 */
mtc_status ca_init_make(struct ca_init *init, struct mtc_error *error) MTC_MUST_CHECK;

#endif
