/*
 * The tables. Rows are per batch, tile and 256-entry bundle; only idempotency keys and reservations
 * have a row each. What must never change is also guarded by triggers, so that no later code, and
 * nobody with a SQL shell, changes it by mistake.
 */
#include <string.h>

#include "store/internal.h"

/* "MTCA": tells file(1), and us, that this SQLite file is a store. */
#define APPLICATION_ID "1297368897"

/* What brings user_version 0 to 1. Published migrations are never edited. */
static const char *const version_1[] = {
    "CREATE TABLE logs("
    "  log_number INTEGER PRIMARY KEY CHECK(log_number BETWEEN 1 AND 65535),"
    "  ca_id BLOB NOT NULL CHECK(length(ca_id) BETWEEN 1 AND 32),"
    "  wire_version TEXT NOT NULL,"
    "  tree_size INTEGER NOT NULL CHECK(tree_size >= 0)," /* of the committed head */
    "  published_size INTEGER NOT NULL CHECK(published_size BETWEEN 0 AND tree_size),"
    "  max_not_after INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TRIGGER logs_only_grow BEFORE UPDATE ON logs"
    "  WHEN NEW.log_number <> OLD.log_number OR NEW.ca_id <> OLD.ca_id"
    "    OR NEW.wire_version <> OLD.wire_version OR NEW.tree_size < OLD.tree_size"
    "    OR NEW.published_size < OLD.published_size OR NEW.max_not_after < OLD.max_not_after"
    "  BEGIN SELECT RAISE(ABORT, 'a log never shrinks or changes its name'); END;"
    "CREATE TRIGGER logs_are_kept BEFORE DELETE ON logs"
    "  BEGIN SELECT RAISE(ABORT, 'logs are kept'); END;",

    /* The primary key is the promise that no tree size ever has two roots. */
    "CREATE TABLE checkpoints("
    "  log_number INTEGER NOT NULL REFERENCES logs,"
    "  tree_size INTEGER NOT NULL CHECK(tree_size >= 0),"
    "  root BLOB NOT NULL CHECK(length(root) = 32),"
    "  timestamp_s INTEGER NOT NULL,"
    "  state TEXT NOT NULL CHECK(state IN ('pending', 'committed')),"
    "  PRIMARY KEY(log_number, tree_size)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX one_pending_checkpoint ON checkpoints(log_number)"
    "  WHERE state = 'pending';"
    "CREATE TRIGGER checkpoints_only_commit BEFORE UPDATE ON checkpoints"
    "  WHEN NOT (OLD.state = 'pending' AND NEW.state = 'committed'"
    "    AND NEW.log_number = OLD.log_number AND NEW.tree_size = OLD.tree_size"
    "    AND NEW.root = OLD.root AND NEW.timestamp_s = OLD.timestamp_s)"
    "  BEGIN SELECT RAISE(ABORT, 'a checkpoint never changes'); END;"
    "CREATE TRIGGER checkpoints_are_kept BEFORE DELETE ON checkpoints"
    "  BEGIN SELECT RAISE(ABORT, 'checkpoints are kept'); END;",

    /* Ordered by end_index: the signed subtree that contains an entry is the one that ends first
     * behind it. */
    "CREATE TABLE subtree_signatures("
    "  log_number INTEGER NOT NULL REFERENCES logs,"
    "  is_checkpoint INTEGER NOT NULL CHECK(is_checkpoint IN (0, 1)),"
    "  end_index INTEGER NOT NULL CHECK(end_index >= start_index),"
    "  start_index INTEGER NOT NULL CHECK(start_index >= 0),"
    "  cosigner_id BLOB NOT NULL CHECK(length(cosigner_id) BETWEEN 1 AND 32),"
    "  signature BLOB NOT NULL CHECK(length(signature) BETWEEN 1 AND 65535),"
    "  PRIMARY KEY(log_number, is_checkpoint, end_index, start_index, cosigner_id)"
    ") STRICT;"
    "CREATE TRIGGER subtree_signatures_never_change BEFORE UPDATE ON subtree_signatures"
    "  BEGIN SELECT RAISE(ABORT, 'a signature never changes'); END;",

    "CREATE TABLE tiles("
    "  log_number INTEGER NOT NULL REFERENCES logs,"
    "  level INTEGER NOT NULL CHECK(level BETWEEN 0 AND 6),"
    "  tile_index INTEGER NOT NULL CHECK(tile_index >= 0),"
    "  width INTEGER NOT NULL CHECK(width BETWEEN 1 AND 256),"
    "  bytes BLOB NOT NULL CHECK(length(bytes) = 32 * width),"
    "  PRIMARY KEY(log_number, level, tile_index)"
    ") STRICT;"
    "CREATE TRIGGER tiles_only_grow BEFORE UPDATE ON tiles"
    "  WHEN NEW.log_number <> OLD.log_number OR NEW.level <> OLD.level"
    "    OR NEW.tile_index <> OLD.tile_index OR NEW.width <= OLD.width"
    "    OR substr(NEW.bytes, 1, length(OLD.bytes)) <> OLD.bytes"
    "  BEGIN SELECT RAISE(ABORT, 'a tile only grows'); END;",

    /* Both blobs: `width` values, each behind a 16-bit length, as in tlog-tiles' bundles. */
    "CREATE TABLE bundles("
    "  log_number INTEGER NOT NULL REFERENCES logs,"
    "  bundle_index INTEGER NOT NULL CHECK(bundle_index >= 0),"
    "  width INTEGER NOT NULL CHECK(width BETWEEN 1 AND 256),"
    "  entries BLOB NOT NULL,"
    "  subject_public_keys BLOB NOT NULL,"
    "  PRIMARY KEY(log_number, bundle_index)"
    ") STRICT;"
    "CREATE TRIGGER bundles_only_grow BEFORE UPDATE ON bundles"
    "  WHEN NEW.log_number <> OLD.log_number OR NEW.bundle_index <> OLD.bundle_index"
    "    OR NEW.width <= OLD.width"
    "    OR substr(NEW.entries, 1, length(OLD.entries)) <> OLD.entries"
    "  BEGIN SELECT RAISE(ABORT, 'a bundle only grows'); END;",

    "CREATE TABLE landmarks("
    "  log_number INTEGER NOT NULL REFERENCES logs,"
    "  number INTEGER NOT NULL CHECK(number >= 1),"
    "  tree_size INTEGER NOT NULL CHECK(tree_size >= 1),"
    "  expiry_s INTEGER NOT NULL CHECK(expiry_s >= 0),"
    "  PRIMARY KEY(log_number, number),"
    "  UNIQUE(log_number, tree_size)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER landmarks_never_change BEFORE UPDATE ON landmarks"
    "  BEGIN SELECT RAISE(ABORT, 'a landmark never changes'); END;"
    "CREATE TRIGGER landmarks_are_kept BEFORE DELETE ON landmarks"
    "  BEGIN SELECT RAISE(ABORT, 'landmarks are kept'); END;",

    "CREATE TABLE reservations("
    "  log_number INTEGER NOT NULL REFERENCES logs,"
    "  entry_index INTEGER NOT NULL CHECK(entry_index >= 0),"
    "  expires_s INTEGER NOT NULL,"
    "  PRIMARY KEY(log_number, entry_index)"
    ") STRICT, WITHOUT ROWID;",

    "CREATE TABLE requests("
    "  log_number INTEGER NOT NULL REFERENCES logs,"
    "  request_id TEXT NOT NULL CHECK(length(request_id) BETWEEN 1 AND 64),"
    "  digest BLOB NOT NULL CHECK(length(digest) = 32),"
    "  entry_index INTEGER NOT NULL CHECK(entry_index >= 0),"
    "  PRIMARY KEY(log_number, request_id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER requests_never_change BEFORE UPDATE ON requests"
    "  BEGIN SELECT RAISE(ABORT, 'a request never changes its index'); END;",

    "CREATE TABLE cosigner_state("
    "  log_number INTEGER NOT NULL REFERENCES logs,"
    "  cosigner_id BLOB NOT NULL CHECK(length(cosigner_id) BETWEEN 1 AND 32),"
    "  checkpoint_size INTEGER NOT NULL CHECK(checkpoint_size >= 0)," /* it last cosigned */
    "  uploaded_size INTEGER NOT NULL CHECK(uploaded_size >= 0),"     /* entries it holds */
    "  PRIMARY KEY(log_number, cosigner_id)"
    ") STRICT, WITHOUT ROWID;",

    "PRAGMA application_id = " APPLICATION_ID
    ";"
    "PRAGMA user_version = 1;",
    NULL,
};

