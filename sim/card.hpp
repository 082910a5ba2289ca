// The card: the core and what serves its files, in slices of cycles.
#pragma once
#include <csignal>
#include <string>
#include <vector>

#include "folder.hpp"
#include "lane.hpp"
#include "options.hpp"
#include "registers.hpp"
#include "top.hpp"

class Card {
 public:
  // Throws as Top does.
  Card(Folder &folder, Options &options);

  // Serves registers and streams once; false when nothing happened.
  bool step();

  // Sleeps until a stream can move; `mask` is the signals' meanwhile.
  void sleep(int timeout_ms, const sigset_t *mask) const;

  bool dies();
  bool vanishes();
  // What a host reads where no card answers.
  void hide() { registers_.hide(); }
  // Completes the waveform, if there is one that no fault ended.
  void end_trace(const std::string &why) { top_.end_trace(why); }

 private:
  void trace_fault();
  void run_slice();
  void wait_for_input();
  void reset();

  Folder &folder_;
  Options &options_;
  Top top_;
  Registers registers_;
  std::vector<Lane> lanes_;
};
