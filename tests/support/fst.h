/* What a waveform (FST) has, by GTKWave's own reader; for C and C++. */
#ifndef MTC_TESTS_FST_H
#define MTC_TESTS_FST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gtkwave/fstapi.h"

#define FST_SIGNALS 3u /* the clock, and a valid and ready */

struct fst {
  uint64_t num_signals, num_scopes;
  uint64_t start, end; /* in ns */
  uint64_t first_rise, last_rise, num_rises;
  uint64_t num_beats; /* rises at which valid and ready were up before */
  unsigned found;     /* how many of the three signals there are */
  /* While it is read. */
  fstHandle handles[FST_SIGNALS];
  char now[FST_SIGNALS], before[FST_SIGNALS]; /* before: as it was before the time of `changed` */
  uint64_t changed[FST_SIGNALS];
};

static inline char fst_before(const struct fst *fst, unsigned i, uint64_t time) {
  return fst->changed[i] == time ? fst->before[i] : fst->now[i];
}

/* Changes come in the order of time, those of one time in any. The clock goes up alone or with
 * flops: what those were is in `before`. */
static inline void fst_change(void *context, uint64_t time, fstHandle handle,
                              const unsigned char *value) {
  struct fst *fst = (struct fst *)context;
  for (unsigned i = 0; i < FST_SIGNALS; i++) {
    if (fst->handles[i] != handle || fst->now[i] == (char)value[0]) continue;
    fst->before[i] = fst->now[i];
    fst->now[i] = (char)value[0];
    fst->changed[i] = time;
    if (i != 0 || value[0] != '1') continue;
    if (fst->num_rises++ == 0) fst->first_rise = time;
    fst->last_rise = time;
    if (fst_before(fst, 1, time) == '1' && fst_before(fst, 2, time) == '1') fst->num_beats++;
  }
}

/* Whether `path` is whole blocks, each a type and a length (8 bytes, high byte first) that counts
 * itself. GTKWave's reader ends the program (abort) when it meets one that was cut in a bad place.
 */
static inline bool fst_is_whole(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  unsigned char head[9];
  bool is_whole = false;
  int64_t at = 0, len = 0;
  if (fseek(file, 0, SEEK_END) == 0) len = ftell(file);
  while (!is_whole && at < len && fseek(file, (long)at, SEEK_SET) == 0 &&
         fread(head, sizeof head, 1, file) == 1) {
    uint64_t block = 0;
    for (int i = 1; i < 9; i++)
      block = block << 8 | head[i];
    if (block < 8 || block > (uint64_t)(len - at - 1)) break;
    at += 1 + (int64_t)block;
    is_whole = at == len;
  }
  (void)fclose(file);
  return is_whole;
}

/* Reads `path`; the signals are named with their scopes, separated by dots. False when it is no
 * complete waveform. */
static inline bool fst_read(struct fst *fst, const char *path,
                            const char *const names[FST_SIGNALS]) {
  memset(fst, 0, sizeof *fst);
  if (!fst_is_whole(path)) return false;
  void *reader = fstReaderOpen(path);
  if (!reader) return false;
  fst->num_signals = fstReaderGetVarCount(reader);
  fst->num_scopes = fstReaderGetScopeCount(reader);
  fst->start = fstReaderGetStartTime(reader);
  fst->end = fstReaderGetEndTime(reader);
  for (struct fstHier *part; (part = fstReaderIterateHier(reader)) != NULL;) {
    char name[512];
    if (part->htyp == FST_HT_SCOPE) (void)fstReaderPushScope(reader, part->u.scope.name, NULL);
    if (part->htyp == FST_HT_UPSCOPE) (void)fstReaderPopScope(reader);
    if (part->htyp != FST_HT_VAR) continue;
    (void)snprintf(name, sizeof name, "%s.%s", fstReaderGetCurrentFlatScope(reader),
                   part->u.var.name);
    for (unsigned i = 0; i < FST_SIGNALS; i++) {
      if (fst->handles[i] || strcmp(name, names[i]) != 0) continue;
      fst->handles[i] = part->u.var.handle;
      fst->found++;
      fstReaderSetFacProcessMask(reader, part->u.var.handle);
    }
  }
  bool is_read = fstReaderIterBlocks(reader, fst_change, fst, NULL) == 1;
  fstReaderClose(reader);
  return is_read;
}

#endif
