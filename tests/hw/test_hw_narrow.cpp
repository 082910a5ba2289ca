// mtc_narrow: beats in, their words out, the lowest bits first; `last` with the last word of the
// beats that have it; a word a cycle.
#include "Vnarrow.h"
#include "bench.hpp"
#include "steady.hpp"

#include <deque>

namespace {

struct Word {
  Bytes bytes;
  bool last;
};

void beats_become_words(const Traffic &traffic) {
  Random random(traffic.seed);
  Dut<Vnarrow> dut(traffic.seed);
  dut->beat_valid_i = dut->word_ready_i = 0;
  dut.reset();
  CHECK(!dut->word_valid_o, "a word after reset");
  Offer offer(random, traffic.idle);
  Steady steady;
  std::deque<Word> expected;
  Bytes beat;
  size_t given = 0, words = 0, cycles = 0;
  for (; words < 8 * traffic.len; cycles++) {
    CHECK(cycles < 1000 + 1000 * traffic.len, "stuck");
    bool offered = dut->beat_valid_i;
    dut->beat_valid_i = offer(given < traffic.len);
    if (!offered) {
      beat = random.bytes(64);
      set_beat(dut->beat_i, beat.data());
      dut->beat_last_i = random.chance(30);
    }
    dut->word_ready_i = !random.chance(traffic.stall);
    dut.settle();
    // A beat is taken in the same cycle at the soonest as its first word comes out.
    bool take = dut->beat_valid_i && dut->beat_ready_o;
    if (take) {
      for (size_t i = 0; i < 64; i += 8)
        expected.push_back({Bytes(&beat[i], &beat[i] + 8), i == 56 && dut->beat_last_i});
      given++;
      offer.taken();
    }
    Bytes word;
    put(word, dut->word_o, 8);
    Bytes payload = word;
    payload.push_back(dut->word_last_o);
    steady.see("word", dut->word_valid_o, dut->word_ready_i, payload);
    if (dut->word_valid_o) {
      CHECK(!expected.empty(), "a word of nothing");
      CHECK(word == expected.front().bytes, "word %zu", words);
      CHECK(dut->word_last_o == expected.front().last, "last of word %zu", words);
      if (dut->word_ready_i) {
        expected.pop_front();
        words++;
      }
    }
    dut.clock();
    if (take) dut->beat_valid_i = 0;
  }
  dut->word_ready_i = 1;
  dut->beat_valid_i = 0;
  for (int i = 0; i < 16; i++, dut.clock()) CHECK(!dut->word_valid_o, "a word that nobody gave");
  if (!traffic.idle && !traffic.stall)
    CHECK(cycles <= 8 * traffic.len + 4, "%zu beats in %zu cycles", traffic.len, cycles);
}

}  // namespace

int main() {
  cross({1, 2, 3, 64, 130}, 60, 200, beats_become_words);
  return 0;
}
