// mtc_reorder against a list: leaves finish in any order and come out in theirs; no more than
// Window are between start and end.
#include "Vreorder.h"
#include "bench.hpp"

#include <deque>

namespace {

constexpr size_t kWindow = 512;

void hashes_come_in_order(const Traffic &traffic) {
  struct Leaf {
    uint64_t place, tag;
    Hash hash;
  };
  Random random(traffic.seed);
  Dut<Vreorder> dut(traffic.seed);
  dut->flush_i = dut->start_i = dut->hash_valid_i = dut->leaf_ready_i = 0;
  dut.reset();
  std::deque<Leaf> order;        // started, not out
  std::vector<Leaf> unfinished;  // started, without a hash
  // Seeds divisible by 3 finish no leaf until as many as may are started.
  bool hold = traffic.seed % 3 == 0;
  size_t started = 0, out = 0, most = 0, swept = 0;
  for (size_t cycle = 0; out < traffic.len; cycle++) {
    CHECK(cycle < 5000 + 400 * traffic.len, "stuck");
    // Old marks go first.
    CHECK(dut->grant_o == (swept == kWindow && order.size() < kWindow), "%zu started, grant %u",
          order.size(), dut->grant_o);
    CHECK(dut->empty_o == order.empty(), "empty");
    dut->start_i = started < traffic.len && dut->grant_o && !random.chance(traffic.idle);
    if (order.size() == kWindow || started == traffic.len) hold = false;
    size_t which = unfinished.empty() ? 0 : random.below(unfinished.size());
    // The oldest first, at times.
    if (traffic.seed % 4 == 0) which = 0;
    dut->hash_valid_i = !hold && !unfinished.empty() && !random.chance(traffic.idle);
    if (dut->hash_valid_i) {
      dut->hash_place_i = unfinished[which].place;
      set_bits(dut->hash_leaf_i, leaf::all, unfinished[which].tag);
      set_hash(dut->hash_i, 0, unfinished[which].hash);
    }
    dut->leaf_ready_i = !random.chance(traffic.stall);
    dut->flush_i = traffic.seed % 5 == 0 && random.below(400) == 0;
    dut.settle();
    if (dut->leaf_valid_o) {
      CHECK(!order.empty(), "a leaf of nothing");
      CHECK(get_bits(dut->leaf_o, leaf::all) == order.front().tag, "out of order");
      CHECK(get_hash(dut->leaf_hash_o, 0) == order.front().hash, "a wrong hash");
    }
    if (dut->leaf_valid_o && dut->leaf_ready_i) {
      order.pop_front();
      out++;
    }
    if (dut->hash_valid_i) unfinished.erase(unfinished.begin() + static_cast<ptrdiff_t>(which));
    if (dut->start_i) {
      Leaf leaf = {dut->place_o, random.bits() & 0x7FFFFFFFF, random.hash()};
      order.push_back(leaf);
      unfinished.push_back(leaf);
      started++;
    }
    swept = dut->flush_i ? 0 : std::min(swept + 1, kWindow);
    if (dut->flush_i) {
      order.clear();
      unfinished.clear();
      out = started;
    }
    most = std::max(most, order.size());
    dut.clock();
  }
  if (traffic.seed % 3 == 0 && traffic.seed % 5 && traffic.len > kWindow)
    CHECK(most == kWindow, "only %zu at a time", most);
}

}  // namespace

int main() {
  cross({1, 2, 511, 512, 513, 1500}, 60, 1200, hashes_come_in_order);
  return 0;
}