/* What brings user_version 1 to 2: certificates that CA instances sign themselves, revocations. */
static const char *const version_2[] = {
    /* An instance's CA certificate when it signed: it may be renewed. */
    "CREATE TABLE direct_issuers("
    "  issuer_number INTEGER PRIMARY KEY,"
    "  certificate BLOB NOT NULL UNIQUE CHECK(length(certificate) BETWEEN 1 AND 1048576)"
    ") STRICT;"
    "CREATE TRIGGER direct_issuers_never_change BEFORE UPDATE ON direct_issuers"
    "  BEGIN SELECT RAISE(ABORT, 'a CA certificate that was used never changes'); END;"
    "CREATE TRIGGER direct_issuers_are_kept BEFORE DELETE ON direct_issuers"
    "  BEGIN SELECT RAISE(ABORT, 'CA certificates that were used are kept'); END;",

    /* Stored before it is signed: what a token may have signed is known. */
    "CREATE TABLE direct_certificates("
    "  serial BLOB NOT NULL CHECK(length(serial) = 16),"
    "  issuer_number INTEGER NOT NULL REFERENCES direct_issuers,"
    "  profile TEXT NOT NULL CHECK(length(profile) BETWEEN 1 AND 64),"
    "  request_id TEXT CHECK(length(request_id) BETWEEN 1 AND 64)," /* NULL: the client gave none */
    "  digest BLOB NOT NULL CHECK(length(digest) = 32),"
    "  tbs BLOB NOT NULL CHECK(length(tbs) BETWEEN 1 AND 1048576),"
    "  certificate BLOB CHECK(length(certificate) BETWEEN 1 AND 1048576)," /* NULL: unsigned yet */
    "  PRIMARY KEY(serial)"
    ") STRICT;"
    "CREATE UNIQUE INDEX one_direct_certificate_a_request ON direct_certificates(request_id)"
    "  WHERE request_id IS NOT NULL;"
    "CREATE TRIGGER direct_certificates_are_only_signed BEFORE UPDATE ON direct_certificates"
    "  WHEN NOT (OLD.certificate IS NULL AND NEW.certificate IS NOT NULL"
    "    AND NEW.serial = OLD.serial AND NEW.issuer_number = OLD.issuer_number"
    "    AND NEW.profile = OLD.profile AND NEW.request_id IS OLD.request_id"
    "    AND NEW.digest = OLD.digest AND NEW.tbs = OLD.tbs)"
    "  BEGIN SELECT RAISE(ABORT, 'a certificate never changes'); END;"
    "CREATE TRIGGER direct_certificates_are_kept BEFORE DELETE ON direct_certificates"
    "  BEGIN SELECT RAISE(ABORT, 'certificates are kept'); END;",

    /* Numbered from 0 on without a gap. */
    "CREATE TABLE revocations("
    "  number INTEGER PRIMARY KEY CHECK(number >= 0),"
    "  serial BLOB NOT NULL UNIQUE CHECK(length(serial) BETWEEN 1 AND 20),"
    "  time_s INTEGER NOT NULL,"
    "  reason INTEGER NOT NULL CHECK(reason BETWEEN 0 AND 10)"
    ") STRICT;"
    "CREATE TRIGGER revocations_never_change BEFORE UPDATE ON revocations"
    "  BEGIN SELECT RAISE(ABORT, 'a revocation never changes'); END;"
    "CREATE TRIGGER revocations_are_kept BEFORE DELETE ON revocations"
    "  BEGIN SELECT RAISE(ABORT, 'revocations are kept'); END;",

    "PRAGMA user_version = 2;",
    NULL,
};

