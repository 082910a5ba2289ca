/* MTCProof, cosigned messages, notes, checkpoints, the landmarks file, certificate properties. */
#ifndef MTC_PROOF_H
#define MTC_PROOF_H

#include "mtc/tree.h"
#include "mtc/wire.h"

struct mtc_cosignature {
  struct mtc_span cosigner_id; /* binary trust anchor ID, 1..255 bytes: may be one we do not know */
  struct mtc_span signature;
};

/* A parsed MTCProof; spans point into the input. */
struct mtc_mtcproof {
  struct mtc_span extensions; /* without the length prefix */
  struct mtc_subtree subtree; /* < 2^48 */
  struct mtc_span hashes;     /* 32 * num_hashes bytes */
  size_t num_cosignatures;
  struct mtc_span cosignatures; /* the list, without the length prefix: mtc_cosignature_next */
};

/*
 * mtc_mtcproof_parse decodes an MTCProof. Cosignatures are as many as their list has room for:
 * anybody may add some under IDs that nobody knows.
 *
 * Errors:   INPUT: truncated, trailing bytes, extensions or cosigner IDs not strictly ascending,
 *           empty cosigner ID, hashes not a multiple of 32.
 * Source:   merkle-tree-certs, "Certificate Format"
 */
mtc_status mtc_mtcproof_parse(const struct mtc_wire *wire, struct mtc_span der,
                              struct mtc_mtcproof *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_cosignature_next takes the next cosignature off a parsed proof's list; start with
 * mtc_reader_of(proof.cosignatures).
 *
 * Errors:   false at the end of the list.
 */
bool mtc_cosignature_next(struct mtc_reader *list, struct mtc_cosignature *out) MTC_MUST_CHECK;

/*
 * mtc_mtcproof_append encodes a proof with the given cosignatures, which it sorts where they are;
 * those of `proof` itself are not looked at.
 *
 * Errors:   INPUT (duplicate cosigner, a value too large for its field), NOMEM.
 */
mtc_status mtc_mtcproof_append(const struct mtc_wire *wire, const struct mtc_mtcproof *proof,
                               struct mtc_cosignature *cosignatures, size_t num_cosignatures,
                               struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_cosigned_message_append builds the bytes that a cosigner signs: timestamp 0 for
 * certificates, POSIX seconds for checkpoints.
 *
 *   "subtree/v1\n\0" | u8 len, cosigner name | u64 timestamp | u8 len, log origin
 *   | u64 start | u64 end | 32-byte hash
 *
 * Errors:   INPUT (invalid subtree; timestamp with start > 0), NOMEM.
 * Source:   merkle-tree-certs, "Signature Format"
 */
mtc_status mtc_cosigned_message_append(const struct mtc_tai *cosigner_id,
                                       const struct mtc_tai *log_id, uint64_t timestamp_s,
                                       struct mtc_subtree subtree, const struct mtc_hash *hash,
                                       struct mtc_bytes *out) MTC_MUST_CHECK;

/* One signature line of a note. */
struct mtc_note_signature {
  struct mtc_span name; /* "oid/1.3.6.1.4.1.32473.1" */
  uint8_t key_id[4];
  uint64_t timestamp_s;      /* of a cosignature; part of the signed message */
  struct mtc_span signature; /* without key ID and timestamp */
};

/* A checkpoint. Parsing fills the arrays with spans into `decoded` (base64) and the input. */
struct mtc_checkpoint {
  struct mtc_span origin;
  uint64_t tree_size;
  struct mtc_hash root;
  size_t num_signatures;
  struct mtc_note_signature signatures[64];
  struct mtc_bytes decoded; /* owns the decoded signatures; free with mtc_checkpoint_free */
};

/*
 * mtc_checkpoint_append writes a signed note: origin, size, root, blank line, signature lines
 * "— <name> base64(key ID || u64 timestamp || signature)".
 *
 * Source:   c2sp.org/tlog-checkpoint, /signed-note, /tlog-cosignature
 */
void mtc_checkpoint_append(const struct mtc_checkpoint *checkpoint, struct mtc_bytes *out);

/*
 * mtc_checkpoint_parse reads a signed checkpoint note of at most 64 signature lines.
 *
 * Errors:   INPUT with the line number; NOMEM. On error nothing needs freeing.
 */
mtc_status mtc_checkpoint_parse(struct mtc_span note, struct mtc_checkpoint *out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_checkpoint_free releases what mtc_checkpoint_parse allocated.
 */
void mtc_checkpoint_free(struct mtc_checkpoint *checkpoint);

/*
 * mtc_note_key_id computes the key ID of a signature line: the first 4 bytes of SHA-256(name ||
 * 0x0A || type || key). ML-DSA-44 has the assigned type 0x06 and the raw key. The others sign the
 * same message under a type of their own, 0xFF "subtree/v1 <algorithm>" 0x0A, and their DER
 * SubjectPublicKeyInfo (0x04 would promise Ed25519 over another message).
 *
 * Errors:   INPUT for a key of no known cosigner algorithm, or a name that is no key name.
 * Source:   c2sp.org/signed-note, "Signature types"; c2sp.org/tlog-cosignature
 */
mtc_status mtc_note_key_id(struct mtc_span name, struct mtc_span public_key,
                           uint8_t out_key_id[4]) MTC_MUST_CHECK;

struct mtc_landmark {
  uint64_t number;
  uint64_t tree_size;
  int64_t expiry_s; /* 0 in wire versions without expiry and for landmark 0 */
};

/*
 * mtc_landmarks_append writes the landmarks file of `num` landmarks, newest first, each number one
 * below the one before. With expiry the last must be expired at now_s, or be landmark 0.
 *
 * Errors:   INPUT when they do not form a valid file.
 * Source:   merkle-tree-certs, "Publishing Landmarks"; DELTA.md section 9
 */
mtc_status mtc_landmarks_append(const struct mtc_wire *wire, const struct mtc_landmark *landmarks,
                                size_t num, int64_t now_s, struct mtc_bytes *out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_landmarks_parse reads a landmarks file into `out` (at most `max` of them), newest first.
 *
 * Errors:   INPUT with the line number for any deviation from the format.
 */
mtc_status mtc_landmarks_parse(const struct mtc_wire *wire, struct mtc_span file, int64_t now_s,
                               struct mtc_landmark *out, size_t max, size_t *out_num,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_properties_append_standalone and _landmark append the CertificatePropertyList of a
 * certificate: trust_anchor_id, the trust anchor groups in the form of the wire version, and
 * trust_anchor_negotiation on the second.
 *
 * Errors:   INPUT when an ID would exceed its length; NOMEM.
 * Source:   tls-trust-anchor-ids, "Certificate Properties"; merkle-tree-certs, "Use in TLS"
 */
mtc_status mtc_properties_append_standalone(const struct mtc_wire *wire,
                                            const struct mtc_tai *ca_id, uint64_t log_number,
                                            struct mtc_bytes *out) MTC_MUST_CHECK;
/* The property list of a landmark-relative certificate; see above. Where groups hold the newest
 * landmarks alone (-05), `max_active` (from 1) says how many. */
mtc_status mtc_properties_append_landmark(const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                                          uint64_t log_number, uint64_t landmark,
                                          uint64_t max_active,
                                          struct mtc_bytes *out) MTC_MUST_CHECK;

/*
 * mtc_properties_describe appends a line of text per property, checking the whole list. Groups are
 * read in the form of the wire version, without one in either.
 *
 * Errors:   INPUT: truncated, trailing, unsorted or duplicate properties, malformed groups.
 */
mtc_status mtc_properties_describe(const struct mtc_wire *wire, struct mtc_span list,
                                   struct mtc_bytes *out_text,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_pattern_matches tells whether a trust anchor ID (binary) matches a pattern (binary).
 *
 * Errors:   false for malformed input of either kind.
 * Source:   tls-trust-anchor-ids, "Trust Anchor Groups"
 */
bool mtc_pattern_matches(struct mtc_span pattern, struct mtc_span id);

/*
 * mtc_pem_append writes one PEM block; mtc_pem_next reads the next block of `label` (NULL: any) and
 * appends the decoded bytes to `out_der`.
 *
 * Errors:   INPUT when there is no further block or it is malformed.
 */
void mtc_pem_append(const char *label, struct mtc_span der, struct mtc_bytes *out);
/* Reads the next PEM block; see mtc_pem_append. */
mtc_status mtc_pem_next(struct mtc_reader *reader, const char *label, struct mtc_bytes *out_der,
                        struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_pem_next_label reads past the next line that begins a block and gives the block's label: it
 * tells what mtc_pem_next would find, whether that is well-formed or not.
 *
 * Output:   a span into the text.
 * Errors:   false when no further block begins.
 */
bool mtc_pem_next_label(struct mtc_reader *reader, struct mtc_span *out_label) MTC_MUST_CHECK;

#endif
