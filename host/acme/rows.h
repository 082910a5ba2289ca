/* Rows of the database as structures. All functions run on the thread of the jobs. */
#ifndef ACME_ROWS_H
#define ACME_ROWS_H

#include "acme/db.h"
#include "acme/identifier.h"
#include "acme/key.h"
#include "acme/validate.h"

/* States of accounts, authorizations, challenges and orders; numbers are stored and never change.
 */
enum acme_state {
  ACME_PENDING = 0,
  ACME_READY = 1, /* of orders, never stored */
  ACME_PROCESSING = 2,
  ACME_VALID = 3,
  ACME_INVALID = 4,
  ACME_DEACTIVATED = 5,
  ACME_EXPIRED = 6, /* never stored */
  ACME_REVOKED = 7,
};

/*
 * acme_state_name gives "pending" and so on.
 */
const char *acme_state_name(enum acme_state state);

/*
 * acme_query_state reads a column with a state; what is none is CORRUPT.
 */
enum acme_state acme_query_state(struct mtc_query *query, int column);

struct acme_account {
  uint64_t id; /* 0: there is none */
  char thumbprint[ACME_THUMBPRINT_LEN + 1];
  char *jwk;
  enum acme_state state;
  char *contacts; /* JSON array */
  char *terms;
  char *binding_kid;
  int64_t created_s;
};

/*
 * acme_account_load loads by ID, acme_account_find by thumbprint.
 *
 * Output:   out->id is 0 when there is none; free with acme_account_free in every case.
 * Errors:   CORRUPT, IO, NOMEM.
 */
mtc_status acme_account_load(sqlite3 *db, uint64_t id, struct acme_account *out,
                             struct mtc_error *error) MTC_MUST_CHECK;
