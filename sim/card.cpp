#include "card.hpp"

#include <poll.h>

#include <algorithm>

#include "hash/card_regs.h"

namespace {

// Commands, the last bytes of a batch and faults wait for the end of a slice.
constexpr int kSliceCycles = 512;
// So long a host that has room in the card may take to write more. Then the core goes on with what
// it has: there may be no more, or the host may wait for results.
constexpr long kWaitNs = 500000;

}  // namespace

Card::Card(Folder &folder, Options &options)
    : folder_(folder),
      options_(options),
      top_(options.seed, options.build, options.lanes, options.trace),
      registers_(folder, top_) {
  for (unsigned i = 0; i < options.lanes; i++) lanes_.emplace_back(folder, registers_, options, i);
  for (unsigned i = 0; i < options.lanes; i++)
    if (lanes_[i].faults().bad_id()) folder.store(i, MTC_REG_ID, folder.load(i, MTC_REG_ID) ^ 1);
}

bool Card::step() {
  bool active = false, is_working = false;
  for (unsigned i = 0; i < lanes_.size(); i++) {
    Lane &lane = lanes_[i];
    lane.look();
    trace_fault();
    if (registers_.look_for_command(i)) lane.wake();
    if (lane.receive()) active = true;
    if (registers_.is_open(i) && lane.faults().take_reset()) return reset(), true;
    is_working |= lane.is_working();
  }
  if (is_working) {
    run_slice();
    active = true;
  }
  for (Lane &lane : lanes_) active |= lane.send();
  if (active) wait_for_input();
  return active;
}

void Card::run_slice() {
  std::vector<Top::Port> ports(lanes_.size());
  for (int i = 0; i < kSliceCycles; i++) {
    registers_.step();
    for (size_t lane = 0; lane < lanes_.size(); lane++) lanes_[lane].offer(&ports[lane]);
    top_.cycle(ports.data());
    bool ends = false;
    for (size_t lane = 0; lane < lanes_.size(); lane++) {
      lanes_[lane].take(ports[lane]);
      ends |= lanes_[lane].stops() || lanes_[lane].wants_input();
    }
    trace_fault();
    if (ends) break;
  }
}

// What is wanted of a waveform is how it came to the fault, not what came after it.
void Card::trace_fault() {
  if (options_.trace.path.empty()) return;
  for (unsigned i = 0; i < lanes_.size(); i++)
    if (lanes_[i].faults().struck())
      top_.end_trace("fault " + std::string(lanes_[i].faults().struck()) + " of lane " +
                     std::to_string(i));
}

// The clock of the core stands while a host that may write is given time to: so it seems as fast as
// the hosts of real cards, however slow the model and whoever shares its processor.
void Card::wait_for_input() {
  std::vector<struct pollfd> files;
  for (unsigned i = 0; i < lanes_.size(); i++) {
    if (!lanes_[i].wants_input()) continue;
    files.push_back({folder_.h2c(i), POLLIN, 0});
    lanes_[i].has_waited();
  }
  if (files.empty()) return;
  struct timespec timeout = {0, kWaitNs};
  (void)ppoll(files.data(), files.size(), &timeout, nullptr);
}

void Card::sleep(int timeout_ms, const sigset_t *mask) const {
  std::vector<struct pollfd> files;
  for (unsigned i = 0; i < lanes_.size(); i++) {
    // What there is no room for, or nothing to write for, must not wake us.
    if (lanes_[i].is_frozen()) continue;
    if (lanes_[i].has_room()) files.push_back({folder_.h2c(i), POLLIN, 0});
    if (lanes_[i].has_output()) files.push_back({folder_.c2h(i), POLLOUT, 0});
  }
  struct timespec timeout = {0, timeout_ms * 1000000L};
  (void)ppoll(files.data(), files.size(), &timeout, mask);
}

bool Card::dies() {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](Lane &lane) { return lane.faults().dies() && !lane.has_output(); });
}

bool Card::vanishes() {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](Lane &lane) { return lane.faults().vanishes() && !lane.has_output(); });
}

// A card that lost power for a moment: what it held is gone, and so is what the host wrote.
void Card::reset() {
  top_.reset();
  trace_fault();
  for (Lane &lane : lanes_) lane.clear();
  registers_.show_all();
}
