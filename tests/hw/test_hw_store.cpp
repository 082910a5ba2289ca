// mtc_store against maps: leaves in, jobs out in order, their blocks read back through the linked
// list by several readers at a time, every address used again, full to the last block, flush.
#include "Vstore.h"
#include "bench.hpp"

#include <deque>

namespace {

constexpr size_t kBlocks = 1024, kLeafBlocks = 129, kUnderWay = 8;

struct Leaf {
  uint64_t tag;
  std::vector<Bytes> blocks;
};

class Store {
 public:
  Store(const Traffic &traffic, size_t max_blocks)
      : dut_(traffic.seed),
        random_(traffic.seed),
        traffic_(traffic),
        max_blocks_(max_blocks),
        offer_(random_, traffic.idle) {
    dut_->flush_i = dut_->block_valid_i = dut_->job_ready_i = dut_->read_i = dut_->step_i = 0;
    dut_.reset();
  }

  size_t inside() const { return inside_; }
  size_t num_leaves() const { return num_leaves_; }
  bool idle() const { return jobs_.empty() && readers_.empty() && coming_.blocks.empty(); }

  // `give`: leaves may begin, as many as there was room said for, to the last block; `drain`: jobs
  // are taken.
  void cycle(bool give, bool drain, bool flush = false) {
    if (dut_->room_o) promised_ = kLeafBlocks + kUnderWay;
    size_t count = 1 + random_.below(max_blocks_);
    if (coming_.blocks.empty() && give && count <= promised_) {
      coming_.tag = random_.bits() & 0x7FFFFFFFF;
      while (coming_.blocks.size() < count) coming_.blocks.push_back(random_.bytes(64));
      at_ = 0;
    }
    dut_->block_valid_i = offer_(!coming_.blocks.empty());
    if (dut_->block_valid_i) {
      set_block(dut_->block_i, coming_.blocks[at_].data());
      set_bits(dut_->block_i, block::leaf, coming_.tag);
      set_bits(dut_->block_i, block::last, at_ + 1 == coming_.blocks.size());
    }
    // Like the scheduler: a read on behalf of one of the leaves in work, any of them.
    dut_->job_ready_i = drain && readers_.size() < 8 && !random_.chance(traffic_.stall);
    dut_->flush_i = flush;
    dut_.settle();
    Reader *reader = nullptr;
    if (!readers_.empty() && !random_.chance(traffic_.stall))
      reader = &readers_[random_.below(readers_.size())];
    dut_->read_i = reader != nullptr;
    dut_->step_i = reader || random_.chance(50);  // of what is not wanted, anything
    dut_->address_i = reader ? reader->address : 0;
    dut_.settle();
    if (dut_->job_valid_o) {
      CHECK(!jobs_.empty(), "a job of nothing");
      CHECK(get_bits(dut_->job_o, leaf_job::leaf) == jobs_.front().tag, "jobs out of order");
      CHECK(get_bits(dut_->job_o, leaf_job::num_blocks) == jobs_.front().blocks.size(), "blocks");
    }
    bool write = dut_->block_valid_i;
    bool job = dut_->job_valid_o && dut_->job_ready_i;
    uint64_t address = get_bits(dut_->job_o, leaf_job::address);
    dut_.clock();
    if (reader) {
      CHECK(get_block(dut_->data_o) == reader->leaf.blocks[reader->next], "block %zu of %zu",
            reader->next, reader->leaf.blocks.size());
      reader->address = dut_->next_o;
      inside_--;
      if (++reader->next == reader->leaf.blocks.size())
        readers_.erase(readers_.begin() + (reader - readers_.data()));
    }
    if (write) {
      inside_++;
      promised_--;
      offer_.taken();
      if (++at_ == coming_.blocks.size()) {
        jobs_.push_back(coming_);
        coming_.blocks.clear();
        num_leaves_++;
      }
    }
    if (job) {
      readers_.push_back({jobs_.front(), 0, address});
      jobs_.pop_front();
    }
    if (flush) {
      jobs_.clear();
      readers_.clear();
      coming_.blocks.clear();
      offer_.taken();
      inside_ = promised_ = 0;
    }
  }

 private:
  struct Reader {
    Leaf leaf;
    size_t next;
    uint64_t address;
  };
  Dut<Vstore> dut_;
  Random random_;
  Traffic traffic_;
  size_t max_blocks_;
  Offer offer_;
  Leaf coming_ = {};
  size_t at_ = 0, inside_ = 0, num_leaves_ = 0;
  size_t promised_ = 0;  // blocks that may still come
  std::deque<Leaf> jobs_;
  std::vector<Reader> readers_;
};

void leaves_come_back(const Traffic &traffic) {
  Store store(traffic, traffic.len);
  size_t cycles = 0, wanted = std::max<size_t>(4, 400 / traffic.len);
  while (store.num_leaves() < wanted || !store.idle()) {
    CHECK(++cycles < 100000, "stuck");
    store.cycle(store.num_leaves() < wanted, true, traffic.seed % 5 == 0 && cycles == 150);
  }
  CHECK(store.inside() == 0, "%zu blocks are left", store.inside());
}

// Full: an address is kept for what would come next, and those of the last cycle were not yet
// counted when room was said.
void full_and_empty_again() {
  Store store({77, 0, 0, 1}, 3);
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 3000; i++) store.cycle(true, false);
    CHECK(store.inside() >= kBlocks - 3 && store.inside() < kBlocks, "%zu blocks in a full store",
          store.inside());
    if (round == 2) store.cycle(false, false, true);
    size_t cycles = 0;
    for (; !store.idle(); cycles++) {
      CHECK(cycles < 10000, "stuck");
      store.cycle(false, true);
    }
  }
}

}  // namespace

int main() {
  cross({1, 2, 8, 129}, 40, 129, leaves_come_back);
  full_and_empty_again();
  return 0;
}
