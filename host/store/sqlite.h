/* SQLite statements with one sticky status: the only place that knows SQLite's result codes. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>

#include "mtc/digest.h"

/* A prepared statement, kept for the next query with the same text. After the first failure every
 * call does nothing, so only the end needs a check, as with mtc_bytes. */
struct mtc_query {
  sqlite3 *db;
  sqlite3_stmt *statement;
  struct mtc_error *error;
  mtc_status status;
  struct mtc_kept_statement *kept; /* NULL: finalised at the end */
  bool at_end;                     /* stepping once more would begin again */
};

/*
 * mtc_query_open prepares one statement, or takes the one that was kept; mtc_query_close keeps or
 * finalises it and gives the first failure.
 *
 * Errors:   CORRUPT (damaged file or schema, a broken constraint, a column of the wrong type or
 *           length), IO (also when another process holds SQLite's lock), NOMEM.
 */
void mtc_query_open(struct mtc_query *query, sqlite3 *db, const char *sql, struct mtc_error *error);
/* Ends the query and returns the first failure; see above. */
mtc_status mtc_query_close(struct mtc_query *query) MTC_MUST_CHECK;

/*
 * mtc_query_bind_* set parameter `position` (1..). Spans and texts must live until the statement
 * has run.
 *
 * Errors:   a number above 2^63-1 is INPUT: SQL has no unsigned integers.
 */
void mtc_query_bind_uint(struct mtc_query *query, int position, uint64_t value);
/* Binds a signed number; see above. */
void mtc_query_bind_int(struct mtc_query *query, int position, int64_t value);
/* Binds a blob, which may be empty; see above. */
void mtc_query_bind_blob(struct mtc_query *query, int position, struct mtc_span value);
/* Binds a text; see above. */
void mtc_query_bind_text(struct mtc_query *query, int position, const char *value);

/*
 * mtc_query_next steps to the next row.
 *
 * Output:   false at the end and on failure.
 */
bool mtc_query_next(struct mtc_query *query);

/*
 * mtc_query_run executes a statement that gives no rows and makes it ready for the next binding.
 *
 * Output:   how many rows it changed; 0 on failure.
 */
uint64_t mtc_query_run(struct mtc_query *query);

/*
 * mtc_query_uint and its siblings read a column (0..) of the current row. Blobs live until the next
 * step. A value of another type, sign or length than asked for is CORRUPT, and gives zeros.
 */
uint64_t mtc_query_uint(struct mtc_query *query, int column);
/* Reads a signed number; see above. */
int64_t mtc_query_int(struct mtc_query *query, int column);
/* Reads a blob of `min_len` to `max_len` bytes; see above. */
struct mtc_span mtc_query_blob(struct mtc_query *query, int column, size_t min_len, size_t max_len);
/* Reads a text without NUL bytes, which lives until the next step; "" on failure; see above. */
const char *mtc_query_text(struct mtc_query *query, int column);
/* Reads a blob of 32 bytes; see above. */
void mtc_query_hash(struct mtc_query *query, int column, struct mtc_hash *out);

/*
 * mtc_query_corrupt marks the query as CORRUPT with a text.
 */
void mtc_query_corrupt(struct mtc_query *query, const char *format, ...) MTC_PRINTF(2, 3);

/*
 * mtc_sql_run executes SQL that gives no rows and takes no parameters.
 *
 * Errors:   as mtc_query_open.
 */
mtc_status mtc_sql_run(sqlite3 *db, const char *sql, struct mtc_error *error) MTC_MUST_CHECK;
/* Does so with one statement that is run again and again, and is compiled once; see above. */
mtc_status mtc_sql_run_kept(sqlite3 *db, const char *sql, struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_sql_open opens a database file that exists, hardened against hostile content.
 *
 * Owner:    close with mtc_sql_close.
 * Errors:   as mtc_query_open; *out is NULL.
 */
mtc_status mtc_sql_open(const char *path, bool read_only, sqlite3 **out,
                        struct mtc_error *error) MTC_MUST_CHECK;

/*
 * mtc_sql_close finalises the statements that were kept and closes the database; NULL is ignored.
 *
 * Output:   false when a query is still open: the database then stays open too.
 */
bool mtc_sql_close(sqlite3 *db);

#endif
