// The two streams of a lane between its FIFOs and the core.
#pragma once
#include <chrono>
#include <cstdint>
#include <vector>

#include "folder.hpp"
#include "options.hpp"
#include "registers.hpp"
#include "top.hpp"

class Lane {
 public:
  Lane(Folder &folder, Registers &registers, Options &options, unsigned index);

  // Moves what the host wrote and what it has room for; false when there was nothing.
  bool receive();
  bool send();

  // What the lane has for the core's next cycle, and what came of it.
  void offer(Top::Port *port);
  void take(const Top::Port &port);

  // Once in a while: what changed since, in the lane's registers and its faults.
  void look();
  // Whether the core may still have something to do.
  bool is_working() const;
  // A host that is given time now will probably write: there is room, and nothing left to give.
  bool wants_input() const;
  // It was given time.
  void has_waited() { waited_ = true; }
  // Something happened that the core may answer.
  void wake() { quiet_ = 0; }

  // All that is between host and core is lost.
  void clear();

  bool is_frozen() const { return frozen_; }
  bool has_output() const { return !output_.empty(); }
  bool has_room() const;
  LaneFaults &faults() { return faults_; }
  // A fault of the lane that ends the slice.
  bool stops() const { return faults_.stops(); }

 private:
  bool in_percent(int percent);
  void align();
  size_t held() const { return input_.size() - used_; }

  Folder &folder_;
  Registers &registers_;
  const Options &options_;
  LaneFaults &faults_;
  unsigned index_;
  uint32_t random_;
  int quiet_ = 0;  // cycles since a beat moved
  int pause_ = 0;  // cycles until the FIFO is looked at again
  bool was_open_ = false, waited_ = false, frozen_ = false;
  // Of the session: its nonce, and beats that the core was given since its SYNC beat.
  uint32_t session_ = 0, given_ = 0;
  std::chrono::steady_clock::time_point frozen_until_{};
  std::vector<uint8_t> input_, output_;
  size_t used_ = 0;  // of the input
  uint8_t frame_[kFrameLen];
  size_t frame_len_ = 0;
};
