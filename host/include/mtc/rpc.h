/*
 * The daemon's local socket: a framed binary protocol over AF_UNIX.
 *
 *   frame:   u32 length of the rest (at most 1 MiB) | u8 kind | u32 tag | body
 *   request: kind is an mtc_rpc_method; the answer carries the same tag, in any order
 *   answer:  kind 0: body as the method says; kind 1: u8 mtc_status | text for a person
 *
 * Bodies are length-prefixed fields in the order given with each method.
 */
#ifndef MTC_RPC_H
#define MTC_RPC_H

#include "mtc/bytes.h"

enum mtc_rpc_method {
  /* u8 profile name | u8 request ID (may be empty) | u24 CSR (DER)
   * -> u64 serial | u24 standalone certificate (DER) */
  MTC_RPC_ISSUE = 1,
  /* u24 TBSCertificate (DER), its serial number a reserved one -> as MTC_RPC_ISSUE */
  MTC_RPC_ISSUE_TBS = 2,
  /* u64 serial | u8 kind (0 standalone, 1 landmark)
   * -> u64 landmark (0: none) | u24 certificate (DER) | u16 property list */
  MTC_RPC_CERTIFICATE = 3,
  /* u64 count, and u16 subject (a Name in DER) or nothing: for that subject alone, or anybody
   * -> u64 first serial | u64 expiry (POSIX seconds) */
  MTC_RPC_RESERVE = 4,
  /* empty -> u64 number | u64 tree size | u64 expiry */
  MTC_RPC_LANDMARK_ALLOCATE = 5,
  /* empty -> u16 count, then per landmark u64 number | u64 tree size | u64 expiry, newest first */
  MTC_RPC_LANDMARK_LIST = 6,
  /* empty -> u24 status as a JSON object */
  MTC_RPC_STATUS = 7,
  /* empty -> u24 CA certificate (DER) */
  MTC_RPC_CA_CERTIFICATE = 8,
  /* empty -> u24 signed checkpoint note */
  MTC_RPC_CHECKPOINT = 9,
  /* u8 verbosity (reserved, 0) -> u24 the trusted subtrees of the active landmarks, a text line
   * "CA-ID LOG START END base64(hash)" each */
  MTC_RPC_TRUSTED_SUBTREES = 10,
  /* empty -> empty: an attempt to take the retired card back into service has begun; the status
   * says how it ends (hash.card_in_test, card_in_service, card_test_fault) */
  MTC_RPC_CARD_READMIT = 11,
  /* empty -> empty: what the signer latched (a refused PIN, a wrong signature) may be tried again
   */
  MTC_RPC_SIGNER_UNLATCH = 12,
  /* u8 profile name of a directly signing CA instance | u8 request ID (may be empty) | u24 CSR
   * (DER)
   * -> u8 serial number (1 to 20 bytes, big-endian) | u24 certificate (DER) */
  MTC_RPC_ISSUE_DIRECT = 13,
  /* u8 serial number (big-endian; 8 bytes: of the log, else of a directly signing instance)
   * | u8 reason (RFC 5280, CRLReason) -> u64 time of the revocation (POSIX seconds); done before:
   * the same answer with the first time. With keyCompromise, also then, the certificate's key is
   * refused from now on (INPUT) by every method that issues. */
  MTC_RPC_REVOKE = 14,
  /* empty -> u16 count, then per instance u8 kind (0 Merkle tree, 1 directly signing) | u8 name
   * | u24 CA certificate (DER) | u16 count, then per profile u8 name | u64 validity (s) */
  MTC_RPC_INSTANCES = 15,
  /* u64 first row wanted -> u16 count (at most 1,000), then u8 serial number | u64 time | u8 reason
   */
  MTC_RPC_REVOCATIONS = 16,
  /* empty -> u64 interval (s; 0: none are allocated) | u64 time of the next allocation (POSIX
   * seconds) | u64 tree size of the newest landmark */
  MTC_RPC_LANDMARK_SCHEDULE = 17,
  /* u8 serial number of a directly signed certificate -> u24 certificate (DER) | u24 issuer (DER)
   */
  MTC_RPC_DIRECT_CERTIFICATE = 18,
  /* u8 profile name | u8 request ID -> u8 1 and the answer of MTC_RPC_ISSUE or
   * MTC_RPC_ISSUE_DIRECT, as the profile is: the request was known, also if it is queued still; or
   * u8 0: it was not, and is refused (INPUT) from now on, for good; or u8 2: it was known, and this
   * daemon can give no certificate for it (an earlier log's; one that expired unsigned, or whose
   * key has changed). BUSY where mtc.yaml has no such profile (now). */
  MTC_RPC_WITHDRAW = 19,
};

#define MTC_RPC_MAX_FRAME (1u << 20)

struct mtc_rpc_client;

