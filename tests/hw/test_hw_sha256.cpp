// The SHA-256 engines of every build against libcrypto: many messages in flight, one to a slot,
// each block fed back with its chaining value as the scheduler does it. With a file of CAVP vectors
// (FIPS 180-4, "Len = ", "Msg = ", "MD = ") as argument, all of its messages.
#include <openssl/sha.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "Vfolded_16.h"
#include "Vfolded_2.h"
#include "Vfolded_4.h"
#include "Vfolded_64.h"
#include "Vunrolled_1.h"
#include "Vunrolled_2.h"
#include "check.hpp"
#include "verilated.h"

namespace {

using Bytes = std::vector<uint8_t>;

struct Message {
  Bytes bytes;
  Bytes digest;
};

Bytes pad(Bytes message) {
  uint64_t bits = message.size() * 8;
  message.push_back(0x80);
  while (message.size() % 64 != 56) message.push_back(0);
  for (int i = 7; i >= 0; i--) message.push_back(static_cast<uint8_t>(bits >> 8 * i));
  return message;
}

// Words in message order, the first in the top bits.
template <typename Wide>
void put_words(Wide &port, const uint8_t *bytes, int count) {
  for (int i = 0; i < count; i++) {
    const uint8_t *at = bytes + 4 * (count - 1 - i);
    port[i] = uint32_t(at[0]) << 24 | uint32_t(at[1]) << 16 | uint32_t(at[2]) << 8 | at[3];
  }
}

template <typename Wide>
Bytes get_words(const Wide &port, int count) {
  Bytes bytes;
  for (int i = count - 1; i >= 0; i--)
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<uint8_t>(port[i] >> shift));
  return bytes;
}

const Bytes kInitial = {0x6a, 0x09, 0xe6, 0x67, 0xbb, 0x67, 0xae, 0x85, 0x3c, 0x6e, 0xf3,
                        0x72, 0xa5, 0x4f, 0xf5, 0x3a, 0x51, 0x0e, 0x52, 0x7f, 0x9b, 0x05,
                        0x68, 0x8c, 0x1f, 0x83, 0xd9, 0xab, 0x5b, 0xe0, 0xcd, 0x19};

template <typename Engine>
void set_phase(Engine &, int) {}
template <>
void set_phase(Vfolded_2 &top, int phase) {
  top.phase_i = phase;
}
template <>
void set_phase(Vfolded_4 &top, int phase) {
  top.phase_i = phase;
}
template <>
void set_phase(Vfolded_16 &top, int phase) {
  top.phase_i = phase;
}
template <>
void set_phase(Vfolded_64 &top, int phase) {
  top.phase_i = phase;
}

// Hashes all messages with as many in flight as the engine holds.
template <typename Engine>
void hash_all(const char *name, int fold, int stages, const std::vector<Message> &messages) {
  VerilatedContext context;
  context.randReset(2);
  auto top = std::make_unique<Engine>(&context);
  auto cycle = [&](int phase) {
    set_phase(*top, phase);
    top->tick_i = phase == fold - 1;
    top->eval();
    top->clk_i = 1;
    top->eval();
    top->clk_i = 0;
    top->eval();
  };
  top->rst_ni = 0;
  for (int i = 0; i < 4; i++) cycle(0);  // the first may have no edge: the clock starts at random
  top->rst_ni = 1;

  // Unrolled: a register in front of the rounds, with one stage another behind them.
  size_t latency = fold == 1 ? 64 * stages + (stages == 1 ? 4 : 3) : 64 / fold + 2;
  struct Slot {
    const Message *message = nullptr;
    Bytes padded;
    size_t done = 0;
  };
  std::vector<Slot> slots(latency);
  size_t next = 0, left = messages.size();
  for (size_t tick = 0; left; tick++) {
    Slot &slot = slots[tick % latency];
    Bytes state = get_words(top->state_o, 8);
    if (slot.message && (slot.done += 64) == slot.padded.size()) {
      CHECK(state == slot.message->digest, "%s: a message of %zu bytes", name,
            slot.message->bytes.size());
      slot.message = nullptr;
      left--;
    }
    if (!slot.message && next < messages.size()) {
      slot.message = &messages[next++];
      slot.padded = pad(slot.message->bytes);
      slot.done = 0;
      state = kInitial;
    }
    Bytes junk(64, 0x5A);
    put_words(top->state_i, state.data(), 8);
    put_words(top->block_i, slot.message ? &slot.padded[slot.done] : junk.data(), 16);
    for (int phase = 0; phase < fold; phase++) cycle(phase);
  }
  top->final();
}

void all_engines(const std::vector<Message> &messages) {
  hash_all<Vunrolled_1>("unrolled, 1 stage", 1, 1, messages);
  hash_all<Vunrolled_2>("unrolled, 2 stages", 1, 2, messages);
  hash_all<Vfolded_2>("folded 2", 2, 1, messages);
  hash_all<Vfolded_4>("folded 4", 4, 1, messages);
  hash_all<Vfolded_16>("folded 16", 16, 1, messages);
  hash_all<Vfolded_64>("folded 64", 64, 1, messages);
}

Message make_message(const Bytes &bytes) {
  Message message = {bytes, Bytes(32)};
  SHA256(bytes.data(), bytes.size(), message.digest.data());
  return message;
}

Bytes from_hex(const std::string &text) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

// A file of NIST's Cryptographic Algorithm Validation Program.
std::vector<Message> read_cavp(const char *path) {
  std::ifstream file(path);
  CHECK(file.good(), "cannot open %s", path);
  std::vector<Message> messages;
  size_t bits = 0;
  Bytes bytes;
  for (std::string line; std::getline(file, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.rfind("Len = ", 0) == 0) bits = std::stoul(line.substr(6));
    if (line.rfind("Msg = ", 0) == 0) bytes = from_hex(line.substr(6));
    if (line.rfind("MD = ", 0) == 0) {
      bytes.resize(bits / 8);
      messages.push_back({bytes, from_hex(line.substr(5))});
    }
  }
  return messages;
}

}  // namespace

int main(int argc, char **argv) {
  std::mt19937_64 random(1);
  std::vector<Message> messages;
  // Every length at which the padding changes, and all others, in a mixed order.
  for (size_t len = 0; len <= 1024; len++) {
    Bytes bytes((len * 613) % 1025);
    for (uint8_t &byte : bytes) byte = static_cast<uint8_t>(random());
    messages.push_back(make_message(bytes));
  }
  all_engines(messages);
  for (int i = 1; i < argc; i++) {
    std::vector<Message> vectors = read_cavp(argv[i]);
    CHECK(vectors.size() > 60, "only %zu vectors in %s", vectors.size(), argv[i]);
    all_engines(vectors);
  }
  return 0;
}
