// mtc_emit against lists of records: frames as docs/registers.md draws them, of up to four batches
// that take turns, with and without errors, behind SYNC frames, dropped in the middle.
#include "Vemit.h"
#include "bench.hpp"

#include <deque>

namespace {

constexpr size_t kSlots = 4, kBuffers = 8;

uint32_t word(const Bytes &bytes, size_t offset) {
  return bytes[offset] | bytes[offset + 1] << 8 | bytes[offset + 2] << 16 |
         uint32_t(bytes[offset + 3]) << 24;
}

// A batch as it goes on.
struct Open {
  bool used = false, closed = false;
  uint32_t number = 0, promised = 0, will_come = 0, came = 0, code = 0, info = 0;
};

// What is still to come of it in frames.
struct Awaited {
  std::vector<Bytes> records;
  uint32_t promised = 0, so_far = 0, code = 0, info = 0, frames = 0;
};

class Emit {
 public:
  explicit Emit(const Traffic &traffic)
      : dut_(traffic.seed),
        random_(traffic.seed),
        traffic_(traffic),
        offer_(random_, traffic.idle) {
    dut_->drop_i = dut_->sync_i = dut_->open_valid_i = dut_->close_valid_i = 0;
    dut_->record_valid_i = dut_->beat_ready_i = 0;
    dut_.reset();
    start_session();
  }

  void start_session() {
    old_nonce_ = nonce_;
    nonce_ = static_cast<uint32_t>(random_.bits());
    dut_->nonce_i = nonce_;
    dut_->sync_i = 1;
    awaiting_sync_ = true;
    first_number_ = numbers_;
    cycle();
    dut_->sync_i = 0;
    CHECK(dut_->frames_o == 0, "frames after SYNC");
    // The lane's input takes some cycles to the first header.
    for (int i = 0; i < 40; i++) cycle();
  }

  void await_sync() {
    while (awaiting_sync_) cycle();
  }

  // Gives up what is open; whole frames still come, before the next session or in it.
  void drop(bool drain) {
    await_sync();
    dut_->drop_i = 1;
    offer_.taken();
    dropping_ = true;
    cycle();
    dut_->drop_i = 0;
    CHECK(dut_->in_use_o == 0, "in use after a drop");
    for (Open &open : open_) open = Open();
    uint32_t finished = dut_->frames_o;
    // Beats that come one behind the other may have gaps of some cycles.
    for (size_t i = 0, gap = 0; i < 3 || (drain && gap < 12); i++) {
      CHECK(i < 1000000, "stuck");
      gap = dut_->beat_valid_o ? 0 : gap + 1;
      cycle();
    }
    CHECK(dut_->frames_o == finished, "frames after a drop");
    if (drain) CHECK(finished == whole_ - base_ && beats_.empty(), "a frame is cut off");
    dropping_ = false;
    start_session();
  }

  void run(unsigned num_batches) {
    unsigned opened = 0;
    for (size_t i = 0; opened < num_batches || !awaited_.empty(); i++) {
      CHECK(i < 3000000, "stuck");
      if (opened < num_batches && may_open()) {
        open();
        opened++;
      }
      cycle();
    }
    CHECK(!dut_->beat_valid_o && dut_->in_use_o == 0, "something is left");
  }

  void go_on(unsigned cycles) {
    for (unsigned i = 0; i < cycles; i++) {
      if (may_open()) open();
      cycle();
    }
  }

  // Output that stands still: the buffers fill, and not a beat is lost.
  void hold(unsigned cycles) {
    await_sync();  // frames of the session before would be in the buffers, and are not counted
    held_ = true;
    go_on(cycles);
    // Each open batch may keep a buffer to fill.
    uint32_t waiting = dut_->frames_o - (whole_ - base_);
    CHECK(waiting >= kBuffers - kSlots, "%u frames wait", waiting);
    held_ = false;
  }

 private:
  bool may_open() const {
    return close_in_ == 0 && !open_[next_].used && !(dut_->in_use_o >> next_ & 1);
  }

