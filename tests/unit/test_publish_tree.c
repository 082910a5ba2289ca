/* The published folder holds the tree, and nothing else; it never changes what it said. */
#include "unit/store_fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mtc/publish.h"

static const char *path_of(const struct fixture *f, const char *name) {
  static char path[256];
  (void)snprintf(path, sizeof path, "%s/www/%d/%s", f->folder, LOG_NUMBER, name);
  return path;
}

static mtc_status publish(struct fixture *f, uint64_t old_size, struct mtc_error *error) {
  char folder[128];
  (void)snprintf(folder, sizeof folder, "%s/www", f->folder);
  return mtc_publish_tree(f->store, folder, LOG_NUMBER, old_size, &f->staged, error);
}

static bool exists(const struct fixture *f, const char *name) {
  struct stat info;
  return stat(path_of(f, name), &info) == 0;
}

static void expect_content(const struct fixture *f, const char *name, struct mtc_span content) {
  struct mtc_bytes found = {0};
  struct stat info;
  assert_ok(mtc_file_read(path_of(f, name), 1 << 20, &found, &error));
  if (!mtc_span_equal(mtc_span_of_bytes(&found), content)) fail_msg("%s differs", name);
  assert_int_equal(stat(path_of(f, name), &info), 0);
  assert_int_equal(info.st_mode & 0777, 0644);
  mtc_bytes_free(&found);
}

/* Compares the tile's file, and on level 0 the bundle's, with the leaves and entries. */
static void expect_tile(const struct fixture *f, const struct mtc_tile *tile) {
  struct mtc_hash hashes[MTC_TILE_WIDTH];
  char name[64];
  for (unsigned i = 0; i < tile->width; i++)
    node_of_leaves(f, 8 * tile->level, tile->index * MTC_TILE_WIDTH + i, &hashes[i]);
  mtc_tile_path(tile, false, name);
  expect_content(f, name, mtc_span_of(hashes, tile->width * sizeof *hashes));
  if (tile->level) return;
  struct mtc_bytes bundle = {0};
  for (unsigned i = 0; i < tile->width; i++) {
    const struct mtc_bytes *entry = &f->entries[tile->index * MTC_TILE_WIDTH + i];
    mtc_bytes_append_prefixed(&bundle, mtc_span_of_bytes(entry), 2);
  }
  mtc_tile_path(tile, true, name);
  expect_content(f, name, mtc_span_of_bytes(&bundle));
  mtc_bytes_free(&bundle);
}

/* Counts the files below `path`. */
static unsigned count_files(const char *path) {
  unsigned count = 0;
  DIR *folder = opendir(path);
  assert_non_null(folder);
  for (const struct dirent *one; (one = readdir(folder));) {
    char below[512];
    struct stat info;
    if (one->d_name[0] == '.' && strncmp(one->d_name, ".p", 2) != 0) continue;
    (void)snprintf(below, sizeof below, "%s/%s", path, one->d_name);
    assert_int_equal(lstat(below, &info), 0);
    count += S_ISDIR(info.st_mode) ? count_files(below) : 1;
  }
  assert_int_equal(closedir(folder), 0);
  return count;
}

static void the_folder_is_the_tree(void **state) {
  struct fixture *f = *state;
  static const unsigned sizes[] = {1, 200, 55, 256, 700, 70, 1, 300};
  unsigned num_partial = 0;
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    uint64_t old_size = f->committed_size;
    add_batch(f, sizes[i]);
    assert_ok(publish(f, old_size, &error));
    unsigned num_full = 0;
    for (unsigned level = 0; level < 3; level++) {
      struct mtc_tile tile = {.level = level};
      while ((tile.width = mtc_tile_width(level, tile.index, f->committed_size))) {
        expect_tile(f, &tile);
        if (tile.width == MTC_TILE_WIDTH) num_full += level ? 1 : 2;
        tile.index++;
      }
      bool is_new = (old_size >> (8 * level)) != (f->committed_size >> (8 * level));
      if (is_new && (f->committed_size >> (8 * level)) % 256) num_partial += level ? 1 : 2;
    }
    assert_int_equal(count_files(path_of(f, ".")), num_full + num_partial);
  }
  assert_true(exists(f, "tile/0/000"));
  assert_true(exists(f, "tile/entries/000.p/201"));
  assert_true(exists(f, "tile/1/000.p/6"));
}

