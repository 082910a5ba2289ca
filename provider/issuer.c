#include "provider/issuer.h"

#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>

#include "mtc/runtime.h"
#include "provider/config.h"
#include "provider/lobby.h"

#define POLL_MS 500
#define MAX_RESTARTS 3

/* A folder's daemon ends when it has nothing to do: between any two requests, and during one. */
static bool is_gone(const struct issuer *issuer, mtc_status status) {
  struct mtc_rpc_client *client = NULL;
  if (status == MTC_IO) return true;
  if (status != MTC_BUSY) return false;
  bool answers = mtc_rpc_connect(issuer->socket, &client, NULL) == MTC_OK;
  mtc_rpc_close(client);
  return !answers;
}

static mtc_status summon(const struct issuer *issuer, struct mtc_error *error) {
  char socket[ISSUER_MAX_PATH];
  const struct config *config = config_get(issuer->provider);
  if (!config) return MTC_NOMEM;
  if (getauxval(AT_SECURE))
    return mtc_fail(error, MTC_INPUT, "%s: a program with more rights than its user starts no mtcd",
                    issuer->folder);
  mtc_status status = mtc_rpc_summon(config->mtcd, issuer->folder, socket, sizeof socket, error);
  if (!status && issuer->socket[0] && strcmp(socket, issuer->socket) != 0)
    status =
        mtc_fail(error, MTC_IO, "%s: its socket is no longer %s", issuer->folder, issuer->socket);
  return status;
}

static mtc_status call(const struct issuer *issuer, enum mtc_rpc_method method,
                       const struct mtc_bytes *body, struct mtc_bytes *out,
                       struct mtc_error *error) {
  mtc_status status = mtc_bytes_status(body);
  for (int i = 0; !status; i++) {
    mtc_bytes_clear(out);
    status = lobby_call(issuer->provider->lobby, issuer->socket, method, mtc_span_of_bytes(body),
                        out, error);
    if (!status || !issuer->folder[0] || i == MAX_RESTARTS || !is_gone(issuer, status)) break;
    status = summon(issuer, error);
  }
  return status;
}

mtc_status issuer_ask(const struct issuer *issuer, enum mtc_rpc_method method,
                      struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_bytes nothing = {0};
  return call(issuer, method, &nothing, out, error);
}

static mtc_status malformed(struct mtc_error *error) {
  return mtc_fail(error, MTC_IO, "the daemon's answer is malformed");
}

static mtc_status read_ca(struct issuer *issuer, struct mtc_error *error) {
  struct mtc_bytes nothing = {0}, answer = {0};
  struct mtc_span der;
  mtc_status status = call(issuer, MTC_RPC_CA_CERTIFICATE, &nothing, &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_prefixed(&reader, 3, &der) || reader.len)) status = malformed(error);
  if (!status) {
    mtc_bytes_append_span(&issuer->ca_certificate, der);
    status = mtc_bytes_status(&issuer->ca_certificate);
  }
  mtc_bytes_free(&answer);
  if (status) return status;
  der = mtc_span_of_bytes(&issuer->ca_certificate);
  const struct mtc_wire *wire = mtc_ca_certificate_detect(der);
  if (!wire)
    return mtc_fail(error, MTC_INPUT, "the daemon's CA certificate is of no known version");
  status = mtc_ca_certificate_parse(wire, der, &issuer->params, error);
  if (!status) mtc_tai_format(&issuer->params.ca_id, issuer->name);
  return status;
}

/* What was given is a folder: the socket is what its daemon says. */
static mtc_status adopt(struct issuer *issuer, struct mtc_error *error) {
  const struct config *config = config_get(issuer->provider);
  memcpy(issuer->folder, issuer->socket, sizeof issuer->folder);
  issuer->socket[0] = 0;
  if (getauxval(AT_SECURE) || !config) return summon(issuer, error);
  return mtc_rpc_summon(config->mtcd, issuer->folder, issuer->socket, sizeof issuer->socket, error);
}

mtc_status issuer_open(struct provider *provider, const char *socket, struct issuer **out,
                       struct mtc_error *error) {
  const struct config *config = config_get(provider);
  struct issuer *issuer = mtc_alloc(1, sizeof *issuer);
  struct stat info;
  if (!issuer || !config) {
    mtc_free(issuer);
    return MTC_NOMEM;
  }
  issuer->num_users = 1;
  issuer->provider = provider;
  (void)snprintf(issuer->socket, sizeof issuer->socket, "%s", socket);
  mtc_status status = MTC_OK;
  if (strlen(socket) >= sizeof issuer->socket)
    status = mtc_fail(error, MTC_INPUT, "%s is longer than the name of a socket", socket);
  if (!status && stat(socket, &info) == 0 && S_ISDIR(info.st_mode)) status = adopt(issuer, error);
  if (!status) status = read_ca(issuer, error);
  if (!status && issuer->params.algorithm != config->algorithm)
    status = mtc_fail(error, MTC_INPUT,
                      "CA %s has a key of %s; the provider is configured for %s: set key_algorithm",
                      issuer->name, mtc_algorithm_name(issuer->params.algorithm),
                      mtc_algorithm_name(config->algorithm));
  if (status) {
    issuer_free(issuer);
    return status;
  }
  *out = issuer;
  return MTC_OK;
}

struct issuer *issuer_share(struct issuer *issuer) {
  if (issuer) atomic_fetch_add(&issuer->num_users, 1);
  return issuer;
}

void issuer_free(struct issuer *issuer) {
  if (!issuer || atomic_fetch_sub(&issuer->num_users, 1) > 1) return;
  mtc_bytes_free(&issuer->ca_certificate);
  mtc_free(issuer);
}

