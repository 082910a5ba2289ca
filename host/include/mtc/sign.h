/* Signing: the daemon's side of mtc-signer, the process that alone holds the CA cosigner key. */
#ifndef MTC_SIGN_H
#define MTC_SIGN_H

#include "mtc/wire.h"

#define MTC_SIGNER_MAX_SOURCES 8    /* tokens that hold clones of the key */
#define MTC_SIGNER_MAX_PROCESSES 16 /* for each of them */

/* Where one copy of the key is. */
struct mtc_signer_source {
  const char *key;    /* pkcs11: URI (RFC 7512), or the path of a PEM private key (development) */
  const char *module; /* path of the PKCS#11 module; NULL: module-path in the URI, or a file key */
  const char *module_args;      /* C_Initialize arguments (NSS wants them), or NULL */
  const char *pin_source;       /* see docs/hsm.md, "The PIN"; NULL (file keys, or in the URI) */
  unsigned long sign_mechanism; /* CKM_* of a vendor's own; 0: that of the algorithm */
};

/* What the signer process may still do once it is running. */
enum mtc_signer_confinement {
  MTC_SIGNER_CONFINED,   /* all that a PKCS#11 module needs, network and threads included */
  MTC_SIGNER_STRICT,     /* no network but UNIX sockets, no child processes */
  MTC_SIGNER_UNCONFINED, /* no filter: for modules that break under it */
};

/* What a signer needs; every string is copied by mtc_signer_open. */
struct mtc_signer_options {
  const char *program; /* path of mtc-signer; NULL: beside the running program */
  /* The first token, as struct mtc_signer_source has it. */
  const char *key;
  const char *module;
  const char *module_args;
  const char *pin_source;
  unsigned long sign_mechanism;
  /* Tokens with clones of the same key, in the order in which they stand in for the first. */
  const struct mtc_signer_source *standby;
  unsigned num_standby;
  enum mtc_algorithm algorithm;
  struct mtc_span public_key; /* DER SubjectPublicKeyInfo every signature must verify under; empty
                                 only when the caller is about to ask for it (ca init) */
  unsigned timeout_ms;        /* per request; 0 means 10000 */
  unsigned num_processes;     /* for each token, for requests at the same time; 0 means 1 */
  const char *latch;          /* file that outlives the process (docs/hsm.md); NULL: none */
  enum mtc_signer_confinement confinement;
};

/* Durations in buckets, four for every power of two microseconds. */
#define MTC_LATENCY_BUCKETS 120
struct mtc_latency {
  uint64_t num, sum_us, max_us;
  uint64_t counts[MTC_LATENCY_BUCKETS];
};

/*
 * mtc_latency_percentile_us gives the duration that `per_mille` of all do not exceed, rounded up to
 * the end of its bucket (a quarter too long at most); 0 when nothing was counted.
 */
uint64_t mtc_latency_percentile_us(const struct mtc_latency *latency, unsigned per_mille);

/*
 * mtc_latency_bucket_end_us gives the first duration in microseconds behind a bucket.
 */
uint64_t mtc_latency_bucket_end_us(unsigned bucket);

struct mtc_signer_source_stats {
  char name[128];  /* token and key, from the URI without its secrets */
  char token[160]; /* what the token says of itself; empty until it was open */
  char mechanism[32];
  bool serving;           /* requests go here now */
  bool down;              /* failed; tried again by itself */
  bool latched;           /* nothing is tried before an operator has looked */
  unsigned num_processes; /* that run now */
  uint64_t num_signatures;
  uint64_t num_failures;
  uint64_t num_wrong; /* signatures that did not verify */
  uint64_t num_respawns;
  struct mtc_latency latency; /* of signatures, as the daemon sees it */
  char last_error[256];       /* in words */
  int64_t last_error_s;       /* POSIX time; 0: none */
};

struct mtc_signer_stats {
  /* Of all sources. */
  uint64_t num_signatures;
  uint64_t num_failures;
  uint64_t num_respawns;
  uint64_t num_failovers; /* requests that another source than the first served */
  bool latched;           /* every source is: nothing is signed without an operator */
  char last_error[256];   /* in words */
  unsigned num_sources;
  struct mtc_signer_source_stats sources[MTC_SIGNER_MAX_SOURCES];
};

