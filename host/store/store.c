#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mtc/runtime.h"
#include "store/internal.h"

/* Writes the new log's rows: an empty tree, which is committed from the start. */
static mtc_status insert_log(sqlite3 *db, const struct mtc_wire *wire, const struct mtc_tai *ca_id,
                             uint64_t log_number, struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, db,
                 "INSERT INTO logs(log_number, ca_id, wire_version, tree_size, published_size,"
                 " max_not_after) VALUES(?, ?, ?, 0, 0, 0)",
                 error);
  mtc_query_bind_uint(&query, 1, log_number);
  mtc_query_bind_blob(&query, 2, mtc_span_of(ca_id->bytes, ca_id->len));
  mtc_query_bind_text(&query, 3, wire->name);
  (void)mtc_query_run(&query);
  mtc_status status = mtc_query_close(&query);
  if (status) return status;
  struct mtc_hash empty;
  mtc_hash_message(mtc_span_of(NULL, 0), &empty);
  mtc_query_open(&query, db,
                 "INSERT INTO checkpoints(log_number, tree_size, root, timestamp_s, state)"
                 " VALUES(?, 0, ?, ?, 'committed')",
                 error);
  mtc_query_bind_uint(&query, 1, log_number);
  mtc_query_bind_blob(&query, 2, mtc_span_of(empty.bytes, MTC_HASH_LEN));
  mtc_query_bind_int(&query, 3, mtc_clock_now_ms() / 1000);
  (void)mtc_query_run(&query);
  return mtc_query_close(&query);
}

/* Makes the new name durable. */
static mtc_status sync_folder_of(const char *path, struct mtc_error *error) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  int len = slash ? snprintf(folder, sizeof folder, "%.*s/", (int)(slash - path), path)
                  : snprintf(folder, sizeof folder, ".");
  int fd = len > 0 && (size_t)len < sizeof folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                                                  : -1;
  bool ok = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) (void)close(fd);
  if (ok) return MTC_OK;
  return mtc_fail(error, MTC_IO, "cannot sync the folder of %s: %s", path, strerror(errno));
}

mtc_status mtc_store_create(const char *path, const struct mtc_wire *wire,
                            const struct mtc_tai *ca_id, uint64_t log_number,
                            struct mtc_error *error) {
  if (log_number < 1 || log_number > 65535 || ca_id->len < 1 || ca_id->len > MTC_TAI_MAX_LEN) {
    return mtc_fail(error, MTC_INPUT, "log number %llu or CA ID out of range",
                    (unsigned long long)log_number);
  }
  struct stat info;
  if (lstat(path, &info) == 0) return mtc_fail(error, MTC_INPUT, "%s exists already", path);
  /* Made beside and renamed when whole: a crash in between leaves no half-made store at `path`. */
  char temporary[PATH_MAX];
  int len = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
  if (len < 0 || (size_t)len >= sizeof temporary) {
    return mtc_fail(error, MTC_INPUT, "path too long: %s", path);
  }
  int fd = mkostemp(temporary, O_CLOEXEC);
  if (fd < 0) {
    return mtc_fail(error, MTC_IO, "cannot create a file beside %s: %s", path, strerror(errno));
  }
  (void)close(fd);
  sqlite3 *db = NULL;
  mtc_status status = mtc_sql_open(temporary, false, &db, error);
  if (!status) status = mtc_sql_run(db, "PRAGMA journal_mode = WAL", error);
  if (!status) status = mtc_schema_create(db, error);
  if (!status) status = insert_log(db, wire, ca_id, log_number, error);
  if (!status) status = mtc_sql_run(db, "PRAGMA wal_checkpoint(TRUNCATE)", error);
  if (!mtc_sql_close(db) && !status) {
    status = mtc_fail(error, MTC_IO, "cannot close %s", temporary);
  }
  if (!status && renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
    status = mtc_fail(error, errno == EEXIST ? MTC_INPUT : MTC_IO, "cannot create %s: %s", path,
                      strerror(errno));
  }
  if (status) {
    (void)unlink(temporary);
    return status;
  }
  status = sync_folder_of(path, error);
  if (status) (void)unlink(path);
  return status;
}

/*
 * Two daemons on one log would sign two trees. The lock is on the database file itself, whatever
 * name it was reached by, and lives as long as the process. Its descriptor is closed after
 * SQLite's, whose own locks on the file would end with it. A second name is refused: SQLite keeps
 * the write-ahead log beside the name it was given, so that under another name the last commits are
 * missing.
 */
