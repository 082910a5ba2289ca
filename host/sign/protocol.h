/* The messages between the daemon and mtc-signer: one SOCK_SEQPACKET packet each way. */
#ifndef MTC_SIGN_PROTOCOL_H
#define MTC_SIGN_PROTOCOL_H

#include "mtc/sign.h"

#define MTC_SIGNER_FD 3 /* the signer's end of the socket pair */
#define MTC_SIGNER_MAX_PACKET 49152
#define MTC_SIGNER_MAX_MESSAGE 32768 /* bytes to sign: a TBSCertificate with 100 long names */

enum mtc_signer_request { MTC_SIGNER_OPEN = 1, MTC_SIGNER_SIGN, MTC_SIGNER_PUBLIC_KEY };

enum mtc_signer_outcome {
  MTC_SIGNER_DONE,
  MTC_SIGNER_INPUT,  /* the configuration or the request will never work */
  MTC_SIGNER_FAILED, /* the token failed: a fresh process may do better */
  MTC_SIGNER_PIN,    /* the PIN was refused, now or before: nobody may try again by himself */
  MTC_SIGNER_NOMEM,
};

/*
 *   uint8  version = 1
 *   uint8  request     (enum mtc_signer_request; a reply repeats it)
 *   uint8  outcome     (enum mtc_signer_outcome; DONE in a request)
 *   uint32 sequence    (a reply repeats it)
 *   opaque payload<0..2^16-1>
 *   opaque text<0..2^16-1>   (what went wrong, for people)
 */
struct mtc_signer_packet {
  enum mtc_signer_request request;
  enum mtc_signer_outcome outcome;
  uint32_t sequence;
  struct mtc_span payload;
  struct mtc_span text;
};

/*
 * The payload of OPEN; strings are never NULL, "" is not given. The reply's payload:
 *   opaque description<0..2^16-1>   (what the token says of itself, as text)
 *   opaque public_key<0..2^16-1>    (DER SubjectPublicKeyInfo; empty where the token has only the
 *                                    private half)
 */
struct mtc_signer_config {
  enum mtc_algorithm algorithm;
  const char *key;
  const char *module;
  const char *module_args;
  const char *pin_source;
  const char *latch;
  unsigned long sign_mechanism; /* 0: the algorithm's own */
  enum mtc_signer_confinement confinement;
};

/*
 * mtc_signer_packet_append writes a packet.
 */
void mtc_signer_packet_append(const struct mtc_signer_packet *packet, struct mtc_bytes *out);

/*
 * mtc_signer_packet_parse reads a packet; spans point into `bytes`.
 *
 * Errors:   false for anything but exactly one packet of this version.
 */
bool mtc_signer_packet_parse(struct mtc_span bytes, struct mtc_signer_packet *out) MTC_MUST_CHECK;

/*
 * mtc_signer_config_append writes the payload of OPEN.
 */
void mtc_signer_config_append(const struct mtc_signer_config *config, struct mtc_bytes *out);

/*
 * mtc_signer_config_parse reads the payload of OPEN; strings point into `bytes`.
 *
 * Errors:   false when malformed.
 */
bool mtc_signer_config_parse(struct mtc_span bytes, struct mtc_signer_config *out) MTC_MUST_CHECK;

#endif
