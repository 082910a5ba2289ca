/*
 * mtc-card-root PATH BATCH BUNDLE...: the tree of a log's entries, hashed by the card or its model
 * at PATH, or by the CPU where PATH is "cpu": says its size and its root (base64, as a checkpoint
 * has it). The entries are those of the entry bundles, in their order, in batches of so many, each
 * appended to the tree of those before it. Fails when a single hash does not come from the card.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mtc/bytes.h"
#include "mtc/hash.h"
#include "mtc/runtime.h"

#define MAX_ENTRIES ((size_t)1 << 20)
#define MAX_BUNDLE_LEN ((size_t)1 << 24)

static struct mtc_span entries[MAX_ENTRIES];

static void fail(const char *what) {
  (void)fprintf(stderr, "mtc-card-root: %s\n", what);
  exit(1);
}

static size_t read_entries(char *const *paths, struct mtc_bytes *octets) {
  struct mtc_error error = {""};
  size_t num_entries = 0;
  for (; *paths; paths++)
    if (mtc_file_read(*paths, MAX_BUNDLE_LEN, octets, &error)) fail(error.text);
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(octets));
  for (; reader.len; num_entries++)
    if (num_entries == MAX_ENTRIES || !mtc_read_prefixed(&reader, 2, &entries[num_entries]))
      fail("a file is no entry bundle, or there are too many entries");
  return num_entries;
}

/* The right edge of the tree with a batch: where no node of the batch is on it, it is as before. */
static void advance(struct mtc_frontier *frontier, const struct mtc_hash_result *result) {
  for (unsigned level = 0; level < MTC_LEVELS; level++) {
    if (!(result->end >> level & 1) || !result->num_nodes[level]) continue;
    frontier->peaks[level] = result->nodes[level][result->num_nodes[level] - 1];
  }
  frontier->tree_size = result->end;
}

static void append_all(struct mtc_hasher *hasher, size_t num_entries, size_t batch,
                       struct mtc_frontier *frontier) {
  struct mtc_error error = {""};
  for (size_t i = 0; i < num_entries; i += batch) {
    size_t num = num_entries - i < batch ? num_entries - i : batch;
    const struct mtc_hash_job job = {frontier, entries + i, num};
    struct mtc_hash_result result;
    if (mtc_hasher_run(hasher, &job, &result, &error)) fail(error.text);
    advance(frontier, &result);
    mtc_hash_result_free(&result);
  }
}

int main(int argc, char **argv) {
  struct mtc_hasher *hasher = NULL;
  struct mtc_error error = {""};
  struct mtc_bytes octets = {0};
  size_t batch = argc >= 4 ? strtoul(argv[2], NULL, 10) : 0;
  if (batch == 0 || batch > MAX_ENTRIES) {
    (void)fprintf(stderr, "usage: mtc-card-root PATH|cpu BATCH BUNDLE...\n");
    return 2;
  }
  mtc_log_init("mtc-card-root", MTC_LOG_WARNING);
  size_t num_entries = read_entries(argv + 3, &octets);
  /* As little of the CPU as there is: of the leaves it checks none. */
  const struct mtc_card_options options = {.path = argv[1], .check = MTC_CARD_CHECK_ROOT};
  bool is_card = strcmp(argv[1], "cpu") != 0;
  if (is_card ? mtc_hasher_open_card(&options, &hasher, &error) : mtc_hasher_open_cpu(&hasher))
    fail(is_card ? error.text : "no memory");
  static struct mtc_frontier frontier;
  append_all(hasher, num_entries, batch, &frontier);
  struct mtc_hash_stats stats;
  mtc_hasher_stats(hasher, &stats);
  if (is_card && stats.num_card_leaves != num_entries) fail("hashes came from the CPU");
  struct mtc_hash root;
  unsigned char text[4 * MTC_HASH_LEN];
  mtc_frontier_root(&frontier, &root);
  (void)EVP_EncodeBlock(text, root.bytes, MTC_HASH_LEN);
  (void)printf("%llu %s\n", (unsigned long long)frontier.tree_size, (const char *)text);
  mtc_hasher_close(hasher);
  mtc_bytes_free(&octets);
  return 0;
}