static mtc_status take_lock(const char *path, int *out_fd, struct mtc_error *error) {
  struct stat info;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return mtc_fail(error, MTC_IO, "cannot open %s: %s", path, strerror(errno));
  mtc_status status = MTC_OK;
  if (fstat(fd, &info) != 0) {
    status = mtc_fail(error, MTC_IO, "cannot stat %s: %s", path, strerror(errno));
  } else if (!S_ISREG(info.st_mode)) {
    status = mtc_fail(error, MTC_INPUT, "%s is not a file", path);
  } else if (info.st_nlink > 1) {
    status = mtc_fail(error, MTC_INPUT, "%s has %lu names (hard links); a database has one", path,
                      (unsigned long)info.st_nlink);
  } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    status = errno == EWOULDBLOCK
                 ? mtc_fail(error, MTC_BUSY, "%s is in use by another process", path)
                 : mtc_fail(error, MTC_IO, "cannot lock %s: %s", path, strerror(errno));
  }
  if (status) {
    (void)close(fd);
    return status;
  }
  *out_fd = fd;
  return MTC_OK;
}

/*
 * The names must still lead to the files that are open: what is committed to a database that
 * somebody removed or replaced is lost when the process ends.
 */
static mtc_status check_in_place(const struct mtc_store *store, struct mtc_error *error) {
  struct stat locked, named;
  char wal[PATH_MAX];
  int len = snprintf(wal, sizeof wal, "%s-wal", store->path);
  if (fstat(store->lock_fd, &locked) != 0 || stat(store->path, &named) != 0 ||
      locked.st_ino != named.st_ino || locked.st_dev != named.st_dev) {
    return mtc_fail(error, MTC_FATAL, "%s was removed or replaced while it is in use", store->path);
  }
  if (len < 0 || (size_t)len >= sizeof wal || stat(wal, &named) != 0)
    return mtc_fail(error, MTC_FATAL, "%s was removed while it is in use", wal);
  return MTC_OK;
}

static mtc_status check_identity(struct mtc_store *store, const char *path,
                                 struct mtc_error *error) {
  struct mtc_query query;
  mtc_query_open(&query, store->db,
                 "SELECT ca_id, CAST(wire_version AS BLOB) FROM logs WHERE log_number = ?", error);
  mtc_query_bind_uint(&query, 1, store->log_number);
  bool found = mtc_query_next(&query), same_ca = false, same_wire = false;
  if (found) {
    struct mtc_span ca_id = mtc_query_blob(&query, 0, 1, MTC_TAI_MAX_LEN);
    same_ca = mtc_span_equal(ca_id, mtc_span_of(store->ca_id.bytes, store->ca_id.len));
    struct mtc_span wire_version = mtc_query_blob(&query, 1, 1, 64);
    same_wire = mtc_span_equal(wire_version, mtc_span_of_text(store->wire->name));
  }
  mtc_status status = mtc_query_close(&query);
  if (status) return status;
  if (!found) {
    return mtc_fail(error, MTC_INPUT, "%s does not hold log number %llu", path,
                    (unsigned long long)store->log_number);
  }
  if (!same_ca) return mtc_fail(error, MTC_INPUT, "%s belongs to another CA", path);
  if (!same_wire) {
    return mtc_fail(error, MTC_INPUT, "%s has another wire version than %s", path,
                    store->wire->name);
  }
  return MTC_OK;
}

static mtc_status check_root(struct mtc_store *store, const struct mtc_head *head,
                             struct mtc_error *error) {
  struct mtc_hash root;
  mtc_status status = mtc_tiles_root(store, head->tree_size, &root, error);
  if (status || mtc_hash_equal(&root, &head->root)) return status;
  return mtc_fail(error, MTC_CORRUPT, "the tiles do not lead to the root of tree size %llu",
                  (unsigned long long)head->tree_size);
}

/* The owner will extend the tree and sign it again: what is there must add up. */
static mtc_status check_heads(struct mtc_store *store, struct mtc_error *error) {
  struct mtc_log_state state;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  if (!status) status = mtc_store_load_state(store, &state, error);
  if (!status && !store->read_only) status = check_root(store, &state.head, error);
  if (!status && !store->read_only && state.has_pending) {
    status = check_root(store, &state.pending, error);
  }
  return mtc_store_end(store, status, error);
}

