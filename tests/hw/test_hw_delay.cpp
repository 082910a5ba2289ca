// mtc_delay of every kind (delay_bench.sv): each word that was enabled comes out as many enabled
// cycles later, and stays where it is while there is no tick.
#include "Vdelay.h"
#include "bench.hpp"

#include <deque>

namespace {

constexpr size_t kTicks[] = {0, 1, 2, 3, 16, 17, 18, 131};

void words_come_later(const Traffic &traffic) {
  Random random(traffic.seed);
  Dut<Vdelay> dut(traffic.seed);
  dut->enable_i = 0;
  dut.reset();
  dut.clock();                 // a word in the first cycle may be lost
  std::deque<uint64_t> words;  // that were enabled, the newest first
  for (size_t cycle = 0; cycle < traffic.len; cycle++) {
    uint64_t word = random.bits() & 0xFFFFFFFFFF;
    dut->data_i = word;
    dut->enable_i = !random.chance(traffic.idle);
    dut.settle();
    for (size_t i = 0; i < std::size(kTicks); i++) {
      uint64_t found = get_bits(dut->data_o, {static_cast<unsigned>(40 * i), 40});
      if (kTicks[i] == 0)
        CHECK(found == word, "a wire");
      else if (kTicks[i] <= words.size())
        CHECK(found == words[kTicks[i] - 1], "%zu ticks, cycle %zu", kTicks[i], cycle);
    }
    if (dut->enable_i) words.push_front(word);
    dut.clock();
  }
}

}  // namespace

int main() {
  cross({1, 20, 500}, 60, 1000, words_come_later);
  return 0;
}
