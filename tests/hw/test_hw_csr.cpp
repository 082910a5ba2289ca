// mtc_csr against hw/regs/mtc_regs.json (argument): every register shows what it should and every
// other offset nothing, the host's can be written and no other; commands run once each; counters
// count and a snapshot has both halves from one moment, also where the low one overflows.
#include "Vcsr.h"
#include "Vcsr___024root.h"
#include "bench.hpp"
#include "registers.hpp"

namespace {

constexpr uint32_t kBuild = 0x89ABCDEF, kFold = 4, kStages = 1, kLanes = 3;  // as CMake sets them

// In the order in which mtc_csr keeps them, which only set_counters needs to know.
const char *const kCounters[] = {"CYCLES",      "LEAF_BLOCKS", "NODE_BLOCKS", "ENTRIES",
                                 "LEAF_HASHES", "NODE_HASHES", "NO_INPUT",    "NO_CREDIT",
                                 "TAIL",        "STALLS"};
constexpr size_t kNumCounters = std::size(kCounters);
constexpr uint64_t kLag = 4;  // cycles that an event may be on its way to its counter

class Csr {
 public:
  Csr(int seed, const Registers &registers)
      : dut_(seed), random_(static_cast<uint64_t>(seed)), registers_(registers) {
    dut_->write_i = dut_->entry_i = dut_->leaf_hash_i = dut_->node_hash_i = dut_->stall_i = 0;
    dut_->use_i = 0;
    randomise();
    dut_.reset();
  }

  Random &random() { return random_; }
  uint64_t count(size_t i) const { return counts_[i]; }
  size_t resyncs() const { return resyncs_; }

  // Everything that the registers show of the lane.
  void randomise() {
    dut_->credit_i = static_cast<uint32_t>(random_.bits());
    dut_->frames_i = static_cast<uint32_t>(random_.bits());
    dut_->sync_ack_i = static_cast<uint32_t>(random_.bits());
    dut_->busy_i = random_.below(2);
    dut_->discarding_i = random_.below(2);
    dut_->failed_i = random_.below(2);
    code_ = static_cast<uint32_t>(random_.bits());
    info_ = static_cast<uint32_t>(random_.bits());
    set_bits(dut_->fault_i, fault::code, code_);
    set_bits(dut_->fault_i, fault::info, info_);
  }

  // What the description and the ports say that registers are, but for commands and counters.
  std::map<std::string, uint32_t> shown() const {
    return {{"CAPS_ENTRY", 8192},
            {"CAPS_BATCH", 1 << 20},
            {"CAPS_INPUT", 256},
            {"BUILD", kBuild},
            {"CAPS_CORE",
             registers_.pack(
                 "CAPS_CORE",
                 {{"FOLD", kFold}, {"STAGES", kStages}, {"BATCHES", 4}, {"LANES", kLanes}})},
            {"STATUS", registers_.pack("STATUS", {{"BUSY", dut_->busy_i},
                                                  {"DISCARDING", dut_->discarding_i},
                                                  {"FAILED", dut_->failed_i}})},
            {"IN_CREDIT", dut_->credit_i},
            {"OUT_AVAIL", dut_->frames_i},
            {"ERR_CAUSE", code_},
            {"ERR_INFO", info_},
            {"SYNC_ACK", dut_->sync_ack_i}};
  }

  // The probability of each event, in percent.
  void set_rate(int percent) { rate_ = percent; }

  void cycle() {
    uint64_t steps = 1;  // one bit a counter
    for (size_t i = 1; i < kNumCounters; i++) steps |= uint64_t{random_.chance(rate_)} << i;
    dut_->entry_i = steps >> 3 & 1;
    dut_->leaf_hash_i = steps >> 4 & 1;
    dut_->node_hash_i = steps >> 5 & 1;
    dut_->stall_i = steps >> 9 & 1;
    set_bits(dut_->use_i, use::leaf, steps >> 1 & 1);
    set_bits(dut_->use_i, use::node, steps >> 2 & 1);
    set_bits(dut_->use_i, use::no_input, steps >> 6 & 1);
    set_bits(dut_->use_i, use::no_credit, steps >> 7 & 1);
    set_bits(dut_->use_i, use::tail, steps >> 8 & 1);
    dut_.settle();
    if (dut_->resync_o) {
      CHECK(dut_->nonce_o == nonce_, "the nonce of a RESYNC");
      resyncs_++;
    }
    dut_.clock();
    for (size_t i = 0; i < kNumCounters; i++) counts_[i] += steps >> i & 1;
  }

  void write_at(uint32_t offset, uint32_t value) {
    dut_->addr_i = static_cast<uint16_t>(offset);
    dut_->wdata_i = value;
    dut_->write_i = 1;
    cycle();
    dut_->write_i = 0;
  }
  void write(const std::string &name, uint32_t value) {
    if (name == "NONCE") nonce_ = value;
    write_at(registers_.offset(name), value);
  }

