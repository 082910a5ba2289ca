#include "store/sqlite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"

/* The longest row is a bundle: 256 entries and 256 public keys of at most 65535 bytes each. */
#define MAX_ROW_LEN (48 << 20)
#define BUSY_TIMEOUT_MS 5000

/*
 * Statements are kept for as long as the database is open: a certificate takes a dozen queries, and
 * SQLite compiled each for longer than it ran it. There are about forty texts in all.
 */
#define MAX_KEPT 96
#define KEPT_NAME "mtc-kept"

struct mtc_kept_statement {
  sqlite3_stmt *statement;
  bool is_in_use; /* by an open query; a second one with the same text gets its own */
};

static mtc_status status_of(int result) {
  switch (result & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return MTC_OK;
    case SQLITE_NOMEM:
      return MTC_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    /* What the schema forbids is checked before it is written: if a constraint or trigger still
     * stops it, what is stored contradicts what the caller was told. */
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    /* Our SQL is fixed, so an error in it means that tables or columns are missing. */
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_TOOBIG:
      return MTC_CORRUPT;
    /* SQLITE_BUSY among them: MTC_BUSY has a meaning of its own in mtc/store.h. */
    default:
      return MTC_IO;
  }
}

static mtc_status fail_path(const char *path, sqlite3 *db, int result, struct mtc_error *error) {
  return mtc_fail(error, status_of(result), "database %s: %s (SQLite code %d)", path,
                  db ? sqlite3_errmsg(db) : sqlite3_errstr(result), result);
}

static mtc_status fail_sqlite(sqlite3 *db, int result, struct mtc_error *error) {
  const char *path = sqlite3_db_filename(db, "main");
  return fail_path(path ? path : "", db, result, error);
}

static void check(struct mtc_query *query, int result) {
  if (status_of(result)) query->status = fail_sqlite(query->db, result, query->error);
}

/* The place of the statement with this text, or an empty one; NULL: none is free. */
static struct mtc_kept_statement *find_kept(sqlite3 *db, const char *sql) {
  struct mtc_kept_statement *kept = sqlite3_get_clientdata(db, KEPT_NAME);
  for (size_t i = 0; kept && i < MAX_KEPT; i++) {
    if (!kept[i].statement) return &kept[i];
    if (!kept[i].is_in_use && strcmp(sqlite3_sql(kept[i].statement), sql) == 0) return &kept[i];
  }
  return NULL;
}

void mtc_query_open(struct mtc_query *query, sqlite3 *db, const char *sql,
                    struct mtc_error *error) {
  struct mtc_kept_statement *kept = find_kept(db, sql);
  *query = (struct mtc_query){.db = db, .error = error};
  if (kept && kept->statement) {
    query->statement = kept->statement;
  } else {
    check(query, sqlite3_prepare_v3(db, sql, -1, kept ? SQLITE_PREPARE_PERSISTENT : 0,
                                    &query->statement, NULL));
    if (!query->statement) return;
  }
  query->kept = kept;
  if (kept) *kept = (struct mtc_kept_statement){query->statement, true};
}

mtc_status mtc_query_close(struct mtc_query *query) {
  /* Both repeat the last step's result, which is known. */
  if (query->kept) {
    (void)sqlite3_reset(query->statement);
    (void)sqlite3_clear_bindings(query->statement);
    query->kept->is_in_use = false;
  } else {
    (void)sqlite3_finalize(query->statement);
  }
  query->kept = NULL;
  query->statement = NULL;
  return query->status;
}

void mtc_query_bind_uint(struct mtc_query *query, int position, uint64_t value) {
  if (query->status) return;
  if (value > INT64_MAX) {
    query->status = mtc_fail(query->error, MTC_INPUT, "%llu is too large for the store",
                             (unsigned long long)value);
    return;
  }
  check(query, sqlite3_bind_int64(query->statement, position, (sqlite3_int64)value));
}

void mtc_query_bind_int(struct mtc_query *query, int position, int64_t value) {
  if (query->status) return;
  check(query, sqlite3_bind_int64(query->statement, position, value));
}

void mtc_query_bind_blob(struct mtc_query *query, int position, struct mtc_span value) {
  if (query->status) return;
  if (value.len == 0) { /* a null pointer would bind NULL */
    check(query, sqlite3_bind_zeroblob(query->statement, position, 0));
    return;
  }
  check(query,
        sqlite3_bind_blob64(query->statement, position, value.data, value.len, SQLITE_STATIC));
}

void mtc_query_bind_text(struct mtc_query *query, int position, const char *value) {
  if (query->status) return;
  check(query, sqlite3_bind_text(query->statement, position, value, -1, SQLITE_STATIC));
}

bool mtc_query_next(struct mtc_query *query) {
  if (query->status || query->at_end) return false;
  int result = sqlite3_step(query->statement);
  check(query, result);
  query->at_end = result != SQLITE_ROW;
  return result == SQLITE_ROW;
}

