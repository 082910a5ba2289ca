// mtc_axil before three lanes, against hw/regs/mtc_regs.json (argument): address and data of a
// write in either order, reads beside writes, channels that stall; one response a request; a good
// write reaches its lane once, all else none and is answered SLVERR; every address.
#include "Vaxil.h"
#include "bench.hpp"
#include "registers.hpp"
#include "steady.hpp"

#include <deque>

namespace {

constexpr unsigned kLanes = 3, kOkay = 0, kSlvErr = 2;  // lanes as CMake sets them, of eight named
constexpr size_t kLimit = 16;  // cycles that a request may wait for a response to be offered

// Which of a write's two channels goes first.
enum Order { kAny, kAddressFirst, kDataFirst, kTogether };

struct Write {
  uint32_t address, data;
  unsigned strobes;
};

class Axil {
 public:
  Axil(const Traffic &traffic, Order order, const Registers &registers)
      : dut_(traffic.seed),
        random_(static_cast<uint64_t>(traffic.seed)),
        traffic_(traffic),
        order_(order),
        registers_(registers) {
    dut_->awvalid_i = dut_->wvalid_i = dut_->arvalid_i = dut_->bready_i = dut_->rready_i = 0;
    dut_.reset();
    CHECK(!dut_->bvalid_o && !dut_->rvalid_o, "a response after reset");
  }

  Random &random() { return random_; }
  void write(const Write &one) {
    aw_.push_back(one);
    w_.push_back(one);
    writes_.push_back(one);
  }
  void read(uint32_t address) {
    ar_.push_back(address);
    reads_.push_back(address);
  }

  void run() {
    for (size_t i = 0; !writes_.empty() || !reads_.empty(); i++) {
      CHECK(i < 10000 + 4000 * traffic_.len, "no response");
      cycle();
    }
    for (int i = 0; i < 6; i++) cycle();
  }

 private:
  // What a lane shows: what was written to the host's registers, a mark of the address elsewhere.
  uint32_t value(unsigned lane, uint32_t offset) {
    if (registers_.host_owned(offset)) return written_[lane][offset];
    return (lane + 1) * 0x10000000 + offset;
  }
  bool good(const Write &one) const {
    return one.strobes == 0xF && one.address / 0x2000 < kLanes &&
           registers_.host_owned(one.address % 0x2000);
  }

  void offer_requests() {
    if (!dut_->awvalid_i && !aw_.empty() && !random_.chance(traffic_.idle) &&
        (order_ != kDataFirst || w_taken_ > aw_taken_) &&
        (order_ != kTogether || w_taken_ == aw_taken_)) {
      dut_->awvalid_i = 1;
      dut_->awaddr_i = static_cast<uint16_t>(aw_.front().address);
    }
    if (!dut_->wvalid_i && !w_.empty() &&
        (order_ == kTogether ? dut_->awvalid_i : !random_.chance(traffic_.idle)) &&
        (order_ != kAddressFirst || aw_taken_ > w_taken_)) {
      dut_->wvalid_i = 1;
      dut_->wdata_i = w_.front().data;
      dut_->wstrb_i = static_cast<uint8_t>(w_.front().strobes);
    }
    if (!dut_->arvalid_i && !ar_.empty() && !random_.chance(traffic_.idle)) {
      dut_->arvalid_i = 1;
      dut_->araddr_i = static_cast<uint16_t>(ar_.front());
    }
    dut_->bready_i = !random_.chance(traffic_.stall);
    dut_->rready_i = !random_.chance(traffic_.stall);
  }

  void cycle() {
    offer_requests();
    dut_.settle();
    for (unsigned lane = 0; lane < kLanes; lane++)
      set_bits(dut_->reg_rdata_i, {32 * lane, 32}, value(lane, dut_->reg_addr_o));
    dut_.settle();
    see_lanes();
    see_responses();
    bool aw = dut_->awvalid_i && dut_->awready_o, w = dut_->wvalid_i && dut_->wready_o;
    bool ar = dut_->arvalid_i && dut_->arready_o;
    if (ar) {
      // It may show what is there from now on.
      for (unsigned lane = 0; lane < kLanes; lane++) seen_[lane] = {};
      note_values();
    }
    dut_.clock();
    if (aw) {
      aw_taken_++;
      aw_.pop_front();
      dut_->awvalid_i = 0;
    }
    if (w) {
      w_taken_++;
      w_.pop_front();
      dut_->wvalid_i = 0;
    }
    if (ar) {
      ar_taken_++;
      ar_.pop_front();
      dut_->arvalid_i = 0;
    }
    write_waits_ =
        std::min(aw_taken_, w_taken_) > answered_ && !dut_->bvalid_o ? write_waits_ + 1 : 0;
    read_waits_ = ar_taken_ > read_answered_ && !dut_->rvalid_o ? read_waits_ + 1 : 0;
    CHECK(write_waits_ < kLimit && read_waits_ < kLimit, "no response");
  }

