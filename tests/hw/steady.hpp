// Holds a stream to its promise, from outside: valid and payload stay until ready.
#pragma once
#include <cstdint>
#include <vector>

#include "check.hpp"

class Steady {
 public:
  void see(const char *name, bool valid, bool ready, const std::vector<uint8_t> &payload) {
    CHECK(!waits_ || valid, "%s: valid was taken back", name);
    CHECK(!waits_ || payload == payload_, "%s: the payload changed before it was taken", name);
    waits_ = valid && !ready;
    payload_ = payload;
  }

 private:
  bool waits_ = false;
  std::vector<uint8_t> payload_;
};
