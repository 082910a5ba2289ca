// Batches as they go to a lane, and what it has to answer, computed with libcrypto.
#pragma once
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "check.hpp"
#include "hash/card_regs.h"
#include "model.hpp"

using Bytes = std::vector<uint8_t>;
using Hash = std::array<uint8_t, 32>;
using Node = std::pair<unsigned, uint64_t>;  // level, number

inline void put(Bytes &out, uint64_t value, int width) {
  for (int i = 0; i < width; i++) out.push_back(static_cast<uint8_t>(value >> 8 * i));
}

template <typename T>
T get(const uint8_t *in) {
  T value;
  std::memcpy(&value, in, sizeof value);
  return value;
}

inline void fill_beat(Bytes &out) { out.resize((out.size() + 63) / 64 * 64); }

inline Hash sha256(const Bytes &message) {
  Hash hash;
  SHA256(message.data(), message.size(), hash.data());
  return hash;
}

// A batch with everything that the card has to answer.
struct Batch {
  uint64_t start = 0;
  std::vector<Bytes> entries;
  std::vector<uint32_t> cookies;
  std::map<unsigned, Hash> seeds;  // by level

  std::map<Node, Hash> expected() const {
    std::map<Node, Hash> nodes;
    std::map<unsigned, Hash> peaks = seeds;
    for (size_t i = 0; i < entries.size(); i++) {
      Bytes message = {0x00};
      message.insert(message.end(), entries[i].begin(), entries[i].end());
      Hash hash = sha256(message);
      uint64_t index = start + i;
      unsigned level = 0;
      nodes[{0, index}] = hash;
      for (; index & 1; index >>= 1) {
        message = {0x01};
        message.insert(message.end(), peaks[level].begin(), peaks[level].end());
        message.insert(message.end(), hash.begin(), hash.end());
        hash = sha256(message);
        nodes[{++level, index >> 1}] = hash;
      }
      peaks[level] = hash;
    }
    return nodes;
  }

  Bytes wire(uint32_t nonce, uint32_t number) const {
    Bytes out;
    put(out, MTC_CARD_MAGIC_BATCH, 4);
    put(out, MTC_CARD_STREAM_VERSION, 4);
    put(out, nonce, 4);
    put(out, number, 4);
    put(out, start, 8);
    put(out, entries.size(), 4);
    put(out, seeds.size(), 4);
    fill_beat(out);
    for (const auto &[level, hash] : seeds) {
      out.insert(out.end(), hash.begin(), hash.end());
      put(out, level, 4);
      fill_beat(out);
    }
    for (size_t i = 0; i < entries.size(); i++) {
      put(out, entries[i].size(), 4);
      put(out, cookies[i], 4);
      out.insert(out.end(), entries[i].begin(), entries[i].end());
      while (out.size() % 64) out.push_back(0xEE);  // padding is not looked at
    }
    return out;
  }
};

inline Bytes sync_beat(uint32_t nonce) {
  Bytes beat;
  put(beat, MTC_CARD_MAGIC_SYNC, 4);
  put(beat, MTC_CARD_STREAM_VERSION, 4);
  put(beat, nonce, 4);
  fill_beat(beat);
  return beat;
}

inline Batch random_batch(std::mt19937_64 &random, uint64_t start, size_t num_entries) {
  static const unsigned edges[] = {1, 54, 55, 56, 57, 63, 64, 118, 119, 120, 121};
  Batch batch;
  batch.start = start;
  for (size_t i = 0; i < num_entries; i++) {
    size_t len = random() % 3 ? 1 + random() % 400 : edges[random() % std::size(edges)];
    Bytes entry(len);
    for (uint8_t &byte : entry) byte = static_cast<uint8_t>(random());
    batch.entries.push_back(entry);
    batch.cookies.push_back(static_cast<uint32_t>(random()));
  }
  for (unsigned level = 0; level < 48; level++)
    if (start >> level & 1)
      for (uint8_t &byte : batch.seeds[level]) byte = static_cast<uint8_t>(random());
  return batch;
}