  // A few cycles, should an answer take one.
  uint32_t read_at(uint32_t offset) {
    dut_->addr_i = static_cast<uint16_t>(offset);
    for (int i = 0; i < 3; i++) cycle();
    dut_.settle();
    return dut_->rdata_o;
  }
  uint32_t read(const std::string &name) { return read_at(registers_.offset(name)); }
  uint64_t counter(size_t i) {
    uint32_t low = read(std::string(kCounters[i]) + "_LO");
    return low | uint64_t{read(std::string(kCounters[i]) + "_HI")} << 32;
  }

  void command(uint32_t code, bool known) {
    write("CMD", code);
    write("CMD_SEQ", ++sequence_);
    for (int i = 0; read("CMD_ACK") != sequence_; i++)
      CHECK(i < 4, "command %u is not acknowledged", code);
    CHECK(read("CMD_RESULT") == !known, "the result of command %u", code);
  }
  void command(const char *name) { command(registers_.constants.at(name), true); }

  void set_counters(uint64_t value) {
    auto &counters = dut_->rootp->mtc_csr__DOT__counters_q;
    for (size_t i = 0; i < kNumCounters; i++) {
      set_bits(counters, {static_cast<unsigned>(64 * i), 64}, value);
      counts_[i] = value;
    }
    dut_.settle();
  }

  // A snapshot while events go on: what each counter shows lies between its counts before and
  // after.
  void check_snapshot() {
    uint64_t before[kNumCounters], seen[kNumCounters];
    write("CMD", registers_.constants.at("CmdSnapshot"));
    std::copy_n(counts_, kNumCounters, before);
    write("CMD_SEQ", ++sequence_);
    for (int i = 0; read("CMD_ACK") != sequence_; i++) CHECK(i < 4, "not acknowledged");
    for (size_t i = 0; i < kNumCounters; i++) {
      seen[i] = counter(i);
      // Differences, for counters wrap.
      CHECK(seen[i] - (before[i] - kLag) <= counts_[i] - before[i] + kLag,
            "%s is 0x%llx, of 0x%llx to 0x%llx", kCounters[i],
            static_cast<unsigned long long>(seen[i]), static_cast<unsigned long long>(before[i]),
            static_cast<unsigned long long>(counts_[i]));
    }
    for (size_t i = 0; i < kNumCounters; i++)
      CHECK(counter(i) == seen[i], "%s changes without a snapshot", kCounters[i]);
  }

  uint32_t sequence() const { return sequence_; }
  void next_sequence(uint32_t step) { sequence_ += step; }

