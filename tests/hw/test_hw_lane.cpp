// A whole lane against libcrypto, in every build of the model: random batches at any start index
// under several patterns of idle input and stalled output, batches that overlap, every error of the
// stream, sessions that are broken off at every cycle, and how full the engine is. Arguments: fold
// and stages of the build.
#include <random>

#include "batch.hpp"
#include "check.hpp"
#include "damage.hpp"
#include "hash/card_regs.h"
#include "model.hpp"

namespace {

Build build;  // of the model under test

class Bench {
 public:
  Bench(int seed, int idle_percent, int stall_percent)
      : model_(seed, build), random_(seed), idle_(idle_percent), stall_(stall_percent) {
    check_seed = seed;
    CHECK(model_.read_register(MTC_REG_ID) == MTC_CARD_REGISTER_ID, "ID");
    CHECK(model_.read_register(MTC_REG_VERSION) == MTC_CARD_INTERFACE_VERSION, "VERSION");
    resync();
  }

  uint64_t below(uint64_t bound) { return random_() % bound; }
  uint32_t reg(uint32_t offset) { return model_.read_register(offset); }
  uint32_t nonce() const { return nonce_; }

  void command(uint32_t code, uint32_t expected_result = 0) {
    model_.write_register(MTC_REG_CMD, code);
    model_.write_register(MTC_REG_CMD_SEQ, ++sequence_);
    await_acknowledgement();
    CHECK(reg(MTC_REG_CMD_RESULT) == expected_result, "command %u", code);
  }

  void await_acknowledgement() {
    for (int i = 0; reg(MTC_REG_CMD_ACK) != sequence_; i++) {
      CHECK(i < 10, "command %u was not acknowledged", reg(MTC_REG_CMD));
      cycle();
    }
  }

  // Starts a session on a core in any state, as docs/registers.md says.
  void resync() {
    prepare_resync();
    finish_resync();
  }

  // All but the last write of it, behind which the input goes on.
  void prepare_resync() {
    next_nonce_ = static_cast<uint32_t>(random_()) | 1;
    model_.write_register(MTC_REG_NONCE, next_nonce_);
    model_.write_register(MTC_REG_CMD, MTC_CARD_CMD_RESYNC);
  }

  void finish_resync() {
    nonce_ = next_nonce_;
    model_.write_register(MTC_REG_CMD_SEQ, ++sequence_);
    await_acknowledgement();
    CHECK(reg(MTC_REG_CMD_RESULT) == 0, "RESYNC");
    forget_input();
    // What comes before the SYNC beat with the nonce is nothing, even another SYNC beat.
    syncing_ = true;
    give(sync_beat(nonce_ + 2));
    while (!input_empty()) cycle();
    for (int i = 0; i < 600; i++) cycle();  // longer than mtc_reorder needs
    CHECK(reg(MTC_REG_STATUS) == MTC_STATUS_DISCARDING_MASK ||
              reg(MTC_REG_STATUS) == (MTC_STATUS_DISCARDING_MASK | MTC_STATUS_FAILED_MASK),
          "STATUS 0x%x", reg(MTC_REG_STATUS));
    sync();
  }

  void sync() {
    forget_input();
    give(sync_beat(nonce_));
    syncing_ = true;
    // The whole frames of the session before come first, and what is not asked for yet.
    size_t limit = frame_.size() / kFrameLen + 20;
    for (size_t i = 0;; i++) {
      CHECK(i < limit, "no SYNC frame");
      Bytes frame = next_frame();
      if (get<uint16_t>(&frame[6]) != MTC_CARD_FRAME_KIND_SYNC) continue;
      if (get<uint32_t>(&frame[8]) != nonce_) continue;
      break;
    }
    CHECK(reg(MTC_REG_SYNC_ACK) == nonce_, "SYNC_ACK");
    CHECK(reg(MTC_REG_OUT_AVAIL) == 0, "OUT_AVAIL after SYNC");
    CHECK(reg(MTC_REG_IN_CREDIT) == reg(MTC_REG_CAPS_INPUT), "IN_CREDIT after SYNC");
    CHECK(reg(MTC_REG_ERR_CAUSE) == 0, "ERR_CAUSE after SYNC");
    syncing_ = false;
    taken_ = frames_ = 0;
  }

