// The card as mtc-sim has it (sim/top.hpp), in this process: registers over AXI4-Lite as the
// description says, a host that keeps to IN_CREDIT and OUT_AVAIL, batches on all lanes at once
// against libcrypto, a lane whose streams stand beside one that works, and a card that is reset in
// the midst of it all.
//   usage: test_hw_card mtc_regs.json [FOLD STAGES LANES]
#include <random>
#include <string>
#include <vector>

#include "batch.hpp"
#include "check.hpp"
#include "registers.hpp"
#include "top.hpp"

namespace {

constexpr int kLongestCycles = 4000000;  // without a frame that is to come

// A host with its lanes: what it writes, what it read, and the credit it has.
class Host {
 public:
  Host(int seed, Build build, unsigned lanes, const Registers &registers)
      : random_(static_cast<uint64_t>(seed)),
        build_(build),
        registers_(registers),
        top_(seed, build, lanes),
        lanes_(lanes) {
    check_seed = seed;
  }

  uint32_t reg(unsigned lane, const std::string &name) {
    return top_.read_register(lane * kLanePages + registers_.offset(name));
  }
  void set(unsigned lane, const std::string &name, uint32_t value) {
    top_.write_register(lane * kLanePages + registers_.offset(name), value);
  }

  // Every lane is what was built, and each has registers of its own.
  void identify() {
    const auto num_lanes = static_cast<uint32_t>(lanes_.size());
    for (unsigned lane = 0; lane < num_lanes; lane++) {
      CHECK(reg(lane, "ID") == MTC_CARD_REGISTER_ID, "lane %u: ID", lane);
      CHECK(reg(lane, "VERSION") == MTC_CARD_INTERFACE_VERSION, "lane %u: VERSION", lane);
      uint32_t core = num_lanes << 24 | 4 << 16 | build_.stages << 8 | build_.fold;
      CHECK(reg(lane, "CAPS_CORE") == core, "lane %u: CAPS_CORE 0x%x", lane,
            reg(lane, "CAPS_CORE"));
      CHECK(reg(lane, "SYNC_ACK") == 0 && reg(lane, "CMD_ACK") == 0, "lane %u is not fresh", lane);
      set(lane, "NONCE", 1000 + lane);
    }
    for (unsigned lane = 0; lane < num_lanes; lane++)
      CHECK(reg(lane, "NONCE") == 1000 + lane, "lane %u: the nonce of another", lane);
  }

  // Starts a session as docs/registers.md says.
  void start_session(unsigned lane) {
    Lane &one = lanes_[lane];
    one = Lane();
    one.nonce = static_cast<uint32_t>(random_()) | 1;
    set(lane, "NONCE", one.nonce);
    command(lane, MTC_CARD_CMD_RESYNC);
    Bytes beat = sync_beat(one.nonce);
    Top::Port port = {};
    port.input = beat.data();
    for (int i = 0; port.input; i++) {
      CHECK(i < 1000, "lane %u: the SYNC beat was not taken", lane);
      cycle(lane, &port);
      if (port.taken) port.input = nullptr;
    }
    for (int i = 0; reg(lane, "SYNC_ACK") != one.nonce; i++)
      CHECK(i < 1000, "lane %u: the SYNC beat was not seen", lane);
    for (;;) {
      Bytes frame = next_frame(lane);
      if (get<uint16_t>(&frame[6]) == MTC_CARD_FRAME_KIND_SYNC &&
          get<uint32_t>(&frame[8]) == one.nonce)
        break;
    }
    CHECK(reg(lane, "IN_CREDIT") == reg(lane, "CAPS_INPUT"), "lane %u: IN_CREDIT", lane);
    CHECK(reg(lane, "OUT_AVAIL") == 0, "lane %u: OUT_AVAIL", lane);
  }

  void command(unsigned lane, uint32_t code) {
    uint32_t sequence = reg(lane, "CMD_ACK") + 1;
    set(lane, "CMD", code);
    set(lane, "CMD_SEQ", sequence);
    for (int i = 0; reg(lane, "CMD_ACK") != sequence; i++) CHECK(i < 1000, "command %u", code);
    CHECK(reg(lane, "CMD_RESULT") == 0, "command %u is not known", code);
  }

