/* A run's conversation with an ACME server: directory, account, signed requests. */
#ifndef ACME_CLIENT_SESSION_H
#define ACME_CLIENT_SESSION_H

#include "acme/client_http.h"
#include "acme/jws.h"

struct acme_client_session {
  const struct acme_client_config *config;
  struct acme_client_http *http;
  struct acme_client_directory directory; /* once `has_directory` */
  bool has_directory;
  bool allow_plain; /* the directory's own URL is http to loopback */
  struct acme_key key;
  char account[ACME_CLIENT_MAX_URL]; /* "": not known */
  char nonce[129];
  int lock_fd;          /* on KEY.lock, -1: none */
  bool is_key_changing; /* KEY.next is there: which of the two is in force is not known */
  /* of the last answer that was an error */
  struct acme_client_problem problem;
  int64_t retry_after_s;
};

/*
 * acme_client_session_open reads the account's key, making it where there is none (mode 0600), and
 * the account's URL; nothing is sent. Where the key is `alone`, and where a change of it was
 * interrupted, it waits until no other session has the key, and none gets it.
 *
 * Errors:   INPUT (a key that others may read, or is none), IO, NOMEM.
 */
mtc_status acme_client_session_open(const struct acme_client_config *config, bool alone,
                                    struct acme_client_session *out,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_session_close releases a session; a zeroed one is none.
 */
void acme_client_session_close(struct acme_client_session *session);

/*
 * acme_client_find_directory fetches the directory, once in a session.
 *
 * Errors:   BUSY (the server asks to wait or fails), IO, NOMEM.
 */
mtc_status acme_client_find_directory(struct acme_client_session *session,
                                      struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_find_account finds the directory and the account, made where there is none, and
 * writes the account's URL to KEY.json beside its key.
 *
 * Errors:   INPUT (refused, with the server's words), BUSY, IO, NOMEM.
 */
mtc_status acme_client_find_account(struct acme_client_session *session,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_forget_account forgets the account's URL: the server does not know it (any more).
 *
 * Errors:   IO.
 */
mtc_status acme_client_forget_account(struct acme_client_session *session,
                                      struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_settle_key finds out, where a change of the account's key was interrupted, whether
 * the new key is in force, and puts it into the old one's place then. Not in force it is left
 * there.
 *
 * Requires: the directory is known.
 * Errors:   as acme_client_post.
 */
mtc_status acme_client_settle_key(struct acme_client_session *session,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_change_key gives the account a new key of the same kind; one whose change was
 * interrupted is gone on with. A kill at any time loses neither key: the new one is KEY.next until
 * the server has been heard to have it.
 *
 * Requires: a session that is alone.
 * Errors:   as acme_client_post; INPUT: refused, and the old key stays.
 * Source:   RFC 8555, "Account Key Rollover"
 */
mtc_status acme_client_change_key(struct acme_client_session *session,
                                  struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_save_account writes the account's URL, for its key, to KEY.json.
 *
 * Errors:   IO, NOMEM.
 */
mtc_status acme_client_save_account(const struct acme_client_session *session,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_load_key reads an account's key from its file.
 *
 * Errors:   INPUT (a key that others may read, or is none), IO, NOMEM.
 */
mtc_status acme_client_load_key(const char *path, struct acme_key *out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_next_key_path writes the name of the file of a new key.
 */
void acme_client_next_key_path(const struct acme_client_config *config, char out[4096]);

/*
 * acme_client_post sends a signed request: by the account where it is known, else by its key.
 * `payload` is released; NULL is POST-as-GET. A bad nonce is tried again, a few times.
 *
 * Output:   `out` replaced.
 * Errors:   BUSY (429, 5xx: session->retry_after_s), INPUT (any other status from 400 on:
 *           session->problem), IO, NOMEM.
 */
mtc_status acme_client_post(struct acme_client_session *session, const char *url, json_t *payload,
                            const char *accept, struct acme_client_response *out,
                            struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_get sends an unsigned request.
 *
 * Errors:   as acme_client_post.
 */
mtc_status acme_client_get(struct acme_client_session *session, const char *url,
                           struct acme_client_response *out,
                           struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_read_key reads a private key from a PEM file that only its owner may read.
 *
 * Errors:   INPUT, IO, NOMEM.
 */
mtc_status acme_client_read_key(const char *path, EVP_PKEY **out,
                                struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_append_key appends a private key as PEM (PKCS #8), to be wiped by the caller.
 *
 * Errors:   NOMEM.
 */
mtc_status acme_client_append_key(EVP_PKEY *key, struct mtc_bytes *out,
                                  struct mtc_error *error) MTC_MUST_CHECK;

#endif