uint64_t mtc_query_run(struct mtc_query *query) {
  if (query->status) return 0;
  check(query, sqlite3_step(query->statement));
  uint64_t num_changes = query->status ? 0 : (uint64_t)sqlite3_changes64(query->db);
  (void)sqlite3_reset(query->statement);
  return num_changes;
}

void mtc_query_corrupt(struct mtc_query *query, const char *format, ...) {
  if (query->status) return;
  struct mtc_error text;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text.text, sizeof text.text, format, args);
  va_end(args);
  query->status = mtc_fail(query->error, MTC_CORRUPT, "database %s: %s",
                           sqlite3_db_filename(query->db, "main"), text.text);
}

static bool has_type(struct mtc_query *query, int column, int type) {
  if (query->status) return false;
  if (sqlite3_column_type(query->statement, column) == type) return true;
  mtc_query_corrupt(query, "column %s has the wrong type",
                    sqlite3_column_name(query->statement, column));
  return false;
}

int64_t mtc_query_int(struct mtc_query *query, int column) {
  if (!has_type(query, column, SQLITE_INTEGER)) return 0;
  return sqlite3_column_int64(query->statement, column);
}

uint64_t mtc_query_uint(struct mtc_query *query, int column) {
  int64_t value = mtc_query_int(query, column);
  if (value >= 0) return (uint64_t)value;
  mtc_query_corrupt(query, "column %s is negative", sqlite3_column_name(query->statement, column));
  return 0;
}

struct mtc_span mtc_query_blob(struct mtc_query *query, int column, size_t min_len,
                               size_t max_len) {
  if (!has_type(query, column, SQLITE_BLOB)) return mtc_span_of(NULL, 0);
  /* In this order: fetching the pointer may fail for want of memory. */
  const void *data = sqlite3_column_blob(query->statement, column);
  size_t len = (size_t)sqlite3_column_bytes(query->statement, column);
  if (!data && sqlite3_errcode(query->db) == SQLITE_NOMEM) {
    check(query, SQLITE_NOMEM);
    return mtc_span_of(NULL, 0);
  }
  if (len >= min_len && len <= max_len) return mtc_span_of(data, len);
  mtc_query_corrupt(query, "column %s has %zu bytes, not %zu to %zu",
                    sqlite3_column_name(query->statement, column), len, min_len, max_len);
  return mtc_span_of(NULL, 0);
}

const char *mtc_query_text(struct mtc_query *query, int column) {
  if (!has_type(query, column, SQLITE_TEXT)) return "";
  const char *text = (const char *)sqlite3_column_text(query->statement, column);
  if (!text) {
    check(query, SQLITE_NOMEM);
    return "";
  }
  if (strlen(text) == (size_t)sqlite3_column_bytes(query->statement, column)) return text;
  mtc_query_corrupt(query, "column %s has a NUL byte",
                    sqlite3_column_name(query->statement, column));
  return "";
}

void mtc_query_hash(struct mtc_query *query, int column, struct mtc_hash *out) {
  struct mtc_span blob = mtc_query_blob(query, column, MTC_HASH_LEN, MTC_HASH_LEN);
  *out = (struct mtc_hash){0};
  for (size_t i = 0; i < blob.len; i++)
    out->bytes[i] = blob.data[i];
}

mtc_status mtc_sql_run(sqlite3 *db, const char *sql, struct mtc_error *error) {
  int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
  return status_of(result) ? fail_sqlite(db, result, error) : MTC_OK;
}

mtc_status mtc_sql_run_kept(sqlite3 *db, const char *sql, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db, sql, error);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

mtc_status mtc_sql_open(const char *path, bool read_only, sqlite3 **out, struct mtc_error *error) {
  int mode = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  sqlite3 *db = NULL;
  mtc_status status = MTC_OK;
  *out = NULL;
  /* The store's own mutex serialises. */
  int result = sqlite3_open_v2(path, &db, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (status_of(result)) { /* SQLite knows no path of what it could not open */
    status = fail_path(path, db, result, error);
    goto out;
  }
  (void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
  (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, MAX_ROW_LEN);
  (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  status = mtc_sql_run(db,
                       "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                       "PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;",
                       error);
  if (status) goto out;
  /* Without memory for it every query is prepared anew: no reason to fail. SQLite releases it, also
   * when it cannot take it. */
  struct mtc_kept_statement *kept = mtc_alloc(MAX_KEPT, sizeof *kept);
  if (kept) (void)sqlite3_set_clientdata(db, KEPT_NAME, kept, mtc_free);
  *out = db;
  db = NULL;
out:
  (void)sqlite3_close(db);
  return status;
}

bool mtc_sql_close(sqlite3 *db) {
  struct mtc_kept_statement *kept = db ? sqlite3_get_clientdata(db, KEPT_NAME) : NULL;
  for (size_t i = 0; kept && i < MAX_KEPT; i++) {
    if (kept[i].is_in_use) continue;
    (void)sqlite3_finalize(kept[i].statement);
    kept[i].statement = NULL;
  }
  return sqlite3_close(db) == SQLITE_OK;
}