/*
 * mtc_key_is_uri tells whether `key` is a PKCS#11 URI (the scheme in either case) rather than the
 * path of a key file.
 */
bool mtc_key_is_uri(const char *key);

/*
 * mtc_key_check checks that a key and what is given beside it fit together: a URI is well-formed
 * and has a module, beside it or as its module-path; the path of a key file has neither module nor
 * PIN, and is no mistyped URI. `module` and `pin_source` may be NULL or empty.
 *
 * Errors:   INPUT, NOMEM; the text never repeats `key`: a mistyped URI may hold a PIN.
 */
mtc_status mtc_key_check(const char *key, const char *module, const char *pin_source,
                         struct mtc_error *error) MTC_MUST_CHECK;

struct mtc_signer;

/*
 * mtc_signer_open starts the signer process and opens the key; where the first source fails, the
 * next that has the key. A thread of its own tries those that are down, and the standby ones.
 *
 * Owner:    close with mtc_signer_close.
 * Errors:   INPUT (URI, options), TOKEN (module, token, key or PIN; the text says which), NOMEM.
 */
mtc_status mtc_signer_open(const struct mtc_signer_options *options, struct mtc_signer **out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_signer_sign signs `message` (at most 32768 bytes) and appends the signature to `out`, in the
 * form a certificate carries (ECDSA: DER).
 *
 * Output:   only a signature that verified under the configured public key. A source that gives
 *           another is latched: an operator must look.
 * Errors:   TOKEN when no source signs (retry: processes are respawned, with back-off, unless
 *           latched), INPUT, NOMEM.
 * Threads:  any; as many at a time as there are processes. Blocks up to the deadline, once a
 *           source.
 */
mtc_status mtc_signer_sign(struct mtc_signer *signer, struct mtc_span message,
                           struct mtc_bytes *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_signer_num_parallel tells how many messages are signed at the same time.
 */
unsigned mtc_signer_num_parallel(const struct mtc_signer *signer);

/*
 * mtc_signer_public_key appends the token's DER SubjectPublicKeyInfo to `out`.
 *
 * Errors:   TOKEN, NOMEM.
 */
mtc_status mtc_signer_public_key(struct mtc_signer *signer, struct mtc_bytes *out,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_signer_unlatch lets latched sources be tried again, at once: an operator has looked.
 *
 * Errors:   IO: the latch file cannot be emptied; nothing is unlatched.
 */
mtc_status mtc_signer_unlatch(struct mtc_signer *signer, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_signer_unlatch_file empties a latch file that no daemon uses.
 *
 * Output:   *out_num_lines were in it; 0 also when there is no such file.
 * Errors:   IO.
 */
mtc_status mtc_signer_unlatch_file(const char *path, size_t *out_num_lines,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_signer_stats copies the counters. Threads: any.
 */
void mtc_signer_stats(struct mtc_signer *signer, struct mtc_signer_stats *out);

/*
 * mtc_signer_close ends the signer process and releases everything; NULL is ignored.
 */
void mtc_signer_close(struct mtc_signer *signer);

/* A key to make on a token. */
struct mtc_key_request {
  const char *uri;    /* RFC 7512: token plus object (and id); never a slot number */
  const char *module; /* NULL: module-path in the URI */
  const char *module_args;
  const char *pin_source;
  enum mtc_algorithm algorithm;
};

/*
 * mtc_key_generate makes a key pair on a token, reads its attributes back, test-signs and
 * verifies, and appends the DER SubjectPublicKeyInfo to `out_public_key`.
 *
 * Errors:   INPUT (URI; an object with that label or id exists; algorithm), TOKEN, NOMEM.
 *           Nothing is overwritten, ever.
 */
mtc_status mtc_key_generate(const struct mtc_key_request *request, struct mtc_bytes *out_public_key,
                            struct mtc_error *error) MTC_MUST_CHECK;

#endif
