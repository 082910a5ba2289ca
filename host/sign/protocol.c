#include "sign/protocol.h"

#include <string.h>

#define VERSION 1

void mtc_signer_packet_append(const struct mtc_signer_packet *packet, struct mtc_bytes *out) {
  mtc_bytes_append_uint(out, VERSION, 1);
  mtc_bytes_append_uint(out, packet->request, 1);
  mtc_bytes_append_uint(out, packet->outcome, 1);
  mtc_bytes_append_uint(out, packet->sequence, 4);
  mtc_bytes_append_prefixed(out, packet->payload, 2);
  mtc_bytes_append_prefixed(out, packet->text, 2);
}

bool mtc_signer_packet_parse(struct mtc_span bytes, struct mtc_signer_packet *out) {
  struct mtc_reader reader = mtc_reader_of(bytes);
  uint64_t version = 0, request = 0, outcome = 0, sequence = 0;
  if (!mtc_read_uint(&reader, 1, &version) || version != VERSION) return false;
  if (!mtc_read_uint(&reader, 1, &request) || request < MTC_SIGNER_OPEN ||
      request > MTC_SIGNER_PUBLIC_KEY) {
    return false;
  }
  if (!mtc_read_uint(&reader, 1, &outcome) || outcome > MTC_SIGNER_NOMEM) return false;
  if (!mtc_read_uint(&reader, 4, &sequence)) return false;
  out->request = (enum mtc_signer_request)request;
  out->outcome = (enum mtc_signer_outcome)outcome;
  out->sequence = (uint32_t)sequence;
  return mtc_read_prefixed(&reader, 2, &out->payload) &&
         mtc_read_prefixed(&reader, 2, &out->text) && reader.len == 0;
}

/* Strings travel with their zero, so that the reader needs no copies. */
static void append_string(const char *text, struct mtc_bytes *out) {
  mtc_bytes_append_prefixed(out, mtc_span_of(text, strlen(text) + 1), 2);
}

static bool read_string(struct mtc_reader *reader, const char **out) {
  struct mtc_span span;
  if (!mtc_read_prefixed(reader, 2, &span) || span.len == 0) return false;
  *out = (const char *)span.data;
  return memchr(span.data, 0, span.len) == span.data + span.len - 1;
}

void mtc_signer_config_append(const struct mtc_signer_config *config, struct mtc_bytes *out) {
  mtc_bytes_append_uint(out, config->algorithm, 1);
  append_string(config->key, out);
  append_string(config->module, out);
  append_string(config->module_args, out);
  append_string(config->pin_source, out);
  append_string(config->latch, out);
  mtc_bytes_append_uint(out, config->sign_mechanism, 8);
  mtc_bytes_append_uint(out, config->confinement, 1);
}

bool mtc_signer_config_parse(struct mtc_span bytes, struct mtc_signer_config *out) {
  struct mtc_reader reader = mtc_reader_of(bytes);
  uint64_t algorithm = 0, mechanism = 0, confinement = 0;
  if (!mtc_read_uint(&reader, 1, &algorithm) || algorithm > MTC_ALGORITHM_ED25519) return false;
  if (!read_string(&reader, &out->key) || !read_string(&reader, &out->module) ||
      !read_string(&reader, &out->module_args) || !read_string(&reader, &out->pin_source) ||
      !read_string(&reader, &out->latch) || !mtc_read_uint(&reader, 8, &mechanism) ||
      !mtc_read_uint(&reader, 1, &confinement) || confinement > MTC_SIGNER_UNCONFINED ||
      reader.len) {
    return false;
  }
  out->algorithm = (enum mtc_algorithm)algorithm;
  out->sign_mechanism = mechanism;
  out->confinement = (enum mtc_signer_confinement)confinement;
  return true;
}
