// The card's top with two lanes and streams of 64 or 512 bits: registers over AXI4-Lite, what it
// refuses, batches on both lanes at once against libcrypto, and a host that breaks off in mid-beat.
// Every valid and ready comes and goes at random; what the card offers must stay until it is taken.
#include <memory>
#include <optional>
#include <random>

#include "Vtop_2_512.h"
#include "Vtop_2_64.h"
#include "batch.hpp"
#include "check.hpp"
#include "steady.hpp"
#include "verilated.h"

namespace {

constexpr unsigned kLanes = 2;
constexpr uint32_t kLanePages = 0x2000;
constexpr unsigned kOkay = 0, kSlvErr = 2;

struct Response {
  unsigned code;
  uint32_t data;
};

// kWordLen: bytes of a stream's word.
template <typename Top, size_t kWordLen>
class Bench {
 public:
  static constexpr size_t kWord = kWordLen;

  Bench(int seed, unsigned idle_percent, unsigned stall_percent)
      : random_(static_cast<uint64_t>(seed)), idle_(idle_percent), stall_(stall_percent) {
    check_seed = seed;
    context_.randReset(2);
    context_.randSeed(seed);
    top_ = std::make_unique<Top>(&context_);
    top_->h2c_tvalid_i = top_->c2h_tready_i = 0;
    top_->awvalid_i = top_->wvalid_i = top_->arvalid_i = top_->bready_i = top_->rready_i = 0;
    top_->rst_ni = 0;
    for (int i = 0; i < 4; i++) clock();
    top_->rst_ni = 1;
  }
  ~Bench() { top_->final(); }

  uint64_t below(uint64_t bound) { return random_() % bound; }
  std::mt19937_64 &random() { return random_; }

  // Address and data go in any order, and a read may be under way.
  Response write(uint32_t address, uint32_t data, unsigned strobes = 0xF) {
    start_write(address, data, strobes);
    return finish(written_);
  }
  Response read(uint32_t address) {
    start_read(address);
    return finish(read_);
  }
  // A write and a read at the same time.
  std::pair<Response, Response> both(uint32_t to, uint32_t data, uint32_t from) {
    start_write(to, data, 0xF);
    start_read(from);
    Response written = finish(written_);
    return {written, finish(read_)};
  }

  uint32_t reg(unsigned lane, uint32_t offset) {
    Response response = read(lane * kLanePages + offset);
    CHECK(response.code == kOkay, "lane %u: reading 0x%x", lane, offset);
    return response.data;
  }
  void set(unsigned lane, uint32_t offset, uint32_t value) {
    CHECK(write(lane * kLanePages + offset, value).code == kOkay, "lane %u: writing 0x%x", lane,
          offset);
  }

  void give(unsigned lane, const Bytes &bytes) {
    Bytes &input = lanes_[lane].input;
    input.insert(input.end(), bytes.begin(), bytes.end());
  }
  void wait_until_given(unsigned lane) {
    for (int i = 0; !lanes_[lane].input.empty() || top_->h2c_tvalid_i >> lane & 1; i++) {
      CHECK(i < 4000000, "lane %u does not take its input", lane);
      cycle();
    }
  }

  Bytes next_frame(unsigned lane) {
    Bytes &output = lanes_[lane].output;
    for (int i = 0; output.size() < kFrameLen; i++) {
      CHECK(i < 4000000, "lane %u: no frame", lane);
      cycle();
    }
    Bytes frame(output.begin(), output.begin() + kFrameLen);
    output.erase(output.begin(), output.begin() + kFrameLen);
    CHECK(get<uint32_t>(&frame[0]) == MTC_CARD_MAGIC_FRAME, "magic of a frame");
    return frame;
  }

  // Starts a session as docs/registers.md says.
  uint32_t resync(unsigned lane) {
    uint32_t nonce = static_cast<uint32_t>(random_()) | 1,
             sequence = reg(lane, MTC_REG_CMD_ACK) + 1;
    set(lane, MTC_REG_NONCE, nonce);
    set(lane, MTC_REG_CMD, MTC_CARD_CMD_RESYNC);
    set(lane, MTC_REG_CMD_SEQ, sequence);
    while (reg(lane, MTC_REG_CMD_ACK) != sequence) {
    }
    CHECK(reg(lane, MTC_REG_CMD_RESULT) == 0, "RESYNC");
    give(lane, sync_beat(nonce));
    for (int i = 0; reg(lane, MTC_REG_SYNC_ACK) != nonce; i++)
      CHECK(i < 10000, "lane %u: the SYNC beat was not seen", lane);
    for (;;) {
      Bytes frame = next_frame(lane);
      if (get<uint16_t>(&frame[6]) == MTC_CARD_FRAME_KIND_SYNC && get<uint32_t>(&frame[8]) == nonce)
        return nonce;
    }
  }

