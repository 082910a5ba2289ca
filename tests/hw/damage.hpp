// What may be wrong with a batch on the wire, and how many records a batch gives.
#pragma once
#include "batch.hpp"

// Records that a batch [start, end) gives.
inline uint64_t count_records(uint64_t start, uint64_t end) {
  uint64_t count = 0;
  for (unsigned level = 0; level <= 48; level++) count += (end >> level) - (start >> level);
  return count;
}

// What may be wrong in the wire of a batch of 90 entries at start 6: a header, 2 seeds, entries
// from byte 192 on.
struct Damage {
  size_t offset;
  uint64_t value;
  int width;
  uint32_t code, info;
  bool promised;  // the header was accepted
  size_t seeds;   // that were

  void apply(Bytes &wire) const {
    for (int i = 0; i < width; i++)
      wire[offset + static_cast<size_t>(i)] = static_cast<uint8_t>(value >> 8 * i);
  }
};
constexpr uint64_t kDamagedStart = 6;
constexpr Damage kDamages[] = {
    {0, 0x12345678, 4, MTC_CARD_ERR_MAGIC, 0x12345678, false, 0},
    {4, 2, 4, MTC_CARD_ERR_VERSION, 2, false, 0},
    {4, 0x10001, 4, MTC_CARD_ERR_VERSION, 0x10001, false, 0},
    {8, 0, 4, MTC_CARD_ERR_NONCE, 0, false, 0},
    {24, 0, 4, MTC_CARD_ERR_COUNT, 0, false, 0},
    {24, (1 << 20) + 1, 4, MTC_CARD_ERR_COUNT, (1 << 20) + 1, false, 0},
    {16, UINT64_C(0xFFFFFFFFFFFF), 8, MTC_CARD_ERR_START, 0xFFFFFFFF, false, 0},
    {16, UINT64_C(0x1000000000000) - 89, 8, MTC_CARD_ERR_START, 0xFFFFFFA7, false, 0},
    {16, UINT64_C(0xF000000000000006), 8, MTC_CARD_ERR_START, 6, false, 0},
    {28, 3, 4, MTC_CARD_ERR_SEEDS, 3, false, 0},
    {28, 1, 4, MTC_CARD_ERR_SEEDS, 1, false, 0},
    {64 + 32, 2, 4, MTC_CARD_ERR_SEEDS, 2, true, 1},
    {128 + 32, 7, 4, MTC_CARD_ERR_SEEDS, 7, true, 2},
    {128 + 32, 0x102, 4, MTC_CARD_ERR_SEEDS, 0x102, true, 2},
    {192, 0, 4, MTC_CARD_ERR_LENGTH, 0, true, 2},
    {192, 8193, 4, MTC_CARD_ERR_LENGTH, 8193, true, 2},
    {192, 0x10064, 4, MTC_CARD_ERR_LENGTH, 0x10064, true, 2},
    {192, 0xFFFFFFFF, 4, MTC_CARD_ERR_LENGTH, 0xFFFFFFFF, true, 2},
};
