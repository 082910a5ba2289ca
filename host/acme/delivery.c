/* Chains as PEM, and when to ask for them again. */
#include "acme/delivery.h"

#include <limits.h>

#include "mtc/proof.h"

#define MAX_POLL_S 60

void acme_append_chain(enum acme_chain_format format, struct mtc_span leaf, struct mtc_span issuer,
                       struct mtc_span properties, struct mtc_bytes *out) {
  static const uint8_t no_properties[2] = {0};
  if (format == ACME_CHAIN_PROPERTIES)
    mtc_pem_append("CERTIFICATE PROPERTIES",
                   properties.len ? properties : mtc_span_of(no_properties, sizeof no_properties),
                   out);
  mtc_pem_append("CERTIFICATE", leaf, out);
  if (format == ACME_CHAIN_PLAIN && issuer.len) mtc_pem_append("CERTIFICATE", issuer, out);
}

unsigned acme_retry_after(int64_t now_s, int64_t next_s, int64_t interval_s) {
  if (next_s > now_s) {
    uint64_t left = (uint64_t)next_s - (uint64_t)now_s;
    return left > INT_MAX ? INT_MAX : (unsigned)left;
  }
  int64_t tenth = interval_s / 10;
  return (unsigned)(tenth < 1 ? 1 : tenth > MAX_POLL_S ? MAX_POLL_S : tenth);
}
