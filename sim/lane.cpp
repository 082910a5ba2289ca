#include "lane.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "hash/card_regs.h"

namespace {

// A core that moves no beat for longer than this waits for the host. It can work that long on what
// it holds: 1,024 leaves of a block and as many nodes of two, 64 cycles each, and the tail of a
// tree, 222,000 cycles in all; its frames come out whole, so none of them need to move a beat.
constexpr int kQuietCycles = 1 << 18;
// Without an open batch there is only a command or a SYNC beat to work on.
constexpr int kIdleCycles = 1 << 10;
// Cycles after which an empty FIFO is looked at again: a look costs about as much as a cycle.
constexpr int kPauseCycles = 32;
// The credit bounds what a host can have written and the core not taken: 16 KiB of a FIFO's 64.
constexpr size_t kInputLen = 1 << 16;
// Output that the FIFO does not take: the core is held back then.
constexpr size_t kOutputLen = 2 * kFrameLen;
// Beats of credit for which it is worth to stop and let the host write.
constexpr int32_t kWorthCredit = 64;

}  // namespace

Lane::Lane(Folder &folder, Registers &registers, Options &options, unsigned index)
    : folder_(folder),
      registers_(registers),
      options_(options),
      faults_(options.faults.lane(index)),
      index_(index),
      random_(static_cast<uint32_t>(options.seed) + index) {}

bool Lane::has_room() const { return held() < kInputLen; }

bool Lane::receive() {
  size_t room = kInputLen - std::min(kInputLen, held());
  if (room == 0 || frozen_) return false;
  input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(used_));
  used_ = 0;
  size_t old = input_.size();
  input_.resize(old + room);
  ssize_t count = read(folder_.h2c(index_), input_.data() + old, faults_.transfer(room));
  input_.resize(old + (count > 0 ? static_cast<size_t>(count) : 0));
  if (count <= 0) return false;
  if (registers_.is_discarding(index_)) align();
  waited_ = false;
  quiet_ = 0;
  return true;
}

// A DMA transfer starts on a beat; a FIFO after a driver that died in mid-beat does not. So the
// model looks for the SYNC beat itself, and the core gets it as its next beat. That STATUS may be a
// few cycles old does no harm: until the host sees SYNC_ACK, which is shown after it, it writes
// nothing behind the SYNC beat.
void Lane::align() {
  uint32_t words[] = {MTC_CARD_MAGIC_SYNC, MTC_CARD_STREAM_VERSION, registers_.nonce(index_)};
  const uint8_t *pattern = reinterpret_cast<const uint8_t *>(words);
  auto found = std::search(input_.begin(), input_.end(), pattern, pattern + sizeof words);
  // Without it, only a first part of it at the end is worth keeping.
  if (found == input_.end() && input_.size() >= sizeof words)
    found = input_.end() - (sizeof words - 1);
  else if (found == input_.end())
    return;
  input_.erase(input_.begin(), found);
}

bool Lane::send() {
  if (output_.empty() || frozen_) return false;
  ssize_t count = write(folder_.c2h(index_), output_.data(), faults_.transfer(output_.size()));
  if (count <= 0) return false;
  output_.erase(output_.begin(), output_.begin() + count);
  quiet_ = 0;
  return true;
}

// True in so many of 100 cases.
bool Lane::in_percent(int percent) {
  if (percent == 0) return false;
  random_ = random_ * 1664525 + 1013904223;
  return static_cast<int>((random_ >> 16) % 100) < percent;
}

void Lane::offer(Top::Port *port) {
  *port = {};
  if (frozen_ || faults_.stops()) return;
  if (pause_ > 0) pause_--;
  if (held() < kBeatLen && pause_ == 0 && !receive()) pause_ = kPauseCycles;
  if (held() >= kBeatLen && !in_percent(options_.idle_percent)) port->input = &input_[used_];
  if (output_.size() < kOutputLen && !in_percent(options_.stall_percent))
    port->output = frame_ + frame_len_;
}

void Lane::take(const Top::Port &port) {
  quiet_ = port.taken || port.given ? 0 : quiet_ + 1;
  if (port.taken) {
    used_ += kBeatLen;
    given_++;
  }
  if (port.given && (frame_len_ += kBeatLen) == kFrameLen) {
    frame_len_ = 0;
    if (faults_.pass(frame_)) output_.insert(output_.end(), frame_, frame_ + kFrameLen);
    if (!faults_.stops()) send();
  }
}

void Lane::look() {
  uint64_t stall_ms = 0;
  bool is_open = registers_.is_open(index_);
  // The last frame of a batch that was long quiet still has to come out.
  if (was_open_ && !is_open) quiet_ = 0;
  was_open_ = is_open;
  if (is_open) stall_ms = faults_.take_stall();
  auto now = std::chrono::steady_clock::now();
  if (stall_ms) frozen_until_ = now + std::chrono::milliseconds(stall_ms);
  bool frozen = now < frozen_until_ || (faults_.hangs() && output_.empty());
  if (frozen_ && !frozen) quiet_ = 0;
  frozen_ = frozen;
  registers_.freeze(index_, frozen);
  // A session's first batch is written after its SYNC_ACK was shown.
  if (registers_.session(index_) != session_) {
    session_ = registers_.session(index_);
    given_ = 0;
  }
}

bool Lane::is_working() const {
  return !frozen_ && quiet_ < (was_open_ ? kQuietCycles : kIdleCycles);
}

bool Lane::wants_input() const {
  return !waited_ && !frozen_ && session_ != 0 && held() < kBeatLen &&
         static_cast<int32_t>(registers_.credit(index_) - given_) >= kWorthCredit;
}

void Lane::clear() {
  quiet_ = pause_ = 0;
  frame_len_ = used_ = 0;
  session_ = given_ = 0;
  input_.clear();
  output_.clear();
}
