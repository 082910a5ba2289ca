// mtc_ingest against lists of what each batch on the wire means: opens, seeds, beats of entries and
// closes, in order and with every field; every error; sessions broken off at any moment.
#include "Vingest.h"
#include "bench.hpp"
#include "damage.hpp"

#include <deque>

namespace {

constexpr uint32_t kInputDepth = 256, kMaxEntry = 8192;
constexpr unsigned kSlots = 4;

enum Kind { kSync, kOpen, kSeed, kEntry, kClose };

struct Event {
  Kind kind;
  uint64_t a = 0, b = 0, c = 0, d = 0;
  Bytes bytes = {};
  bool operator==(const Event &other) const {
    return kind == other.kind && a == other.a && b == other.b && c == other.c && d == other.d &&
           bytes == other.bytes;
  }
};

class Ingest {
 public:
  explicit Ingest(const Traffic &traffic)
      : dut_(traffic.seed),
        random_(traffic.seed),
        traffic_(traffic),
        offer_(random_, traffic.idle) {
    dut_->beat_valid_i = dut_->resync_i = dut_->in_use_i = dut_->room_i = 0;
    dut_.reset();
    CHECK(dut_->discarding_o && !dut_->failed_o, "after reset");
    sync();
  }

  void sync() {
    nonce_ = static_cast<uint32_t>(random_.bits()) | 1;
    dut_->nonce_i = nonce_;
    // Not for us: another nonce, another version, a batch.
    give(sync_beat(nonce_ + 1));
    give(sync_beat(nonce_ + 2));
    Bytes other = sync_beat(nonce_);
    other[4] = 2;
    give(other);
    give(make(3, 2).wire(nonce_, 1));
    give(sync_beat(nonce_));
    expected_.push_back({kSync});
    after_sync_ = true;
    run();
    CHECK(dut_->sync_ack_o == nonce_ && !dut_->discarding_o && !dut_->failed_o, "after SYNC");
    CHECK(get_bits(dut_->fault_o, fault::code) == 0, "a fault after SYNC");
  }

  Batch make(uint64_t start, size_t count) {
    return make_batch(random_, start, count, traffic_.len);
  }

  // With a damage, or with a length of 0 in the entry `broken`.
  void give_batch(const Batch &batch, const Damage *damage = nullptr, size_t broken = SIZE_MAX) {
    uint32_t number = static_cast<uint32_t>(random_.bits());
    Bytes wire = batch.wire(nonce_, number);
    if (damage) damage->apply(wire);
    size_t num_seeds = damage ? damage->seeds : batch.seeds.size();
    size_t num_entries = damage ? 0 : std::min(broken, batch.entries.size());
    bool promised = !damage || damage->promised;
    uint64_t promise = count_records(batch.start, batch.start + batch.entries.size());
    expected_.push_back({kOpen, number, promised ? promise : 0, promised ? batch.start : 0});
    for (const auto &[level, hash] : batch.seeds)
      if (num_seeds && num_seeds--)
        expected_.push_back({kSeed, level, 0, 0, 0, Bytes(hash.begin(), hash.end())});
    size_t at = 64 + 64 * batch.seeds.size();
    for (size_t i = 0; i < num_entries; i++)
      for (size_t beat = 0; beat * 64 < batch.entries[i].size() + 8; beat++, at += 64)
        expected_.push_back({kEntry, batch.cookies[i], batch.entries[i].size(), beat == 0, i == 0,
                             Bytes(&wire[at], &wire[at] + 64)});
    Event close = {kClose, count_records(batch.start, batch.start + num_entries)};
    if (damage) {
      close.b = damage->code;
      close.c = damage->info;
    } else if (broken < batch.entries.size()) {
      std::fill_n(wire.begin() + static_cast<ptrdiff_t>(at), 4, 0);
      close.b = MTC_CARD_ERR_LENGTH;
    }
    expected_.push_back(close);
    give(wire);
  }

  // A batch that says it has `count` entries, and has fewer.
  void give_beginning(const Batch &batch, uint32_t count) {
    give_batch(batch);
    for (int i = 0; i < 4; i++)
      input_[given_behind_ + 24 + static_cast<size_t>(i)] = static_cast<uint8_t>(count >> 8 * i);
    expected_.front().b = count_records(batch.start, batch.start + count);
    expected_.pop_back();
  }