  // Lets the core run into the full output buffer.
  void hold_output() {
    blocked_ = true;
    for (int i = 0; i < 200000; i++) cycle();
    blocked_ = false;
    // As many as there are buffers; a batch keeps one to fill.
    CHECK(reg(MTC_REG_OUT_AVAIL) - frames_ >= 7, "%u frames wait",
          reg(MTC_REG_OUT_AVAIL) - frames_);
  }

  void give(const Bytes &bytes) {
    input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(given_));
    given_ = 0;
    input_.insert(input_.end(), bytes.begin(), bytes.end());
  }
  void forget_input() {
    input_.clear();
    given_ = 0;
    answers_ = {};
  }
  void block_output(bool blocked) { blocked_ = blocked; }
  bool input_empty() const { return given_ == input_.size(); }

  void cycle() {
    if (below(64) == 0) pick_mood();
    bool offer = !input_empty() && below(100) >= static_cast<uint64_t>(idle_now_);
    bool room = !blocked_ && below(100) >= static_cast<uint64_t>(stall_now_);
    // What the credit grants must be taken at once; the core may take a little more.
    bool granted = !syncing_ && static_cast<int32_t>(reg(MTC_REG_IN_CREDIT) - taken_) > 0;
    uint8_t beat[kBeatLen];
    Model::Moved moved = model_.cycle(offer ? &input_[given_] : nullptr, room ? beat : nullptr);
    CHECK(!(offer && granted) || moved.input, "a granted beat was not taken");
    if (moved.input) {
      given_ += kBeatLen;
      taken_++;
    }
    if (moved.output) {
      if (frame_.size() % kFrameLen == 0 && !syncing_)
        CHECK(static_cast<int32_t>(reg(MTC_REG_OUT_AVAIL) - frames_) > 0,
              "output before OUT_AVAIL");
      frame_.insert(frame_.end(), beat, beat + kBeatLen);
    }
  }

  Bytes next_frame() {
    for (int i = 0; frame_.size() < kFrameLen; i++) {
      CHECK(i < 4000000, "no frame");
      cycle();
    }
    Bytes frame(frame_.begin(), frame_.begin() + kFrameLen);
    frame_.erase(frame_.begin(), frame_.begin() + kFrameLen);
    CHECK(get<uint32_t>(&frame[0]) == MTC_CARD_MAGIC_FRAME, "magic of a frame");
    frames_++;
    return frame;
  }

  // Notes that a batch was given; with an error code, only what came before it will come.
  void await(const Batch &batch, uint32_t number, uint32_t code = 0, uint32_t info = 0,
             bool promised = true) {
    answers_.await(batch, number, code, info, promised);
  }

  void take_frame() {
    uint32_t code = answers_.take(next_frame(), nonce_);
    if (code) CHECK(reg(MTC_REG_ERR_CAUSE) == code, "ERR_CAUSE");
  }

  void take_all() {
    while (!answers_.empty()) take_frame();
  }

  // Waits for a batch that was given.
  void expect(const Batch &batch, uint32_t number, uint32_t code = 0, uint32_t info = 0,
              bool promised = true) {
    await(batch, number, code, info, promised);
    take_all();
  }

  Batch random_batch(uint64_t start, size_t num_entries) {
    return ::random_batch(random_, start, num_entries);
  }

 private:
  // Bursts and pauses, around the percentages given.
  void pick_mood() {
    idle_now_ = below(4) ? idle_ : 0;
    stall_now_ = below(4) ? stall_ : 0;
  }

