// A whole lane (fold 1, one register a round, the quickest to simulate) at its limits, against
// libcrypto: entries of every length from 1 to CAPS_ENTRY in one batch, and a batch of CAPS_BATCH
// entries that ends at the last index there is. Three batches of other logs go before and behind
// each of them.
#include <random>

#include "batch.hpp"
#include "check.hpp"
#include "damage.hpp"
#include "hash/card_regs.h"
#include "model.hpp"

namespace {

constexpr uint64_t kLastIndex = UINT64_C(1) << 48;

// A batch and its hashes, level by level, in a form for a million entries.
class Tree {
 public:
  // `len` gives the length of an entry by its number.
  template <typename Len>
  Tree(std::mt19937_64 &random, uint64_t start, size_t count, Len len)
      : start_(start), end_(start + count) {
    Batch header = random_batch(random, start, 0);  // with seeds
    wire_ = header.wire(0, 0);
    std::vector<Hash> level(count);
    for (size_t i = 0; i < count; i++) {
      Bytes entry(len(i));
      for (uint8_t &byte : entry) byte = static_cast<uint8_t>(random());
      Bytes message = {0x00};
      message.insert(message.end(), entry.begin(), entry.end());
      level[i] = sha256(message);
      put(wire_, entry.size(), 4);
      put(wire_, cookie(i), 4);
      wire_.insert(wire_.end(), entry.begin(), entry.end());
      fill_beat(wire_);
    }
    for (unsigned i = 0; i <= 48; i++) {
      seen_.emplace_back(level.size());
      levels_.push_back(level);
      level = parents(level, i, header.seeds);
    }
    left_ = promise_ = count_records(start_, end_);
  }

  Bytes wire(uint32_t nonce, uint32_t number) {
    for (int i = 0; i < 4; i++) {
      wire_[8 + static_cast<size_t>(i)] = static_cast<uint8_t>(nonce >> 8 * i);
      wire_[12 + static_cast<size_t>(i)] = static_cast<uint8_t>(number >> 8 * i);
      wire_[24 + static_cast<size_t>(i)] = static_cast<uint8_t>((end_ - start_) >> 8 * i);
    }
    nonce_ = nonce;
    number_ = number;
    return wire_;
  }

  bool done() const { return left_ == 0; }

  void take(const uint8_t *frame) {
    CHECK(get<uint32_t>(frame + 8) == nonce_, "nonce");
    CHECK(get<uint32_t>(frame + 16) == frames_++, "number of a frame");
    CHECK(get<uint32_t>(frame + 20) == promise_, "promise");
    uint64_t count = std::min<uint64_t>(left_, MTC_CARD_FRAME_RECORDS);
    for (uint64_t i = 1; i <= count; i++) take_record(frame + i * kBeatLen);
    left_ -= count;
    CHECK(get<uint32_t>(frame + 24) == promise_ - left_, "records so far");
    CHECK(get<uint32_t>(frame + 28) == (left_ == 0), "end mark");
    CHECK(get<uint32_t>(frame + 32) == 0, "error code %u", get<uint32_t>(frame + 32));
    for (uint64_t i = count + 1; i <= MTC_CARD_FRAME_RECORDS; i++)
      CHECK(frame[i * kBeatLen + 41] == MTC_CARD_RECORD_PADDING, "no padding");
  }

 private:
  static uint32_t cookie(uint64_t i) { return static_cast<uint32_t>(i * 2654435761u); }

  // Nodes of a level whose interval ends in the batch, from those of the one below.
  std::vector<Hash> parents(const std::vector<Hash> &below, unsigned level,
                            const std::map<unsigned, Hash> &seeds) const {
    uint64_t first = start_ >> level, number = start_ >> (level + 1);
    std::vector<Hash> above;
    for (; 2 * number + 1 < (end_ >> level); number++) {
      const Hash &left = 2 * number < first ? seeds.at(level) : below[2 * number - first];
      const Hash &right = below[2 * number + 1 - first];
      Bytes message = {0x01};
      message.insert(message.end(), left.begin(), left.end());
      message.insert(message.end(), right.begin(), right.end());
      above.push_back(sha256(message));
    }
    return above;
  }

