// mtc_skid against a queue: order, nothing lost or doubled, a word a cycle, and that no path leads
// from an input to an output within a cycle.
#include "Vskid.h"
#include "bench.hpp"
#include "steady.hpp"

#include <deque>

namespace {

// valid, payload and ready as they are are those of a register, whatever comes from outside.
void outputs_are_registers(Dut<Vskid> &dut) {
  auto ready = dut->ready_o, valid = dut->valid_o;
  auto data = dut->data_o;
  for (int i = 0; i < 3; i++) {
    if (i != 1) dut->valid_i = !dut->valid_i;
    if (i != 0) dut->ready_i = !dut->ready_i;
    dut.settle();
    CHECK(dut->ready_o == ready && dut->valid_o == valid && dut->data_o == data, "a path");
    if (i != 1) dut->valid_i = !dut->valid_i;
    if (i != 0) dut->ready_i = !dut->ready_i;
  }
  dut.settle();
}

void words_pass(const Traffic &traffic) {
  Random random(traffic.seed);
  Dut<Vskid> dut(traffic.seed);
  dut->valid_i = dut->ready_i = 0;
  dut.reset();
  CHECK(!dut->valid_o, "a word after reset");
  Offer offer(random, traffic.idle);
  Steady steady;
  std::deque<uint64_t> inside;
  size_t given = 0, taken = 0, cycles = 0;
  for (; taken < traffic.len; cycles++) {
    CHECK(cycles < 1000 + 400 * traffic.len, "stuck");
    bool offered = dut->valid_i;
    dut->valid_i = offer(given < traffic.len);
    if (!offered) dut->data_i = random.bits() & 0xFFFFFFFFFF;  // junk too, where it is not valid
    dut->ready_i = !random.chance(traffic.stall);
    dut.settle();
    outputs_are_registers(dut);
    Bytes payload;
    put(payload, dut->data_o, 8);
    steady.see("output", dut->valid_o, dut->ready_i, payload);
    if (dut->valid_o) CHECK(!inside.empty() && dut->data_o == inside.front(), "a wrong word");
    if (dut->valid_o && dut->ready_i) {
      inside.pop_front();
      taken++;
    }
    bool push = dut->valid_i && dut->ready_o;
    if (push) {
      inside.push_back(dut->data_i);
      given++;
      offer.taken();
    }
    dut.clock();
    if (push) dut->valid_i = 0;
  }
  dut->ready_i = 1;
  for (int i = 0; i < 8; i++, dut.clock()) CHECK(!dut->valid_o, "a word that nobody gave");
  if (!traffic.idle && !traffic.stall)
    CHECK(cycles <= traffic.len + 4, "%zu words in %zu cycles", traffic.len, cycles);
}

}  // namespace

int main() {
  cross({1, 2, 3, 8, 100}, 100, 500, words_pass);
  return 0;
}
