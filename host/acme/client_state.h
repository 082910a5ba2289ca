/* What the client knows about one certificate between two runs: FOLDER/state.json. */
#ifndef ACME_CLIENT_STATE_H
#define ACME_CLIENT_STATE_H

#include "acme/delivery.h"
#include "acme/identifier.h"

#define ACME_CLIENT_MAX_URL 1024u
#define ACME_CLIENT_MAX_URLS (4 * ACME_CLIENT_MAX_URL)
#define ACME_CLIENT_MAX_OLD 8u
#define ACME_CLIENT_MAX_STATE_LEN (1u << 20)

/* A set of files that belong together, FOLDER/certificates/NUMBER/. */
struct acme_client_generation {
  uint64_t number;
  int64_t not_after_s;
};

/* A proof of control that stands in a web root or in the DNS and is to be taken away again. */
struct acme_client_proof {
  char name[300];  /* file's path below the web root, or the TXT record's name */
  char value[256]; /* TXT record's value */
};

/* An order on its way; generation 0: none. */
struct acme_client_open_order {
  uint64_t generation; /* where its key and certificate go */
  char identity[65];   /* what it asks for */
  char url[ACME_CLIENT_MAX_URL];
  bool without_replaces; /* the server says that the old certificate was replaced already */
};

/* Zeroed is what a new certificate has. Times are POSIX seconds, 0: none. */
struct acme_client_state {
  uint64_t last_generation; /* numbers up to this have been used */
  struct acme_client_open_order order;
  struct acme_client_proof *proofs; /* num_proofs of them; owned */
  size_t num_proofs;
  /* the certificate in use; generation 0: none */
  struct acme_client_generation current;
  int64_t not_before_s;
  char identity[65];
  char cert_id[ACME_MAX_CERT_ID];
  bool is_deployed; /* the links show it and chains.pem is made of all that is there */
  bool hook_due;    /* the hook is to be run about the standalone certificate */
  bool hook_landmark_due;
  /* its landmark-relative one */
  char landmark_url[ACME_CLIENT_MAX_URL];
  char alternates[ACME_CLIENT_MAX_URLS]; /* what else may be it, with a space between each */
  bool is_alternate;                     /* landmark_url may be anything */
  int64_t landmark_at_s;                 /* asked for not before */
  unsigned landmark_tries;
  bool has_landmark;
  /* its renewal */
  int64_t window_start_s, window_end_s; /* as the server suggests */
  int64_t renew_at_s;                   /* chosen in it */
  int64_t ask_at_s;                     /* the server is asked again */
  /* those before it that have not expired */
  struct acme_client_generation old[ACME_CLIENT_MAX_OLD];
  size_t num_old;
  /* back-off of orders */
  unsigned failures;
  int64_t retry_at_s;
  char problem[512]; /* the last one */
};

/*
 * acme_client_state_parse reads a state; unknown members are errors.
 *
 * Errors:   CORRUPT naming the member; NOMEM. Nothing needs freeing then.
 */
mtc_status acme_client_state_parse(struct mtc_span text, struct acme_client_state *out,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_state_append writes a state as JSON.
 *
 * Errors:   NOMEM.
 */
mtc_status acme_client_state_append(const struct acme_client_state *state,
                                    struct mtc_bytes *out) MTC_MUST_CHECK;

/*
 * acme_client_state_load reads FOLDER/state.json; a file that is not there is a new certificate's.
 *
 * Errors:   CORRUPT, IO, NOMEM.
 */
mtc_status acme_client_state_load(const char *folder, struct acme_client_state *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_state_save makes a state durable.
 *
 * Errors:   IO, NOMEM.
 */
mtc_status acme_client_state_save(const char *folder, const struct acme_client_state *state,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_state_free releases what a state owns and makes it a new certificate's.
 */
void acme_client_state_free(struct acme_client_state *state);

#endif