  void open() {
    Open &batch = open_[next_];
    batch = Open();
    batch.number = numbers_++;
    batch.promised = 1 + random_.below(traffic_.len);
    if (random_.chance(30)) batch.promised = 63 * (1 + random_.below(3));  // a full last frame
    batch.will_come = batch.promised;
    if (random_.chance(20)) {
      if (random_.chance(60)) batch.will_come = random_.below(batch.promised + 1);
      batch.code = 1 + random_.below(7);
      batch.info = static_cast<uint32_t>(random_.bits());
      if (random_.chance(30)) batch.promised = batch.will_come = 0;  // a refused header
    }
    Awaited awaited;
    awaited.promised = batch.promised;
    awaited.code = batch.code;
    awaited.info = batch.info;
    awaited_[batch.number] = awaited;
    dut_->open_valid_i = 1;
    set_bits(dut_->open_i, open_batch::slot, next_);
    set_bits(dut_->open_i, open_batch::batch, batch.number);
    set_bits(dut_->open_i, open_batch::promised, batch.promised);
    newest_ = next_;
    next_ = (next_ + 1) % kSlots;
    cycle();
    dut_->open_valid_i = 0;
    batch.used = true;  // records come later
    // It may be late: all records of a full last frame are there before.
    close_in_ = static_cast<int>(1 + random_.below(random_.chance(30) ? 1000 : 200));
  }

  // One record of some open batch, as expected in its frame.
  void make_record() {
    std::vector<size_t> ready;
    for (size_t i = 0; i < kSlots; i++)
      if (open_[i].used && open_[i].came < open_[i].will_come) ready.push_back(i);
    if (ready.empty()) return;
    record_slot_ = ready[random_.below(ready.size())];
    unsigned level = static_cast<unsigned>(random_.below(3) ? 0 : 1 + random_.below(48));
    uint64_t index = random_.bits() & ((UINT64_C(1) << 49) - 1);
    Hash hash = random_.hash();
    uint32_t cookie = static_cast<uint32_t>(random_.bits());
    set_hash(dut_->record_i, 0, hash);
    set_bits(dut_->record_i, record::cookie, cookie);
    uint64_t where = 0;
    set_bits(where, node::index, index);
    set_bits(where, node::level, level);
    set_bits(where, node::slot, record_slot_);
    set_bits(where, node::edge_l, random_.below(2));
    set_bits(dut_->record_i, record::node, where);
    record_.assign(hash.begin(), hash.end());
    put(record_, index, 8);
    put(record_, level, 1);
    put(record_, level ? MTC_CARD_RECORD_NODE : MTC_CARD_RECORD_LEAF, 1);
    put(record_, 0, 2);
    put(record_, open_[record_slot_].number, 4);
    put(record_, level ? 0 : cookie, 4);
    fill_beat(record_);
    have_record_ = true;
  }

  void cycle() {
    if (!dropping_) {
      if (!have_record_) make_record();
      dut_->record_valid_i = offer_(have_record_);
    } else {
      have_record_ = false;
      dut_->record_valid_i = 0;
    }
    if (!dropping_ && close_in_ > 0 && --close_in_ == 0) {
      Open &batch = open_[newest_];
      dut_->close_valid_i = 1;
      set_bits(dut_->close_i, close_batch::slot, newest_);
      set_bits(dut_->close_i, close_batch::records, batch.will_come);
      set_bits(dut_->close_i, close_batch::code, batch.code);
      set_bits(dut_->close_i, close_batch::info, batch.info);
      batch.closed = true;
    }
    if (dropping_) close_in_ = 0;
    dut_->beat_ready_i = !held_ && !random_.chance(traffic_.stall);
    dut_.settle();
    if (dut_->record_valid_i && dut_->record_ready_o) {
      Open &batch = open_[record_slot_];
      awaited_[batch.number].records.push_back(record_);
      batch.came++;
      have_record_ = false;
      offer_.taken();
    }
    if (dut_->beat_valid_o && dut_->beat_ready_i) {
      Bytes beat = get_beat(dut_->beat_o);
      beats_.insert(beats_.end(), beat.begin(), beat.end());
      CHECK(dut_->beat_last_o == (beats_.size() == 4096), "last");
      if (beats_.size() == 4096) {
        check_frame();
        beats_.clear();
      }
    }
    dut_.clock();
    dut_->close_valid_i = 0;
    for (size_t i = 0; i < kSlots; i++)
      if (open_[i].used && open_[i].closed && open_[i].came == open_[i].will_come &&
          !(dut_->in_use_o >> i & 1))
        open_[i].used = false;
  }

