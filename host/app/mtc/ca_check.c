/* mtc ca init: nothing is made that mtcd or the world would refuse later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mtc/ca_init.h"
#include "app/mtc/ca_params.h"
#include "app/mtc/cli.h"
#include "sign/uri.h"

/* What goes into mtc.yaml is read back as it was: YAML knows no control characters, and folds the
 * other line ends. */
static mtc_status check_text(const char *option, const char *value, struct mtc_error *error) {
  const char *problem = cli_text_problem(value);
  if (!problem) return MTC_OK;
  return mtc_fail(error, MTC_INPUT, "%s: it has %s, which mtc.yaml cannot hold", option, problem);
}

/* mtc.yaml is no secret, and neither are its backups. */
static mtc_status refuse_pin(const char *uri_text, struct mtc_error *error) {
  struct mtc_key_uri uri;
  mtc_status status = mtc_key_uri_parse(uri_text, &uri, error);
  if (!status && uri.pin_value[0])
    status =
        mtc_fail(error, MTC_INPUT,
                 "--key: pin-value would write the PIN into mtc.yaml: put it into a file, mode "
                 "0600, and give pin-source=file:/PATH or --pin-source");
  mtc_key_uri_wipe(&uri);
  return status;
}

static mtc_status check_key(struct ca_init *init, struct mtc_error *error) {
  mtc_status status = mtc_key_check(init->key, init->signer.module, init->signer.pin_source, error);
  if (status) return mtc_fail_within(error, status, "--key");
  if (mtc_key_is_uri(init->key)) {
    init->signer.key = init->key;
    return refuse_pin(init->key, error);
  }
  /* The configuration lies elsewhere: a key file is named by its whole path. */
  char *real = realpath(init->key, NULL);
  if (!real) return mtc_fail(error, MTC_INPUT, "--key: there is no file %s", init->key);
  int len = snprintf(init->key_path, sizeof init->key_path, "%s", real);
  free(real);
  init->signer.key = init->key_path;
  return len < (int)sizeof init->key_path
             ? MTC_OK
             : mtc_fail(error, MTC_INPUT, "--key: the path is too long");
}

/* What goes into the certificate is given by options, or by the certificate. */
static mtc_status check_certificate(struct ca_init *init, struct mtc_error *error) {
  mtc_status status;
  if (init->certificate_file) return ca_init_use_certificate(init, error);
  init->ca.algorithm = init->signer.algorithm;
  status = ca_params_set_id(&init->ca, init->id, init->log_number, error);
  if (status) return mtc_fail_within(error, status, "--id");
  if (!init->prefix_url) return MTC_OK;
  status = ca_params_set_url(&init->ca, init->prefix_url, error);
  return status ? mtc_fail_within(error, status, "--prefix-url") : MTC_OK;
}

mtc_status ca_init_check(struct ca_init *init, struct mtc_error *error) {
  mtc_status status = check_certificate(init, error);
  if (!status) status = check_key(init, error);
  if (!status) status = check_text("--key", init->signer.key, error);
  if (!status) status = check_text("--module", init->signer.module, error);
  if (!status) status = check_text("--module-args", init->signer.module_args, error);
  if (!status) status = check_text("--pin-source", init->signer.pin_source, error);
  if (!status) status = check_text("--card", init->card, error);
  return status;
}
