// A first-in first-out buffer against a queue: order, room for exactly `depth` words, a word in so
// many cycles when nothing stalls, flush. Its latency may be anything up to 8, and that there is
// room again may show two cycles late. Where a word comes in parts it has no room in the cycle
// after one.
#pragma once
#include <deque>

#include "bench.hpp"

template <typename Top>
void words_pass(const Traffic &traffic, size_t depth, size_t cycles_a_word, bool in_parts = false) {
  Random random(traffic.seed);
  Dut<Top> dut(traffic.seed);
  dut->flush_i = dut->valid_i = dut->ready_i = 0;
  dut.reset();
  Offer offer(random, traffic.idle);
  std::deque<uint64_t> inside;
  size_t given = 0, taken = 0, cycles = 0;
  uint64_t word = 0;
  size_t popped = 0;  // words that went in the two cycles before
  bool pop_before = false;
  bool pushed = false;  // one came
  for (; taken < traffic.len; cycles++) {
    CHECK(cycles < 1000 + 400 * traffic.len, "stuck");
    bool offered = dut->valid_i;
    dut->valid_i = offer(given < traffic.len);
    if (!offered && dut->valid_i) word = random.bits() & 0xFFFFFFFFFF;
    dut->data_i = word;
    dut->ready_i = !random.chance(traffic.stall);
    dut->flush_i = traffic.seed % 4 == 0 && random.chance(1);
    dut.settle();
    bool may_wait = inside.size() + popped >= depth || (pushed && in_parts);
    CHECK(dut->ready_o ? inside.size() < depth : may_wait, "%zu inside, ready %u", inside.size(),
          dut->ready_o);
    if (dut->valid_o) CHECK(!inside.empty() && dut->data_o == inside.front(), "a wrong word");
    bool push = dut->valid_i && dut->ready_o, pop = dut->valid_o && dut->ready_i;
    popped = dut->flush_i ? 0 : pop + pop_before;
    pop_before = pop && !dut->flush_i;
    pushed = push && !dut->flush_i;
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
    CHECK(cycles <= cycles_a_word * traffic.len + 8, "%zu words in %zu cycles", traffic.len,
          cycles);
}