/* What brings it to 3: whose the reserved indices from start_index on are, a row for each call that
 * names a subject. */
static const char *const version_3[] = {
    "CREATE TABLE reserved_subjects("
    "  log_number INTEGER NOT NULL REFERENCES logs,"
    "  start_index INTEGER NOT NULL CHECK(start_index >= 0),"
    "  end_index INTEGER NOT NULL CHECK(end_index > start_index),"
    "  subject BLOB NOT NULL CHECK(length(subject) BETWEEN 2 AND 4096),"
    "  PRIMARY KEY(log_number, start_index)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER reserved_subjects_never_change BEFORE UPDATE ON reserved_subjects"
    "  BEGIN SELECT RAISE(ABORT, 'a reservation never changes its subject'); END;",

    "PRAGMA user_version = 3;",
    NULL,
};

/* What brings it to 4: request IDs that their clients withdrew, of the log's requests (kind 0) and
 * of directly signing instances' (1); the keys of what was revoked for keyCompromise. */
static const char *const version_4[] = {
    "CREATE TABLE withdrawn_requests("
    "  kind INTEGER NOT NULL CHECK(kind IN (0, 1)),"
    "  request_id TEXT NOT NULL CHECK(length(request_id) BETWEEN 1 AND 64),"
    "  PRIMARY KEY(kind, request_id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER withdrawn_requests_never_change BEFORE UPDATE ON withdrawn_requests"
    "  BEGIN SELECT RAISE(ABORT, 'what was withdrawn never changes'); END;"
    "CREATE TRIGGER withdrawn_requests_are_kept BEFORE DELETE ON withdrawn_requests"
    "  BEGIN SELECT RAISE(ABORT, 'what was withdrawn is kept'); END;",

    "CREATE TABLE compromised_keys("
    "  serial BLOB PRIMARY KEY REFERENCES revocations(serial),"
    "  spki_sha256 BLOB NOT NULL CHECK(length(spki_sha256) = 32)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX compromised_keys_by_hash ON compromised_keys(spki_sha256);"
    "CREATE TRIGGER compromised_keys_never_change BEFORE UPDATE ON compromised_keys"
    "  BEGIN SELECT RAISE(ABORT, 'a compromised key never changes'); END;"
    "CREATE TRIGGER compromised_keys_are_kept BEFORE DELETE ON compromised_keys"
    "  BEGIN SELECT RAISE(ABORT, 'compromised keys are kept'); END;",

    "PRAGMA user_version = 4;",
    NULL,
};

