/* Revocations, of what the log and the directly signing instances have certified. */
#include <string.h>

#include "app/mtcd/daemon.h"
#include "mtc/runtime.h"

#define MAX_ROWS 1000
#define LOG_SERIAL_LEN 8
#define KEY_COMPROMISE 1 /* CRLReason */

/* RFC 5280, CRLReason: 6 is a hold and 8 ends one, which is no revocation; 7 is not used. */
static bool is_reason(uint64_t reason) {
  return reason <= 10 && reason != 6 && reason != 7 && reason != 8;
}

/* A serial number of the log: its entry must be there and certify something. *out_key: what. */
static mtc_status check_logged(struct daemon *daemon, struct mtc_span bytes,
                               struct mtc_hash *out_key, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(bytes);
  struct mtc_log_state state;
  struct mtc_log_entry parsed;
  struct mtc_bytes entry = {0}, public_key = {0};
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
  if (!status) status = mtc_store_read_entry(daemon->store, index, &entry, &public_key, error);
  if (!status) status = mtc_log_entry_parse(mtc_span_of_bytes(&entry), &parsed, error);
  if (!status && parsed.type == MTC_ENTRY_NULL)
    status = mtc_fail(error, MTC_INPUT, "entry %llu is a null_entry: it has no certificate",
                      (unsigned long long)index);
  mtc_hash_message(mtc_span_of_bytes(&public_key), out_key);
  mtc_bytes_free(&entry);
  mtc_bytes_free(&public_key);
  return status;
}

/* Also one that was stored and not signed: it may have been. */
static mtc_status check_direct(struct daemon *daemon, struct mtc_span serial,
                               struct mtc_hash *out_key, struct mtc_error *error) {
  struct mtc_direct_row row = {0};
  struct mtc_certificate tbs;
  bool is_found = false;
  mtc_status status = mtc_store_find_direct(daemon->store, serial, &is_found, &row, error);
  if (!status && is_found)
    status = mtc_certificate_parse_tbs(mtc_span_of_bytes(&row.tbs), &tbs, error);
  if (!status && is_found) mtc_hash_message(tbs.public_key, out_key);
  mtc_direct_row_free(&row);
  if (!status && !is_found)
    status = mtc_fail(error, MTC_INPUT,
                      "no certificate has this serial number of %zu bytes (the log's have %d)",
                      serial.len, LOG_SERIAL_LEN);
  return status;
}

static mtc_status check_serial(struct daemon *daemon, struct mtc_span serial,
                               struct mtc_hash *out_key, struct mtc_error *error) {
  return serial.len == LOG_SERIAL_LEN ? check_logged(daemon, serial, out_key, error)
                                      : check_direct(daemon, serial, out_key, error);
}

/* Revocations of a program that did not keep their keys: it is made up for at each start, until
 * none is left. What cannot be read is somebody's to look at, and no reason to issue nothing. */
mtc_status revoke_make_up(struct daemon *daemon, struct mtc_error *error) {
  struct mtc_revocation revocation, kept;
  struct mtc_error why = {""};
  uint64_t number = 0;
  bool is_found;
  for (;; number++) {
    struct mtc_hash key;
    mtc_status status =
        mtc_store_next_unkeyed(daemon->store, number, &revocation, &number, &is_found, error);
    if (status || !is_found) return status;
    status =
        check_serial(daemon, mtc_span_of(revocation.serial, revocation.serial_len), &key, &why);
    if (!status) status = mtc_store_revoke(daemon->store, &revocation, &key, &kept, &why);
    if (status)
      mtc_log(MTC_LOG_ERROR, "revoked", "revocation=%llu key=not-refused error=\"%s\"",
              (unsigned long long)number, why.text);
  }
}

mtc_status method_revoke(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  struct mtc_revocation revocation = {.time_s = mtc_clock_now_ms() / 1000}, kept = {0};
  struct mtc_span serial;
  struct mtc_hash key;
  uint64_t reason;
  if (!mtc_read_prefixed(&reader, 1, &serial) || !mtc_read_uint(&reader, 1, &reason) ||
      reader.len || serial.len == 0 || serial.len > sizeof revocation.serial)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  if (!is_reason(reason))
    return mtc_fail(error, MTC_INPUT, "reason %u is none of 0 to 5, 9, 10", (unsigned)reason);
  mtc_status status = check_serial(job->daemon, serial, &key, error);
  if (status) return status;
  memcpy(revocation.serial, serial.data, serial.len);
  revocation.serial_len = (uint8_t)serial.len;
  revocation.reason = (uint8_t)reason;
  status = mtc_store_revoke(job->daemon->store, &revocation, reason == KEY_COMPROMISE ? &key : NULL,
                            &kept, error);
  if (status) return status;
  struct mtc_bytes hex = {0};
  mtc_bytes_append_hex(&hex, serial);
  mtc_log(MTC_LOG_INFO, "revoked", "serial=%.*s reason=%u key=%s time=%lld", (int)hex.len,
          (const char *)hex.data, kept.reason, reason == KEY_COMPROMISE ? "refused" : "kept",
          (long long)kept.time_s);
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
