// mtc_pad against the padding of FIPS 180-4 of 0x00 || entry, for every length that matters.
#include "Vpad.h"
#include "bench.hpp"

namespace {

// Entries one behind the other; some are given up in the middle by flush.
void entries_are_padded(const Traffic &traffic) {
  Random random(traffic.seed);
  Dut<Vpad> dut(traffic.seed);
  dut->flush_i = dut->entry_valid_i = dut->block_ready_i = 0;
  dut.reset();
  Offer offer(random, traffic.idle);
  size_t num_blocks = 0, cycles = 0;
  for (int i = 0; i < 4; i++) {
    Bytes entry = random.bytes(i % 2 ? 1 + random.below(200) : traffic.len);
    Bytes message = {0x00};
    message.insert(message.end(), entry.begin(), entry.end());
    message = padded(message);
    Bytes wire = random.bytes((entry.size() + 8 + 63) / 64 * 64);  // the rest of it is junk
    std::copy(entry.begin(), entry.end(), wire.begin() + 8);
    uint64_t cookie = random.bits() & 0xFFFFFFFF, slot = random.below(4), opens = random.below(2);
    size_t beat = 0, block = 0;
    size_t give_up = traffic.seed % 5 == 0 && i == 1 ? 1 + random.below(6) : SIZE_MAX;
    for (size_t cycle = 0; block * 64 < message.size(); cycle++, cycles++) {
      CHECK(cycle < 1000 + 50 * message.size(), "stuck at %zu bytes", entry.size());
      dut->entry_valid_i = offer(beat * 64 < wire.size());
      if (dut->entry_valid_i) {
        set_beat(dut->entry_i, &wire[beat * 64]);
        set_bits(dut->entry_i, entry_beat::first, beat == 0);
        set_bits(dut->entry_i, entry_beat::message_len, entry.size() + 1);
        set_bits(dut->entry_i, entry_beat::cookie, cookie);
        set_bits(dut->entry_i, entry_beat::slot, slot);
        set_bits(dut->entry_i, entry_beat::opens, opens);
      }
      dut->block_ready_i = !random.chance(traffic.stall);
      dut->flush_i = cycle == give_up;
      dut.settle();
      if (dut->block_valid_o) {
        CHECK(get_block(dut->block_o) == Bytes(&message[block * 64], &message[block * 64] + 64),
              "block %zu of an entry of %zu bytes", block, entry.size());
        CHECK(get_bits(dut->block_o, block::last) == (block * 64 + 64 == message.size()), "last");
        CHECK(get_bits(dut->block_o, block::leaf) == (cookie << 3 | slot << 1 | opens), "leaf");
      }
      if (dut->entry_valid_i && dut->entry_ready_o) {
        beat++;
        offer.taken();
      }
      if (dut->block_valid_o && dut->block_ready_i) {
        block++;
        num_blocks++;
      }
      dut.clock();
      if (dut->flush_i) break;
    }
    CHECK(give_up != SIZE_MAX || beat * 64 == wire.size(), "beats were left over");
    offer.taken();
    dut->entry_valid_i = dut->flush_i = 0;
  }
  // A block a cycle, and some for the head of each entry and the way through.
  if (!traffic.idle && !traffic.stall && traffic.seed % 5)
    CHECK(cycles <= num_blocks + 4 * 6, "%zu blocks in %zu cycles", num_blocks, cycles);
}

}  // namespace

int main() {
  cross({1, 54, 55, 56, 57, 62, 63, 64, 118, 119, 120, 121, 8191, 8192}, 300, 600,
        entries_are_padded);
  for (size_t len = 1; len <= 260; len++) entries_are_padded({static_cast<int>(len), 0, 0, len});
  return 0;
}
