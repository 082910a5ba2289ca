/* The one table of what differs between wire versions. Source: merkle-tree-certs -05, -06, -07. */
#include <string.h>

#include "mtc/wire.h"

#define DER(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}
/* 1.3.6.1.4.1.44363.47.N, the experimental arc of -02 to -06 */
#define EXPERIMENTAL(n) 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xda, 0x4b, 0x2f, n
/* 1.3.6.1.5.5.7.ARC.N, the PKIX arc of -07 */
#define PKIX(arc, n) 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, arc, n

static const struct mtc_wire table[] = {
    [MTC_WIRE_PLANTS_05] = {.version = MTC_WIRE_PLANTS_05,
                            .name = "plants-05",
                            .proof_algorithm = DER(0x30, 0x0c, EXPERIMENTAL(0x00)),
                            .name_attribute = DER(EXPERIMENTAL(0x01)),
                            .name_is_text = true,
                            .ca_extension = DER(EXPERIMENTAL(0x02)),
                            .ca_extension_has_log_hash = true,
                            .min_serial_bound = 0,
                            .signatures_prefix = 2,
                            .landmarks_have_expiry = false,
                            .allows_empty_subtrees = false,
                            .groups_are_ranges = true},
    [MTC_WIRE_PLANTS_06] = {.version = MTC_WIRE_PLANTS_06,
                            .name = "plants-06",
                            .proof_algorithm = DER(0x30, 0x0c, EXPERIMENTAL(0x00)),
                            .name_attribute = DER(EXPERIMENTAL(0x03)),
                            .name_is_text = false,
                            .ca_extension = DER(EXPERIMENTAL(0x04)),
                            .ca_extension_has_log_hash = false,
                            .min_serial_bound = UINT64_C(1) << 48,
                            .signatures_prefix = 3,
                            .landmarks_have_expiry = true,
                            .allows_empty_subtrees = true,
                            .groups_are_ranges = false},
    [MTC_WIRE_PLANTS_07] = {.version = MTC_WIRE_PLANTS_07,
                            .name = "plants-07",
                            .proof_algorithm = DER(0x30, 0x0a, PKIX(0x06, 0x43)),
                            .name_attribute = DER(PKIX(0x19, 0x03)),
                            .name_is_text = false,
                            .ca_extension = DER(PKIX(0x01, 0x26)),
                            .ca_extension_has_log_hash = false,
                            .min_serial_bound = UINT64_C(1) << 48,
                            .signatures_prefix = 3,
                            .landmarks_have_expiry = true,
                            .allows_empty_subtrees = true,
                            .groups_are_ranges = false},
};

const struct mtc_wire *mtc_wire_get(enum mtc_wire_version version) {
  return &table[version];
}

const struct mtc_wire *mtc_wire_find(const char *name) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (strcmp(table[i].name, name) == 0) return &table[i];
  }
  return NULL;
}
