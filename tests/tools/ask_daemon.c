/* mtc-ask-daemon: calls that mtc has no command for, for the stories.
 *
 *   mtc-ask-daemon SOCKET issue-direct PROFILE REQUEST-ID CSR.PEM OUT.PEM   (prints the serial
 * number) mtc-ask-daemon SOCKET direct-certificate HEX-SERIAL OUT.PEM             (with its issuer)
 *   mtc-ask-daemon SOCKET instances                (a line each: kind, name, profile=seconds...)
 *   mtc-ask-daemon SOCKET landmark-schedule        (interval, next time, newest tree size)
 */
#include <stdio.h>
#include <string.h>

#include "mtc/proof.h"
#include "mtc/rpc.h"
#include "mtc/runtime.h"

static mtc_status malformed(struct mtc_error *error) {
  return mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
}

static mtc_status print_hex(struct mtc_span bytes) {
  struct mtc_bytes hex = {0};
  mtc_bytes_append_hex(&hex, bytes);
  mtc_status status = mtc_bytes_status(&hex);
  if (!status) (void)printf("%.*s\n", (int)hex.len, (const char *)hex.data);
  mtc_bytes_free(&hex);
  return status;
}

static mtc_status write_pem(const char *path, const struct mtc_span *certificates, size_t num,
                            struct mtc_error *error) {
  struct mtc_bytes pem = {0};
  for (size_t i = 0; i < num; i++)
    mtc_pem_append("CERTIFICATE", certificates[i], &pem);
  mtc_status status = mtc_bytes_status(&pem);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&pem), 0644, error);
  mtc_bytes_free(&pem);
  return status;
}

static mtc_status issue_direct(struct mtc_rpc_client *client, char **argv,
                               struct mtc_error *error) {
  struct mtc_bytes file = {0}, csr = {0}, body = {0}, answer = {0};
  struct mtc_span serial, der;
  mtc_status status = mtc_file_read(argv[2], 1 << 20, &file, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&file));
  if (!status) status = mtc_pem_next(&reader, "CERTIFICATE REQUEST", &csr, error);
  mtc_bytes_append_prefixed(&body, mtc_span_of_text(argv[0]), 1);
  mtc_bytes_append_prefixed(&body, mtc_span_of_text(argv[1]), 1);
  mtc_bytes_append_prefixed(&body, mtc_span_of_bytes(&csr), 3);
  if (!status) status = mtc_bytes_status(&body);
  if (!status)
    status = mtc_rpc_call(client, MTC_RPC_ISSUE_DIRECT, mtc_span_of_bytes(&body), &answer, error);
  reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_prefixed(&reader, 1, &serial) || !mtc_read_prefixed(&reader, 3, &der) ||
                  reader.len))
    status = malformed(error);
  if (!status) status = write_pem(argv[3], &der, 1, error);
  if (!status) status = print_hex(serial);
  mtc_bytes_free(&file);
  mtc_bytes_free(&csr);
  mtc_bytes_free(&body);
  mtc_bytes_free(&answer);
  return status;
}

static mtc_status direct_certificate(struct mtc_rpc_client *client, char **argv,
                                     struct mtc_error *error) {
  struct mtc_bytes serial = {0}, body = {0}, answer = {0};
  struct mtc_span certificates[2];
  mtc_status status = mtc_bytes_append_decoded_hex(&serial, mtc_span_of_text(argv[0]));
  mtc_bytes_append_prefixed(&body, mtc_span_of_bytes(&serial), 1);
  if (!status) status = mtc_bytes_status(&body);
  if (!status)
    status =
        mtc_rpc_call(client, MTC_RPC_DIRECT_CERTIFICATE, mtc_span_of_bytes(&body), &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_prefixed(&reader, 3, &certificates[0]) ||
                  !mtc_read_prefixed(&reader, 3, &certificates[1]) || reader.len))
    status = malformed(error);
  if (!status) status = write_pem(argv[1], certificates, 2, error);
  mtc_bytes_free(&serial);
  mtc_bytes_free(&body);
  mtc_bytes_free(&answer);
  return status;
}

static mtc_status print_instances(struct mtc_reader *reader, struct mtc_error *error) {
  uint64_t num, kind, num_profiles, validity_s;
  struct mtc_span name, certificate;
  if (!mtc_read_uint(reader, 2, &num)) return malformed(error);
  for (uint64_t i = 0; i < num; i++) {
    if (!mtc_read_uint(reader, 1, &kind) || !mtc_read_prefixed(reader, 1, &name) ||
        !mtc_read_prefixed(reader, 3, &certificate) || !mtc_read_uint(reader, 2, &num_profiles))
      return malformed(error);
    (void)printf("%u %.*s", (unsigned)kind, (int)name.len, (const char *)name.data);
    for (uint64_t j = 0; j < num_profiles; j++) {
      if (!mtc_read_prefixed(reader, 1, &name) || !mtc_read_uint(reader, 8, &validity_s))
        return malformed(error);
      (void)printf(" %.*s=%llu", (int)name.len, (const char *)name.data,
                   (unsigned long long)validity_s);
    }
    (void)putchar('\n');
  }
  return reader->len ? malformed(error) : MTC_OK;
}

static mtc_status print_schedule(struct mtc_reader *reader, struct mtc_error *error) {
  uint64_t interval_s, next_s, tree_size;
  if (!mtc_read_uint(reader, 8, &interval_s) || !mtc_read_uint(reader, 8, &next_s) ||
      !mtc_read_uint(reader, 8, &tree_size) || reader->len)
    return malformed(error);
  (void)printf("%llu %llu %llu\n", (unsigned long long)interval_s, (unsigned long long)next_s,
               (unsigned long long)tree_size);
  return MTC_OK;
}

static mtc_status show(struct mtc_rpc_client *client, enum mtc_rpc_method method,
                       mtc_status (*print)(struct mtc_reader *reader, struct mtc_error *error),
                       struct mtc_error *error) {
  struct mtc_bytes answer = {0};
  mtc_status status = mtc_rpc_call(client, method, mtc_span_of(NULL, 0), &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status) status = print(&reader, error);
  mtc_bytes_free(&answer);
  return status;
}

int main(int argc, char **argv) {
  struct mtc_rpc_client *client = NULL;
  struct mtc_error error = {""};
  const char *what = argc > 2 ? argv[2] : "";
  mtc_status status = argc > 2 ? mtc_rpc_connect(argv[1], &client, &error) : MTC_OK;
  if (!status && strcmp(what, "issue-direct") == 0 && argc == 7)
    status = issue_direct(client, argv + 3, &error);
  else if (!status && strcmp(what, "direct-certificate") == 0 && argc == 5)
    status = direct_certificate(client, argv + 3, &error);
  else if (!status && strcmp(what, "instances") == 0 && argc == 3)
    status = show(client, MTC_RPC_INSTANCES, print_instances, &error);
  else if (!status && strcmp(what, "landmark-schedule") == 0 && argc == 3)
    status = show(client, MTC_RPC_LANDMARK_SCHEDULE, print_schedule, &error);
  else if (!status)
    status = mtc_fail(&error, MTC_INPUT, "usage: see tests/tools/ask_daemon.c");
  if (status)
    (void)fprintf(stderr, "mtc-ask-daemon: %s: %s\n", mtc_status_name(status), error.text);
  mtc_rpc_close(client);
  return status ? 1 : 0;
}
