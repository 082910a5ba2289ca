#include <stdio.h>
#include <string.h>

#include "mtc/tree.h"

void mtc_tile_path(const struct mtc_tile *tile, bool entries, char out_path[64]) {
  /* Groups of three decimal digits, all but the last marked with an x: 1234067 is x001/x234/067. */
  char number[40];
  size_t at = sizeof number - 1;
  number[at] = 0;
  uint64_t rest = tile->index;
  bool is_last = true;
  do {
    char group[8];
    int len = snprintf(group, sizeof group, "%s%03u%s", is_last ? "" : "x", (unsigned)(rest % 1000),
                       is_last ? "" : "/");
    at -= (size_t)len;
    memcpy(number + at, group, (size_t)len);
    rest /= 1000;
    is_last = false;
  } while (rest);
  char level[8] = "entries", partial[8] = "";
  if (!entries) (void)snprintf(level, sizeof level, "%u", tile->level);
  if (tile->width < MTC_TILE_WIDTH) (void)snprintf(partial, sizeof partial, ".p/%u", tile->width);
  (void)snprintf(out_path, 64, "tile/%s/%s%s", level, number + at, partial);
}

unsigned mtc_tile_width(unsigned level, uint64_t index, uint64_t tree_size) {
  if (level >= 64 / MTC_TILE_HEIGHT || index > UINT64_MAX / MTC_TILE_WIDTH) return 0;
  uint64_t num_nodes = tree_size >> (MTC_TILE_HEIGHT * level), first = index * MTC_TILE_WIDTH;
  if (num_nodes <= first) return 0;
  return num_nodes - first < MTC_TILE_WIDTH ? (unsigned)(num_nodes - first) : MTC_TILE_WIDTH;
}

mtc_status mtc_tile_node(const struct mtc_hash *hashes, unsigned width, unsigned height,
                         unsigned offset, struct mtc_hash *out) {
  if (height > MTC_TILE_HEIGHT || width > MTC_TILE_WIDTH) return MTC_INPUT;
  if (((uint64_t)offset + 1) << height > width) return MTC_INPUT;
  struct mtc_hash nodes[MTC_TILE_WIDTH];
  unsigned count = 1u << height;
  memcpy(nodes, hashes + ((size_t)offset << height), count * sizeof *nodes);
  for (; count > 1; count /= 2) {
    for (unsigned i = 0; i < count / 2; i++)
      mtc_hash_node(&nodes[2 * i], &nodes[2 * i + 1], &nodes[i]);
  }
  *out = nodes[0];
  return MTC_OK;
}

mtc_status mtc_tile_read_node(void *tile_source, unsigned level, uint64_t index,
                              struct mtc_hash *out) {
  const struct mtc_tile_source *source = tile_source;
  if (level > 63 || index >= source->tree_size >> level) return MTC_INPUT;
  unsigned height = level % MTC_TILE_HEIGHT, shift = MTC_TILE_HEIGHT - height;
  struct mtc_tile tile = {.level = level / MTC_TILE_HEIGHT, .index = index >> shift};
  tile.width = mtc_tile_width(tile.level, tile.index, source->tree_size);
  unsigned offset = (unsigned)(index & ((UINT64_C(1) << shift) - 1));
  if (source->read_node) return source->read_node(source->context, &tile, height, offset, out);
  struct mtc_hash hashes[MTC_TILE_WIDTH];
  mtc_status status = source->read_tile(source->context, &tile, hashes);
  if (status) return status;
  return mtc_tile_node(hashes, tile.width, height, offset, out);
}
