// mtc_sched and its engine against libcrypto: leaves of any number of blocks and interior nodes,
// with and without places for their hashes, nodes before leaves, every tick accounted for, flush.
#include "Vsched.h"
#include "bench.hpp"

#include <deque>

namespace {

constexpr size_t kFold = 16;  // as the bench's CMake sets it
constexpr size_t kSlots = 64 / kFold + 3;

struct Leaf {
  uint64_t tag, address;
  size_t num_blocks;
  Hash hash;
};

struct Job {
  uint64_t node;
  Hash left, right;
};

void everything_is_hashed(const Traffic &traffic) {
  Random random(traffic.seed);
  Dut<Vsched> dut(traffic.seed);
  dut->flush_i = dut->leaf_valid_i = dut->node_valid_i = dut->grant_i = 0;
  dut->more_i = dut->busy_i = 0;
  dut.reset();
  Offer leaf_offer(random, traffic.idle), node_offer(random, traffic.idle);
  std::vector<Bytes> memory(1024);
  std::vector<uint64_t> links(1024), unused(1024);
  for (size_t i = 0; i < unused.size(); i++) unused[i] = (i * 389) % 1024;

  std::deque<Leaf> leaves;                        // that wait
  std::map<uint64_t, Leaf> inside;                // by place
  std::deque<Job> nodes, children, nodes_inside;  // that wait; whose children do; that are hashed
  // Lengths crossed: leaves of 1 to 129 blocks, and as many nodes.
  size_t left = 24, nodes_left = 24, hashes = 0, ticks = 0, blocks = 0, bubbles = 0;
  int unread = 0;  // blocks of leaves that the store was not asked for yet
  uint64_t place = random.below(512);
  for (size_t cycle = 0; left || nodes_left || !leaves.empty() || !inside.empty() ||
                         !nodes.empty() || !nodes_inside.empty();
       cycle++) {
    CHECK(cycle < 4000000, "stuck");
    while (left && leaves.size() < 3 && unused.size() > 200) {
      Bytes entry = random.bytes(1 + random.below(traffic.len));
      Bytes message = {0x00};
      message.insert(message.end(), entry.begin(), entry.end());
      message = padded(message);
      Leaf leaf = {random.bits() & 0x7FFFFFFFF, 0, message.size() / 64, leaf_hash(entry)};
      uint64_t link = random.below(1024);  // that of the last block leads nowhere
      for (size_t i = leaf.num_blocks; i-- > 0;) {
        memory[unused.back()] = Bytes(&message[64 * i], &message[64 * i] + 64);
        links[unused.back()] = link;
        link = unused.back();
        unused.pop_back();
      }
      leaf.address = link;
      leaves.push_back(leaf);
      left--;
    }
    if (nodes_left && nodes.size() < 2) {
      nodes.push_back({random.bits() & ((UINT64_C(1) << 58) - 1), random.hash(), random.hash()});
      nodes_left--;
    }
    dut->leaf_valid_i = leaf_offer(!leaves.empty());
    if (dut->leaf_valid_i) {
      set_bits(dut->leaf_i, leaf_job::leaf, leaves.front().tag);
      set_bits(dut->leaf_i, leaf_job::address, leaves.front().address);
      set_bits(dut->leaf_i, leaf_job::num_blocks, leaves.front().num_blocks);
    }
    dut->node_valid_i = node_offer(!nodes.empty());
    if (dut->node_valid_i) {
      dut->node_i = nodes.front().node;
      dut->tail_i = nodes.front().right.back();
    }
    // Children are asked for when they are needed, and not kept for longer.
    set_hash(dut->children_i, halves::right,
             children.empty() ? random.hash() : children.front().right);
    set_hash(dut->children_i, halves::left,
             children.empty() ? random.hash() : children.front().left);
    dut->grant_i = !random.chance(traffic.stall);
    dut->place_i = static_cast<uint16_t>(place);
    dut->more_i = random.below(2);
    dut->busy_i = random.below(2);
    bool flush = dut->flush_i;  // it is done in the cycle after
    dut->flush_i = traffic.seed % 4 == 0 && random.below(1500) == 0;
    dut.settle();

    bool take_leaf = dut->leaf_ready_o, take_node = dut->node_ready_o;
    CHECK(!take_leaf || (dut->leaf_valid_i && dut->grant_i && !dut->node_valid_i), "a leaf");
    CHECK(!take_node || dut->node_valid_i, "a node");
    // One use a tick, and it is true.
    int uses = 0;
    for (Field field : {use::tail, use::no_credit, use::no_input, use::node, use::leaf})
      uses += static_cast<int>(get_bits(dut->use_o, field));
    CHECK(uses == (cycle % kFold == kFold - 1), "%d uses", uses);
    ticks += static_cast<size_t>(uses);
    bool no_credit = get_bits(dut->use_o, use::no_credit), tail = get_bits(dut->use_o, use::tail),
         no_input = get_bits(dut->use_o, use::no_input);
    if (no_credit) CHECK(dut->leaf_valid_i && !dut->grant_i && !dut->node_valid_i, "no credit");
    if (tail) CHECK(!dut->leaf_valid_i && dut->busy_i && !dut->more_i, "tail");
    if (no_input) CHECK(!dut->leaf_valid_i && (!dut->busy_i || dut->more_i), "no input");
    if (tail || no_input) CHECK(!dut->node_valid_i, "a node waits in a bubble");
    bubbles += no_credit || tail || no_input;
    if (!flush && dut->leaf_done_o) {
      auto found = inside.find(dut->done_place_o);
      CHECK(found != inside.end(), "a hash of nothing");
      CHECK(get_hash(dut->hash_o, 0) == found->second.hash, "a leaf of %zu blocks",
            found->second.num_blocks);
      CHECK(get_bits(dut->done_leaf_o, leaf::all) == found->second.tag, "leaf");
      inside.erase(found);
      hashes++;
    }
    if (!flush && dut->node_done_o) {
      CHECK(!nodes_inside.empty(), "a node of nothing");
      Job job = nodes_inside.front();
      CHECK(get_hash(dut->hash_o, 0) == node_hash(job.left, job.right), "a node");
      CHECK(get_bits(dut->done_node_o, node::all) == job.node, "node");
      nodes_inside.pop_front();
      hashes++;
    }
    bool read = dut->read_o;
    uint64_t address = dut->address_o;
    // The store may be asked some ticks after it was decided.
    blocks += get_bits(dut->use_o, use::leaf) + get_bits(dut->use_o, use::node);
    unread += static_cast<int>(get_bits(dut->use_o, use::leaf)) - read;
    CHECK(unread >= 0 && unread <= 3, "%d blocks of leaves were not read", unread);
    if (take_leaf) {
      inside[place] = leaves.front();
      place = (place + 1) % 512;
      leaves.pop_front();
      leaf_offer.taken();
    }
    if (dut->children_ready_o) {
      CHECK(!children.empty(), "children of nothing");
      children.pop_front();
    }
    if (take_node) {
      children.push_back(nodes.front());
      nodes_inside.push_back(nodes.front());
      nodes.pop_front();
      node_offer.taken();
    }
    if (flush) {
      leaves.clear();
      nodes.clear();
      children.clear();
      inside.clear();
      nodes_inside.clear();
      leaf_offer.taken();
      node_offer.taken();
      unused.clear();
      for (size_t i = 0; i < 1024; i++) unused.push_back(i);
      read = false;
      unread = 0;
    }
    dut.clock();
    // The store: its answer comes a cycle later and stays.
    if (read) {
      CHECK(!memory[address].empty(), "block %llu is read twice",
            static_cast<unsigned long long>(address));
      set_block(dut->data_i, memory[address].data());
      dut->next_i = static_cast<uint16_t>(links[address]);
      memory[address].clear();
      unused.insert(unused.begin(), address);
    }
    if (take_leaf) dut->leaf_valid_i = 0;
    if (take_node) dut->node_valid_i = 0;
  }
  CHECK(traffic.seed % 4 == 0 || hashes == 48, "%zu hashes", hashes);
  CHECK(unread == 0, "%d blocks of leaves were not read", unread);
  CHECK(ticks == blocks + bubbles, "%zu ticks, %zu blocks, %zu bubbles", ticks, blocks, bubbles);
  // With work at hand no slot stays free but for the start and the last leaf.
  if (!traffic.idle && !traffic.stall && traffic.seed % 4)
    CHECK(bubbles <= kSlots * (3 + (traffic.len + 72) / 64), "%zu bubbles", bubbles);
}

}  // namespace

int main() {
  cross({1, 55, 64, 400, 8192}, 40, 600, everything_is_hashed);
  return 0;
}
