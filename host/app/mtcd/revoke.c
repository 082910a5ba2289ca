/* Revocations, of what the log and the directly signing instances have certified. */
#include <string.h>

#include "app/mtcd/daemon.h"
#include "mtc/runtime.h"

#define MAX_ROWS 1000
#define LOG_SERIAL_LEN 8

/* RFC 5280, CRLReason: 6 is a hold and 8 ends one, which is no revocation; 7 is not used. */
static bool is_reason(uint64_t reason) {
  return reason <= 10 && reason != 6 && reason != 7 && reason != 8;
}

/* A serial number of the log: its entry must be there and certify something. */
static mtc_status check_logged(struct daemon *daemon, struct mtc_span bytes,
                               struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(bytes);
  struct mtc_log_state state;
  struct mtc_log_entry parsed;
  struct mtc_bytes entry = {0};
  uint64_t serial, log_number = daemon->config->log_number;
  if (!mtc_read_uint(&reader, LOG_SERIAL_LEN, &serial)) return MTC_INPUT;
  uint64_t index = serial & ((UINT64_C(1) << 48) - 1);
  if (serial >> 48 != log_number)
    return mtc_fail(error, MTC_INPUT, "serial number %llu is of log %llu; this is log %llu",
                    (unsigned long long)serial, (unsigned long long)(serial >> 48),
                    (unsigned long long)log_number);
  mtc_status status = mtc_store_state(daemon->store, &state, error);
  if (!status && index >= state.head.tree_size)
    status = mtc_fail(error, MTC_INPUT, "the log has no entry %llu", (unsigned long long)index);
  if (!status) status = mtc_store_read_entry(daemon->store, index, &entry, NULL, error);
  if (!status) status = mtc_log_entry_parse(mtc_span_of_bytes(&entry), &parsed, error);
  if (!status && parsed.type == MTC_ENTRY_NULL)
    status = mtc_fail(error, MTC_INPUT, "entry %llu is a null_entry: it has no certificate",
                      (unsigned long long)index);
  mtc_bytes_free(&entry);
  return status;
}

/* Also one that was stored and not signed: it may have been. */
static mtc_status check_direct(struct daemon *daemon, struct mtc_span serial,
                               struct mtc_error *error) {
  struct mtc_direct_row row = {0};
  bool is_found = false;
  mtc_status status = mtc_store_find_direct(daemon->store, serial, &is_found, &row, error);
  mtc_direct_row_free(&row);
  if (!status && !is_found)
    status = mtc_fail(error, MTC_INPUT,
                      "no certificate has this serial number of %zu bytes (the log's have %d)",
                      serial.len, LOG_SERIAL_LEN);
  return status;
}

mtc_status method_revoke(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  struct mtc_revocation revocation = {.time_s = mtc_clock_now_ms() / 1000}, kept = {0};
  struct mtc_span serial;
  uint64_t reason;
  if (!mtc_read_prefixed(&reader, 1, &serial) || !mtc_read_uint(&reader, 1, &reason) ||
      reader.len || serial.len == 0 || serial.len > sizeof revocation.serial)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  if (!is_reason(reason))
    return mtc_fail(error, MTC_INPUT, "reason %u is none of 0 to 5, 9, 10", (unsigned)reason);
  mtc_status status = serial.len == LOG_SERIAL_LEN ? check_logged(job->daemon, serial, error)
                                                   : check_direct(job->daemon, serial, error);
  if (status) return status;
  memcpy(revocation.serial, serial.data, serial.len);
  revocation.serial_len = (uint8_t)serial.len;
  revocation.reason = (uint8_t)reason;
  status = mtc_store_revoke(job->daemon->store, &revocation, &kept, error);
  if (status) return status;
  struct mtc_bytes hex = {0};
  mtc_bytes_append_hex(&hex, serial);
  mtc_log(MTC_LOG_INFO, "revoked", "serial=%.*s reason=%u time=%lld", (int)hex.len,
          (const char *)hex.data, kept.reason, (long long)kept.time_s);
  mtc_bytes_free(&hex);
  mtc_bytes_append_uint(out, (uint64_t)kept.time_s, 8);
  return MTC_OK;
}

mtc_status method_revocations(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  uint64_t first;
  size_t num = 0;
  if (!mtc_read_uint(&reader, 8, &first))
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  struct mtc_revocation *rows = mtc_alloc(MAX_ROWS, sizeof *rows);
  if (!rows) return MTC_NOMEM;
  mtc_status status =
      mtc_store_read_revocations(job->daemon->store, first, rows, MAX_ROWS, &num, error);
  mtc_bytes_append_uint(out, num, 2);
  for (size_t i = 0; !status && i < num; i++) {
    mtc_bytes_append_prefixed(out, mtc_span_of(rows[i].serial, rows[i].serial_len), 1);
    mtc_bytes_append_uint(out, (uint64_t)rows[i].time_s, 8);
    mtc_bytes_append_uint(out, rows[i].reason, 1);
  }
  mtc_free(rows);
  return status;
}