/*
 * mtc_rpc_connect connects to the daemon's socket.
 *
 * Errors:   BUSY (nobody listens there, or too many want to: a daemon may be starting), IO; both
 *           with the path and reason; NOMEM.
 */
mtc_status mtc_rpc_connect(const char *socket_path, struct mtc_rpc_client **out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_rpc_set_patience sets how long the daemon may be silent: take nothing of what is sent, or not
 * answer mtc_rpc_call. It is 60 s.
 */
void mtc_rpc_set_patience(struct mtc_rpc_client *client, int patience_ms);

/*
 * mtc_rpc_send sends one request with the caller's tag; it blocks while the socket is full.
 *
 * Errors:   IO (the connection is lost, or the daemon takes nothing), INPUT (over 1 MiB).
 */
mtc_status mtc_rpc_send(struct mtc_rpc_client *client, enum mtc_rpc_method method, uint32_t tag,
                        struct mtc_span body, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_rpc_receive waits up to timeout_ms for the next answer.
 *
 * Output:   *out_tag; `out_body` replaced by the body when the daemon said MTC_OK, else *out_status
 *           and `out_error` say what it answered.
 * Errors:   IO (lost, malformed), BUSY (time is up; nothing was consumed).
 */
mtc_status mtc_rpc_receive(struct mtc_rpc_client *client, int timeout_ms, uint32_t *out_tag,
                           mtc_status *out_status, struct mtc_bytes *out_body,
                           struct mtc_error *out_error) MTC_MUST_CHECK;

/*
 * mtc_rpc_call sends one request and waits for its answer: for clients without pipelining.
 *
 * Errors:   what the daemon answered; IO, also when it does not answer: the connection is of no use
 *           then, and whether the request was done is not known.
 */
mtc_status mtc_rpc_call(struct mtc_rpc_client *client, enum mtc_rpc_method method,
                        struct mtc_span body, struct mtc_bytes *out_body,
                        struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_rpc_close closes the connection; NULL is ignored.
 */
void mtc_rpc_close(struct mtc_rpc_client *client);

/*
 * mtc_rpc_summon makes somebody serve the CA of a folder (where mtc.yaml is): the daemon that does
 * already, or one that `program` (mtcd) becomes. Such a daemon ends when nobody is connected.
 *
 * Output:   the daemon's socket, zero-terminated.
 * Errors:   INPUT (no CA's folder), IO (it does not start: with its reason).
 * Threads:  any; it waits for a child process of its own, and for no other.
 */
mtc_status mtc_rpc_summon(const char *program, const char *folder, char *out_socket, size_t size,
                          struct mtc_error *error) MTC_MUST_CHECK;

/* One request that a server method answers, now or later, from any thread. */
struct mtc_rpc_request;

/*
 * A server's method handler: it must answer `request` exactly once through one of the two
 * functions below. It runs on the server's thread and must not block for long.
 */
typedef void mtc_rpc_handler(void *context, uint8_t method, struct mtc_span body,
                             struct mtc_rpc_request *request);

/*
 * mtc_rpc_answer sends a successful answer and releases the request. Threads: any.
 */
void mtc_rpc_answer(struct mtc_rpc_request *request, struct mtc_span body);

/*
 * mtc_rpc_refuse sends a status with its text and releases the request. Threads: any.
 */
void mtc_rpc_refuse(struct mtc_rpc_request *request, mtc_status status, const char *text);

struct mtc_rpc_server;

/*
 * mtc_rpc_server_open listens on `socket_path` (mode 0600; a stale socket is replaced, a live one
 * refused).
 *
 * Errors:   IO, BUSY (another daemon answers there), NOMEM.
 */
mtc_status mtc_rpc_server_open(const char *socket_path, mtc_rpc_handler *handler, void *context,
                               struct mtc_rpc_server **out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_rpc_server_run serves until mtc_rpc_server_stop; bounded connections (256), frames, requests
 * in flight per connection (4096) and output; a peer that breaks the framing is dropped, and when
 * all connections are taken, one that has been idle for 5 s.
 *
 * Errors:   IO.
 */
mtc_status mtc_rpc_server_run(struct mtc_rpc_server *server) MTC_MUST_CHECK;

/*
 * mtc_rpc_server_set_idle makes mtc_rpc_server_run return MTC_OK, too, when there has been no
 * connection for `idle_ms` (0, the default: never). Before it runs.
 */
void mtc_rpc_server_set_idle(struct mtc_rpc_server *server, unsigned idle_ms);

/*
 * mtc_rpc_server_stop makes mtc_rpc_server_run return. Safe in signal handlers.
 */
void mtc_rpc_server_stop(struct mtc_rpc_server *server);

/*
 * mtc_rpc_server_close releases the server; requests still open may be answered later, into the
 * void. NULL is ignored.
 */
void mtc_rpc_server_close(struct mtc_rpc_server *server);

#endif