  Model model_;
  std::mt19937_64 random_;
  int idle_, stall_, idle_now_ = 0, stall_now_ = 0;
  uint32_t nonce_ = 0, next_nonce_ = 0, sequence_ = 0, taken_ = 0, frames_ = 0;
  bool syncing_ = false, blocked_ = false;
  Bytes input_, frame_;  // frame_: output not yet asked for
  size_t given_ = 0;     // bytes of input_ that the core took
  Answers answers_;
};

void random_batches() {
  static const int patterns[][2] = {{0, 0}, {60, 0}, {0, 95}, {95, 95}};
  int seed = 1;
  for (const auto &pattern : patterns) {
    Bench bench(seed++, pattern[0], pattern[1]);
    for (uint32_t number = 0; number < 12; number++) {
      size_t count = 1 + bench.below(number % 3 ? 40 : 200);
      uint64_t start = bench.below(UINT64_C(1) << (1 + bench.below(48)));
      if (number == 0) start = 0;
      if (number == 1) start = (UINT64_C(1) << 48) - count;
      Batch batch = bench.random_batch(std::min(start, (UINT64_C(1) << 48) - count), count);
      if (number == 2) batch.entries[0] = Bytes(8192, 0xAB);
      bench.give(batch.wire(bench.nonce(), number));
      bench.expect(batch, number);
    }
  }
}

void held_output_is_kept() {
  Bench bench(5, 0, 0);
  Batch batch = bench.random_batch(1000, 1250);
  bench.give(batch.wire(bench.nonce(), 1));
  bench.hold_output();
  bench.expect(batch, 1);
}

void counters_count() {
  Bench bench(7, 0, 0);
  Batch batch = bench.random_batch(5, 50);
  uint64_t leaf_blocks = 0, nodes = batch.expected().size() - 50;
  for (const Bytes &entry : batch.entries) leaf_blocks += (entry.size() + 1 + 8) / 64 + 1;
  bench.give(batch.wire(bench.nonce(), 1));
  bench.expect(batch, 1);
  CHECK(bench.reg(MTC_REG_ENTRIES_LO) == 0, "counters show before the snapshot");
  bench.command(MTC_CARD_CMD_SNAPSHOT);
  CHECK(bench.reg(MTC_REG_ENTRIES_LO) == 50, "ENTRIES");
  CHECK(bench.reg(MTC_REG_LEAF_HASHES_LO) == 50, "LEAF_HASHES");
  CHECK(bench.reg(MTC_REG_LEAF_BLOCKS_LO) == leaf_blocks, "LEAF_BLOCKS");
  CHECK(bench.reg(MTC_REG_NODE_HASHES_LO) == nodes, "NODE_HASHES");
  CHECK(bench.reg(MTC_REG_NODE_BLOCKS_LO) == 2 * nodes, "NODE_BLOCKS");
  uint64_t ticks = leaf_blocks + 2 * nodes + bench.reg(MTC_REG_NO_INPUT_LO) +
                   bench.reg(MTC_REG_NO_CREDIT_LO) + bench.reg(MTC_REG_TAIL_LO);
  uint64_t cycles = bench.reg(MTC_REG_CYCLES_LO), fold = bench.reg(MTC_REG_CAPS_CORE) & 0xFF;
  CHECK(ticks * fold <= cycles && (ticks + 1) * fold > cycles, "%llu ticks in %llu cycles",
        static_cast<unsigned long long>(ticks), static_cast<unsigned long long>(cycles));
  bench.command(77, 1);
  // A beat waits from some time on in these cycles, and in each of those that follow.
  CHECK(bench.reg(MTC_REG_STALLS_LO) == 0, "STALLS");
  batch = bench.random_batch(0, 50);
  bench.give(batch.wire(bench.nonce(), 2));
  bench.block_output(true);
  for (int i = 0; i < 20000; i++) bench.cycle();
  bench.command(MTC_CARD_CMD_SNAPSHOT);
  uint32_t stalls = bench.reg(MTC_REG_STALLS_LO), from = bench.reg(MTC_REG_CYCLES_LO);
  for (int i = 0; i < 100; i++) bench.cycle();
  bench.command(MTC_CARD_CMD_SNAPSHOT);
  CHECK(stalls > 0 && bench.reg(MTC_REG_STALLS_LO) - stalls == bench.reg(MTC_REG_CYCLES_LO) - from,
        "STALLS %u, then %u", stalls, bench.reg(MTC_REG_STALLS_LO));
  bench.block_output(false);
  bench.expect(batch, 2);
}

