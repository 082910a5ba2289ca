// mtc_fifo against a queue: order, room for exactly Depth words, a word a cycle, flush.
#include "Vfifo.h"
#include "bench.hpp"

#include <deque>

namespace {

constexpr size_t kDepth = 8;  // as the bench's CMake sets it

struct Fifo {
  Dut<Vfifo> dut;
  explicit Fifo(int seed) : dut(seed) {
    dut->flush_i = dut->valid_i = dut->ready_i = 0;
    dut.reset();
  }
};

void words_pass(const Traffic &traffic) {
  Random random(traffic.seed);
  Fifo fifo(traffic.seed);
  auto &dut = fifo.dut;
  Offer offer(random, traffic.idle);
  std::deque<uint64_t> inside;
  size_t given = 0, taken = 0, cycles = 0;
  uint64_t word = 0;
  for (; taken < traffic.len; cycles++) {
    CHECK(cycles < 1000 + 400 * traffic.len, "stuck");
    bool offered = dut->valid_i;
    dut->valid_i = offer(given < traffic.len);
    if (!offered && dut->valid_i) word = random.bits() & 0xFFFFFFFFFF;
    dut->data_i = word;
    dut->ready_i = !random.chance(traffic.stall);
    dut->flush_i = traffic.seed % 4 == 0 && random.chance(1);
    dut.settle();
    CHECK(dut->ready_o == (inside.size() < kDepth), "%zu inside, ready %u", inside.size(),
          dut->ready_o);
    if (dut->valid_o) CHECK(!inside.empty() && dut->data_o == inside.front(), "a wrong word");
    bool push = dut->valid_i && dut->ready_o, pop = dut->valid_o && dut->ready_i;
    if (pop) {
      inside.pop_front();
      taken++;
    }
    if (push) {
      inside.push_back(word);
      given++;
      offer.taken();
    }
    if (dut->flush_i) {
      taken = given;
      inside.clear();
    }
    dut.clock();
    if (push) dut->valid_i = 0;
  }
  if (!traffic.idle && !traffic.stall && traffic.seed % 4)
    CHECK(cycles == traffic.len + 2, "%zu words in %zu cycles", traffic.len, cycles);
}

}  // namespace

int main() {
  cross({1, 2, 7, 8, 9, 100}, 100, 500, words_pass);
  return 0;
}