/* Loads by thumbprint; see above. */
mtc_status acme_account_find(sqlite3 *db, const char *thumbprint, struct acme_account *out,
                             struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_account_is_valid tells whether there is such an account and its state is valid.
 */
mtc_status acme_account_is_valid(sqlite3 *db, uint64_t id, bool *out,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_account_insert adds a row; acme_account_update writes everything but what never changes.
 */
mtc_status acme_account_insert(sqlite3 *db, const struct acme_account *account,
                               struct mtc_error *error) MTC_MUST_CHECK;
/* Writes a row's changes; see above. */
mtc_status acme_account_update(sqlite3 *db, const struct acme_account *account,
                               struct mtc_error *error) MTC_MUST_CHECK;
/* Releases what a row owns and makes it none. */
void acme_account_free(struct acme_account *account);

struct acme_authorization {
  uint64_t id; /* 0: there is none */
  uint64_t account_id;
  struct acme_identifier identifier; /* without "*." */
  bool is_wildcard;
  enum acme_state state; /* as stored; see acme_authorization_state */
  int64_t expires_s;
  char token[44];
  int challenge; /* an acme_challenge_type, -1: none was answered */
  int64_t validated_s;
  int64_t claimed_s; /* when somebody last said to be validating it, 0: nobody is */
  unsigned attempts; /* how often its validation was begun */
  char *error;       /* JSON, "" none */
};

/*
 * acme_authorization_load loads by ID; acme_authorization_find_valid the valid one of an account
 * about an identifier that was validated after `validated_after_s` and expires last, after
 * `expires_after_s`.
 *
 * Output:   out->id is 0 when there is none; free with acme_authorization_free.
 */
mtc_status acme_authorization_load(sqlite3 *db, uint64_t id, struct acme_authorization *out,
                                   struct mtc_error *error) MTC_MUST_CHECK;
/* Finds one to be reused; see above. The identifier may have "*." in front. */
mtc_status acme_authorization_find_valid(sqlite3 *db, uint64_t account_id,
                                         const struct acme_identifier *identifier,
                                         int64_t validated_after_s, int64_t expires_after_s,
                                         struct acme_authorization *out,
                                         struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_authorization_insert adds a row; acme_authorization_update writes its state.
 */
mtc_status acme_authorization_insert(sqlite3 *db, const struct acme_authorization *authorization,
                                     struct mtc_error *error) MTC_MUST_CHECK;
/* Writes a row's changes; see above. */
mtc_status acme_authorization_update(sqlite3 *db, const struct acme_authorization *authorization,
                                     struct mtc_error *error) MTC_MUST_CHECK;
/* Releases what a row owns and makes it none. */
void acme_authorization_free(struct acme_authorization *authorization);

/*
 * acme_authorization_state gives the state at a time: what is stored, or expired.
 */
enum acme_state acme_authorization_state(const struct acme_authorization *authorization,
                                         int64_t now_s);

/*
 * acme_authorization_make fills a new pending one with ID and token (identifier may have "*.").
 */
mtc_status acme_authorization_make(uint64_t account_id, const struct acme_identifier *identifier,
                                   int64_t expires_s, struct acme_authorization *out,
                                   struct mtc_error *error) MTC_MUST_CHECK;

struct acme_order {
  uint64_t id; /* 0: there is none */
  uint64_t account_id;
  enum acme_state state; /* as stored; see acme_order_state */
  char *identifiers;     /* JSON array of objects */
  uint64_t authorizations[ACME_MAX_IDENTIFIERS];
  size_t num_authorizations;
  char *profile;
  int64_t created_s;
  int64_t expires_s;
  char *replaces;
  char *csr; /* base64url */
  int64_t claimed_s;
  char *serial; /* hexadecimal */
  char landmark_token[44];
  char *error; /* JSON, "" none */
};

/*
 * acme_order_load loads by ID, acme_order_find by landmark token.
 *
 * Output:   out->id is 0 when there is none; free with acme_order_free.
 */
mtc_status acme_order_load(sqlite3 *db, uint64_t id, struct acme_order *out,
                           struct mtc_error *error) MTC_MUST_CHECK;
/* Loads by landmark token; see above. */
mtc_status acme_order_find(sqlite3 *db, const char *landmark_token, struct acme_order *out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_order_insert adds a row (its texts may be NULL: empty); acme_order_update writes its state.
 */
mtc_status acme_order_insert(sqlite3 *db, const struct acme_order *order,
                             struct mtc_error *error) MTC_MUST_CHECK;
/* Writes state, CSR, claim, serial, landmark token and error; see above. */
mtc_status acme_order_update(sqlite3 *db, const struct acme_order *order,
                             struct mtc_error *error) MTC_MUST_CHECK;
/* Releases what a row owns and makes it none. */
void acme_order_free(struct acme_order *order);

/*
 * acme_order_state derives a pending order's state at a time from its authorizations: ready when
 * all are valid, invalid when one no longer can be or the order has expired.
 */
mtc_status acme_order_state(sqlite3 *db, const struct acme_order *order, int64_t now_s,
                            enum acme_state *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_order_identifiers reads the order's identifiers, sorted.
 *
 * Requires: room for ACME_MAX_IDENTIFIERS.
 * Errors:   CORRUPT.
 */
mtc_status acme_order_identifiers(const struct acme_order *order, struct acme_identifier *out,
                                  size_t *out_num, struct mtc_error *error) MTC_MUST_CHECK;

struct acme_issued {
  char cert_id[128]; /* "": there is none */
  uint64_t order_id;
  uint64_t account_id;
  char profile[65];
  char serial[41];
  char spki_sha256[65];
  int64_t not_before_s;
  int64_t not_after_s;
  uint64_t replaced_by;
  int64_t revoked_s;
  unsigned reason;
};

/*
 * acme_issued_load loads a certificate's row by its ID.
 *
 * Output:   out->cert_id is empty when there is none.
 */
mtc_status acme_issued_load(sqlite3 *db, const char *cert_id, struct acme_issued *out,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_issued_insert adds a row, unless it is there; acme_issued_update writes replaced_by,
 * revoked_s, reason.
 */
mtc_status acme_issued_insert(sqlite3 *db, const struct acme_issued *issued,
                              struct mtc_error *error) MTC_MUST_CHECK;
/* Writes a row's changes; see above. */
mtc_status acme_issued_update(sqlite3 *db, const struct acme_issued *issued,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_compromised_insert keeps a key (SHA-256 of its SubjectPublicKeyInfo, hexadecimal) that was
 * revoked as compromised; acme_compromised_find tells whether it was.
 */
mtc_status acme_compromised_insert(sqlite3 *db, const char *spki_sha256,
                                   struct mtc_error *error) MTC_MUST_CHECK;
/* Tells whether a key was; see above. */
mtc_status acme_compromised_find(sqlite3 *db, const char *spki_sha256, bool *out,
                                 struct mtc_error *error) MTC_MUST_CHECK;

#endif
