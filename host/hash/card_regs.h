/* Made by hw/regs/generate.py from mtc_regs.json; do not edit. */
#ifndef MTC_CARD_REGS_H
#define MTC_CARD_REGS_H

/* clang-format off */
#define MTC_REG_ID 0x0000u /* card */
#define MTC_REG_VERSION 0x0004u /* card */
#define MTC_REG_CAPS_ENTRY 0x0008u /* card */
#define MTC_REG_CAPS_BATCH 0x000cu /* card */
#define MTC_REG_CAPS_INPUT 0x0010u /* card */
#define MTC_REG_BUILD 0x0014u /* card */
#define MTC_REG_CAPS_CORE 0x0018u /* card */
#define MTC_REG_STATUS 0x0020u /* card */
#define MTC_REG_IN_CREDIT 0x0024u /* card */
#define MTC_REG_OUT_AVAIL 0x0028u /* card */
#define MTC_REG_ERR_CAUSE 0x002cu /* card */
#define MTC_REG_ERR_INFO 0x0030u /* card */
#define MTC_REG_CYCLES_LO 0x0040u /* card */
#define MTC_REG_CYCLES_HI 0x0044u /* card */
#define MTC_REG_LEAF_BLOCKS_LO 0x0048u /* card */
#define MTC_REG_LEAF_BLOCKS_HI 0x004cu /* card */
#define MTC_REG_NODE_BLOCKS_LO 0x0050u /* card */
#define MTC_REG_NODE_BLOCKS_HI 0x0054u /* card */
#define MTC_REG_ENTRIES_LO 0x0058u /* card */
#define MTC_REG_ENTRIES_HI 0x005cu /* card */
#define MTC_REG_LEAF_HASHES_LO 0x0060u /* card */
#define MTC_REG_LEAF_HASHES_HI 0x0064u /* card */
#define MTC_REG_NODE_HASHES_LO 0x0068u /* card */
#define MTC_REG_NODE_HASHES_HI 0x006cu /* card */
#define MTC_REG_SYNC_ACK 0x0080u /* card */
#define MTC_REG_CMD_RESULT 0x0084u /* card */
#define MTC_REG_CMD_ACK 0x0088u /* card */
#define MTC_REG_NO_INPUT_LO 0x0090u /* card */
#define MTC_REG_NO_INPUT_HI 0x0094u /* card */
#define MTC_REG_NO_CREDIT_LO 0x0098u /* card */
#define MTC_REG_NO_CREDIT_HI 0x009cu /* card */
#define MTC_REG_TAIL_LO 0x00a0u /* card */
#define MTC_REG_TAIL_HI 0x00a4u /* card */
#define MTC_REG_STALLS_LO 0x00a8u /* card */
#define MTC_REG_STALLS_HI 0x00acu /* card */
#define MTC_REG_NONCE 0x1000u /* host */
#define MTC_REG_CMD 0x1004u /* host */
#define MTC_REG_CMD_SEQ 0x1008u /* host */

#define MTC_VERSION_MINOR_MASK 0x0000ffffu /* bits 15..0 */
#define MTC_VERSION_MAJOR_MASK 0xffff0000u /* bits 31..16 */
#define MTC_CAPS_CORE_FOLD_MASK 0x000000ffu /* bits 7..0 */
#define MTC_CAPS_CORE_STAGES_MASK 0x0000ff00u /* bits 15..8 */
#define MTC_CAPS_CORE_BATCHES_MASK 0x00ff0000u /* bits 23..16 */
#define MTC_CAPS_CORE_LANES_MASK 0xff000000u /* bits 31..24 */
#define MTC_STATUS_BUSY_MASK 0x00000001u /* bits 0..0 */
#define MTC_STATUS_DISCARDING_MASK 0x00000002u /* bits 1..1 */
#define MTC_STATUS_FAILED_MASK 0x00000004u /* bits 2..2 */

/* Identification */
#define MTC_CARD_REGISTER_ID 0x3143544du /* ID: the text MTC1 */
#define MTC_CARD_INTERFACE_VERSION 0x10002u /* VERSION: 1.2 */

/* Commands */
#define MTC_CARD_CMD_RESYNC 0x1u /* give up the open batch, discard input until the SYNC beat with NONCE */
#define MTC_CARD_CMD_SNAPSHOT 0x2u /* copy the counters to their registers */

/* Stream */
#define MTC_CARD_STREAM_VERSION 0x1u /* version in SYNC beats, batch headers and frames */
#define MTC_CARD_MAGIC_SYNC 0x5343544du /* first word of a SYNC beat: MTCS */
#define MTC_CARD_MAGIC_BATCH 0x4243544du /* first word of a batch header: MTCB */
#define MTC_CARD_MAGIC_FRAME 0x4643544du /* first word of a frame: MTCF */
#define MTC_CARD_FRAME_RECORDS 0x3fu /* records in a frame */
#define MTC_CARD_FRAME_KIND_SYNC 0x1u /* the answer to a SYNC beat */
#define MTC_CARD_FRAME_KIND_BATCH 0x2u /* records of a batch */
#define MTC_CARD_RECORD_PADDING 0x0u /* record type: nothing */
#define MTC_CARD_RECORD_LEAF 0x1u /* record type: the leaf hash of an entry */
#define MTC_CARD_RECORD_NODE 0x2u /* record type: an interior node */

/* Error codes */
#define MTC_CARD_ERR_NONE 0x0u /* the batch is complete */
#define MTC_CARD_ERR_MAGIC 0x1u /* a batch header without its magic (info: the word found) */
#define MTC_CARD_ERR_VERSION 0x2u /* another stream version (info: the word found) */
#define MTC_CARD_ERR_NONCE 0x3u /* a batch of another session (info: its nonce) */
#define MTC_CARD_ERR_COUNT 0x4u /* no entries, or more than CAPS_BATCH (info: the count) */
#define MTC_CARD_ERR_START 0x5u /* the batch would end above index 2^48 (info: low word of the start) */
#define MTC_CARD_ERR_SEEDS 0x6u /* number or level of a frontier seed does not fit the start index (info: the value found) */
#define MTC_CARD_ERR_LENGTH 0x7u /* an entry of 0 bytes or more than CAPS_ENTRY (info: the length) */
/* clang-format on */

#endif
