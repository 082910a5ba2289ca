/* A store in a fresh folder, real log entries, and the tree computed a second time from leaves. */
#ifndef UNIT_STORE_FIXTURE_H
#define UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "mtc/runtime.h"
#include "mtc/store.h"

#define MAX_ENTRIES 3200
#define LOG_NUMBER 7
/* 2030-01-01 00:00:00 UTC; entry i expires i ^ 1 minutes later. */
#define NOT_AFTER_BASE 1893456000

struct fixture {
  char folder[64];
  char path[96];
  const struct mtc_wire *wire;
  struct mtc_tai ca_id;
  struct mtc_store *store;
  struct mtc_hasher *hasher;
  struct mtc_frontier frontier; /* of what is staged */
  struct mtc_head staged;
  uint64_t committed_size;
  struct mtc_bytes entries[MAX_ENTRIES];
  struct mtc_bytes public_keys[MAX_ENTRIES];
  struct mtc_hash leaves[MAX_ENTRIES];
};

#define assert_status(call, expected)                                                        \
  do {                                                                                       \
    struct mtc_error error = {0};                                                            \
    mtc_status got = (call);                                                                 \
    if (got != (expected)) {                                                                 \
      fail_msg("%s: %s, not %s: %s", #call, mtc_status_name(got), mtc_status_name(expected), \
               error.text);                                                                  \
    }                                                                                        \
    if (got && !error.text[0]) fail_msg("%s: no text", #call);                               \
  } while (0)
#define assert_ok(call) assert_status(call, MTC_OK)

/* Every tenth entry is a null_entry. */
static inline void make_entry(struct fixture *f, unsigned index) {
  struct mtc_bytes *entry = &f->entries[index], *key = &f->public_keys[index];
  static const uint8_t version[] = {0xa0, 3, 2, 1, 2}, empty_name[] = {0x30, 0},
                       algorithm[] = {0x30, 5, 6, 3, 0x2b, 0x65, 0x70}, hash_header[] = {4, 32};
  if (index % 10 == 9) {
    mtc_entry_append_null(entry);
  } else {
    char validity[64];
    unsigned minute = index ^ 1; /* so that the last one is not always the latest */
    int len = snprintf(validity, sizeof validity,
                       "\x30\x1e\x17\x0d"
                       "290101000000Z"
                       "\x17\x0d"
                       "3001%02u%02u%02u00Z",
                       1 + minute / 1440, minute / 60 % 24, minute % 60);
    struct mtc_hash hash;
    mtc_bytes_append_format(key, "the public key of entry %u", index);
    mtc_hash_message(mtc_span_of_bytes(key), &hash);
    mtc_bytes_append_uint(entry, MTC_ENTRY_TBS_CERT, 4);
    mtc_bytes_append(entry, version, sizeof version);
    mtc_tai_append_name(f->wire, &f->ca_id, entry);
    mtc_bytes_append(entry, validity, (size_t)len);
    mtc_bytes_append(entry, empty_name, sizeof empty_name);
    mtc_bytes_append(entry, algorithm, sizeof algorithm);
    mtc_bytes_append(entry, hash_header, sizeof hash_header);
    mtc_bytes_append(entry, hash.bytes, sizeof hash.bytes);
  }
  assert_int_equal(mtc_bytes_status(entry), MTC_OK);
  mtc_hash_leaf(mtc_span_of_bytes(entry), &f->leaves[index]);
}

static inline mtc_status open_store(struct fixture *f, bool read_only, struct mtc_error *error) {
  return mtc_store_open(f->path, f->wire, &f->ca_id, LOG_NUMBER, read_only, &f->store, error);
}

static inline void reopen(struct fixture *f) {
  mtc_store_close(f->store);
  f->store = NULL;
  assert_ok(open_store(f, false, &error));
}

static inline int make_fixture(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  (void)snprintf(f->folder, sizeof f->folder, "/tmp/mtc-test-XXXXXX");
  if (!mkdtemp(f->folder)) return -1;
  (void)snprintf(f->path, sizeof f->path, "%s/log.db", f->folder);
  f->wire = mtc_wire_get(MTC_WIRE_PLANTS_07);
  assert_ok(mtc_tai_parse(mtc_span_of_text("32473.1"), &f->ca_id, &error));
  assert_int_equal(mtc_hasher_open_cpu(&f->hasher), MTC_OK);
  for (unsigned i = 0; i < MAX_ENTRIES; i++)
    make_entry(f, i);
  assert_ok(mtc_store_create(f->path, f->wire, &f->ca_id, LOG_NUMBER, &error));
  assert_ok(open_store(f, false, &error));
  *state = f;
  return 0;
}

static inline int free_fixture(void **state) {
  struct fixture *f = *state;
  char command[128];
  mtc_store_close(f->store);
  mtc_hasher_close(f->hasher);
  for (unsigned i = 0; i < MAX_ENTRIES; i++) {
    mtc_bytes_free(&f->entries[i]);
    mtc_bytes_free(&f->public_keys[i]);
  }
  (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
  free(f);
  return system(command);
}

/* A batch made ready for mtc_store_stage; free with free_batch. */
struct batch {
  struct mtc_stage stage;
  struct mtc_hash_result nodes;
  struct mtc_span entries[MAX_ENTRIES];
  struct mtc_span public_keys[MAX_ENTRIES];
};

static inline struct batch *make_batch(struct fixture *f, unsigned count) {
  struct batch *b = calloc(1, sizeof *b);
  struct mtc_frontier after = f->frontier;
  uint64_t start = f->frontier.tree_size;
  assert_true(start + count <= MAX_ENTRIES);
  for (unsigned i = 0; i < count; i++) {
    b->entries[i] = mtc_span_of_bytes(&f->entries[start + i]);
    b->public_keys[i] = mtc_span_of_bytes(&f->public_keys[start + i]);
    mtc_frontier_append(&after, &f->leaves[start + i]);
  }
  struct mtc_hash_job job = {&f->frontier, b->entries, count};
  assert_ok(mtc_hasher_run(f->hasher, &job, &b->nodes, &error));
  b->stage = (struct mtc_stage){
      .old_size = start,
      .head = {.tree_size = start + count, .timestamp_s = 1800000000 + (int64_t)start},
      .entries = b->entries,
      .public_keys = b->public_keys,
      .nodes = &b->nodes};
  mtc_frontier_root(&after, &b->stage.head.root);
  return b;
}

static inline void free_batch(struct batch *b) {
  mtc_hash_result_free(&b->nodes);
  free(b);
}

/* Stages `b` and takes over its head. */
static inline void stage(struct fixture *f, struct batch *b) {
  assert_ok(mtc_store_stage(f->store, &b->stage, &error));
  for (uint64_t i = b->stage.old_size; i < b->stage.head.tree_size; i++)
    mtc_frontier_append(&f->frontier, &f->leaves[i]);
  f->staged = b->stage.head;
}

static inline struct mtc_subtree_signature signature_on(struct fixture *f, struct mtc_subtree range,
                                                        bool is_checkpoint) {
  struct mtc_subtree_signature out = {
      .subtree = range, .is_checkpoint = is_checkpoint, .cosigner_id = f->ca_id};
  mtc_bytes_append_format(&out.signature, "signature on %llu %llu", (unsigned long long)range.start,
                          (unsigned long long)range.end);
  return out;
}

/* Commits what is staged, signing the checkpoint and the covering subtrees. */
static inline void commit(struct fixture *f) {
  struct mtc_subtree cover[2];
  struct mtc_subtree_signature signatures[3];
  size_t num = 0;
  mtc_subtree_cover((struct mtc_subtree){f->committed_size, f->staged.tree_size}, cover);
  signatures[num++] = signature_on(f, (struct mtc_subtree){0, f->staged.tree_size}, true);
  for (unsigned i = 0; i < 2; i++) {
    if (cover[i].end > cover[i].start) signatures[num++] = signature_on(f, cover[i], false);
  }
  assert_ok(mtc_store_commit(f->store, f->committed_size, &f->staged, signatures, num, &error));
  f->committed_size = f->staged.tree_size;
  while (num)
    mtc_bytes_free(&signatures[--num].signature);
}

static inline void add_batch(struct fixture *f, unsigned count) {
  struct batch *b = make_batch(f, count);
  stage(f, b);
  commit(f);
  free_batch(b);
}

/* Runs SQL on the closed store's file, as somebody who damages it would. */
static inline void damage(struct fixture *f, const char *sql) {
  sqlite3 *db;
  char *text = NULL;
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  int result = sqlite3_exec(db, sql, NULL, NULL, &text);
  if (result != SQLITE_OK) fail_msg("%s: %s", sql, text);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The complete node `index` of `level`, from leaves alone. */
static inline void node_of_leaves(const struct fixture *f, unsigned level, uint64_t index,
                                  struct mtc_hash *out) {
  if (level == 0) {
    *out = f->leaves[index];
    return;
  }
  struct mtc_hash left, right;
  node_of_leaves(f, level - 1, 2 * index, &left);
  node_of_leaves(f, level - 1, 2 * index + 1, &right);
  mtc_hash_node(&left, &right, out);
}

#endif
