// mtc_reduce against the tree: leaves of batches of several logs in, each in order; jobs are hashed
// by libcrypto and come back in order after a while; every record once, no more jobs than MaxNodes.
#include "Vreduce.h"
#include "bench.hpp"

#include <deque>

namespace {

constexpr size_t kMaxNodes = 128;
constexpr size_t kSlots = 4;

struct Leaf {
  size_t slot;
  bool opens;
  uint32_t cookie;
  Hash hash;
};

struct Job {
  uint64_t node;
  Hash left, right;
  size_t ready;  // the cycle from which on its hash may come
};

void trees_are_built(const Traffic &traffic) {
  Random random(traffic.seed);
  Dut<Vreduce> dut(traffic.seed);
  dut->flush_i = dut->start_valid_i = dut->seed_valid_i = dut->leaf_valid_i = 0;
  dut->node_valid_i = dut->record_ready_i = 0;
  dut.reset();
  std::map<Node, Hash> expected[kSlots];
  std::map<uint64_t, uint32_t> cookies[kSlots];
  std::deque<Leaf> leaves;
  std::deque<Job> jobs;
  size_t ready = 0;          // the cycle from which on the hash of a job asked for now may come
  bool right_comes = false;  // of the job of the cycle before
  auto note_job = [&] {
    if (right_comes) jobs.back().right = get_hash(dut->child_o, 0);
    right_comes = dut->job_valid_o;
    if (right_comes) jobs.push_back({dut->job_o, get_hash(dut->child_o, 0), {}, ready});
  };
  // Jobs may come while a batch is opened.
  auto clock = [&] {
    dut.settle();
    note_job();
    dut.clock();
  };
  auto open = [&](size_t slot) {
    static const uint64_t starts[] = {
        0, 1, 2, 7, 12345, (UINT64_C(1) << 48) - 5000, UINT64_C(0x5555AAAA5555)};
    uint64_t start = starts[random.below(std::size(starts))];
    size_t count = traffic.seed % 3 ? 1 + random.below(traffic.len) : traffic.len;
    Batch batch = make_batch(random, start, count, 40);
    // The last log ends exactly at 2^48.
    if (random.below(8) == 0)
      batch =
          make_batch(random, (UINT64_C(1) << 48) - batch.entries.size(), batch.entries.size(), 40);
    expected[slot] = batch.expected();
    cookies[slot].clear();
    for (size_t i = 0; i < batch.entries.size(); i++) {
      leaves.push_back({slot, i == 0, batch.cookies[i], leaf_hash(batch.entries[i])});
      cookies[slot][batch.start + i] = batch.cookies[i];
    }
    dut->start_valid_i = 1;
    dut->start_slot_i = static_cast<uint8_t>(slot);
    dut->start_i = batch.start;
    clock();
    dut->start_valid_i = 0;
    for (const auto &[level, hash] : batch.seeds) {
      dut->seed_valid_i = 1;
      set_bits(dut->seed_i, seed::slot, slot);
      set_bits(dut->seed_i, seed::level, level);
      set_hash(dut->seed_i, 0, hash);
      clock();
    }
    dut->seed_valid_i = 0;
  };

  Offer offer(random, traffic.idle), node_offer(random, traffic.idle);
  // Seeds divisible by 3: nodes come back late, so that jobs pile up to their limit.
  size_t latency = traffic.seed % 3 ? 1 + random.below(200) : 3000, batches = 6, slot = 0;
  size_t most = 0;
  auto busy = [&](size_t which) { return !expected[which].empty(); };
  for (size_t cycle = 0;; cycle++) {
    CHECK(cycle < 400000 + 400 * traffic.len, "stuck");
    ready = cycle + 1 + latency;
    // As the stream opens them: one behind the other, while earlier ones are still in work. Ports
    // that wait must not see the cycles in which that happens.
    if (batches && leaves.empty() && !busy(slot) && !dut->leaf_valid_i && !dut->node_valid_i) {
      bool ready = dut->record_ready_i;
      dut->record_ready_i = 0;
      open(slot);
      dut->record_ready_i = ready;
      slot = (slot + 1) % kSlots;
      batches--;
    }
    bool done = !batches && leaves.empty() && jobs.empty();
    for (size_t i = 0; i < kSlots; i++) done = done && !busy(i);
    if (done) break;
    dut->leaf_valid_i = offer(!leaves.empty());
    if (dut->leaf_valid_i) {
      const Leaf &leaf = leaves.front();
      set_bits(dut->leaf_i, leaf::opens, leaf.opens);
      set_bits(dut->leaf_i, leaf::slot, leaf.slot);
      set_bits(dut->leaf_i, leaf::cookie, leaf.cookie);
      set_hash(dut->leaf_hash_i, 0, leaf.hash);
    }
    dut->node_valid_i = node_offer(!jobs.empty() && jobs.front().ready <= cycle);
    if (dut->node_valid_i) {
      set_hash(dut->node_i, 0, node_hash(jobs.front().left, jobs.front().right));
      set_bits(dut->node_i, record::cookie, 0);
      set_bits(dut->node_i, record::node, jobs.front().node);
    }
    dut->record_ready_i = !random.chance(traffic.stall);
    dut->flush_i = traffic.seed % 7 == 0 && random.below(1000) == 0;
    dut.settle();
    // It may be so some cycles longer.
    if (!jobs.empty()) CHECK(dut->busy_o, "not busy");
    if (dut->record_valid_o && dut->record_ready_i) {
      uint64_t where = get_bits(dut->record_o, record::node);
      const auto *port = &where;
      size_t of = get_bits(*port, node::slot);
      Node key = {get_bits(*port, node::level), get_bits(*port, node::index)};
      auto found = expected[of].find(key);
      CHECK(found != expected[of].end(), "level %u node %llu was not asked for", key.first,
            static_cast<unsigned long long>(key.second));
      CHECK(get_hash(dut->record_o, 0) == found->second, "level %u node %llu is wrong", key.first,
            static_cast<unsigned long long>(key.second));
      uint32_t cookie = key.first ? 0 : cookies[of][key.second];
      CHECK(get_bits(dut->record_o, record::cookie) == cookie, "cookie");
      expected[of].erase(found);
    }
    bool leaf_taken = dut->leaf_valid_i && dut->leaf_ready_o;
    bool node_taken = dut->node_valid_i && dut->node_ready_o;
    note_job();
    if (leaf_taken) {
      leaves.pop_front();
      offer.taken();
    }
    if (node_taken) {
      jobs.pop_front();
      node_offer.taken();
    }
    CHECK(jobs.size() <= kMaxNodes, "%zu nodes at a time", jobs.size());
    most = std::max(most, jobs.size());
    if (dut->flush_i) {
      leaves.clear();
      jobs.clear();
      right_comes = false;
      for (auto &nodes : expected) nodes.clear();
      offer.taken();
      node_offer.taken();
    }
    dut.clock();
    if (leaf_taken || dut->flush_i) dut->leaf_valid_i = 0;
    if (node_taken || dut->flush_i) dut->node_valid_i = 0;
    dut->flush_i = 0;
  }
  if (traffic.seed % 3 == 0 && traffic.seed % 7 && traffic.idle <= 50 && traffic.stall <= 50 &&
      traffic.len >= 2000)
    CHECK(most >= kMaxNodes - 2, "only %zu nodes at a time", most);
}

}  // namespace

int main() {
  cross({1, 2, 40, 2000}, 30, 300, trees_are_built);
  return 0;
}