void errors_close_the_batch() {
  Bench bench(11, 30, 30);
  uint32_t number = 0;
  for (const Damage &damage : kDamages) {
    Batch batch = bench.random_batch(kDamagedStart, 90);
    Bytes wire = batch.wire(bench.nonce(), ++number);
    damage.apply(wire);
    bench.give(wire);
    bench.expect(batch, number, damage.code, damage.info, damage.promised);
    // The rest is discarded until the SYNC beat; afterwards all is well.
    while (!bench.input_empty()) bench.cycle();
    CHECK(bench.reg(MTC_REG_STATUS) & MTC_STATUS_FAILED_MASK, "STATUS");
    bench.sync();
    batch = bench.random_batch(bench.below(1000), 70);
    bench.give(batch.wire(bench.nonce(), ++number));
    bench.expect(batch, number);
  }
  // An error in the middle: what is hashed by then is right.
  Batch batch = bench.random_batch(100, 100);
  batch.entries[70].clear();
  bench.give(batch.wire(bench.nonce(), ++number));
  bench.expect(batch, number, MTC_CARD_ERR_LENGTH, 0);
  bench.sync();
}

void sessions_can_be_broken_off() {
  for (int seed = 100; seed < 140; seed++) {
    Bench bench(seed, 20, seed % 2 ? 50 : 99);
    Batch batch = bench.random_batch(bench.below(5000), 100);
    bench.give(batch.wire(bench.nonce(), 1));
    for (uint64_t i = bench.below(40000); i; i--) bench.cycle();
    bench.forget_input();
    bench.resync();
    batch = bench.random_batch(bench.below(5000), 40);
    bench.give(batch.wire(bench.nonce(), 2));
    bench.expect(batch, 2);
  }
}

// What comes after a broken session is right.
void expect_good_session(Bench &bench) {
  Batch batch = bench.random_batch(bench.below(5000), 20);
  bench.give(batch.wire(bench.nonce(), 2));
  bench.expect(batch, 2);
}

// RESYNC with the parser at rest in each state where it waits for a beat, by the number of beats
// given. A batch at start 6: header, 2 seeds, entries of 1, 3 and 2 beats.
void sessions_can_be_broken_off_at_every_beat() {
  static const char *const states[] = {"StHeader", "StSeeds", "StSeeds", "StEntry", "StEntry",
                                       "StBody",   "StBody",  "StEntry", "StBody",  "StHeader"};
  for (size_t beats = 0; beats < std::size(states); beats++) {
    Bench bench(400 + static_cast<int>(beats), 0, 0);
    Batch batch = bench.random_batch(6, 3);
    const size_t lens[] = {56, 184, 57};
    for (size_t i = 0; i < 3; i++) batch.entries[i] = Bytes(lens[i], 0x33);
    Bytes wire = batch.wire(bench.nonce(), 1);
    CHECK(wire.size() == 64 * (std::size(states) - 1), "%zu bytes", wire.size());
    wire.resize(64 * beats);
    bench.give(wire);
    for (int i = 0; i < 100; i++) bench.cycle();
    CHECK(bench.reg(MTC_REG_IN_CREDIT) == bench.reg(MTC_REG_CAPS_INPUT) + beats,
          "%s waits for beat %zu", states[beats], beats);
    bench.resync();
    expect_good_session(bench);
  }
}

