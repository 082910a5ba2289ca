// The registers as the file shows them: a master of the card's AXI4-Lite that asks each lane in
// turn for what may have changed, while the streams go on, and hands it the host's commands.
#pragma once
#include <cstdint>
#include <deque>
#include <vector>

#include "folder.hpp"
#include "top.hpp"

class Registers {
 public:
  Registers(Folder &folder, Top &top);

  // Shows every register, those of the host as 0; the streams rest. For a card that was reset.
  void show_all();

  // Before each cycle of the card: takes what was read, starts the next access.
  void step();

  // Looks for a new command of a lane; true when there is one.
  bool look_for_command(unsigned lane);

  // A lane that hangs: what its file shows stays, and its commands are not seen.
  void freeze(unsigned lane, bool frozen) { lanes_[lane].frozen = frozen; }

  // Every register of every lane reads as ones: what a host sees where no card answers.
  void hide();

  // As shown last: older than the core by a round at most.
  bool is_open(unsigned lane) const;
  bool is_discarding(unsigned lane) const;
  uint32_t credit(unsigned lane) const;
  uint32_t session(unsigned lane) const;
  // The nonce that the card was given with the last command.
  uint32_t nonce(unsigned lane) const { return lanes_[lane].nonce; }

 private:
  struct Write {
    uint32_t address, value;
  };
  struct Lane {
    bool frozen = false;
    bool counters = false;  // a snapshot was taken: the counters may have changed
    uint32_t sequence = 0, nonce = 0;
  };

  void take(uint32_t value);
  void end_lane();
  void start_next();

  Folder &folder_;
  Top &top_;
  std::vector<Lane> lanes_;
  std::deque<Write> writes_;
  bool is_reading_ = false;
  unsigned lane_ = 0, place_ = 0;
  uint32_t sync_ack_ = 0, ack_ = 0, result_ = 0;  // until the rest is shown
};