  void give(unsigned lane, size_t num_entries) {
    Lane &one = lanes_[lane];
    Batch batch = random_batch(random_, random_() % (1 << 20), num_entries);
    Bytes wire = batch.wire(one.nonce, one.number);
    one.input.insert(one.input.end(), wire.begin(), wire.end());
    one.answers.await(batch, one.number++);
    one.num_entries += num_entries;
  }

  // Works on what was given until every answer came, or `num_frames` came in all. Returns the
  // cycles in which more than one lane moved a beat.
  size_t work(size_t num_frames = SIZE_MAX) {
    size_t both = 0, came = 0;
    for (int quiet = 0; came < num_frames && has_more(); quiet++) {
      CHECK(quiet < kLongestCycles, "no frame comes");
      std::vector<Top::Port> ports(lanes_.size());
      refresh();
      for (unsigned lane = 0; lane < lanes_.size(); lane++) offer(lanes_[lane], &ports[lane]);
      top_.cycle(ports.data());
      size_t moved = 0;
      for (unsigned lane = 0; lane < lanes_.size(); lane++) {
        moved += ports[lane].taken || ports[lane].given;
        if (!take(lanes_[lane], ports[lane])) continue;
        came++;
        quiet = 0;
      }
      both += moved > 1;
    }
    std::vector<Top::Port> rest(lanes_.size());
    while (!top_.is_idle()) top_.cycle(rest.data());
    asked_ = -1;
    return both;
  }

  // A lane that nobody reads, and that is given more than it grants, takes no more at last; that is
  // its own affair: meanwhile another one works as ever, and is not held by it.
  void fill(unsigned full, unsigned other) {
    Lane &one = lanes_[full];
    give(full, 2500);
    // With Fold 64 a slot of the barrel comes round every 384 cycles, and a full store takes blocks
    // in when two are free.
    size_t refused = 0;
    for (int i = 0; refused < 3000; i++) {
      CHECK(i < kLongestCycles, "lane %u takes all it is given", full);
      Top::Port port = {};
      port.input = &one.input[one.given];
      cycle(full, &port);
      refused = port.taken ? 0 : refused + 1;
      if (!port.taken) continue;
      one.given += kBeatLen;
      one.written++;
      CHECK(one.given < one.input.size(), "lane %u took a whole batch", full);
    }
    give(other, 200);
    for (int i = 0; !lanes_[other].answers.empty(); i++) {
      CHECK(i < kLongestCycles, "lane %u waits for lane %u", other, full);
      std::vector<Top::Port> ports(lanes_.size());
      refresh();
      offer(lanes_[other], &ports[other]);
      // It is offered on, beat by beat: it must not seem to be taken because the other lane takes.
      ports[full].input = &one.input[one.given];
      top_.cycle(ports.data());
      CHECK(!ports[full].taken, "lane %u took a beat though it is full", full);
      CHECK(!ports[full].given, "lane %u gave a beat that nobody asked for", full);
      take(lanes_[other], ports[other]);
    }
    work();
  }

  // The card's own counters say what it was given.
  void check_counters(unsigned lane) {
    command(lane, MTC_CARD_CMD_SNAPSHOT);
    CHECK(reg(lane, "ENTRIES_LO") == lanes_[lane].num_entries, "lane %u counts %u entries", lane,
          reg(lane, "ENTRIES_LO"));
    CHECK(reg(lane, "LEAF_HASHES_LO") == lanes_[lane].num_entries, "lane %u: leaves", lane);
    CHECK(reg(lane, "ERR_CAUSE") == 0, "lane %u: ERR_CAUSE", lane);
  }

  void reset() { top_.reset(); }

 private:
  struct Lane {
    uint32_t nonce = 0, number = 0, num_entries = 0;
    Bytes input;
    size_t given = 0;                  // bytes of the input
    uint32_t written = 0, read = 0;    // beats and frames of the session
    uint32_t credit = 0, waiting = 0;  // as the registers said last
    Bytes frame;
    Answers answers;
  };

  bool has_more() const {
    for (const Lane &lane : lanes_)
      if (!lane.answers.empty()) return true;
    return false;
  }