// What is still expected of the batches that were given to a lane.
class Answers {
 public:
  bool empty() const { return expected_.empty(); }

  // Notes that a batch was given; with an error code, only what came before it will come.
  void await(const Batch &batch, uint32_t number, uint32_t code = 0, uint32_t info = 0,
             bool promised = true) {
    Expected expected;
    expected.batch = batch;
    expected.nodes = batch.expected();
    expected.promise = expected.left = promised ? expected.nodes.size() : 0;
    expected.code = code;
    expected.info = info;
    expected_[number] = expected;
  }

  // Compares every record of a frame, of whichever batch it is. Returns the error code of a batch
  // that it ends, otherwise 0.
  uint32_t take(const Bytes &frame, uint32_t nonce) {
    uint32_t number = get<uint32_t>(&frame[12]);
    auto entry = expected_.find(number);
    CHECK(entry != expected_.end(), "a frame of batch %u", number);
    Expected &expected = entry->second;
    size_t count = std::min<size_t>(expected.left, MTC_CARD_FRAME_RECORDS);
    expected.left -= count;
    for (size_t i = 1; i <= MTC_CARD_FRAME_RECORDS; i++)
      take_record(expected, number, &frame[i * kBeatLen], i <= count);
    bool last = expected.left == 0;
    CHECK(get<uint32_t>(&frame[8]) == nonce, "nonce");
    CHECK(get<uint32_t>(&frame[16]) == expected.frame_number++, "number of the frame");
    CHECK(get<uint32_t>(&frame[20]) == expected.promise, "promise");
    CHECK(get<uint32_t>(&frame[24]) == expected.so_far, "records so far");
    CHECK(get<uint32_t>(&frame[28]) == last, "end mark");
    CHECK(get<uint32_t>(&frame[32]) == (last ? expected.code : 0), "error code %u",
          get<uint32_t>(&frame[32]));
    CHECK(get<uint32_t>(&frame[36]) == (last ? expected.info : 0), "error info");
    if (!last) return 0;
    CHECK(expected.code || expected.nodes.empty(), "%zu records did not come",
          expected.nodes.size());
    uint32_t code = expected.code;
    expected_.erase(entry);
    return code;
  }

 private:
  struct Expected {
    Batch batch;
    std::map<Node, Hash> nodes;
    size_t promise = 0, left = 0, so_far = 0;
    uint32_t frame_number = 0, code = 0, info = 0;
  };

  static void take_record(Expected &expected, uint32_t number, const uint8_t *record,
                          bool promised) {
    if (record[41] == MTC_CARD_RECORD_PADDING) {
      CHECK(expected.code || !promised, "padding in a good batch");
      CHECK(Bytes(record, record + kBeatLen) == Bytes(kBeatLen), "padding is not zero");
      return;
    }
    expected.so_far++;
    Node node = {record[40], get<uint64_t>(record + 32)};
    auto found = expected.nodes.find(node);
    CHECK(promised && found != expected.nodes.end(), "level %u node %llu was not asked for",
          node.first, static_cast<unsigned long long>(node.second));
    CHECK(std::memcmp(record, found->second.data(), 32) == 0, "level %u node %llu is wrong",
          node.first, static_cast<unsigned long long>(node.second));
    CHECK(record[41] == (node.first ? MTC_CARD_RECORD_NODE : MTC_CARD_RECORD_LEAF), "type");
    CHECK(get<uint32_t>(record + 44) == number, "batch");
    uint32_t cookie = node.first ? 0 : expected.batch.cookies[node.second - expected.batch.start];
    CHECK(get<uint32_t>(record + 48) == cookie, "cookie");
    expected.nodes.erase(found);
  }

  std::map<uint32_t, Expected> expected_;
};