  void run() {
    for (size_t i = 0; !expected_.empty() || at_ < input_.size(); i++) {
      CHECK(i < 200000 + 400 * input_.size() / 64, "stuck, %zu events are missing",
            expected_.size());
      cycle();
    }
  }

  void expect_failed(uint32_t code, uint32_t info) {
    run();
    CHECK(dut_->failed_o && dut_->discarding_o, "not failed");
    CHECK(get_bits(dut_->fault_o, fault::code) == code, "fault code");
    CHECK(get_bits(dut_->fault_o, fault::info) == info, "fault info");
  }

  void break_off(size_t cycles) {
    while (cycles--) cycle();
    dut_->resync_i = 1;
    breaking_off_ = true;  // in the cycle after it, too
    cycle();
    dut_->resync_i = 0;
    cycle();
    breaking_off_ = false;
    expected_.clear();
    dut_->in_use_i = 0;
    for (int &left : busy_) left = 0;
    dut_.settle();
    CHECK(dut_->discarding_o, "after RESYNC");
    sync();
  }

 private:
  void give(const Bytes &bytes) {
    given_behind_ = input_.size();
    input_.insert(input_.end(), bytes.begin(), bytes.end());
  }

  void happened(Event event, bool more) {
    if (breaking_off_) return;
    CHECK(!expected_.empty(), "an event of kind %d", event.kind);
    CHECK(event.kind == expected_.front().kind, "kind %d, not %d", event.kind,
          expected_.front().kind);
    if (event.kind == kOpen && expected_.front().b == 0) event.c = expected_.front().c;
    CHECK(event == expected_.front(), "kind %d: %llu %llu %llu %llu", event.kind,
          static_cast<unsigned long long>(event.a), static_cast<unsigned long long>(event.b),
          static_cast<unsigned long long>(event.c), static_cast<unsigned long long>(event.d));
    if (more) CHECK(dut_->more_o, "more");  // between batches it may say so a little late
    expected_.pop_front();
  }

  void cycle() {
    dut_->beat_valid_i = offer_(at_ < input_.size());
    if (dut_->beat_valid_i) {
      set_beat(dut_->beat_i, &input_[at_]);
      dut_->len_good_i = dut_->beat_i[0] > 0 && dut_->beat_i[0] <= kMaxEntry;
    }
    bool room = dut_->room_i;  // an entry begins a cycle after there was room
    dut_->room_i = !random_.chance(traffic_.stall);
    dut_.settle();
    // It may be some cycles late, or by a beat that waits inside, but then it is less; what is
    // there before SYNC_ACK nobody reads.
    if (dut_->sync_ack_o == nonce_) {
      uint32_t late = taken_ + kInputDepth - dut_->credit_o;
      CHECK(late <= (still_ < 4 ? 4 : 1), "credit %u, not %u", dut_->credit_o,
            taken_ + kInputDepth);
    }
    bool take = dut_->beat_valid_i && dut_->beat_ready_o;
    if (dut_->sync_o) happened({kSync}, false);
    if (dut_->open_valid_o) {
      slot_ = after_sync_ ? get_bits(dut_->open_o, open_batch::slot) : (slot_ + 1) % kSlots;
      after_sync_ = false;
      CHECK(get_bits(dut_->open_o, open_batch::slot) == slot_, "slot of a batch");
      CHECK(!busy_[slot_], "slot %llu is in use", static_cast<unsigned long long>(slot_));
      happened({kOpen, get_bits(dut_->open_o, open_batch::batch),
                get_bits(dut_->open_o, open_batch::promised), dut_->start_o},
               false);
      busy_[slot_] = -1;
    }
    if (dut_->seed_valid_o) {
      Hash hash = get_hash(dut_->seed_o, 0);
      CHECK(get_bits(dut_->seed_o, seed::slot) == slot_, "slot of a seed");
      happened(
          {kSeed, get_bits(dut_->seed_o, seed::level), 0, 0, 0, Bytes(hash.begin(), hash.end())},
          !dut_->failed_o);
    }
    if (dut_->entry_valid_o && !breaking_off_) {
      CHECK(get_bits(dut_->entry_o, entry_beat::slot) == slot_, "slot of an entry");
      bool first = get_bits(dut_->entry_o, entry_beat::first);
      CHECK(!first || (room && !in_entry_), "an entry begins %s",
            room ? "right behind another" : "without room");
      happened({kEntry, get_bits(dut_->entry_o, entry_beat::cookie),
                get_bits(dut_->entry_o, entry_beat::message_len) - 1,
                get_bits(dut_->entry_o, entry_beat::first),
                get_bits(dut_->entry_o, entry_beat::opens), get_beat(dut_->entry_o)},
               true);
    }
    if (dut_->close_valid_o) {
      CHECK(get_bits(dut_->close_o, close_batch::slot) == slot_, "slot of a close");
      happened(
          {kClose, get_bits(dut_->close_o, close_batch::records),
           get_bits(dut_->close_o, close_batch::code), get_bits(dut_->close_o, close_batch::info)},
          false);
      busy_[slot_] = static_cast<int>(1 + random_.below(random_.below(8) ? 60 : 1500));
    }
    in_entry_ = dut_->entry_valid_o;
    taken_ = dut_->sync_o ? 0 : taken_ + take;
    still_ = dut_->sync_o || take ? 0 : still_ + 1;
    if (take) {
      at_ += 64;
      offer_.taken();
    }
    dut_.clock();
    uint8_t in_use = 0;
    for (unsigned i = 0; i < kSlots; i++) {
      if (busy_[i] > 0) busy_[i]--;
      in_use |= static_cast<uint8_t>((busy_[i] != 0) << i);
    }
    dut_->in_use_i = in_use;
    if (take) dut_->beat_valid_i = 0;
    dut_.settle();
  }