  // One register is read at a time, while the streams go on: a host's view is always old.
  void refresh() {
    if (!top_.is_idle()) return;
    if (asked_ >= 0) {
      Lane &lane = lanes_[static_cast<unsigned>(asked_) / 2];
      (asked_ % 2 ? lane.waiting : lane.credit) = top_.value();
    }
    asked_ = (asked_ + 1) % static_cast<int>(2 * lanes_.size());
    top_.start_read(static_cast<unsigned>(asked_) / 2 * kLanePages +
                    registers_.offset(asked_ % 2 ? "OUT_AVAIL" : "IN_CREDIT"));
  }

  void offer(Lane &lane, Top::Port *port) {
    *port = {};
    if (lane.given < lane.input.size() && static_cast<int32_t>(lane.credit - lane.written) > 0)
      port->input = &lane.input[lane.given];
    if (!lane.frame.empty() || static_cast<int32_t>(lane.waiting - lane.read) > 0) {
      lane.frame.resize(lane.frame.size() + kBeatLen);
      port->output = &lane.frame[lane.frame.size() - kBeatLen];
    }
  }

  // True when a frame is complete.
  bool take(Lane &lane, const Top::Port &port) {
    if (port.taken) {
      lane.given += kBeatLen;
      lane.written++;
    }
    if (port.output && !port.given) lane.frame.resize(lane.frame.size() - kBeatLen);
    if (lane.frame.size() < kFrameLen) return false;
    CHECK(get<uint32_t>(&lane.frame[0]) == MTC_CARD_MAGIC_FRAME, "magic of a frame");
    CHECK(lane.answers.take(lane.frame, lane.nonce) == 0, "an error code");
    lane.frame.clear();
    lane.read++;
    return true;
  }

  // A cycle in which one lane alone has something to move.
  void cycle(unsigned lane, Top::Port *port) {
    std::vector<Top::Port> ports(lanes_.size());
    ports[lane] = *port;
    top_.cycle(ports.data());
    *port = ports[lane];
  }

  Bytes next_frame(unsigned lane) {
    Bytes frame(kFrameLen);
    size_t len = 0;
    for (int i = 0; len < kFrameLen; i++) {
      CHECK(i < kLongestCycles, "lane %u: no frame", lane);
      Top::Port port = {};
      port.output = &frame[len];
      cycle(lane, &port);
      if (port.given) len += kBeatLen;
    }
    return frame;
  }

  std::mt19937_64 random_;
  Build build_;
  const Registers &registers_;
  Top top_;
  std::vector<Lane> lanes_;
  int asked_ = -1;  // the register that is being read: twice its lane, or one more
};

void run(int seed, Build build, unsigned lanes, const Registers &registers) {
  Host host(seed, build, lanes, registers);
  for (int round = 0; round < 2; round++) {
    host.identify();
    for (unsigned lane = 0; lane < lanes; lane++) host.start_session(lane);
    for (size_t num_entries : {1, 40, 64, 100, 3})
      for (unsigned lane = 0; lane < lanes; lane++) host.give(lane, num_entries + 7 * lane);
    // The first time the card is reset with batches half done: it knows nothing of them.
    size_t both = host.work(round ? SIZE_MAX : 3);
    if (round == 0) {
      host.reset();
      continue;
    }
    CHECK(lanes == 1 || both > 100, "the lanes did not work at the same time");
    for (unsigned lane = 0; lane < lanes; lane++) host.check_counters(lane);
    for (unsigned lane = 0; lane < lanes && lanes > 1; lane++) host.fill(lane, (lane + 1) % lanes);
    // And a second session on a lane that is at rest.
    host.start_session(0);
    host.give(0, 20);
    host.work();
  }
}

}  // namespace

int main(int argc, char **argv) {
  CHECK(argc == 2 || argc == 5, "usage: test_hw_card mtc_regs.json [FOLD STAGES LANES]");
  Registers registers(argv[1]);
  if (argc == 5) {
    auto number = [&](int i) { return static_cast<unsigned>(std::stoul(argv[i])); };
    run(1, {number(2), number(3)}, number(4), registers);
    return 0;
  }
  run(1, {64, 1}, 2, registers);
  run(2, {4, 1}, 2, registers);
  run(3, {1, 1}, 1, registers);
  run(4, {1, 2}, 1, registers);
  return 0;
}
