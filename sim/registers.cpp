#include "registers.hpp"

#include "hash/card_regs.h"

namespace {

constexpr uint32_t kConstants[] = {MTC_REG_ID,         MTC_REG_VERSION,    MTC_REG_CAPS_ENTRY,
                                   MTC_REG_CAPS_BATCH, MTC_REG_CAPS_INPUT, MTC_REG_BUILD,
                                   MTC_REG_CAPS_CORE};

// A round of a lane. What acknowledges comes first and is shown last: who sees the acknowledgement
// sees registers that were read after it.
constexpr uint32_t kRound[] = {
    MTC_REG_SYNC_ACK, MTC_REG_CMD_ACK, MTC_REG_CMD_RESULT, MTC_REG_STATUS, MTC_REG_IN_CREDIT,
    MTC_REG_OUT_AVAIL, MTC_REG_ERR_CAUSE, MTC_REG_ERR_INFO,
    // After a snapshot only.
    MTC_REG_CYCLES_LO, MTC_REG_CYCLES_HI, MTC_REG_LEAF_BLOCKS_LO, MTC_REG_LEAF_BLOCKS_HI,
    MTC_REG_NODE_BLOCKS_LO, MTC_REG_NODE_BLOCKS_HI, MTC_REG_ENTRIES_LO, MTC_REG_ENTRIES_HI,
    MTC_REG_LEAF_HASHES_LO, MTC_REG_LEAF_HASHES_HI, MTC_REG_NODE_HASHES_LO, MTC_REG_NODE_HASHES_HI,
    MTC_REG_NO_INPUT_LO, MTC_REG_NO_INPUT_HI, MTC_REG_NO_CREDIT_LO, MTC_REG_NO_CREDIT_HI,
    MTC_REG_TAIL_LO, MTC_REG_TAIL_HI, MTC_REG_STALLS_LO, MTC_REG_STALLS_HI};
constexpr unsigned kNumChanging = 8;
constexpr unsigned kNumRound = sizeof kRound / sizeof kRound[0];

constexpr uint32_t kHostRegisters[] = {MTC_REG_CMD_SEQ, MTC_REG_CMD, MTC_REG_NONCE};

}  // namespace

Registers::Registers(Folder &folder, Top &top)
    : folder_(folder), top_(top), lanes_(folder.lanes()) {
  show_all();
}

void Registers::show_all() {
  writes_.clear();
  is_reading_ = false;
  for (unsigned i = 0; i < lanes_.size(); i++) {
    lanes_[i] = Lane();
    for (uint32_t offset : kHostRegisters) folder_.store(i, offset, 0);
    for (uint32_t offset : kConstants)
      folder_.store(i, offset, top_.read_register(i * kLanePages + offset));
    for (uint32_t offset : kRound)
      folder_.store(i, offset, top_.read_register(i * kLanePages + offset));
  }
  lane_ = place_ = 0;
}

void Registers::hide() {
  for (unsigned i = 0; i < lanes_.size(); i++) {
    for (uint32_t offset : kConstants) folder_.store(i, offset, UINT32_MAX);
    for (uint32_t offset : kRound) folder_.store(i, offset, UINT32_MAX);
  }
}

bool Registers::is_open(unsigned lane) const {
  return folder_.load(lane, MTC_REG_STATUS) & MTC_STATUS_BUSY_MASK;
}

bool Registers::is_discarding(unsigned lane) const {
  return folder_.load(lane, MTC_REG_STATUS) & MTC_STATUS_DISCARDING_MASK;
}

uint32_t Registers::credit(unsigned lane) const { return folder_.load(lane, MTC_REG_IN_CREDIT); }

uint32_t Registers::session(unsigned lane) const { return folder_.load(lane, MTC_REG_SYNC_ACK); }

// A command is new when its sequence number is; its arguments were written before it.
bool Registers::look_for_command(unsigned lane) {
  Lane &state = lanes_[lane];
  uint32_t sequence = folder_.load(lane, MTC_REG_CMD_SEQ);
  if (state.frozen || sequence == state.sequence) return false;
  uint32_t command = folder_.load(lane, MTC_REG_CMD);
  state.sequence = sequence;
  state.nonce = folder_.load(lane, MTC_REG_NONCE);
  state.counters |= command == MTC_CARD_CMD_SNAPSHOT;
  uint32_t base = lane * kLanePages;
  writes_.push_back({base + MTC_REG_NONCE, state.nonce});
  writes_.push_back({base + MTC_REG_CMD, command});
  writes_.push_back({base + MTC_REG_CMD_SEQ, sequence});
  return true;
}

void Registers::step() {
  if (!top_.is_idle()) return;
  if (is_reading_) take(top_.value());
  start_next();
}

void Registers::take(uint32_t value) {
  is_reading_ = false;
  uint32_t offset = kRound[place_++];
  if (offset == MTC_REG_SYNC_ACK)
    sync_ack_ = value;
  else if (offset == MTC_REG_CMD_ACK)
    ack_ = value;
  else if (offset == MTC_REG_CMD_RESULT)
    result_ = value;
  else if (!lanes_[lane_].frozen)
    folder_.store(lane_, offset, value);
  if (place_ == kNumRound || (place_ == kNumChanging && !lanes_[lane_].counters)) end_lane();
}

void Registers::end_lane() {
  Lane &lane = lanes_[lane_];
  if (!lane.frozen) {
    folder_.store(lane_, MTC_REG_SYNC_ACK, sync_ack_);
    folder_.store(lane_, MTC_REG_CMD_RESULT, result_);
    folder_.store(lane_, MTC_REG_CMD_ACK, ack_);
    if (place_ == kNumRound && ack_ == lane.sequence) lane.counters = false;
  }
  place_ = 0;
  lane_ = (lane_ + 1) % static_cast<unsigned>(lanes_.size());
}

void Registers::start_next() {
  if (!writes_.empty()) {
    top_.start_write(writes_.front().address, writes_.front().value);
    writes_.pop_front();
    return;
  }
  top_.start_read(lane_ * kLanePages + kRound[place_]);
  is_reading_ = true;
}