const char *issuer_name(const struct issuer *issuer) {
  return issuer->name;
}

/* Keeps what an answer points to. */
static mtc_status keep(struct mtc_span der, struct mtc_bytes *out) {
  mtc_bytes_append_span(out, der);
  return mtc_bytes_status(out);
}

mtc_status issuer_certificate(const struct issuer *issuer, uint64_t serial, bool landmark,
                              struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_bytes request = {0}, answer = {0};
  struct mtc_span der, properties;
  uint64_t number;
  mtc_bytes_append_uint(&request, serial, 8);
  mtc_bytes_append_uint(&request, landmark, 1);
  mtc_status status = call(issuer, MTC_RPC_CERTIFICATE, &request, &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_uint(&reader, 8, &number) || !mtc_read_prefixed(&reader, 3, &der) ||
                  !mtc_read_prefixed(&reader, 2, &properties) || reader.len))
    status = malformed(error);
  if (!status) status = keep(der, out);
  mtc_bytes_free(&request);
  mtc_bytes_free(&answer);
  return status;
}

/* The landmark-relative certificate, now or when there is one. */
static mtc_status await_landmark(const struct issuer *issuer, const struct issuer_options *options,
                                 uint64_t serial, struct mtc_bytes *out, struct mtc_error *error) {
  static const struct timespec pause = {0, POLL_MS * 1000000L};
  int64_t end_ms = mtc_clock_monotonic_ms() + options->timeout_s * 1000;
  for (;;) {
    mtc_status status = issuer_certificate(issuer, serial, true, out, error);
    if (status != MTC_BUSY || !options->waits || mtc_clock_monotonic_ms() >= end_ms) return status;
    (void)nanosleep(&pause, NULL);
  }
}

static mtc_status log_tbs(const struct issuer *issuer, struct mtc_span tbs, uint64_t *out_serial,
                          struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_bytes request = {0}, answer = {0};
  struct mtc_span der;
  mtc_bytes_append_prefixed(&request, tbs, 3);
  mtc_status status = call(issuer, MTC_RPC_ISSUE_TBS, &request, &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_uint(&reader, 8, out_serial) || !mtc_read_prefixed(&reader, 3, &der) ||
                  reader.len))
    status = malformed(error);
  if (!status) status = keep(der, out);
  mtc_bytes_free(&request);
  mtc_bytes_free(&answer);
  return status;
}

/* What CA software shows and asks for: hexadecimal, and what the log calls it. */
static void name_serial(struct mtc_span contents, struct mtc_bytes *out) {
  uint64_t serial = 0;
  struct mtc_reader reader = mtc_reader_of(contents);
  mtc_bytes_append_text(out, "serial number 0x");
  mtc_bytes_append_hex(out, contents.len > 20 ? mtc_span_of(contents.data, 20) : contents);
  if (contents.len && contents.len <= 8 && mtc_read_uint(&reader, (unsigned)contents.len, &serial))
    mtc_bytes_append_format(out, " (log %llu, index %llu)", (unsigned long long)(serial >> 48),
                            (unsigned long long)(serial & ((UINT64_C(1) << 48) - 1)));
  mtc_bytes_append_uint(out, 0, 1);
}

/* The answer must be a certificate of exactly what was asked for: its signature is the proof. */
static mtc_status take_proof(struct mtc_span tbs, const struct mtc_bytes *der,
                             struct mtc_bytes *out_proof, struct mtc_error *error) {
  struct mtc_certificate certificate;
  mtc_status status = mtc_certificate_parse(mtc_span_of_bytes(der), &certificate, error);
  if (status || !mtc_span_equal(certificate.tbs, tbs) || certificate.unused_bits)
    return mtc_fail(error, MTC_IO, "the daemon answered with another certificate");
  mtc_bytes_append_span(out_proof, certificate.signature);
  return mtc_bytes_status(out_proof);
}

mtc_status issuer_sign(const struct issuer *issuer, const struct issuer_options *options,
                       struct mtc_span tbs, struct mtc_bytes *out_proof, struct mtc_error *error) {
  struct mtc_certificate parsed;
  struct mtc_bytes der = {0}, name = {0};
  uint64_t serial = 0;
  mtc_status status = mtc_certificate_parse_tbs(tbs, &parsed, error);
  if (status) return status;
  status = log_tbs(issuer, tbs, &serial, &der, error);
  if (!status && options->wants_landmark) {
    mtc_bytes_clear(&der);
    status = await_landmark(issuer, options, serial, &der, error);
  }
  if (!status) status = take_proof(tbs, &der, out_proof, error);
  name_serial(parsed.serial_number, &name);
  if (status && mtc_bytes_status(&name) == MTC_OK)
    status = mtc_fail_within(error, status, "%s", (const char *)name.data);
  mtc_bytes_free(&der);
  mtc_bytes_free(&name);
  return status;
}

mtc_status issuer_reserve(const struct issuer *issuer, uint64_t count, struct mtc_span subject,
                          uint64_t *out_first, struct mtc_error *error) {
  struct mtc_bytes request = {0}, answer = {0};
  uint64_t expires_s;
  mtc_bytes_append_uint(&request, count, 8);
  if (subject.len) mtc_bytes_append_prefixed(&request, subject, 2);
  mtc_status status = call(issuer, MTC_RPC_RESERVE, &request, &answer, error);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&answer));
  if (!status && (!mtc_read_uint(&reader, 8, out_first) || !mtc_read_uint(&reader, 8, &expires_s) ||
                  reader.len))
    status = malformed(error);
  mtc_bytes_free(&request);
  mtc_bytes_free(&answer);
  return status;
}