/* Migration number i brings user_version i to i + 1. */
static const char *const *const migrations[] = {version_1, version_2, version_3, version_4};
#define SCHEMA_VERSION (sizeof migrations / sizeof migrations[0])

/* Runs the migrations from version `from` on, all or none of them. */
static mtc_status migrate(sqlite3 *db, size_t from, struct mtc_error *error) {
  mtc_status status = mtc_sql_run(db, "BEGIN EXCLUSIVE", error);
  if (status) return status;
  for (size_t i = from; i < SCHEMA_VERSION; i++) {
    for (const char *const *sql = migrations[i]; *sql && !status; sql++)
      status = mtc_sql_run(db, *sql, error);
  }
  if (!status) status = mtc_sql_run(db, "COMMIT", error);
  if (status && mtc_sql_run(db, "ROLLBACK", NULL)) return status; /* closing rolls back, too */
  return status;
}

mtc_status mtc_schema_create(sqlite3 *db, struct mtc_error *error) {
  return migrate(db, 0, error);
}

static mtc_status read_pragma(sqlite3 *db, const char *sql, uint64_t *out,
                              struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db, sql, error);
  if (mtc_query_next(&query)) *out = (uint64_t)mtc_query_int(&query, 0);
  return mtc_query_close(&query);
}

/* All of the schema's SQL in a fixed order. */
static mtc_status describe(sqlite3 *db, struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db,
                 "SELECT CAST(type || ' ' || name || ' ' || ifnull(sql, '') AS BLOB)"
                 " FROM sqlite_schema ORDER BY name, type",
                 error);
  while (mtc_query_next(&query)) {
    mtc_bytes_append_span(out, mtc_query_blob(&query, 0, 1, 1u << 16));
    mtc_bytes_append_text(out, "\n");
  }
  mtc_status status = mtc_query_close(&query);
  return status ? status : mtc_bytes_status(out);
}

/* A file from elsewhere might lack a trigger or bring its own: compare with a fresh schema. */
static mtc_status compare(sqlite3 *db, struct mtc_error *error) {
  struct mtc_bytes found = {0}, expected = {0};
  sqlite3 *fresh = NULL;
  mtc_status status = mtc_sql_open(":memory:", false, &fresh, error);
  if (!status) status = mtc_schema_create(fresh, error);
  if (!status) status = describe(fresh, &expected, error);
  if (!status) status = describe(db, &found, error);
  if (!status && !mtc_span_equal(mtc_span_of_bytes(&found), mtc_span_of_bytes(&expected))) {
    status = mtc_fail(error, MTC_CORRUPT, "database %s: its tables or triggers were altered",
                      sqlite3_db_filename(db, "main"));
  }
  (void)mtc_sql_close(fresh);
  mtc_bytes_free(&found);
  mtc_bytes_free(&expected);
  return status;
}

mtc_status mtc_schema_upgrade(sqlite3 *db, bool read_only, struct mtc_error *error) {
  const char *path = sqlite3_db_filename(db, "main");
  uint64_t application = 0, version = 0;
  mtc_status status = read_pragma(db, "PRAGMA application_id", &application, error);
  if (!status) status = read_pragma(db, "PRAGMA user_version", &version, error);
  if (status) return status;
  uint64_t expected = 0;
  if (!mtc_parse_decimal(mtc_span_of_text(APPLICATION_ID), UINT32_MAX, &expected) ||
      application != expected || version == 0) {
    return mtc_fail(error, MTC_INPUT, "%s is a database, but not an issuance log's", path);
  }
  if (version > SCHEMA_VERSION) {
    return mtc_fail(error, MTC_INPUT,
                    "database %s: schema version %llu is newer than this program (%zu): update it",
                    path, (unsigned long long)version, SCHEMA_VERSION);
  }
  if (version < SCHEMA_VERSION && read_only) {
    return mtc_fail(error, MTC_INPUT,
                    "database %s: schema version %llu is older than this program (%zu): start mtcd"
                    " once to migrate it",
                    path, (unsigned long long)version, SCHEMA_VERSION);
  }
  if (version < SCHEMA_VERSION) status = migrate(db, (size_t)version, error);
  return status ? status : compare(db, error);
}
