// mtc_pad against the padding of FIPS 180-4 of 0x00 || entry, for every length that matters.
#include "Vpad.h"
#include "bench.hpp"

#include <deque>

namespace {

// Entries one behind the other, a cycle between them as mtc_ingest leaves it; some are given up in
// the middle by flush. Blocks come when their beats did, whatever is before and behind.
void entries_are_padded(const Traffic &traffic) {
  struct Entry {
    Bytes wire, message;
    uint64_t message_len, cookie, slot, opens;
  };
  Random random(traffic.seed);
  Dut<Vpad> dut(traffic.seed);
  dut->flush_i = dut->entry_valid_i = 0;
  dut.reset();
  std::deque<Entry> inside;
  size_t num_blocks = 0, cycles = 0, block = 0;
  auto cycle = [&](const Entry *entry, size_t beat, bool flush) {
    dut->entry_valid_i = entry != nullptr;
    Bytes junk = random.bytes(sizeof dut->entry_i);
    std::memcpy(&dut->entry_i, junk.data(), junk.size());
    if (entry) {
      set_beat(dut->entry_i, &entry->wire[beat * 64]);
      set_bits(dut->entry_i, entry_beat::first, beat == 0);
      set_bits(dut->entry_i, entry_beat::message_len, entry->message_len);
      set_bits(dut->entry_i, entry_beat::cookie, entry->cookie);
      set_bits(dut->entry_i, entry_beat::slot, entry->slot);
      set_bits(dut->entry_i, entry_beat::opens, entry->opens);
      if (beat == 0) inside.push_back(*entry);
    }
    dut->flush_i = flush;
    dut.settle();
    if (dut->block_valid_o && !flush) {
      CHECK(!inside.empty(), "a block of nothing");
      const Entry &front = inside.front();
      CHECK(get_block(dut->block_o) ==
                Bytes(&front.message[block * 64], &front.message[block * 64] + 64),
            "block %zu of a message of %zu bytes, padded", block, front.message.size());
      bool last = block * 64 + 64 == front.message.size();
      CHECK(get_bits(dut->block_o, block::last) == last, "last");
      CHECK(get_bits(dut->block_o, block::leaf) ==
                (front.cookie << 3 | front.slot << 1 | front.opens),
            "leaf");
      num_blocks++;
      block = last ? 0 : block + 1;
      if (last) inside.pop_front();
    }
    dut.clock();
    cycles++;
    if (flush) {
      inside.clear();
      block = 0;
    }
  };
  for (int i = 0; i < 4; i++) {
    Bytes bytes = random.bytes(i % 2 ? 1 + random.below(200) : traffic.len);
    Entry entry = {random.bytes((bytes.size() + 8 + 63) / 64 * 64),
                   {0x00},
                   bytes.size() + 1,
                   random.bits() >> 32,
                   random.below(4),
                   random.below(2)};
    std::copy(bytes.begin(), bytes.end(), entry.wire.begin() + 8);  // the rest of it is junk
    entry.message.insert(entry.message.end(), bytes.begin(), bytes.end());
    entry.message = padded(entry.message);
    size_t give_up = traffic.seed % 5 == 0 && i == 1 ? 1 + random.below(6) : SIZE_MAX;
    size_t beat = 0;
    for (; beat * 64 < entry.wire.size() && give_up; give_up--) {
      if (random.chance(traffic.idle)) {
        cycle(nullptr, 0, false);
      } else {
        cycle(&entry, beat++, false);
      }
    }
    if (give_up == 0) cycle(beat * 64 < entry.wire.size() ? &entry : nullptr, beat, true);
    do cycle(nullptr, 0, false);
    while (random.chance(traffic.idle));
  }
  for (int i = 0; i < 4; i++) cycle(nullptr, 0, false);
  CHECK(inside.empty(), "blocks are missing");
  if (!traffic.idle && traffic.seed % 5)
    CHECK(cycles <= num_blocks + 2 * 4, "%zu blocks in %zu cycles", num_blocks, cycles);
}

}  // namespace

int main() {
  cross({1, 54, 55, 56, 57, 62, 63, 64, 118, 119, 120, 121, 8191, 8192}, 300, 600,
        entries_are_padded);
  for (size_t len = 1; len <= 260; len++) entries_are_padded({static_cast<int>(len), 0, 0, len});
  return 0;
}
