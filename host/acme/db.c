#include "acme/db.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "acme/jws.h"
#include "mtc/runtime.h"

#define MAX_ID ((uint64_t)INT64_MAX)

static mtc_status make_file(const char *path, struct mtc_error *error) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return mtc_fail(error, MTC_IO, "database %s: %s", path, strerror(errno));
  (void)close(fd);
  return MTC_OK;
}

static mtc_status read_number(sqlite3 *db, const char *sql, int64_t *out, struct mtc_error *error) {
  struct mtc_query query;
  *out = 0;
  mtc_query_open(&query, db, sql, error);
  if (mtc_query_next(&query)) *out = mtc_query_int(&query, 0);
  return mtc_query_close(&query);
}

/* Within a transaction: of two processes that start at once, one makes the tables. */
static mtc_status make_tables(sqlite3 *db, const char *path, struct mtc_error *error) {
  int64_t num_tables, version = 0;
  mtc_status status = read_number(
      db, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'", &num_tables, error);
  if (!status && num_tables)
    status = read_number(db, "SELECT version FROM schema_version", &version, error);
  if (!status && (version < (num_tables ? 1 : 0) || version > ACME_SCHEMA_VERSION))
    status = mtc_fail(error, MTC_INPUT, "database %s: its tables are of version %lld, not 1 to %d",
                      path, (long long)version, ACME_SCHEMA_VERSION);
  for (; !status && version < ACME_SCHEMA_VERSION; version++)
    for (const char *const *sql = acme_db_migration(version); *sql && !status; sql++)
      status = mtc_sql_run(db, *sql, error);
  return status;
}

mtc_status acme_db_open(const char *path, bool is_synchronous, sqlite3 **out,
                        struct mtc_error *error) {
  sqlite3 *db = NULL;
  *out = NULL;
  mtc_status status = make_file(path, error);
  if (!status) status = mtc_sql_open(path, false, &db, error);
  if (!status) status = mtc_sql_run(db, "PRAGMA journal_mode = WAL", error);
  if (!status && !is_synchronous) status = mtc_sql_run(db, "PRAGMA synchronous = OFF", error);
  if (!status) status = mtc_sql_run(db, "BEGIN IMMEDIATE", error);
  if (!status) status = make_tables(db, path, error);
  if (!status) status = mtc_sql_run(db, "COMMIT", error);
  if (status) {
    (void)mtc_sql_close(db); /* rolls back */
    return status;
  }
  *out = db;
  return MTC_OK;
}

mtc_status acme_draw_id(uint64_t *out, struct mtc_error *error) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static uint64_t last; /* 0: none */
  struct {
    uint64_t start;
    uint32_t step;
  } drawn;
  if (RAND_bytes((unsigned char *)&drawn, sizeof drawn) != 1)
    return mtc_fail(error, MTC_FATAL, "no random numbers");
  (void)pthread_mutex_lock(&lock);
  if (last == 0 || last > MAX_ID - UINT32_MAX - 1) {
    last = drawn.start >> 2 | 1;
  } else {
    last += UINT64_C(1) + drawn.step;
  }
  *out = last;
  (void)pthread_mutex_unlock(&lock);
  return MTC_OK;
}

mtc_status acme_random_token(size_t len, char *out, struct mtc_error *error) {
  uint8_t bytes[32];
  struct mtc_bytes text = {0};
  out[0] = 0;
  if (len > sizeof bytes || RAND_bytes(bytes, (int)len) != 1)
    return mtc_fail(error, MTC_FATAL, "no random numbers");
  acme_append_base64url(&text, mtc_span_of(bytes, len));
  mtc_status status = mtc_bytes_status(&text);
  if (!status) (void)snprintf(out, 44, "%.*s", (int)text.len, (const char *)text.data);
  mtc_bytes_free(&text);
  return status;
}

void acme_format_id(uint64_t id, char out[ACME_ID_TEXT_LEN + 1]) {
  (void)snprintf(out, ACME_ID_TEXT_LEN + 1, "%016llx", (unsigned long long)id);
}

bool acme_parse_id(const char *text, size_t len, uint64_t *out) {
  static const char digits[] = "0123456789abcdef";
  uint64_t id = 0;
  if (len != ACME_ID_TEXT_LEN) return false;
  for (size_t i = 0; i < len; i++) {
    const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
    if (!digit) return false;
    id = id << 4 | (uint64_t)(digit - digits);
  }
  *out = id;
  return id > 0 && id <= INT64_MAX;
}

char *acme_query_copy(struct mtc_query *query, int column) {
  const char *text = mtc_query_text(query, column);
  char *copy = query->status ? NULL : mtc_strdup(text);
  if (!copy && !query->status) query->status = MTC_NOMEM;
  return copy;
}
