/* mtc ca init: nothing is made that mtcd or the world would refuse later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mtc/ca_init.h"
#include "entry/utf8.h"
#include "sign/uri.h"

#define MAX_URL_LEN 1024
#define CHILD_LANDMARK 1
#define LARGEST_LANDMARK ((UINT64_C(1) << 35) - 1) /* 5 bytes; hourly for longer than any CA */

/* {ca 1 log landmark} is the longest ID below a CA's: its log ID {ca 0 log} is shorter. */
static mtc_status check_id(struct ca_init *init, struct mtc_error *error) {
  struct mtc_tai children = {0};
  mtc_status status = mtc_tai_parse(mtc_span_of_text(init->id), &init->ca.ca_id, error);
  if (status) return mtc_fail_within(error, status, "--id");
  status = mtc_tai_append(&children, CHILD_LANDMARK);
  if (!status) status = mtc_tai_append(&children, init->ca.max_serial >> 48);
  if (!status) status = mtc_tai_append(&children, LARGEST_LANDMARK);
  if (status) return status;
  int allowed = MTC_TAI_MAX_LEN - children.len;
  if (init->ca.ca_id.len <= allowed) return MTC_OK;
  return mtc_fail(error, MTC_INPUT,
                  "--id: %s has %d bytes in its binary form; at most %d are allowed, so that the "
                  "IDs of its logs (up to %llu) and landmarks fit into the %d of a trust anchor ID",
                  init->id, init->ca.ca_id.len, allowed,
                  (unsigned long long)(init->ca.max_serial >> 48), MTC_TAI_MAX_LEN);
}

static const char *url_problem(const char *url) {
  size_t len = strlen(url), scheme_len = strncmp(url, "https://", 8) == 0  ? 8
                                         : strncmp(url, "http://", 7) == 0 ? 7
                                                                           : 0;
  if (scheme_len == 0) return "does not begin with http:// or https://";
  if (len > MAX_URL_LEN) return "is longer than 1024 bytes";
  if (len == scheme_len || url[scheme_len] == '/') return "names no host";
  for (size_t i = 0; i < len; i++) {
    if (url[i] <= 0x20 || url[i] >= 0x7f) return "has a byte that is not printable ASCII";
  }
  if (strpbrk(url, "?#")) return "has a query or fragment";
  return url[len - 1] == '/' ? "ends in a slash" : NULL;
}

static mtc_status check_url(const struct ca_init *init, struct mtc_error *error) {
  if (!init->prefix_url) return MTC_OK;
  const char *problem = url_problem(init->prefix_url);
  if (problem) return mtc_fail(error, MTC_INPUT, "--prefix-url: the URL %s", problem);
  if (init->signer.algorithm != MTC_ALGORITHM_MLDSA44)
    return mtc_fail(error, MTC_INPUT,
                    "--prefix-url: it says that the log follows c2sp.org/mtc-tlog, which requires "
                    "an ML-DSA-44 key; leave it out with %s",
                    mtc_algorithm_name(init->signer.algorithm));
  return MTC_OK;
}

/* What goes into mtc.yaml is read back as it was: YAML knows no control characters, and folds the
 * other line ends. */
static mtc_status check_text(const char *option, const char *value, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_text(value ? value : ""));
  uint32_t scalar;
  while (reader.len) {
    size_t at = (size_t)((const char *)reader.data - value);
    if (!mtc_utf8_next(&reader, &scalar))
      return mtc_fail(error, MTC_INPUT, "%s: byte %zu is not UTF-8, which mtc.yaml cannot hold",
                      option, at);
    if (scalar < 0x20 || (scalar >= 0x7f && scalar < 0xa0) || scalar == 0x2028 ||
        scalar == 0x2029 || scalar == 0xfeff || scalar == 0xfffe || scalar == 0xffff)
      return mtc_fail(error, MTC_INPUT,
                      "%s: the control character U+%04X at byte %zu, which mtc.yaml cannot hold",
                      option, (unsigned)scalar, at);
  }
  return MTC_OK;
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

mtc_status ca_init_check(struct ca_init *init, struct mtc_error *error) {
  uint64_t last_log = init->log_number + CA_LOGS_ALLOWED - 1;
  init->ca.algorithm = init->signer.algorithm;
  init->ca.min_serial = init->log_number << 48;
  init->ca.max_serial = (last_log > 65535 ? 65535 : last_log) << 48 | ((UINT64_C(1) << 48) - 1);
  if (init->prefix_url) init->ca.prefix_url = mtc_span_of_text(init->prefix_url);
  mtc_status status = check_id(init, error);
  if (!status) status = check_url(init, error);
  if (!status) status = check_key(init, error);
  if (!status) status = check_text("--key", init->signer.key, error);
  if (!status) status = check_text("--module", init->signer.module, error);
  if (!status) status = check_text("--module-args", init->signer.module_args, error);
  if (!status) status = check_text("--pin-source", init->signer.pin_source, error);
  if (!status) status = check_text("--card", init->card, error);
  return status;
}