// RESYNC with a header that waits for a free slot (StOpen): its seeds are given and are not taken.
void sessions_can_be_broken_off_before_a_slot_is_free() {
  Bench bench(420, 0, 0);
  bench.block_output(true);
  uint32_t number = 0, beats = 0;
  for (size_t count : {500, 1, 1, 1, 1}) {
    Batch batch = bench.random_batch(number == 4 ? 6 : 0, count);
    for (Bytes &entry : batch.entries) entry.resize(1);
    Bytes wire = batch.wire(bench.nonce(), ++number);
    beats += static_cast<uint32_t>(number == 5 ? 1 : wire.size() / 64);
    bench.give(wire);
    while (!bench.input_empty()) bench.cycle();
  }
  auto waits = [&] {
    return bench.reg(MTC_REG_IN_CREDIT) == bench.reg(MTC_REG_CAPS_INPUT) + beats;
  };
  for (int i = 0; i < 500000 && !waits(); i++) bench.cycle();
  for (int i = 0; i < 20000; i++) bench.cycle();
  CHECK(waits(), "the fifth batch does not wait for a slot");
  bench.block_output(false);
  bench.resync();
  expect_good_session(bench);
}

// RESYNC in each cycle of the life of a batch, from before its first beat to behind its last frame,
// and so in StOpen and StClose too. With an error in it: into StDiscard.
void sessions_can_be_broken_off_in_every_cycle() {
  for (bool good : {true, false}) {
    for (int cycles = 0; cycles < 90; cycles++) {
      Bench bench(430, 0, 0);  // the same again and again
      Batch batch = bench.random_batch(5, 4);
      for (Bytes &entry : batch.entries) entry.resize(100);
      if (!good) batch.entries[2].clear();
      bench.prepare_resync();
      bench.give(batch.wire(bench.nonce(), 1));
      for (int i = 0; i < cycles; i++) bench.cycle();
      bench.finish_resync();
      expect_good_session(bench);
    }
  }
}

// Any number of entries of any length at any start, several batches at a time.
void many_batches(int num_batches) {
  int seed = 1000;
  while (num_batches > 0) {
    std::mt19937_64 random(static_cast<uint64_t>(seed));
    Bench bench(seed++, static_cast<int>(random() % 100), static_cast<int>(random() % 100));
    for (uint32_t number = 0; number < 20 && num_batches > 0; number++, num_batches--) {
      size_t count = 1 + random() % (UINT64_C(1) << random() % 6);
      if (num_batches % 100 == 7) count = 1000 + random() % 2000;
      uint64_t start = random() % (UINT64_C(1) << (1 + random() % 48));
      Batch batch = bench.random_batch(std::min(start, (UINT64_C(1) << 48) - count), count);
      // A long one now and then; in a large batch all are short.
      for (Bytes &entry : batch.entries) {
        if (count >= 1000) entry.resize(1 + random() % 64, 0x11);
        if (count < 1000 && random() % 32 == 0) entry.resize(1 + random() % 8192, 0x22);
      }
      bench.give(batch.wire(bench.nonce(), number));
      bench.await(batch, number);
    }
    bench.take_all();
  }
}

void twenty_thousand_entries_of_a_byte() {
  Bench bench(500, 0, 0);
  Batch batch = bench.random_batch(77, 20000);
  for (Bytes &entry : batch.entries) entry.resize(1);
  bench.give(batch.wire(bench.nonce(), 1));
  bench.expect(batch, 1);
}

// Of several logs, of every size, one behind the other; the input never waits for the output.
void batches_overlap() {
  static const int patterns[][2] = {{0, 0}, {50, 0}, {0, 90}, {80, 80}};
  int seed = 200;
  for (const auto &pattern : patterns) {
    Bench bench(seed++, pattern[0], pattern[1]);
    uint64_t sizes[3] = {0, 12345, (UINT64_C(1) << 40) - 50};  // of three logs
    for (uint32_t number = 0; number < 40; number++) {
      size_t count = 1 + bench.below(number % 4 ? 9 : 150);
      uint64_t &size = sizes[bench.below(3)];
      Batch batch = bench.random_batch(size, count);
      if (number % 13 == 5) batch.entries[0] = Bytes(1 + bench.below(8192), 0xCD);
      size += count;
      bench.give(batch.wire(bench.nonce(), number));
      bench.await(batch, number);
    }
    bench.take_all();
  }
}