 private:
  Dut<Vcsr> dut_;
  Random random_;
  const Registers &registers_;
  int rate_ = 0;
  uint32_t nonce_ = 0, sequence_ = 0, code_ = 0, info_ = 0;
  size_t resyncs_ = 0;
  uint64_t counts_[kNumCounters] = {};
};

bool is_counter(const std::string &name) {
  for (const char *counter : kCounters)
    if (name == std::string(counter) + "_LO" || name == std::string(counter) + "_HI") return true;
  return false;
}

// Each of the 8,192 addresses, with events and without.
void every_register_shows_its_value(const Registers &registers, int seed) {
  Csr csr(seed, registers);
  for (const auto &[name, offset] : registers.offsets) {
    const Register &entry = registers.at.at(offset);
    if (entry.host_owned) CHECK(csr.read(name) == 0, "%s after reset", name.c_str());
  }
  csr.randomise();
  csr.set_rate(50);
  std::map<std::string, uint32_t> shown = csr.shown();
  csr.command(77, false);  // so that CMD_RESULT and CMD_ACK are not 0
  for (const auto &[name, offset] : registers.offsets) {
    const Register &entry = registers.at.at(offset);
    uint32_t value = csr.read(name);
    if (is_counter(name))
      CHECK(value == 0, "%s before a snapshot", name.c_str());
    else if (!entry.constant.empty())
      CHECK(value == registers.constants.at(entry.constant), "%s is 0x%x", name.c_str(), value);
    else if (name == "CMD_RESULT")
      CHECK(value == 1, "CMD_RESULT");
    else if (name == "CMD_ACK" || name == "CMD_SEQ")
      CHECK(value == csr.sequence(), "CMD_ACK");
    else if (name == "CMD")
      CHECK(value == 77, "CMD");
    else if (name == "NONCE")
      CHECK(value == 0, "NONCE");
    else {
      CHECK(shown.count(name), "%s is not known to this bench", name.c_str());
      CHECK(value == shown[name], "%s is 0x%x, not 0x%x", name.c_str(), value, shown[name]);
    }
  }
  for (uint32_t offset = 0; offset < 0x2000; offset++)
    if (!registers.at.count(offset)) CHECK(csr.read_at(offset) == 0, "0x%x", offset);
}

// Read back what was written, whatever else is written; all else stays as it is.
void only_the_hosts_are_written(const Registers &registers, int seed) {
  Csr csr(seed, registers);
  std::map<std::string, uint32_t> written = {{"NONCE", 0}, {"CMD", 0}, {"CMD_SEQ", 0}};
  for (int i = 0; i < 300; i++)
    for (const auto &[name, offset] : registers.offsets) {
      uint32_t value = static_cast<uint32_t>(csr.random().bits());
      // No command that would do something.
      if (name == "CMD") value |= 0x100;
      if (registers.host_owned(offset)) {
        CHECK(written.count(name), "%s is not known to this bench", name.c_str());
        csr.write(name, value);
        written[name] = value;
      } else {
        uint32_t before = csr.read(name);
        csr.write_at(offset, ~before);
        CHECK(csr.read(name) == before, "%s was written", name.c_str());
      }
      csr.write_at((offset ^ 4u << csr.random().below(10)) | 2, value);  // no register
      for (const auto &[which, last] : written)
        CHECK(csr.read(which) == last, "%s is not read back", which.c_str());
    }
  CHECK(csr.resyncs() == 0, "a RESYNC that nobody asked for");
}

// As fast as mtc_axil writes, each with a sequence number that differs: any does.
void commands_run_once_each(const Registers &registers, int seed, unsigned gap) {
  Csr csr(seed, registers);
  csr.set_rate(30);
  const uint32_t resync = registers.constants.at("CmdResync"),
                 snapshot = registers.constants.at("CmdSnapshot");
  size_t resyncs = 0;
  for (int i = 0; i < 400; i++) {
    uint32_t code = i % 4 == 3 ? static_cast<uint32_t>(csr.random().bits()) | 4
                               : (csr.random().below(2) ? resync : snapshot);
    if (csr.random().below(3) == 0) csr.write("NONCE", static_cast<uint32_t>(csr.random().bits()));
    csr.write("CMD", code);
    csr.next_sequence(csr.random().below(4) ? 1 : static_cast<uint32_t>(csr.random().bits()) | 1);
    for (unsigned k = 0; k < gap; k++) csr.cycle();
    csr.write("CMD_SEQ", csr.sequence());
    for (unsigned k = 0; k < gap; k++) csr.cycle();
    resyncs += code == resync;
    if (i % 16 == 0) {
      CHECK(csr.read("CMD_ACK") == csr.sequence(), "CMD_ACK");
      CHECK(csr.read("CMD_RESULT") == (code != resync && code != snapshot), "CMD_RESULT");
      CHECK(csr.resyncs() == resyncs, "%zu RESYNCs, not %zu", csr.resyncs(), resyncs);
      // The same number again is no command.
      csr.write("CMD", resync);
      csr.write("CMD_SEQ", csr.sequence());
    }
  }
  for (int k = 0; k < 8; k++) csr.cycle();
  CHECK(csr.resyncs() == resyncs, "%zu RESYNCs, not %zu", csr.resyncs(), resyncs);
}

void counters_count(const Registers &registers, int seed, int rate) {
  Csr csr(seed, registers);
  csr.set_rate(rate);
  for (int i = 0; i < 40; i++) {
    for (uint64_t k = csr.random().below(50); k; k--) csr.cycle();
    csr.check_snapshot();
  }
  // Exactly, when nothing is on its way.
  csr.set_rate(0);
  for (uint64_t i = 0; i < kLag; i++) csr.cycle();
  csr.command("CmdSnapshot");
  for (size_t i = 1; i < kNumCounters; i++)
    CHECK(csr.counter(i) == csr.count(i), "%s", kCounters[i]);
}

// A snapshot in each cycle around the one where the low half, and the whole counter, overflows.
void halves_are_of_one_moment(const Registers &registers) {
  int seed = 1;
  for (uint64_t limit : {UINT64_C(1) << 32, UINT64_C(0xFFFFFFFF00000000), UINT64_C(0)})
    for (uint64_t before = 0; before < 24; before++)
      for (int rate : {0, 50, 100}) {
        Csr csr(seed++, registers);
        csr.set_rate(rate);
        csr.set_counters(limit - before);
        csr.check_snapshot();
        csr.check_snapshot();
      }
}

}  // namespace

int main(int argc, char **argv) {
  CHECK(argc == 2, "usage: test_hw_csr mtc_regs.json");
  Registers registers(argv[1]);
  for (int seed = 1; seed <= 5; seed++) {
    every_register_shows_its_value(registers, seed);
    only_the_hosts_are_written(registers, seed);
    for (unsigned gap : {2, 3, 10}) commands_run_once_each(registers, seed, gap);
    for (int rate : {0, 5, 50, 100}) counters_count(registers, seed, rate);
  }
  halves_are_of_one_moment(registers);
  return 0;
}
