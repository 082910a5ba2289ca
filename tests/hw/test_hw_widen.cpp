// mtc_widen as a lane has it: words in, beats of eight out; hosts that break off at any word; and
// while the lane discards, the SYNC beat of the session found behind whatever is left, and nothing
// else.
#include "Vwiden.h"
#include "bench.hpp"
#include "steady.hpp"

#include <deque>

namespace {

class Widen {
 public:
  explicit Widen(const Traffic &traffic)
      : dut_(traffic.seed),
        random_(traffic.seed),
        traffic_(traffic),
        offer_(random_, traffic.idle) {
    dut_->word_valid_i = dut_->beat_ready_i = 0;
    dut_->hunt_i = 1;  // a lane starts so
    dut_->nonce_i = 0;
    dut_.reset();
    CHECK(!dut_->beat_valid_o, "a beat after reset");
  }

  // Begins a session behind what is under way: `rest` is still to come of the host before.
  void sync(const Bytes &rest) {
    nonce_ = static_cast<uint32_t>(random_.bits());
    dut_->nonce_i = nonce_;
    dut_->hunt_i = 1;
    found_ = 0;
    // What was on its way when the hunt began may still come; the lane throws it away.
    strays_ = on_its_way_ + !rest.empty();
    on_its_way_ = 0;
    give(rest);
    // Not for us, two times each: by the nonce, by the magic, by the version. None at a beat's
    // place.
    for (int i = 0; i < 6; i++) {
      Bytes other = sync_beat(nonce_ ^ (i < 2 ? 1u << random_.below(32) : 0));
      if (i >= 2) other[random_.below(4) + (i < 4 ? 0 : 4)] ^= 0x10;
      other.resize(8 * (3 + random_.below(6)));
      give(other);
    }
    give(sync_beat(nonce_));
    for (size_t i = 0; found_ == 0; i++) {
      CHECK(i < 20000, "the SYNC beat is not found");
      cycle();
    }
    // The lane sees it some cycles later; the host writes nothing till then.
    for (size_t i = random_.below(12); i; i--) cycle();
    dut_->hunt_i = 0;
    CHECK(input_.empty() && found_ == 1, "%zu SYNC beats", found_);
    collected_.clear();
  }

  // Whole beats, and words of one that is not finished.
  size_t pass(size_t num_beats, size_t num_words) {
    give(random_.bytes(64 * num_beats + 8 * num_words));
    size_t cycles = 0;
    for (; !input_.empty() || dut_->word_valid_i || !expected_.empty(); cycles++) {
      CHECK(cycles < 1000 + 4000 * (num_beats + 1), "stuck");
      cycle();
    }
    for (int i = 0; i < 12; i++) cycle();
    return cycles;
  }

  // The same, but it is broken off at any moment: returns at once.
  void pass_some(size_t num_beats, size_t cycles) {
    give(random_.bytes(64 * num_beats));
    while (cycles--) cycle();
  }

  // What the host had not written when it was broken off never comes.
  void break_off() {
    input_.clear();
    on_its_way_ = expected_.size();
    expected_.clear();
  }

 private:
  void give(const Bytes &bytes) { input_.insert(input_.end(), bytes.begin(), bytes.end()); }

  void cycle() {
    bool offered = dut_->word_valid_i;
    dut_->word_valid_i = offer_(offered || !input_.empty());
    if (!offered && dut_->word_valid_i) {
      std::copy_n(input_.begin(), 8, word_.begin());
      input_.erase(input_.begin(), input_.begin() + 8);
      std::memcpy(&dut_->word_i, word_.data(), 8);
    }
    dut_->beat_ready_i = !random_.chance(traffic_.stall);
    dut_.settle();
    bool take = dut_->word_valid_i && dut_->word_ready_o;
    if (take) {
      offer_.taken();
      collected_.insert(collected_.end(), word_.begin(), word_.end());
      if (!dut_->hunt_i && collected_.size() == 64) {
        expected_.push_back(collected_);
        collected_.clear();
      }
    }
    Bytes beat = get_beat(dut_->beat_o);
    steady_.see("beat", dut_->beat_valid_o, dut_->beat_ready_i, beat);
    if (dut_->beat_valid_o && dut_->beat_ready_i) {
      if (dut_->hunt_i) {
        if (beat == sync_beat(nonce_))
          found_++;
        else
          CHECK(strays_-- > 0, "a beat in the hunt");
      } else {
        CHECK(!expected_.empty() && beat == expected_.front(), "a wrong beat");
        expected_.pop_front();
      }
    }
    dut_.clock();
    if (take) dut_->word_valid_i = 0;
  }

  Dut<Vwiden> dut_;
  Random random_;
  Traffic traffic_;
  Offer offer_;
  Steady steady_;
  std::deque<uint8_t> input_;
  Bytes word_ = Bytes(8), collected_;  // collected_: words taken of the beat
  std::deque<Bytes> expected_;
  uint32_t nonce_ = 0;
  size_t found_ = 0, strays_ = 0, on_its_way_ = 0;  // beats while hunting
};

void words_become_beats(const Traffic &traffic) {
  Random random(traffic.seed + 1000);
  Widen widen(traffic);
  widen.sync(random.bytes(8 * random.below(20)));
  size_t cycles = widen.pass(traffic.len, 0);
  if (!traffic.idle && !traffic.stall)
    CHECK(cycles <= 8 * traffic.len + 4, "%zu beats in %zu cycles", traffic.len, cycles);
  // Broken off behind every word of a beat, with words of the old host still to come, or none.
  for (size_t words = 0; words < 8; words++) {
    widen.pass(random.below(3), words);
    widen.sync(random.bytes(8 * (words % 2 ? random.below(30) : 0)));
    widen.pass(1 + random.below(4), 0);
  }
  for (int i = 0; i < 8; i++) {
    widen.pass_some(traffic.len, random.below(40));
    widen.break_off();
    widen.sync(random.bytes(8 * random.below(20)));
    widen.pass(1 + random.below(4), 0);
  }
}

}  // namespace

int main() {
  cross({1, 2, 3, 40}, 40, 60, words_become_beats);
  return 0;
}