// An error behind batches that are still hashed: they are finished, it is closed, the rest
// discarded.
void errors_let_earlier_batches_finish() {
  Bench bench(300, 0, 0);
  for (uint32_t number = 0; number < 3; number++) {
    Batch batch = bench.random_batch(1000 * number, 30);
    bench.give(batch.wire(bench.nonce(), number));
    bench.await(batch, number);
  }
  Batch bad = bench.random_batch(77, 40);
  bad.entries[20].clear();
  bench.give(bad.wire(bench.nonce(), 3));
  bench.await(bad, 3, MTC_CARD_ERR_LENGTH, 0);
  bench.take_all();
}

// Lengths as in a real log, 150 to 600 bytes. The engine's share of ticks with a block, in percent.
double utilisation(unsigned num_batches, size_t num_entries) {
  Bench bench(400, 0, 0);
  uint64_t start = 0;
  bench.command(MTC_CARD_CMD_SNAPSHOT);
  uint64_t before = bench.reg(MTC_REG_CYCLES_LO);
  for (uint32_t number = 0; number < num_batches; number++) {
    Batch batch = bench.random_batch(start, num_entries);
    for (Bytes &entry : batch.entries) entry.resize(150 + bench.below(451), 0x5A);
    start += num_entries;
    bench.give(batch.wire(bench.nonce(), number));
    bench.await(batch, number);
  }
  bench.take_all();
  bench.command(MTC_CARD_CMD_SNAPSHOT);
  uint64_t blocks = uint64_t{bench.reg(MTC_REG_LEAF_BLOCKS_LO)} + bench.reg(MTC_REG_NODE_BLOCKS_LO);
  uint64_t fold = bench.reg(MTC_REG_CAPS_CORE) & 0xFF;
  return 100.0 * static_cast<double>(blocks * fold) /
         static_cast<double>(bench.reg(MTC_REG_CYCLES_LO) - before);
}

void the_engine_is_full(double isolated, double overlapping) {
  double alone = utilisation(1, 4096), together = utilisation(8, 4096), small = utilisation(1, 256);
  std::printf("fold %u, stages %u: 4,096 entries %.1f%%, 8 x 4,096 %.1f%%, 256 entries %.1f%%\n",
              build.fold, build.stages, alone, together, small);
  CHECK(alone >= isolated, "%.1f%% of the ticks in one batch", alone);
  CHECK(together >= overlapping, "%.1f%% of the ticks in eight batches", together);
}

}  // namespace

int main(int argc, char **argv) {
  // Together 1,000 batches. Shares of ticks with a block as docs/hardware.md has them.
  static const struct {
    Build build;
    double isolated, overlapping;
    int num_batches;
    bool large;
  } builds[] = {{{1, 1}, 92, 98, 300, false},
                {{1, 2}, 87, 98, 200, false},
                {{4, 1}, 92, 98, 400, true},
                {{64, 1}, 0, 0, 100, false}};
  CHECK(argc == 3, "usage: test_hw_lane FOLD STAGES");
  build.fold = static_cast<unsigned>(std::atoi(argv[1]));
  build.stages = static_cast<unsigned>(std::atoi(argv[2]));
  const auto *one = std::find_if(std::begin(builds), std::end(builds), [](const auto &entry) {
    return entry.build.fold == build.fold && entry.build.stages == build.stages;
  });
  CHECK(one != std::end(builds), "no such build");
  counters_count();
  held_output_is_kept();
  random_batches();
  many_batches(one->num_batches);
  if (one->large) twenty_thousand_entries_of_a_byte();
  batches_overlap();
  errors_close_the_batch();
  errors_let_earlier_batches_finish();
  sessions_can_be_broken_off();
  sessions_can_be_broken_off_at_every_beat();
  sessions_can_be_broken_off_before_a_slot_is_free();
  sessions_can_be_broken_off_in_every_cycle();
  if (one->isolated > 0) the_engine_is_full(one->isolated, one->overlapping);
  return 0;
}
