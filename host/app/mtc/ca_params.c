/* What a CA certificate says, as people give it: for mtc ca init and mtc key ceremony. */
#include <string.h>

#include "app/mtc/ca_params.h"

#define DAY_S 86400
#define YEAR_S (INT64_C(31556952))
#define CA_YEARS 6 /* as long as a root program trusts a CA key (Chrome's draft policy) */
#define MAX_URL_LEN 1024
#define CHILD_LANDMARK 1
#define LARGEST_LANDMARK ((UINT64_C(1) << 35) - 1) /* 5 bytes; hourly for longer than any CA */

/* {ca 1 log landmark} is the longest ID below a CA's: its log ID {ca 0 log} is shorter. */
mtc_status ca_params_set_id(struct mtc_ca_params *ca, const char *id, uint64_t log_number,
                            struct mtc_error *error) {
  struct mtc_tai children = {0};
  uint64_t last_log = log_number + CA_LOGS_ALLOWED - 1;
  if (last_log > 65535) last_log = 65535;
  ca->min_serial = log_number << 48;
  ca->max_serial = last_log << 48 | ((UINT64_C(1) << 48) - 1);
  mtc_status status = mtc_tai_parse(mtc_span_of_text(id), &ca->ca_id, error);
  if (!status) status = mtc_tai_append(&children, CHILD_LANDMARK);
  if (!status) status = mtc_tai_append(&children, last_log);
  if (!status) status = mtc_tai_append(&children, LARGEST_LANDMARK);
  if (status) return status;
  int allowed = MTC_TAI_MAX_LEN - children.len;
  if (ca->ca_id.len <= allowed) return MTC_OK;
  return mtc_fail(error, MTC_INPUT,
                  "%s has %d bytes in its binary form; at most %d are allowed, so that the IDs of "
                  "its logs (up to %llu) and landmarks fit into the %d of a trust anchor ID",
                  id, ca->ca_id.len, allowed, (unsigned long long)last_log, MTC_TAI_MAX_LEN);
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

mtc_status ca_params_set_url(struct mtc_ca_params *ca, const char *url, struct mtc_error *error) {
  const char *problem = url_problem(url);
  if (problem) return mtc_fail(error, MTC_INPUT, "the URL %s", problem);
  if (ca->algorithm != MTC_ALGORITHM_MLDSA44)
    return mtc_fail(error, MTC_INPUT,
                    "it says that the log follows c2sp.org/mtc-tlog, which requires an ML-DSA-44 "
                    "key; leave it out with %s",
                    mtc_algorithm_name(ca->algorithm));
  ca->prefix_url = mtc_span_of_text(url);
  return MTC_OK;
}

void ca_params_set_dates(struct mtc_ca_params *ca, int64_t now_s) {
  ca->not_before = now_s - now_s % DAY_S;
  ca->not_after = ca->not_before + CA_YEARS * YEAR_S - 1;
}
