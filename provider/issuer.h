/* A CA that certificates can be asked of: the daemon behind a socket. */
#ifndef MTC_PROVIDER_ISSUER_H
#define MTC_PROVIDER_ISSUER_H

#include "mtc/entry.h"
#include "mtc/rpc.h"
#include "provider/provider.h"

#define ISSUER_MAX_PATH 108

struct issuer {
  atomic_int num_users;
  struct provider *provider;
  char socket[ISSUER_MAX_PATH];
  char folder[ISSUER_MAX_PATH]; /* of the CA, when its daemon is started at need; else empty */
  struct mtc_bytes ca_certificate;
  struct mtc_ca_params params; /* points into `ca_certificate` */
  char name[MTC_TAI_MAX_TEXT];
};

/* Which of the two certificates of an entry, and how long to wait for a landmark. */
struct issuer_options {
  bool wants_landmark;
  bool waits;
  int64_t timeout_s;
};
#define ISSUER_DEFAULT_TIMEOUT_S 7200

/*
 * issuer_open asks the daemon at `socket` for its CA certificate. A CA's folder in its place has a
 * daemon started when there is none, now and whenever it is gone.
 *
 * Errors:   what mtc_rpc_call says; INPUT when it is none that this libcrypto can use.
 */
mtc_status issuer_open(struct provider *provider, const char *socket, struct issuer **out,
                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * issuer_share and issuer_free count users; NULL is ignored.
 */
struct issuer *issuer_share(struct issuer *issuer);
/* See issuer_share. */
void issuer_free(struct issuer *issuer);

/*
 * issuer_name gives the CA ID as text.
 */
const char *issuer_name(const struct issuer *issuer);

/*
 * issuer_certificate appends either certificate of a serial number.
 *
 * Errors:   BUSY when there is none yet; what else the daemon says.
 */
mtc_status issuer_certificate(const struct issuer *issuer, uint64_t serial, bool landmark,
                              struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * issuer_ask appends the daemon's answer to a request without a body.
 *
 * Errors:   what the daemon says; IO.
 */
mtc_status issuer_ask(const struct issuer *issuer, enum mtc_rpc_method method,
                      struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * issuer_sign logs a TBSCertificate and appends the MTCProof of its certificate.
 *
 * Errors:   INPUT (no TBSCertificate, or refused: serial number and cause), BUSY (a landmark is
 *           asked for and not there in time), IO.
 */
mtc_status issuer_sign(const struct issuer *issuer, const struct issuer_options *options,
                       struct mtc_span tbs, struct mtc_bytes *out_proof,
                       struct mtc_error *error) MTC_MUST_CHECK;

/*
 * issuer_reserve reserves `count` consecutive serial numbers: for a subject, a Name in DER, or for
 * anybody when it is empty.
 */
mtc_status issuer_reserve(const struct issuer *issuer, uint64_t count, struct mtc_span subject,
                          uint64_t *out_first, struct mtc_error *error) MTC_MUST_CHECK;

#endif
