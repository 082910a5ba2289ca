#include "entry/utf8.h"

bool mtc_utf8_next(struct mtc_reader *reader, uint32_t *out) {
  static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
  uint8_t first = reader->len ? reader->data[0] : 0xFF;
  size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  if ((first >= 0x80 && first < 0xC0) || first >= 0xF8 || reader->len <= more) return false;
  uint32_t value = more ? first & (0x3Fu >> more) : first;
  for (size_t i = 1; i <= more; i++) {
    if ((reader->data[i] & 0xC0) != 0x80) return false;
    value = value << 6 | (reader->data[i] & 0x3F);
  }
  if (value < smallest[more] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return false;
  }
  reader->data += more + 1;
  reader->len -= more + 1;
  *out = value;
  return true;
}

bool mtc_utf8_is(struct mtc_span text) {
  struct mtc_reader reader = mtc_reader_of(text);
  uint32_t value;
  while (reader.len) {
    if (!mtc_utf8_next(&reader, &value)) return false;
  }
  return true;
}