  Dut<Vingest> dut_;
  Random random_;
  Traffic traffic_;
  Offer offer_;
  Bytes input_;
  size_t at_ = 0, given_behind_ = 0;
  std::deque<Event> expected_;
  uint32_t nonce_ = 0, taken_ = 0, still_ = 0;  // still_: cycles since a beat was taken
  uint64_t slot_ = 0;
  int busy_[kSlots] = {};  // cycles until a slot is free; -1: open
  bool after_sync_ = false, breaking_off_ = false;
  bool in_entry_ = false;  // a beat of one went in the cycle before
};

void batches_are_read(const Traffic &traffic) {
  static const uint64_t starts[] = {0, 1, 6, 12345, UINT64_C(0x5555AAAA5555), UINT64_C(1) << 47};
  Random random(traffic.seed + 1000);
  Ingest ingest(traffic);
  for (int i = 0; i < 6; i++)
    ingest.give_batch(ingest.make(starts[random.below(std::size(starts))], 1 + random.below(12)));
  ingest.give_batch(ingest.make((UINT64_C(1) << 48) - 5, 5));
  Batch longest = ingest.make(3, 2);
  longest.entries[random.below(2)] = random.bytes(kMaxEntry);
  ingest.give_batch(longest);
  ingest.run();
  ingest.give_batch(ingest.make(starts[random.below(std::size(starts))], 5), nullptr, 3);
  ingest.expect_failed(MTC_CARD_ERR_LENGTH, 0);
  ingest.sync();
  for (int i = 0; i < 3; i++) {
    ingest.give_batch(ingest.make(UINT64_C(0x5555AAAA5555), 4));
    ingest.give_batch(ingest.make(0, 9));
    ingest.break_off(random.below(60 + 60 * static_cast<uint64_t>(traffic.idle + traffic.stall)));
    ingest.give_batch(ingest.make(7, 3));
    ingest.run();
  }
}

// MaxBatch entries are promised, up to the last index, with as many seeds as there are.
void the_largest_batch_is_accepted() {
  constexpr uint32_t kMaxBatch = 1 << 20;
  Ingest ingest({5, 0, 0, 10});
  Batch batch = ingest.make((UINT64_C(1) << 48) - kMaxBatch, 3);
  ingest.give_beginning(batch, kMaxBatch);
  ingest.run();
  ingest.break_off(0);
}

void errors_are_told(const Traffic &traffic) {
  Ingest ingest(traffic);
  for (const Damage &damage : kDamages) {
    ingest.give_batch(ingest.make(0, 2));
    ingest.give_batch(ingest.make(kDamagedStart, 90), &damage);
    ingest.expect_failed(damage.code, damage.info);
    ingest.sync();
  }
}

}  // namespace

int main() {
  cross({1, 56, 57, 8192}, 60, 300, batches_are_read);
  the_largest_batch_is_accepted();
  errors_are_told({1, 0, 0, 100});
  errors_are_told({2, 50, 50, 100});
  return 0;
}
