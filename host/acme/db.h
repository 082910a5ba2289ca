/* The ACME server's database: accounts, authorizations, orders, certificates, rate windows. */
#ifndef ACME_DB_H
#define ACME_DB_H

#include "store/sqlite.h"

#define ACME_ID_TEXT_LEN 16u

/*
 * acme_db_open opens the database file, making it (mode 0600) and its tables where they are not,
 * and brings older tables up to date. Several processes may have it open. `is_synchronous` false:
 * commits are not durable (tests).
 *
 * Owner:    close with mtc_sql_close.
 * Errors:   INPUT (a schema version that is newer), CORRUPT, IO, NOMEM.
 */
mtc_status acme_db_open(const char *path, bool is_synchronous, sqlite3 **out,
                        struct mtc_error *error) MTC_MUST_CHECK;

/* The version of the tables as this program uses them. */
#define ACME_SCHEMA_VERSION 3

/*
 * acme_db_migration gives the statements that make version `version` + 1 of the tables out of
 * `version` (0: an empty database), ended by NULL.
 *
 * Requires: version is in 0..ACME_SCHEMA_VERSION - 1.
 */
const char *const *acme_db_migration(int64_t version);

/*
 * acme_draw_id draws a row's key of 63 bits, never 0: the first of a process at random, each other
 * one a random step of up to 2^32 above the one before. Rows that are made together then lie
 * together, so that a commit writes few pages; and of a key that is known the next one is still not
 * guessed. Threads: any.
 *
 * Errors:   FATAL (no randomness).
 */
mtc_status acme_draw_id(uint64_t *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_random_token writes `len` random bytes in base64url, zero-terminated.
 *
 * Requires: len is at most 32; `out` has room for 44 bytes.
 * Errors:   FATAL (no randomness).
 */
mtc_status acme_random_token(size_t len, char *out, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_format_id writes an ID as 16 hexadecimal digits, as URLs carry it.
 */
void acme_format_id(uint64_t id, char out[ACME_ID_TEXT_LEN + 1]);

/*
 * acme_parse_id reads exactly 16 lower-case hexadecimal digits of an ID from 1 to 2^63-1.
 */
bool acme_parse_id(const char *text, size_t len, uint64_t *out) MTC_MUST_CHECK;

/*
 * acme_query_copy gives a column's text as a copy for mtc_free; NULL on failure, which sticks to
 * the query as its others do.
 */
char *acme_query_copy(struct mtc_query *query, int column);

#endif