  void cycle() {
    offer_words();
    offer_requests();
    top_->c2h_tready_i = (chance(stall_) ? 0 : 1) | (chance(stall_) ? 0 : 2);
    top_->bready_i = !chance(stall_);
    top_->rready_i = !chance(stall_);
    top_->eval();
    take_outputs();
    bool aw = top_->awvalid_i && top_->awready_o, w = top_->wvalid_i && top_->wready_o;
    bool ar = top_->arvalid_i && top_->arready_o;
    unsigned taken = top_->h2c_tvalid_i & top_->h2c_tready_o;
    clock();
    if (aw) top_->awvalid_i = 0;
    if (w) top_->wvalid_i = 0;
    if (ar) top_->arvalid_i = 0;
    top_->h2c_tvalid_i &= static_cast<uint8_t>(~taken);
  }

 private:
  struct Lane {
    Bytes input, output;
    size_t words = 0;  // that came
    Steady c2h;
  };

  bool chance(unsigned percent) { return below(100) < percent; }

  void clock() {
    top_->clk_i = 1;
    top_->eval();
    top_->clk_i = 0;
    top_->eval();
  }

  void start_write(uint32_t address, uint32_t data, unsigned strobes) {
    CHECK(!aw_ && !w_, "a write is under way");
    aw_ = address;
    w_ = data;
    strobes_ = strobes;
    written_.reset();
  }
  void start_read(uint32_t address) {
    ar_ = address;
    read_.reset();
  }
  Response finish(std::optional<Response> &response) {
    for (int i = 0; !response; i++) {
      CHECK(i < 10000, "no response");
      cycle();
    }
    return *response;
  }

  void offer_words() {
    for (unsigned lane = 0; lane < kLanes; lane++) {
      Bytes &input = lanes_[lane].input;
      if (top_->h2c_tvalid_i >> lane & 1 || input.empty() || chance(idle_)) continue;
      std::memcpy(&top_->h2c_tdata_i[kWordLen / 4 * lane], input.data(), kWordLen);
      top_->h2c_tvalid_i |= static_cast<uint8_t>(1 << lane);
      input.erase(input.begin(), input.begin() + kWordLen);
    }
  }

  void offer_requests() {
    if (aw_ && !top_->awvalid_i && !chance(idle_)) {
      top_->awvalid_i = 1;
      top_->awaddr_i = *aw_;
      aw_.reset();
    }
    if (w_ && !top_->wvalid_i && !chance(idle_)) {
      top_->wvalid_i = 1;
      top_->wdata_i = *w_;
      top_->wstrb_i = static_cast<uint8_t>(strobes_);
      w_.reset();
    }
    if (ar_ && !top_->arvalid_i && !chance(idle_)) {
      top_->arvalid_i = 1;
      top_->araddr_i = *ar_;
      ar_.reset();
    }
  }

  void take_outputs() {
    for (unsigned lane = 0; lane < kLanes; lane++) {
      Lane &one = lanes_[lane];
      bool valid = top_->c2h_tvalid_o >> lane & 1, ready = top_->c2h_tready_i >> lane & 1;
      bool last = top_->c2h_tlast_o >> lane & 1;
      Bytes word(kWordLen);
      std::memcpy(word.data(), &top_->c2h_tdata_o[kWordLen / 4 * lane], kWordLen);
      Bytes payload = word;
      payload.push_back(last);
      one.c2h.see("c2h", valid, ready, payload);
      if (!valid || !ready) continue;
      CHECK(last == (++one.words % (kFrameLen / kWordLen) == 0), "tlast in word %zu", one.words);
      one.output.insert(one.output.end(), word.begin(), word.end());
    }
    b_.see("b", top_->bvalid_o, top_->bready_i, {top_->bresp_o});
    Bytes payload = {top_->rresp_o};
    put(payload, top_->rdata_o, 4);
    r_.see("r", top_->rvalid_o, top_->rready_i, payload);
    if (top_->bvalid_o && top_->bready_i) {
      CHECK(!written_ && !aw_ && !w_, "a response to no write");
      written_ = {top_->bresp_o, 0};
    }
    if (top_->rvalid_o && top_->rready_i) {
      CHECK(!read_ && !ar_, "a response to no read");
      read_ = {top_->rresp_o, top_->rdata_o};
    }
  }

