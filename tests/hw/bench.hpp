// What the benches of single modules have in common: clock and reset, bits of packed ports, streams
// that idle and stall, and crossing their patterns with lengths.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "batch.hpp"
#include "check.hpp"
#include "verilated.h"

// The packed structs of mtc_pkg as a port holds them, by the lowest bit and the width of each
// field. Data and hashes are whole bytes of the port and have functions of their own.
struct Field {
  unsigned lsb, width;
};
namespace entry_beat {  // 512 bits of data below
constexpr Field opens = {512, 1}, slot = {513, 2}, message_len = {515, 14}, cookie = {529, 32},
                first = {561, 1};
}
namespace leaf {
constexpr Field opens = {0, 1}, slot = {1, 2}, cookie = {3, 32}, all = {0, 35};
}
namespace block {  // 512 bits of data below
constexpr Field leaf = {512, 35}, last = {547, 1};
}
namespace leaf_job {
constexpr Field num_blocks = {0, 8}, address = {8, 10}, leaf = {18, 35};
}
namespace node {
constexpr Field index = {0, 49}, level = {49, 6}, edge_l = {55, 1}, slot = {56, 2}, all = {0, 58};
}
namespace halves {
constexpr unsigned right = 0, left = 256;
}
namespace record {  // the hash below
constexpr Field cookie = {256, 32}, node = {288, 58};
}
namespace open_batch {
constexpr Field promised = {0, 32}, batch = {32, 32}, slot = {64, 2};
}
namespace close_batch {
constexpr Field info = {0, 32}, code = {32, 32}, records = {64, 32}, slot = {96, 2};
}
namespace seed {  // the hash below
constexpr Field level = {256, 6}, slot = {262, 2};
}
namespace fault {
constexpr Field info = {0, 32}, code = {32, 32};
}
namespace use {
constexpr Field tail = {0, 1}, no_credit = {1, 1}, no_input = {2, 1}, node = {3, 1}, leaf = {4, 1};
}

// Verilator keeps a port of any width as little-endian words, so its bytes lie in order.
template <typename Port>
uint64_t get_bits(const Port &port, Field field) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(&port);
  uint64_t value = 0;
  for (unsigned i = 0; i < field.width; i++) {
    unsigned at = field.lsb + i;
    value |= uint64_t(bytes[at / 8] >> at % 8 & 1) << i;
  }
  return value;
}

template <typename Port>
void set_bits(Port &port, Field field, uint64_t value) {
  auto *bytes = reinterpret_cast<uint8_t *>(&port);
  for (unsigned i = 0; i < field.width; i++) {
    unsigned at = field.lsb + i;
    bytes[at / 8] = static_cast<uint8_t>((bytes[at / 8] & ~(1u << at % 8)) |
                                         unsigned(value >> i & 1) << at % 8);
  }
}

// A beat: byte 0 lowest.
template <typename Port>
void set_beat(Port &port, const uint8_t *bytes) {
  std::memcpy(&port, bytes, 64);
}

template <typename Port>
Bytes get_beat(const Port &port) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(&port);
  return Bytes(bytes, bytes + 64);
}

// Message order: the first byte on top.
template <typename Port>
void set_block(Port &port, const uint8_t *bytes) {
  std::reverse_copy(bytes, bytes + 64, reinterpret_cast<uint8_t *>(&port));
}