  void take_record(const uint8_t *record) {
    unsigned level = record[40];
    uint64_t number = get<uint64_t>(record + 32), at = number - (start_ >> level);
    CHECK(level < levels_.size() && at < levels_[level].size(),
          "level %u node %llu was not asked for", level, static_cast<unsigned long long>(number));
    CHECK(!seen_[level][at], "level %u node %llu came twice", level,
          static_cast<unsigned long long>(number));
    seen_[level][at] = true;
    CHECK(std::memcmp(record, levels_[level][at].data(), 32) == 0, "level %u node %llu is wrong",
          level, static_cast<unsigned long long>(number));
    CHECK(record[41] == (level ? MTC_CARD_RECORD_NODE : MTC_CARD_RECORD_LEAF), "type");
    CHECK(get<uint32_t>(record + 44) == number_, "batch");
    CHECK(get<uint32_t>(record + 48) == (level ? 0 : cookie(at)), "cookie");
  }

  uint64_t start_, end_, promise_, left_;
  uint32_t nonce_ = 0, number_ = 0, frames_ = 0;
  Bytes wire_;
  std::vector<std::vector<Hash>> levels_;
  std::vector<std::vector<bool>> seen_;
};

// Input that is always there and output that is always taken, until all batches are done.
void run(Model &model, const Bytes &input, std::vector<Tree> &trees) {
  Bytes frame(kFrameLen);
  size_t given = 0, filled = 0, done = 0;
  for (size_t idle = 0; done < trees.size(); idle++) {
    CHECK(idle < 200000, "stuck behind %zu of %zu bytes", given, input.size());
    Model::Moved moved =
        model.cycle(given < input.size() ? &input[given] : nullptr, &frame[filled]);
    if (moved.input) given += kBeatLen;
    if (moved.input || moved.output) idle = 0;
    if (!moved.output) continue;
    filled += kBeatLen;
    if (filled < kFrameLen) continue;
    filled = 0;
    CHECK(get<uint32_t>(&frame[0]) == MTC_CARD_MAGIC_FRAME, "magic of a frame");
    if (get<uint16_t>(&frame[6]) == MTC_CARD_FRAME_KIND_SYNC) continue;
    uint32_t number = get<uint32_t>(&frame[12]);
    CHECK(number < trees.size() && !trees[number].done(), "a frame of batch %u", number);
    trees[number].take(frame.data());
    done += trees[number].done();
  }
}

// `count` entries between batches of three other logs.
template <typename Len>
void batch_at_the_limit(int seed, uint64_t start, size_t count, Len len) {
  std::mt19937_64 random(static_cast<uint64_t>(seed));
  check_seed = seed;
  Model model(seed, Build{1, 1});
  uint32_t nonce = static_cast<uint32_t>(random()) | 1;
  model.write_register(MTC_REG_NONCE, nonce);
  model.write_register(MTC_REG_CMD, MTC_CARD_CMD_RESYNC);
  model.write_register(MTC_REG_CMD_SEQ, 1);
  std::vector<Tree> trees;
  for (uint64_t log = 0; log < 7; log++) {
    if (log == 3)
      trees.emplace_back(random, start, count, len);
    else
      trees.emplace_back(random, (log % 3) * 1234567 + 50 * (log / 3), 50,
                         [&](size_t) { return 1 + random() % 300; });
  }
  Bytes input = sync_beat(nonce);
  for (uint32_t number = 0; number < trees.size(); number++) {
    Bytes wire = trees[number].wire(nonce, number);
    input.insert(input.end(), wire.begin(), wire.end());
  }
  run(model, input, trees);
  CHECK(model.read_register(MTC_REG_ERR_CAUSE) == 0, "ERR_CAUSE");
  CHECK(model.read_register(MTC_REG_STATUS) == 0, "STATUS 0x%x",
        model.read_register(MTC_REG_STATUS));
}

}  // namespace

int main() {
  uint32_t max_entry, max_batch;
  {
    Model model(1, Build{1, 1});
    max_entry = model.read_register(MTC_REG_CAPS_ENTRY);
    max_batch = model.read_register(MTC_REG_CAPS_BATCH);
  }
  // In an order that mixes short and long: 5,009 and the limit have no divisor in common.
  batch_at_the_limit(1, 777, max_entry, [&](size_t i) { return 1 + i * 5009 % max_entry; });
  batch_at_the_limit(2, kLastIndex - max_batch, max_batch, [](size_t) { return size_t{1}; });
  return 0;
}