static void repeating_changes_nothing(void **state) {
  struct fixture *f = *state;
  struct stat before, after;
  add_batch(f, 300);
  assert_ok(publish(f, 0, &error));
  unsigned num_files = count_files(path_of(f, "."));
  assert_int_equal(stat(path_of(f, "tile/0/001.p/44"), &before), 0);
  assert_ok(publish(f, 0, &error));
  assert_ok(publish(f, 300, &error));
  assert_int_equal(stat(path_of(f, "tile/0/001.p/44"), &after), 0);
  assert_int_equal(before.st_ino, after.st_ino); /* not even rewritten */
  assert_int_equal(count_files(path_of(f, ".")), num_files);
}

/* As after a crash between two files: the rerun brings what is missing. */
static void a_rerun_completes(void **state) {
  struct fixture *f = *state;
  static const char *const names[] = {"tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1",
                                      "tile/entries/000", "tile/entries/001.p/44"};
  add_batch(f, 300);
  assert_ok(publish(f, 0, &error));
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
    assert_int_equal(unlink(path_of(f, names[i])), 0);
    assert_ok(publish(f, 0, &error));
    assert_true(exists(f, names[i]));
  }
}

static void expect_corrupt(struct fixture *f, const char *name, struct mtc_span content) {
  struct mtc_bytes saved = {0};
  struct mtc_error text = {0};
  assert_ok(mtc_file_read(path_of(f, name), 1 << 20, &saved, &error));
  assert_ok(mtc_file_write_atomic(path_of(f, name), content, 0644, &error));
  assert_int_equal(publish(f, 0, &text), MTC_CORRUPT);
  if (!strstr(text.text, name)) fail_msg("\"%s\" does not name %s", text.text, name);
  expect_content(f, name, content); /* evidence stays */
  assert_ok(mtc_file_write_atomic(path_of(f, name), mtc_span_of_bytes(&saved), 0644, &error));
  assert_ok(publish(f, 0, &error));
  mtc_bytes_free(&saved);
}

static void a_tampered_file_is_noticed(void **state) {
  struct fixture *f = *state;
  struct mtc_bytes changed = {0};
  add_batch(f, 300);
  assert_ok(publish(f, 0, &error));
  assert_ok(mtc_file_read(path_of(f, "tile/0/000"), 1 << 20, &changed, &error));
  changed.data[8191] ^= 1;
  expect_corrupt(f, "tile/0/000", mtc_span_of_bytes(&changed));
  expect_corrupt(f, "tile/0/000", mtc_span_of(changed.data, 8160));
  mtc_bytes_append_text(&changed, "more");
  expect_corrupt(f, "tile/0/000", mtc_span_of_bytes(&changed));
  expect_corrupt(f, "tile/1/000.p/1", mtc_span_of(changed.data, 32));
  expect_corrupt(f, "tile/entries/001.p/44", mtc_span_of_text(""));
  assert_int_equal(unlink(path_of(f, "tile/0/000")), 0);
  assert_int_equal(mkdir(path_of(f, "tile/0/000"), 0755), 0);
  assert_status(publish(f, 0, &error), MTC_CORRUPT);
  mtc_bytes_free(&changed);
}

static void only_committed_trees_are_published(void **state) {
  struct fixture *f = *state;
  add_batch(f, 10);
  struct batch *b = make_batch(f, 10);
  stage(f, b);
  assert_status(publish(f, 0, &error), MTC_INPUT);
  assert_false(exists(f, "tile"));
  commit(f);
  assert_status(publish(f, 21, &error), MTC_INPUT);
  f->staged.root.bytes[0] ^= 1;
  assert_status(publish(f, 0, &error), MTC_INPUT);
  free_batch(b);
}

static void a_folder_that_cannot_be_made_is_io(void **state) {
  struct fixture *f = *state;
  char folder[128];
  add_batch(f, 10);
  (void)snprintf(folder, sizeof folder, "%s/www", f->folder);
  assert_ok(mtc_file_write_atomic(folder, mtc_span_of_text("a file"), 0644, &error));
  assert_status(publish(f, 0, &error), MTC_IO);
}

#define PUBLISH_TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      PUBLISH_TEST(the_folder_is_the_tree),
      PUBLISH_TEST(repeating_changes_nothing),
      PUBLISH_TEST(a_rerun_completes),
      PUBLISH_TEST(a_tampered_file_is_noticed),
      PUBLISH_TEST(only_committed_trees_are_published),
      PUBLISH_TEST(a_folder_that_cannot_be_made_is_io),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
