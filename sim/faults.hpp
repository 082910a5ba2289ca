// What the model can do wrong on demand, so that the driver's tests can see it cope.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

// The faults of a lane.
class LaneFaults {
 public:
  // Adds one fault; false when it is unknown.
  bool add(const std::string &kind, bool has_number, uint64_t number);

  // Passes a whole output frame through the faults; false when it must not come out.
  bool pass(uint8_t *frame);

  // Whether the lane stops (and stops answering), the card's process dies, or the bus loses it,
  // before the lane's next frame.
  bool hangs() const { return hang_after_ && frames_ >= hang_after_; }
  bool dies() const { return die_after_ && frames_ >= die_after_; }
  bool vanishes() const { return vanish_after_ && frames_ >= vanish_after_; }
  bool stops() const { return hangs() || dies() || vanishes(); }
  // The same for what happens once, in the midst of a batch: a reset, a pause in ms (0: none).
  bool take_reset();
  uint64_t take_stall();
  // The fault that struck last, null before there was one.
  const char *struck() const { return struck_; }
  bool busy() const { return busy_; }
  // The most bytes of the next transfer: small and odd with "short", otherwise `wanted`.
  size_t transfer(size_t wanted);
  bool bad_id() const { return bad_id_; }
  // What the XDMA driver does wrong, which is not the model's to do (xdma.c): a line of the file
  // `dma` each.
  std::string dma_lines(unsigned lane) const;

 private:
  uint64_t hang_after_ = 0, die_after_ = 0, vanish_after_ = 0, reset_after_ = 0, stall_ms_ = 0;
  uint64_t drop_ = 0, wrong_hash_ = 0, duplicate_ = 0, lose_ = 0;
  std::vector<uint64_t> corrupt_;
  std::vector<std::pair<std::string, uint64_t>> dma_;
  bool short_ = false, bad_id_ = false, busy_ = false;
  const char *struck_ = nullptr;
  // Since the start, batch frames only.
  uint64_t frames_ = 0, records_ = 0;
  uint32_t random_ = 1;
};

class Faults {
 public:
  // Adds one fault, "KIND", "KIND:N", either with "@LANE" after it. False when it is unknown or N
  // is missing.
  bool add(const std::string &text);

  // Those of a lane, which has none unless add gave it some.
  LaneFaults &lane(unsigned index) { return lanes_[index]; }
  // The highest lane that was named.
  unsigned last_lane() const { return lanes_.empty() ? 0 : lanes_.rbegin()->first; }

  // Of all lanes.
  bool busy() const;
  std::string dma_lines() const;

  static const char *help();

 private:
  std::map<unsigned, LaneFaults> lanes_;
};
