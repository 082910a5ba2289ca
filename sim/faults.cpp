#include "faults.hpp"

#include <algorithm>
#include <cstring>

#include "hash/card_regs.h"
#include "model.hpp"

namespace {

constexpr const char *kDmaFaults[] = {"refuse-h2c", "refuse-c2h", "timeout-h2c", "timeout-c2h",
                                      "cut-h2c",    "cut-c2h",    "busy-h2c",    "busy-c2h"};

}  // namespace

bool Faults::busy() const {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](const auto &lane) { return lane.second.busy(); });
}

std::string Faults::dma_lines() const {
  std::string lines;
  for (const auto &[index, lane] : lanes_) lines += lane.dma_lines(index);
  return lines;
}

const char *Faults::help() {
  return "faults, each with @LANE behind it or of lane 0 (its batch frames, records and bytes are\n"
         "counted from the start of mtc-sim):\n"
         "  hang:N              stop the lane, its registers included, after N frames\n"
         "  die:N               die without cleaning up after N frames\n"
         "  vanish:N            stop after N frames, every register reads as ones (no card there)\n"
         "  reset:N             reset the card, once, in the batch under way after N frames\n"
         "  stall:N             pause the lane for N ms, once, in the batch under way after 20\n"
         "                      frames\n"
         "  drop-frame:N        never deliver frame N (from 1)\n"
         "  wrong-hash:N        flip a bit in the hash of record N (from 1)\n"
         "  duplicate-record:N  put a copy of its neighbour in the place of record N (from 1)\n"
         "  lose-record:N       put padding in the place of record N (from 1)\n"
         "  corrupt:N           invert byte N (from 0) of the output\n"
         "  short               move bytes in small odd pieces (no error: the driver must cope)\n"
         "  bad-id              show a wrong ID register\n"
         "  busy                hold the lock of the registers, as another driver does\n"
         "faults of the XDMA driver, which a program has that was started with libmtc-xdma.so in\n"
         "LD_PRELOAD (transfers are counted from its first with this mtc-sim; h2c or c2h):\n"
         "  refuse-h2c:N        refuse transfer N (EINVAL), as one that is not aligned\n"
         "  timeout-h2c:N       move nothing in transfer N: after --dma-timeout ETIMEDOUT\n"
         "  cut-h2c:N           move half of transfer N: after --dma-timeout a short count\n"
         "  busy-h2c:N          refuse opening N (EBUSY)\n";
}

bool LaneFaults::take_reset() {
  if (!reset_after_ || frames_ < reset_after_) return false;
  reset_after_ = 0;
  struck_ = "reset";
  return true;
}

uint64_t LaneFaults::take_stall() {
  if (frames_ < 20) return 0;
  uint64_t stall_ms = stall_ms_;
  stall_ms_ = 0;
  if (stall_ms) struck_ = "stall";
  return stall_ms;
}

bool LaneFaults::add(const std::string &kind, bool has_number, uint64_t number) {
  if (kind == "short") return short_ = true, !has_number;
  if (kind == "bad-id") return bad_id_ = true, !has_number;
  if (kind == "busy") return busy_ = true, !has_number;
  if (!has_number) return false;
  if (kind == "corrupt") return corrupt_.push_back(number), true;
  if (number == 0) return false;
  if (kind == "hang") return hang_after_ = number, true;
  if (kind == "die") return die_after_ = number, true;
  if (kind == "vanish") return vanish_after_ = number, true;
  if (kind == "reset") return reset_after_ = number, true;
  if (kind == "stall") return stall_ms_ = number, true;
  if (kind == "drop-frame") return drop_ = number, true;
  if (kind == "duplicate-record") return duplicate_ = number, true;
  if (kind == "lose-record") return lose_ = number, true;
  if (kind == "wrong-hash") return wrong_hash_ = number, true;
  for (const char *known : kDmaFaults)
    if (kind == known) return dma_.emplace_back(kind, number), true;
  return false;
}

std::string LaneFaults::dma_lines(unsigned lane) const {
  std::string lines;
  for (const auto &[kind, number] : dma_)
    lines += kind + " " + std::to_string(lane) + " " + std::to_string(number) + "\n";
  return lines;
}

bool LaneFaults::pass(uint8_t *frame) {
  uint16_t kind;
  std::memcpy(&kind, frame + 6, sizeof kind);
  if (kind != MTC_CARD_FRAME_KIND_BATCH) return true;
  for (unsigned i = 1; i <= MTC_CARD_FRAME_RECORDS; i++) {
    uint8_t *record = frame + i * kBeatLen;
    if (record[41] == MTC_CARD_RECORD_PADDING) continue;
    records_++;
    if (records_ == wrong_hash_) {
      record[31] ^= 1;
      struck_ = "wrong-hash";
    }
    if (records_ == lose_) {
      std::memset(record, 0, kBeatLen);
      struck_ = "lose-record";
    }
    if (records_ == duplicate_) {
      std::memcpy(record, i > 1 ? record - kBeatLen : record + kBeatLen, kBeatLen);
      struck_ = "duplicate-record";
    }
  }
  for (uint64_t offset : corrupt_)
    if (offset / kFrameLen == frames_) {
      frame[offset % kFrameLen] ^= 0xFF;
      struck_ = "corrupt";
    }
  frames_++;
  if (frames_ == drop_) struck_ = "drop-frame";
  if (stops()) struck_ = hangs() ? "hang" : dies() ? "die" : "vanish";
  return frames_ != drop_;
}

size_t LaneFaults::transfer(size_t wanted) {
  if (!short_) return wanted;
  random_ = random_ * 1664525 + 1013904223;
  return std::min<size_t>(wanted, 1 + (random_ >> 16) % 997);
}

namespace {

// The digits of a number of the command line.
bool parse(const std::string &digits, uint64_t *out) {
  if (digits.empty() || digits.size() > 15 ||
      digits.find_first_not_of("0123456789") != std::string::npos)
    return false;
  *out = std::stoull(digits);
  return true;
}

}  // namespace

bool Faults::add(const std::string &text) {
  size_t at = text.find('@'), colon = text.substr(0, at).find(':');
  uint64_t lane = 0, number = 0;
  if (at != std::string::npos && (!parse(text.substr(at + 1), &lane) || lane > 255)) return false;
  std::string fault = text.substr(0, at);
  bool has_number = colon != std::string::npos;
  if (has_number && !parse(fault.substr(colon + 1), &number)) return false;
  return lanes_[static_cast<unsigned>(lane)].add(fault.substr(0, colon), has_number, number);
}