  void check_frame() {
    CHECK(word(beats_, 0) == MTC_CARD_MAGIC_FRAME, "magic");
    uint32_t kind = word(beats_, 4) >> 16;
    CHECK((word(beats_, 4) & 0xFFFF) == MTC_CARD_STREAM_VERSION, "version");
    CHECK(Bytes(&beats_[40], &beats_[64]) == Bytes(24), "zeros of a header");
    if (kind == MTC_CARD_FRAME_KIND_SYNC) {
      CHECK(awaiting_sync_, "a SYNC frame");
      CHECK(word(beats_, 8) == nonce_, "nonce of a SYNC frame");
      CHECK(Bytes(beats_.begin() + 12, beats_.end()) == Bytes(4096 - 12), "zeros");
      awaiting_sync_ = false;
      base_ = whole_;
      awaited_.erase(awaited_.begin(), awaited_.lower_bound(first_number_));
      return;
    }
    CHECK(kind == MTC_CARD_FRAME_KIND_BATCH, "kind %u", kind);
    whole_++;
    auto found = awaited_.find(word(beats_, 12));
    CHECK(found != awaited_.end(), "a frame of batch %u", word(beats_, 12));
    Awaited &batch = found->second;
    size_t first = 63 * batch.frames;
    size_t count =
        std::min<size_t>(63, batch.records.size() - std::min(first, batch.records.size()));
    bool last = first + 63 >= batch.promised;
    batch.so_far += static_cast<uint32_t>(count);
    CHECK(word(beats_, 8) == (awaiting_sync_ ? old_nonce_ : nonce_), "nonce");
    CHECK(awaiting_sync_ == (found->first < first_number_), "a frame on the wrong side of SYNC");
    CHECK(word(beats_, 16) == batch.frames++, "number");
    CHECK(word(beats_, 20) == batch.promised, "promised");
    CHECK(word(beats_, 24) == batch.so_far, "so far %u, not %u", word(beats_, 24), batch.so_far);
    CHECK(word(beats_, 28) == last, "end mark");
    CHECK(word(beats_, 32) == (last ? batch.code : 0), "error code");
    CHECK(word(beats_, 36) == (last ? batch.info : 0), "error info");
    for (size_t i = 0; i < 63; i++) {
      Bytes found_record(&beats_[64 * (i + 1)], &beats_[64 * (i + 1)] + 64);
      CHECK(found_record == (i < count ? batch.records[first + i] : Bytes(64)), "record %zu", i);
    }
    if (last) awaited_.erase(found);
  }

  Dut<Vemit> dut_;
  Random random_;
  Traffic traffic_;
  Offer offer_;
  Open open_[kSlots];
  std::map<uint32_t, Awaited> awaited_;
  Bytes beats_, record_;
  bool have_record_ = false, awaiting_sync_ = false, dropping_ = false, held_ = false;
  size_t next_ = 0, newest_ = 0, record_slot_ = 0;
  int close_in_ = 0;
  uint32_t nonce_ = 0, old_nonce_ = 0, numbers_ = 1, first_number_ = 1;
  uint32_t whole_ = 0, base_ = 0;  // frames of batches in all, before the SYNC frame
};

void frames_are_right(const Traffic &traffic) {
  Emit emit(traffic);
  emit.run(12);
  for (int round = 0; round < 3; round++) {
    emit.go_on(200 + static_cast<unsigned>(97 * traffic.seed % 500));
    emit.drop(round % 2);
  }
  emit.run(1);
  if (traffic.len > 100 && traffic.idle < 90) {
    // Sessions broken off in each of the cycles in which a batch takes its first buffer cost none.
    for (unsigned round = 0; round < 80; round++) {
      emit.await_sync();
      emit.go_on(1 + round % 10);
      emit.drop(false);
    }
    emit.hold(60000);
    emit.run(3);
  }
}

}  // namespace

int main() {
  cross({1, 62, 63, 64, 126, 400}, 20, 300, frames_are_right);
  return 0;
}
