// The card of the ECP5 board behind a model of its USB chip's FIFO bus: commands of every kind,
// batches against libcrypto, and hosts that break off anywhere. The chip offers and takes bytes at
// random; the bus must turn round as its data sheet says and must never be driven from both ends.
#include <deque>
#include <memory>
#include <random>

#include "Vbyte_card.h"
#include "batch.hpp"
#include "check.hpp"
#include "verilated.h"

namespace {

// First bytes of commands and answers, as in hw/boards/ecp5/mtc_bytes_pkg.sv.
enum Kind : uint8_t { kNothing = 0, kWrite = 1, kRead = 2, kBeat = 3, kEcho = 4 };

class Bench {
 public:
  Bench(int seed, unsigned idle_percent, unsigned stall_percent)
      : random_(static_cast<uint64_t>(seed)), idle_(idle_percent), stall_(stall_percent) {
    check_seed = seed;
    context_.randReset(2);
    context_.randSeed(seed);
    card_ = std::make_unique<Vbyte_card>(&context_);
    card_->rxf_n_i = card_->txe_n_i = 1;
    card_->rst_ni = 0;
    for (int i = 0; i < 4; i++) clock();
    card_->rst_ni = 1;
  }
  ~Bench() { card_->final(); }

  std::mt19937_64 &random() { return random_; }
  void send(const Bytes &bytes) { to_card_.insert(to_card_.end(), bytes.begin(), bytes.end()); }
  void wait_until_sent() {
    for (int i = 0; !to_card_.empty(); i++) {
      CHECK(i < 4000000, "the card takes no bytes");
      cycle();
    }
  }

  // Ends what a host before left half said, and finds the place where answers begin.
  void begin() {
    Bytes hello(72, kNothing), mark = {kEcho, 0};
    hello.push_back(kEcho);
    for (int i = 0; i < 4; i++) {
      hello.push_back(static_cast<uint8_t>(random_()));
      mark.push_back(hello.back());
    }
    send(hello);
    Bytes last;
    while (last != mark) {
      last.push_back(next_byte());
      if (last.size() > mark.size()) last.erase(last.begin());
    }
    output_.clear();
  }

  uint8_t write(uint16_t address, uint32_t value) {
    Bytes command = {kWrite};
    put(command, address, 2);
    put(command, value, 4);
    send(command);
    return answer(kWrite, 1)[0];
  }
  Bytes read(uint16_t address) {
    Bytes command = {kRead};
    put(command, address, 2);
    send(command);
    return answer(kRead, 5);
  }
  uint32_t reg(uint16_t address) {
    Bytes bytes = read(address);
    CHECK(bytes[0] == 0, "reading 0x%x", address);
    return get<uint32_t>(&bytes[1]);
  }
  void set(uint16_t address, uint32_t value) {
    CHECK(write(address, value) == 0, "writing 0x%x", address);
  }

  Bytes as_commands(const Bytes &beats) {
    Bytes commands;
    for (size_t i = 0; i < beats.size(); i++) {
      if (i % kBeatLen == 0) commands.push_back(kBeat);
      commands.push_back(beats[i]);
    }
    return commands;
  }

  Bytes next_frame() {
    while (output_.size() < kFrameLen) take_beat();
    Bytes frame(output_.begin(), output_.begin() + kFrameLen);
    output_.erase(output_.begin(), output_.begin() + kFrameLen);
    return frame;
  }

  uint32_t resync() {
    uint32_t nonce = static_cast<uint32_t>(random_()) | 1, sequence = reg(MTC_REG_CMD_ACK) + 1;
    set(MTC_REG_NONCE, nonce);
    set(MTC_REG_CMD, MTC_CARD_CMD_RESYNC);
    set(MTC_REG_CMD_SEQ, sequence);
    CHECK(reg(MTC_REG_CMD_ACK) == sequence, "CMD_ACK");
    send(as_commands(sync_beat(nonce)));
    while (reg(MTC_REG_SYNC_ACK) != nonce) {
    }
    // Up to the SYNC frame come whole beats of the session before, not whole frames.
    for (;;) {
      while (output_.size() < kBeatLen) take_beat();
      if (get<uint32_t>(&output_[0]) == MTC_CARD_MAGIC_FRAME &&
          get<uint16_t>(&output_[6]) == MTC_CARD_FRAME_KIND_SYNC &&
          get<uint32_t>(&output_[8]) == nonce)
        break;
      output_.erase(output_.begin(), output_.begin() + kBeatLen);
    }
    next_frame();
    return nonce;
  }

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }

  void clock() {
    card_->clk_i = 1;
    card_->eval();
    card_->clk_i = 0;
    card_->eval();
  }

  void cycle() {
    card_->rxf_n_i = to_card_.empty() || chance(idle_);
    card_->txe_n_i = chance(stall_);
    card_->data_i = to_card_.empty() ? 0xFF : to_card_.front();
    card_->eval();
    CHECK(card_->oe_n_o || !card_->drive_o, "the bus is driven from both ends");
    CHECK(card_->rd_n_o || (!card_->oe_n_o && chip_drove_), "RD# without OE# a cycle before");
    CHECK(card_->wr_n_o || (card_->drive_o && !chip_drove_), "WR# on a bus that was the chip's");
    if (!card_->rd_n_o && !card_->rxf_n_i) to_card_.pop_front();
    if (!card_->wr_n_o && !card_->txe_n_i) to_host_.push_back(card_->data_o);
    chip_drove_ = !card_->oe_n_o;
    clock();
  }

  uint8_t next_byte() {
    for (int i = 0; to_host_.empty(); i++) {
      CHECK(i < 4000000, "the card says nothing");
      cycle();
    }
    uint8_t byte = to_host_.front();
    to_host_.pop_front();
    return byte;
  }
  void rest_of_beat() {
    for (size_t i = 0; i < kBeatLen; i++) output_.push_back(next_byte());
  }
  void take_beat() {
    uint8_t kind = next_byte();
    CHECK(kind == kBeat, "0x%x where a beat begins", kind);
    rest_of_beat();
  }
  // Beats may come before an answer.
  Bytes answer(uint8_t wanted, size_t len) {
    uint8_t kind;
    while ((kind = next_byte()) == kBeat) rest_of_beat();
    CHECK(kind == wanted, "an answer of kind 0x%x", kind);
    Bytes bytes;
    while (bytes.size() < len) bytes.push_back(next_byte());
    return bytes;
  }

  VerilatedContext context_;
  std::unique_ptr<Vbyte_card> card_;
  std::mt19937_64 random_;
  unsigned idle_, stall_;
  std::deque<uint8_t> to_card_, to_host_;
  bool chip_drove_ = false;
  Bytes output_;  // beats of c2h
};

void registers(Bench &bench) {
  CHECK(bench.reg(MTC_REG_ID) == MTC_CARD_REGISTER_ID, "ID");
  CHECK(bench.reg(MTC_REG_CAPS_CORE) == (1u << 24 | 4 << 16 | 1 << 8 | 64), "CAPS_CORE");
  bench.set(MTC_REG_NONCE, 0xA5A51234);
  CHECK(bench.reg(MTC_REG_NONCE) == 0xA5A51234, "NONCE");
  CHECK(bench.write(MTC_REG_ID, 1) == 2, "writing ID");
  CHECK(bench.read(0x0FFC)[0] == 2 && bench.read(0x2000)[0] == 2, "reading no register");
}

void a_batch(Bench &bench) {
  uint32_t nonce = bench.resync();
  Answers answers;
  for (uint32_t number = 0; number < 2; number++) {
    Batch batch = random_batch(bench.random(), bench.random()() % 1000, 1 + bench.random()() % 40);
    bench.send(bench.as_commands(batch.wire(nonce, number)));
    answers.await(batch, number);
  }
  CHECK(bench.reg(MTC_REG_ERR_CAUSE) == 0, "ERR_CAUSE");
  while (!answers.empty()) answers.take(bench.next_frame(), nonce);
}

// In the middle of any command; what the card answered meanwhile is still in the way.
void a_host_breaks_off(Bench &bench) {
  uint32_t nonce = bench.resync();
  Batch batch = random_batch(bench.random(), 0, 30);
  Bytes commands = bench.as_commands(batch.wire(nonce, 1));
  for (int i = 0; i < 5; i++) {
    commands.push_back(kRead);
    put(commands, MTC_REG_ID, 2);
  }
  commands.resize(1 + bench.random()() % commands.size());
  bench.send(commands);
  bench.wait_until_sent();
  bench.begin();
}

}  // namespace

int main() {
  static const unsigned patterns[][2] = {{0, 0}, {60, 0}, {0, 60}, {40, 40}};
  int seed = 1;
  for (const auto &pattern : patterns) {
    Bench bench(seed++, pattern[0], pattern[1]);
    bench.begin();
    registers(bench);
    for (int i = 0; i < 4; i++) {
      a_batch(bench);
      a_host_breaks_off(bench);
    }
    a_batch(bench);
  }
  return 0;
}
