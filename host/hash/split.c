/*
 * A large batch in parts, so that the card has several of them at a time.
 *
 * Parts end where the index is a multiple of MTC_PART_ENTRIES = 2^k. Up to level k, a part that
 * begins at such an index has the nodes of a tree of its own from index 0; it needs no hash of what
 * is before it. Only the first part begins elsewhere, on the batch's frontier. The nodes above
 * level k, at most two for each part and one a level, are made here.
 */
#include <string.h>

#include "hash/hasher.h"
#include "mtc/runtime.h"

/* Enough for all that the largest card has open, and as many waiting for each of its lanes. */
#define WINDOW 128u

struct part {
  struct mtc_hash_ticket *ticket;
  uint64_t start;
};

struct split {
  struct mtc_hasher *hasher;
  const struct mtc_hash_job *job;
  uint64_t part_entries;
  struct mtc_hash_result *out;
  uint64_t next; /* where the next part starts */
  struct part parts[WINDOW];
  size_t num_submitted;
  size_t num_taken;
};

static unsigned part_level(const struct split *split) {
  return (unsigned)__builtin_ctzll(split->part_entries);
}

static mtc_status submit_next(struct split *split, struct mtc_error *error) {
  static const struct mtc_frontier empty;
  uint64_t start = split->next;
  uint64_t end = (start / split->part_entries + 1) * split->part_entries;
  if (end > split->out->end) end = split->out->end;
  const struct mtc_hash_job job = {
      start == split->out->start ? split->job->frontier : &empty,
      split->job->entries + (start - split->out->start),
      (size_t)(end - start),
  };
  struct part *part = &split->parts[split->num_submitted % WINDOW];
  mtc_status status = mtc_hasher_submit(split->hasher, &job, &part->ticket, error);
  if (status) return status;
  part->start = start;
  split->next = end;
  split->num_submitted++;
  return MTC_OK;
}

/* Waits for the oldest part and puts its nodes where they belong in the batch. */
static void take_oldest(struct split *split) {
  const struct part *part = &split->parts[split->num_taken++ % WINDOW];
  struct mtc_hash_result *out = split->out, found;
  mtc_hasher_wait(split->hasher, part->ticket, &found);
  for (unsigned level = 0; level <= part_level(split); level++) {
    if (!found.num_nodes[level]) continue;
    struct mtc_hash *place = out->nodes[level] + ((part->start >> level) - out->first[level]);
    memcpy(place, found.nodes[level], found.num_nodes[level] * sizeof *place);
  }
  mtc_hash_result_free(&found);
}

mtc_status mtc_hasher_run_in_parts(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                                   size_t part_entries, struct mtc_hash_result *out,
                                   struct mtc_error *error) {
  if (job->num_entries <= part_entries) return mtc_hasher_run(hasher, job, out, error);
  memset(out, 0, sizeof *out);
  mtc_status status = mtc_hash_check_job(job, error);
  if (status) return status;
  uint64_t start = job->frontier->tree_size;
  status = mtc_hash_result_alloc(out, start, start + job->num_entries);
  struct split *split = status ? NULL : mtc_alloc(1, sizeof *split);
  if (!split) {
    mtc_hash_result_free(out);
    return mtc_fail(error, status ? status : MTC_NOMEM,
                    "the hashes of entries %llu to %llu cannot be held", (unsigned long long)start,
                    (unsigned long long)(start + job->num_entries));
  }
  *split = (struct split){
      .hasher = hasher, .job = job, .part_entries = part_entries, .out = out, .next = start};
  while (!status && split->next < out->end) {
    if (split->num_submitted - split->num_taken == WINDOW) take_oldest(split);
    status = submit_next(split, error);
  }
  while (split->num_taken < split->num_submitted)
    take_oldest(split);
  if (status)
    mtc_hash_result_free(out);
  else
    (void)mtc_hash_interior(job->frontier, part_level(split) + 1, out);
  mtc_free(split);
  return status;
}

mtc_status mtc_hasher_run_large(struct mtc_hasher *hasher, const struct mtc_hash_job *job,
                                struct mtc_hash_result *out, struct mtc_error *error) {
  return mtc_hasher_run_in_parts(hasher, job, MTC_PART_ENTRIES, out, error);
}