  void see_lanes() {
    if (!dut_->reg_write_o) return;
    CHECK(std::min(aw_taken_, w_taken_) > answered_, "a lane is written for nothing");
    const Write &one = writes_.front();
    unsigned lane = one.address / 0x2000;
    CHECK(good(one), "a write to 0x%x went on", one.address);
    CHECK(dut_->reg_write_o == 1u << lane, "lanes 0x%x", dut_->reg_write_o);
    CHECK(dut_->reg_addr_o == one.address % 0x2000 && dut_->reg_wdata_o == one.data,
          "another write");
    written_[lane][one.address % 0x2000] = one.data;
    reached_++;
    note_values();
  }

  void see_responses() {
    b_.see("b", dut_->bvalid_o, dut_->bready_i, {dut_->bresp_o});
    Bytes payload = {dut_->rresp_o};
    put(payload, dut_->rdata_o, 4);
    r_.see("r", dut_->rvalid_o, dut_->rready_i, payload);
    if (dut_->bvalid_o) {
      CHECK(std::min(aw_taken_, w_taken_) > answered_, "a response to no write");
      const Write &one = writes_.front();
      CHECK(dut_->bresp_o == (good(one) ? kOkay : kSlvErr), "writing 0x%x, strobes 0x%x",
            one.address, one.strobes);
      CHECK(reached_ == good(one), "0x%x was written %u times", one.address, reached_);
      if (dut_->bready_i) {
        writes_.pop_front();
        answered_++;
        reached_ = 0;
      }
    }
    if (dut_->rvalid_o) {
      CHECK(ar_taken_ > read_answered_, "a response to no read");
      uint32_t address = reads_.front(), offset = address % 0x2000, lane = address / 0x2000;
      bool known = lane < kLanes && registers_.at.count(offset);
      CHECK(dut_->rresp_o == (known ? kOkay : kSlvErr), "reading 0x%x", address);
      uint32_t data = dut_->rdata_o;
      if (!known)
        CHECK(data == 0, "0x%x shows 0x%x", address, data);
      else if (!registers_.host_owned(offset))
        CHECK(data == value(lane, offset), "0x%x shows 0x%x", address, data);
      else
        CHECK(seen_[lane][offset].count(data), "0x%x shows 0x%x", address, data);
      if (dut_->rready_i) {
        reads_.pop_front();
        read_answered_++;
      }
    }
  }

  void note_values() {
    for (unsigned lane = 0; lane < kLanes; lane++)
      for (const auto &[offset, entry] : registers_.at)
        if (entry.host_owned) seen_[lane][offset].emplace(written_[lane][offset], true);
  }

  Dut<Vaxil> dut_;
  Random random_;
  Traffic traffic_;
  Order order_;
  const Registers &registers_;
  std::deque<Write> aw_, w_, writes_;  // not taken by the channels; not answered
  std::deque<uint32_t> ar_, reads_;
  size_t aw_taken_ = 0, w_taken_ = 0, ar_taken_ = 0, answered_ = 0, read_answered_ = 0;
  size_t write_waits_ = 0, read_waits_ = 0;
  unsigned reached_ = 0;  // how often the lanes were written for the write at the front
  std::map<uint32_t, uint32_t> written_[kLanes];
  std::map<uint32_t, std::map<uint32_t, bool>> seen_[kLanes];  // values since the read was taken
  Steady b_, r_;
};

// Most of them registers of lanes there are.
uint32_t random_address(Random &random, const Registers &registers) {
  if (random.chance(10)) return static_cast<uint32_t>(random.below(0x10000));
  auto entry = registers.at.begin();
  std::advance(entry, static_cast<ptrdiff_t>(random.below(registers.at.size())));
  uint32_t offset = entry->first;
  if (random.chance(40)) offset = registers.offset("NONCE");
  return static_cast<uint32_t>(random.below(random.chance(80) ? kLanes : 8)) * 0x2000 + offset;
}

void requests_are_answered(const Registers &registers, const Traffic &traffic, Order order) {
  Axil axil(traffic, order, registers);
  Random &random = axil.random();
  for (size_t i = 0; i < traffic.len; i++) {
    if (random.chance(70))
      axil.write({random_address(random, registers), static_cast<uint32_t>(random.bits()),
                  random.chance(80) ? 0xF : static_cast<unsigned>(random.below(16))});
    if (random.chance(70)) axil.read(random_address(random, registers));
  }
  axil.run();
}

void every_address_is_decoded(const Registers &registers) {
  Axil axil({1, 0, 0, 0x10000}, kTogether, registers);
  for (uint32_t address = 0; address < 0x10000; address++) {
    axil.write({address, address * 0x10001, 0xF});
    axil.read(address);
  }
  axil.run();
}

}  // namespace

int main(int argc, char **argv) {
  CHECK(argc == 2, "usage: test_hw_axil mtc_regs.json");
  Registers registers(argv[1]);
  every_address_is_decoded(registers);
  for (Order order : {kAny, kAddressFirst, kDataFirst, kTogether})
    cross({1, 2, 100}, 20, 300,
          [&](const Traffic &traffic) { requests_are_answered(registers, traffic, order); });
  return 0;
}
