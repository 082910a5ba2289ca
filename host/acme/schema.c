/*
 * The tables, in SQL that PostgreSQL takes as it is but for KEY, which is BIGINT PRIMARY KEY there
 * (SQLite's rows are stored by an INTEGER PRIMARY KEY without an index of its own). Absent is an
 * empty text or 0, never NULL. IDs are drawn by the server (acme_draw_id). Times are POSIX seconds.
 */
#include "acme/db.h"

#define KEY "INTEGER PRIMARY KEY"

/* What makes version 1. Published migrations are never edited. */
static const char *const version_1[] = {
    "CREATE TABLE schema_version(version INTEGER NOT NULL)",
    "INSERT INTO schema_version(version) VALUES (1)",

    "CREATE TABLE accounts("
    "  id " KEY
    ","
    "  thumbprint TEXT NOT NULL UNIQUE,"
    "  jwk TEXT NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  contacts TEXT NOT NULL," /* JSON array */
    "  terms TEXT NOT NULL,"    /* the URL that was agreed to */
    "  binding_kid TEXT NOT NULL,"
    "  created_s BIGINT NOT NULL)",

    /* challenge: the one that was answered; claimed_s: when its validation was begun. */
    "CREATE TABLE authorizations("
    "  id " KEY
    ","
    "  account_id BIGINT NOT NULL REFERENCES accounts(id),"
    "  type TEXT NOT NULL,"
    "  value TEXT NOT NULL,"
    "  wildcard INTEGER NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  expires_s BIGINT NOT NULL,"
    "  token TEXT NOT NULL,"
    "  challenge INTEGER NOT NULL,"
    "  validated_s BIGINT NOT NULL,"
    "  claimed_s BIGINT NOT NULL,"
    "  error TEXT NOT NULL)", /* JSON */
    "CREATE INDEX authorizations_by_name"
    "  ON authorizations(account_id, value, wildcard, status, expires_s)",
    "CREATE INDEX authorizations_claimed ON authorizations(claimed_s) WHERE claimed_s > 0",

    /* status as stored: pending until finalized; whether it is ready its authorizations say. */
    "CREATE TABLE orders("
    "  id " KEY
    ","
    "  account_id BIGINT NOT NULL REFERENCES accounts(id),"
    "  status INTEGER NOT NULL,"
    "  identifiers TEXT NOT NULL,"    /* JSON array of objects, as answered */
    "  authorizations TEXT NOT NULL," /* JSON array of IDs */
    "  profile TEXT NOT NULL,"
    "  created_s BIGINT NOT NULL,"
    "  expires_s BIGINT NOT NULL,"
    "  replaces TEXT NOT NULL,"    /* certificate ID */
    "  csr TEXT NOT NULL,"         /* base64url */
    "  claimed_s BIGINT NOT NULL," /* when its issuance was begun last */
    "  serial TEXT NOT NULL,"      /* hexadecimal */
    "  landmark_token TEXT NOT NULL,"
    "  error TEXT NOT NULL)", /* JSON */
    "CREATE INDEX orders_by_account ON orders(account_id, id)",
    "CREATE INDEX orders_claimed ON orders(claimed_s) WHERE claimed_s > 0",
    "CREATE UNIQUE INDEX orders_by_token ON orders(landmark_token) WHERE landmark_token <> ''",

    "CREATE TABLE certificates("
    "  cert_id TEXT PRIMARY KEY," /* as in RFC 9773 */
    "  order_id BIGINT NOT NULL REFERENCES orders(id),"
    "  account_id BIGINT NOT NULL,"
    "  profile TEXT NOT NULL,"
    "  serial TEXT NOT NULL,"
    "  spki_sha256 TEXT NOT NULL,"
    "  not_before_s BIGINT NOT NULL,"
    "  not_after_s BIGINT NOT NULL,"
    "  replaced_by BIGINT NOT NULL," /* order, 0: none */
    "  revoked_s BIGINT NOT NULL,"
    "  reason INTEGER NOT NULL)",

    /* How often something was done in the window that began at start_s. */
    "CREATE TABLE rate_windows("
    "  name TEXT PRIMARY KEY,"
    "  start_s BIGINT NOT NULL,"
    "  end_s BIGINT NOT NULL,"
    "  uses BIGINT NOT NULL)",
    "CREATE INDEX rate_windows_by_end ON rate_windows(end_s)",
    NULL,
};

/* attempts: how often the challenge's validation was begun. The pending ones of an account are
 * counted at every order, however many others it has had. */
static const char *const version_2[] = {
    "ALTER TABLE authorizations ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX authorizations_pending ON authorizations(account_id, expires_s)"
    "  WHERE status = 0",
    "UPDATE schema_version SET version = 2",
    NULL,
};

/* Keys of certificates that were revoked for keyCompromise here; they outlive the certificates.
 * These refer to their orders as before, but without REFERENCES: both go at once, and an order that
 * goes would be looked for in all certificates. */
static const char *const version_3[] = {
    "CREATE TABLE compromised_keys(spki_sha256 TEXT PRIMARY KEY)",
    "INSERT INTO compromised_keys SELECT DISTINCT spki_sha256 FROM certificates"
    "  WHERE revoked_s > 0 AND reason = 1",
    "ALTER TABLE certificates RENAME TO certificates_2",
    "CREATE TABLE certificates("
    "  cert_id TEXT PRIMARY KEY,"
    "  order_id BIGINT NOT NULL,"
    "  account_id BIGINT NOT NULL,"
    "  profile TEXT NOT NULL,"
    "  serial TEXT NOT NULL,"
    "  spki_sha256 TEXT NOT NULL,"
    "  not_before_s BIGINT NOT NULL,"
    "  not_after_s BIGINT NOT NULL,"
    "  replaced_by BIGINT NOT NULL,"
    "  revoked_s BIGINT NOT NULL,"
    "  reason INTEGER NOT NULL)",
    "INSERT INTO certificates SELECT * FROM certificates_2",
    "DROP TABLE certificates_2",
    "UPDATE schema_version SET version = 3",
    NULL,
};

/* Migration number i makes version i + 1 out of version i. */
static const char *const *const migrations[] = {version_1, version_2, version_3};

_Static_assert(sizeof migrations / sizeof *migrations == ACME_SCHEMA_VERSION,
               "a version is a migration");

const char *const *acme_db_migration(int64_t version) {
  return migrations[version];
}
