/* The packets between daemon and signer: what parses is written back byte for byte. */
#include "fuzz/fuzz.h"
#include "sign/protocol.h"

static void check_config(struct mtc_span payload) {
  struct mtc_signer_config config;
  struct mtc_bytes again = {0};
  if (!mtc_signer_config_parse(payload, &config)) return;
  mtc_signer_config_append(&config, &again);
  assert_built(&again, payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct mtc_span input = mtc_span_of(data, len);
  struct mtc_signer_packet packet;
  struct mtc_bytes again = {0};
  check_config(input);
  if (!mtc_signer_packet_parse(input, &packet)) return 0;
  assert_inside(input, packet.payload);
  assert_inside(input, packet.text);
  mtc_signer_packet_append(&packet, &again);
  assert_built(&again, input);
  check_config(packet.payload);
  return 0;
}
