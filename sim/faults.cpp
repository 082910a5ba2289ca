#include "faults.hpp"

#include <algorithm>
#include <cstring>

#include "hash/card_regs.h"
#include "model.hpp"

const char *Faults::help() {
  return "faults (batch frames, records and bytes are counted from the start of mtc-sim):\n"
         "  hang:N              stop, registers included, after N frames\n"
         "  die:N               die without cleaning up after N frames\n"
         "  vanish:N            stop after N frames, every register reads as ones (no card there)\n"
         "  reset:N             reset the core, once, in the batch under way after N frames\n"
         "  stall:N             pause for N ms, once, in the batch under way after 20 frames\n"
         "  drop-frame:N        never deliver frame N (from 1)\n"
         "  wrong-hash:N        flip a bit in the hash of record N (from 1)\n"
         "  duplicate-record:N  put a copy of its neighbour in the place of record N (from 1)\n"
         "  corrupt:N           invert byte N (from 0) of the output\n"
         "  short               move bytes in small odd pieces (no error: the driver must cope)\n"
         "  bad-id              show a wrong ID register\n"
         "  busy                hold the lock of the registers, as another driver does\n"
         "FIFOs do not show where a transfer ends, so no fault refuses a length (EINVAL).\n";
}

bool Faults::take_reset() {
  if (!reset_after_ || frames_ < reset_after_) return false;
  reset_after_ = 0;
  return true;
}

uint64_t Faults::take_stall() {
  if (frames_ < 20) return 0;
  uint64_t stall_ms = stall_ms_;
  stall_ms_ = 0;
  return stall_ms;
}

bool Faults::add(const std::string &text) {
  size_t colon = text.find(':');
  std::string kind = text.substr(0, colon);
  if (kind == "short") return short_ = true, colon == std::string::npos;
  if (kind == "bad-id") return bad_id_ = true, colon == std::string::npos;
  if (kind == "busy") return busy_ = true, colon == std::string::npos;
  if (colon == std::string::npos) return false;
  std::string digits = text.substr(colon + 1);
  if (digits.empty() || digits.size() > 15 ||
      digits.find_first_not_of("0123456789") != std::string::npos)
    return false;
  uint64_t number = std::stoull(digits);
  if (kind == "corrupt") return corrupt_.push_back(number), true;
  if (number == 0) return false;
  if (kind == "hang") return hang_after_ = number, true;
  if (kind == "die") return die_after_ = number, true;
  if (kind == "vanish") return vanish_after_ = number, true;
  if (kind == "reset") return reset_after_ = number, true;
  if (kind == "stall") return stall_ms_ = number, true;
  if (kind == "drop-frame") return drop_ = number, true;
  if (kind == "duplicate-record") return duplicate_ = number, true;
  if (kind == "wrong-hash") return wrong_hash_ = number, true;
  return false;
}

bool Faults::pass(uint8_t *frame) {
  uint16_t kind;
  std::memcpy(&kind, frame + 6, sizeof kind);
  if (kind != MTC_CARD_FRAME_KIND_BATCH) return true;
  for (unsigned i = 1; i <= MTC_CARD_FRAME_RECORDS; i++) {
    uint8_t *record = frame + i * kBeatLen;
    if (record[41] == MTC_CARD_RECORD_PADDING) continue;
    if (++records_ == wrong_hash_) record[31] ^= 1;
    if (records_ == duplicate_)
      std::memcpy(record, i > 1 ? record - kBeatLen : record + kBeatLen, kBeatLen);
  }
  for (uint64_t offset : corrupt_)
    if (offset / kFrameLen == frames_) frame[offset % kFrameLen] ^= 0xFF;
  return ++frames_ != drop_;
}

size_t Faults::transfer(size_t wanted) {
  if (!short_) return wanted;
  random_ = random_ * 1664525 + 1013904223;
  return std::min<size_t>(wanted, 1 + (random_ >> 16) % 997);
}