mtc_status mtc_store_open(const char *path, const struct mtc_wire *wire,
                          const struct mtc_tai *ca_id, uint64_t log_number, bool read_only,
                          struct mtc_store **out, struct mtc_error *error) {
  *out = NULL;
  struct stat info;
  if (stat(path, &info) != 0) {
    return mtc_fail(error, MTC_IO, "cannot open %s: %s", path, strerror(errno));
  }
  struct mtc_store *store = mtc_alloc(1, sizeof *store);
  if (!store) return mtc_fail(error, MTC_NOMEM, "opening %s: out of memory", path);
  store->lock_fd = -1;
  store->wire = wire;
  store->ca_id = *ca_id;
  store->log_number = log_number;
  store->read_only = read_only;
  pthread_mutexattr_t recursive; /* none of these calls can fail on Linux */
  (void)pthread_mutexattr_init(&recursive);
  (void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
  (void)pthread_mutex_init(&store->mutex, &recursive);
  (void)pthread_mutexattr_destroy(&recursive);
  mtc_status status = MTC_OK;
  store->tile_cache = mtc_alloc(TILE_CACHE_SLOTS, sizeof *store->tile_cache);
  if (!store->tile_cache) status = mtc_fail(error, MTC_NOMEM, "opening %s: out of memory", path);
  if (!status) {
    /* SQLite's own files lie beside the file that a symbolic link leads to. */
    store->path = realpath(path, NULL);
    if (!store->path) status = mtc_fail(error, MTC_NOMEM, "opening %s: out of memory", path);
  }
  if (!status && !read_only) status = take_lock(path, &store->lock_fd, error);
  if (!status) status = mtc_sql_open(path, read_only, &store->db, error);
  if (!status && !read_only) status = mtc_sql_run(store->db, "PRAGMA journal_mode = WAL", error);
  if (!status) status = mtc_schema_upgrade(store->db, read_only, error);
  if (!status) status = check_identity(store, path, error);
  if (!status) status = check_heads(store, error);
  if (status) {
    mtc_store_close(store);
    return status;
  }
  *out = store;
  return MTC_OK;
}

void mtc_store_close(struct mtc_store *store) {
  if (!store) return;
  if (!mtc_sql_close(store->db)) {
    mtc_log(MTC_LOG_ERROR, "store", "message=\"statements left open\"");
  }
  if (store->lock_fd >= 0) (void)close(store->lock_fd);
  (void)pthread_mutex_destroy(&store->mutex);
  free(store->path);
  mtc_free(store->tile_cache);
  for (size_t i = 0; i < BUNDLE_CACHE_SLOTS; i++) {
    mtc_bytes_free(&store->bundle_cache[i].entries);
    mtc_bytes_free(&store->bundle_cache[i].public_keys);
  }
  mtc_free(store);
}

mtc_status mtc_store_begin(struct mtc_store *store, enum mtc_store_access access,
                           struct mtc_error *error) {
  (void)pthread_mutex_lock(&store->mutex);
  bool is_inner = store->depth++ > 0;
  if (access == MTC_STORE_READ) {
    return is_inner || store->is_held ? MTC_OK : mtc_sql_run_kept(store->db, "BEGIN", error);
  }
  if (store->read_only || store->is_held || is_inner) {
    return mtc_fail(error, MTC_INPUT, "the store was opened, or is being held, for reading only");
  }
  mtc_status status = check_in_place(store, error);
  return status ? status : mtc_sql_run_kept(store->db, "BEGIN IMMEDIATE", error);
}

mtc_status mtc_store_hold(struct mtc_store *store, struct mtc_error *error) {
  struct mtc_log_state state;
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  /* SQLite's snapshot is taken by the first read. */
  if (!status) status = mtc_store_load_state(store, &state, error);
  store->is_held = status != MTC_NOMEM && status != MTC_IO;
  if (!store->is_held) return mtc_store_end(store, status, error);
  store->depth--;
  (void)pthread_mutex_unlock(&store->mutex);
  return status;
}

void mtc_store_let_go(struct mtc_store *store) {
  struct mtc_error error = {0};
  if (!store->is_held) return;
  (void)pthread_mutex_lock(&store->mutex);
  store->is_held = false;
  store->depth++;
  if (mtc_store_end(store, MTC_OK, &error))
    mtc_log(MTC_LOG_ERROR, "store.let_go", "message=\"%s\"", error.text);
}

mtc_status mtc_store_begin_reading(struct mtc_store *store, struct mtc_error *error) {
  mtc_status status = mtc_store_begin(store, MTC_STORE_READ, error);
  return status ? mtc_store_end(store, status, error) : MTC_OK;
}

mtc_status mtc_store_end_reading(struct mtc_store *store, mtc_status status,
                                 struct mtc_error *error) {
  return mtc_store_end(store, status, error);
}

mtc_status mtc_store_end(struct mtc_store *store, mtc_status status, struct mtc_error *error) {
  if (--store->depth > 0 || store->is_held) {
    (void)pthread_mutex_unlock(&store->mutex);
    return status;
  }
  if (!status) status = mtc_sql_run_kept(store->db, "COMMIT", error);
  if (!sqlite3_get_autocommit(store->db)) {
    struct mtc_error text = {0};
    if (mtc_sql_run(store->db, "ROLLBACK", &text)) {
      mtc_log(MTC_LOG_ERROR, "store.rollback", "message=\"%s\"", text.text);
    }
  }
  (void)pthread_mutex_unlock(&store->mutex);
  return status;
}
