/* mtc ca init with the CA certificate of a key ceremony. */
#include <string.h>

#include "app/mtc/ca_init.h"
#include "app/mtc/cli.h"

static mtc_status parse(struct ca_init *init, struct mtc_error *error) {
  struct mtc_span der = mtc_span_of_bytes(&init->certificate);
  const struct mtc_wire *wire = mtc_ca_certificate_detect(der);
  if (!wire) return mtc_fail(error, MTC_INPUT, "it is no CA certificate of plants-05, -06 or -07");
  mtc_status status = mtc_ca_certificate_parse(wire, der, &init->ca, error);
  if (status) return status;
  mtc_tai_format(&init->ca.ca_id, init->id_text);
  if (init->id && strcmp(init->id, init->id_text) != 0)
    return mtc_fail(error, MTC_INPUT, "it is for CA %s, not for --id %s", init->id_text, init->id);
  if (init->log_number << 48 < init->ca.min_serial ||
      (init->log_number << 48 | MTC_MAX_INDEX) > init->ca.max_serial)
    return mtc_fail(error, MTC_INPUT, "its serial numbers leave no log %llu (--log-number)",
                    (unsigned long long)init->log_number);
  init->id = init->id_text;
  init->wire_version = wire->name;
  init->signer.algorithm = init->ca.algorithm;
  init->signer.public_key = init->ca.public_key;
  return MTC_OK;
}

mtc_status ca_init_use_certificate(struct ca_init *init, struct mtc_error *error) {
  struct cli_blocks blocks = {0};
  mtc_status status = cli_load_pem(init->certificate_file, "CERTIFICATE", NULL, &blocks, error);
  if (!status && blocks.num != 1)
    status = mtc_fail(error, MTC_INPUT, "%s holds %zu certificates: it must be one",
                      init->certificate_file, blocks.num);
  if (!status) {
    mtc_bytes_append_span(&init->certificate, mtc_span_of_bytes(&blocks.items[0]));
    status = mtc_bytes_status(&init->certificate);
  }
  if (!status) status = parse(init, error);
  cli_blocks_free(&blocks);
  return status ? mtc_fail_within(error, status, "--certificate") : MTC_OK;
}