  VerilatedContext context_;
  std::unique_ptr<Top> top_;
  std::mt19937_64 random_;
  unsigned idle_, stall_;
  Lane lanes_[kLanes];
  std::optional<uint32_t> aw_, w_, ar_;  // not offered yet
  unsigned strobes_ = 0;
  std::optional<Response> written_ = Response(), read_ = Response();
  Steady b_, r_;
};

template <typename Bench>
void registers(Bench &bench) {
  for (unsigned lane = 0; lane < kLanes; lane++) {
    CHECK(bench.reg(lane, MTC_REG_ID) == MTC_CARD_REGISTER_ID, "ID");
    CHECK(bench.reg(lane, MTC_REG_VERSION) == MTC_CARD_INTERFACE_VERSION, "VERSION");
    uint32_t core = bench.reg(lane, MTC_REG_CAPS_CORE);
    CHECK(core == (kLanes << 24 | 4 << 16 | 1 << 8 | 64), "CAPS_CORE 0x%x", core);
    bench.set(lane, MTC_REG_NONCE, 0x1234567 + lane);
  }
  for (unsigned lane = 0; lane < kLanes; lane++)
    CHECK(bench.reg(lane, MTC_REG_NONCE) == 0x1234567 + lane, "a nonce of another lane");

  uint32_t nonce = 0x1234567;
  for (int i = 0; i < 300; i++) {
    uint32_t value = static_cast<uint32_t>(bench.random()());
    auto [written, read] = bench.both(MTC_REG_NONCE, value, MTC_REG_NONCE);
    CHECK(written.code == kOkay && read.code == kOkay, "both at once");
    CHECK(read.data == value || read.data == nonce, "neither the old nor the new nonce");
    CHECK(bench.reg(0, MTC_REG_NONCE) == value, "the write was lost");
    nonce = value;
  }
}

template <typename Bench>
void refused_accesses_do_nothing(Bench &bench) {
  bench.set(0, MTC_REG_NONCE, 77);
  bench.set(1, MTC_REG_NONCE, 78);
  for (unsigned strobes = 0; strobes < 15; strobes++)
    CHECK(bench.write(MTC_REG_NONCE, 1, strobes).code == kSlvErr, "strobes 0x%x", strobes);
  // The card's page, no register, not aligned, no such lane, no such address at all.
  for (uint32_t address :
       {MTC_REG_ID + 0u, MTC_REG_CMD_ACK + 0u, 0x0FFCu, 0x100Cu, 0x1FFCu, MTC_REG_NONCE + 2u,
        MTC_REG_NONCE + kLanes * kLanePages, MTC_REG_NONCE + 0x80000000u, 0xFFFFFFFCu})
    CHECK(bench.write(address, 1).code == kSlvErr, "writing 0x%x", address);
  for (uint32_t address : {0x001Cu, 0x0FFCu, 0x100Cu, MTC_REG_ID + 1u, MTC_REG_ID + 2 * kLanePages,
                           MTC_REG_ID + 0x80000000u, 0xFFFFFFFCu}) {
    Response response = bench.read(address);
    CHECK(response.code == kSlvErr && response.data == 0, "reading 0x%x", address);
  }
  CHECK(bench.reg(0, MTC_REG_NONCE) == 77 && bench.reg(1, MTC_REG_NONCE) == 78, "NONCE changed");
}

// On both lanes at once, while registers are read.
template <typename Bench>
void batches(Bench &bench) {
  uint32_t nonces[kLanes];
  Answers answers[kLanes];
  for (unsigned lane = 0; lane < kLanes; lane++) nonces[lane] = bench.resync(lane);
  for (uint32_t number = 0; number < 3; number++)
    for (unsigned lane = 0; lane < kLanes; lane++) {
      Batch batch = random_batch(bench.random(), bench.below(1 << 20), 1 + bench.below(50));
      bench.give(lane, batch.wire(nonces[lane], number));
      answers[lane].await(batch, number);
    }
  for (unsigned lane = 0; lane < kLanes; lane++)
    while (!answers[lane].empty()) {
      answers[lane].take(bench.next_frame(lane), nonces[lane]);
      CHECK(bench.reg(1 - lane, MTC_REG_ERR_CAUSE) == 0, "ERR_CAUSE");
    }
}

// A beat that a host broke off does not shift what the next one writes, on the other lane neither.
template <typename Bench>
void mid_beat(Bench &bench) {
  for (size_t words = 1; words < kBeatLen / Bench::kWord; words++) {
    unsigned lane = words % kLanes;
    uint32_t nonce = bench.resync(lane);
    Batch batch = random_batch(bench.random(), bench.below(1000), 5);
    Bytes wire = batch.wire(nonce, 1);
    wire.resize(kBeatLen * (1 + bench.below(4)) + Bench::kWord * words);
    bench.give(lane, wire);
    bench.wait_until_given(lane);
    nonce = bench.resync(lane);
    Answers answers;
    batch = random_batch(bench.random(), bench.below(1000), 10);
    bench.give(lane, batch.wire(nonce, 2));
    answers.await(batch, 2);
    while (!answers.empty()) answers.take(bench.next_frame(lane), nonce);
  }
}

template <typename Bench>
void run() {
  static const unsigned patterns[][2] = {{0, 0}, {70, 0}, {0, 70}, {50, 50}, {90, 90}};
  int seed = 1;
  for (const auto &pattern : patterns) {
    Bench bench(seed++, pattern[0], pattern[1]);
    registers(bench);
    refused_accesses_do_nothing(bench);
    batches(bench);
    mid_beat(bench);
  }
}

}  // namespace

int main() {
  run<Bench<Vtop_2_64, 8>>();
  run<Bench<Vtop_2_512, 64>>();
  return 0;
}