template <typename Port>
Bytes get_block(const Port &port) {
  Bytes bytes = get_beat(port);
  std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

template <typename Port>
void set_hash(Port &port, unsigned lsb, const Hash &hash) {
  std::reverse_copy(hash.begin(), hash.end(), reinterpret_cast<uint8_t *>(&port) + lsb / 8);
}

template <typename Port>
Hash get_hash(const Port &port, unsigned lsb) {
  const uint8_t *bytes = reinterpret_cast<const uint8_t *>(&port) + lsb / 8;
  Hash hash;
  std::reverse_copy(bytes, bytes + 32, hash.begin());
  return hash;
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t bits() { return engine_(); }
  uint64_t below(uint64_t bound) { return engine_() % bound; }
  bool chance(int percent) { return below(100) < static_cast<uint64_t>(percent); }
  Bytes bytes(size_t len) {
    Bytes out(len);
    for (uint8_t &byte : out) byte = static_cast<uint8_t>(engine_());
    return out;
  }
  Hash hash() {
    Hash out;
    for (uint8_t &byte : out) byte = static_cast<uint8_t>(engine_());
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

// Source: FIPS 180-4, "Padding the Message".
inline Bytes padded(Bytes message) {
  uint64_t bits = message.size() * 8;
  message.push_back(0x80);
  while (message.size() % 64 != 56) message.push_back(0);
  for (int i = 7; i >= 0; i--) message.push_back(static_cast<uint8_t>(bits >> 8 * i));
  return message;
}

inline Hash leaf_hash(const Bytes &entry) {
  Bytes message = {0x00};
  message.insert(message.end(), entry.begin(), entry.end());
  return sha256(message);
}

inline Hash node_hash(const Hash &left, const Hash &right) {
  Bytes message = {0x01};
  message.insert(message.end(), left.begin(), left.end());
  message.insert(message.end(), right.begin(), right.end());
  return sha256(message);
}

// Random entries of 1 to max_len bytes at `start`, behind random seeds.
inline Batch make_batch(Random &random, uint64_t start, size_t num_entries, size_t max_len) {
  Batch batch;
  batch.start = start;
  for (size_t i = 0; i < num_entries; i++) {
    batch.entries.push_back(random.bytes(1 + random.below(max_len)));
    batch.cookies.push_back(static_cast<uint32_t>(random.bits()));
  }
  for (unsigned level = 0; level < 48; level++)
    if (start >> level & 1) batch.seeds[level] = random.hash();
  return batch;
}

// A module under test: flops that are not reset start at random, and so do inputs.
template <typename Top>
class Dut {
 public:
  explicit Dut(int seed) {
    check_seed = seed;
    context_.randReset(2);
    context_.randSeed(seed);
    top_ = std::make_unique<Top>(&context_);
  }
  ~Dut() { top_->final(); }
  Top *operator->() { return top_.get(); }
  const Top *operator->() const { return top_.get(); }

  // Inputs of control are 0 by then.
  void reset() {
    top_->rst_ni = 0;
    for (int i = 0; i < 4; i++) clock();  // the first may have no edge: the clock starts at random
    top_->rst_ni = 1;
    settle();
  }
  void settle() { top_->eval(); }
  void clock() {
    top_->clk_i = 1;
    top_->eval();
    top_->clk_i = 0;
    top_->eval();
  }

 private:
  VerilatedContext context_;
  std::unique_ptr<Top> top_;
};

// How often a stream's giver has nothing and its taker no room, in percent, and how long it is.
struct Traffic {
  int seed;
  int idle, stall;
  size_t len;
};

// Whether to offer a word in this cycle: at times not, but what was offered stays until it is
// taken.
class Offer {
 public:
  Offer(Random &random, int idle) : random_(random), idle_(idle) {}
  bool operator()(bool there) {
    offering_ = there && (offering_ || !random_.chance(idle_));
    return offering_;
  }
  void taken() { offering_ = false; }

 private:
  Random &random_;
  int idle_;
  bool offering_ = false;
};

// Idle x back-pressure x length, then at random.
template <typename Run>
void cross(const std::vector<size_t> &lengths, int num_random, size_t max_len, Run run) {
  int seed = 1;
  for (int idle : {0, 50, 95})
    for (int stall : {0, 50, 95})
      for (size_t len : lengths) run(Traffic{seed++, idle, stall, len});
  for (int i = 0; i < num_random; i++) {
    Random random(static_cast<uint64_t>(seed));
    run(Traffic{seed++, static_cast<int>(random.below(100)), static_cast<int>(random.below(100)),
                1 + random.below(max_len)});
  }
}
