// mtc-sim --path DIR: the card as a process.
//
// DIR/user is the register file (a page the card owns, a page the host owns), DIR/h2c_0 and
// DIR/c2h_0 are the streams. "ready" on standard output says that they may be opened. The model
// works in slices of cycles and looks at registers and streams between them; it sleeps when the
// core has nothing to do.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "faults.hpp"
#include "folder.hpp"
#include "hash/card_regs.h"
#include "model.hpp"

namespace {

constexpr int kSliceCycles = 512;
// A core that moves no beat for longer than this waits for the host. It can work that long on what
// it holds: 1,024 leaves of a block and as many nodes of two, 64 cycles each, and the tail of a
// tree, 222,000 cycles in all; its frames come out whole, so none of them need to move a beat.
constexpr int kQuietCycles = 1 << 18;
// Without an open batch there is only a command or a SYNC beat to work on.
constexpr int kIdleCycles = 1 << 10;
constexpr int kLongestSleepMs = 20;
constexpr int kMostPercent = 95;
constexpr size_t kInputLen = 16384;
// Output that the FIFO does not take: the core is held back then.
constexpr size_t kOutputLen = 2 * kFrameLen;

constexpr uint32_t kCardRegisters[] = {
    MTC_REG_ID, MTC_REG_VERSION, MTC_REG_CAPS_ENTRY, MTC_REG_CAPS_BATCH, MTC_REG_CAPS_INPUT,
    MTC_REG_BUILD, MTC_REG_STATUS, MTC_REG_IN_CREDIT, MTC_REG_OUT_AVAIL, MTC_REG_ERR_CAUSE,
    MTC_REG_ERR_INFO, MTC_REG_CYCLES_LO, MTC_REG_CYCLES_HI, MTC_REG_LEAF_BLOCKS_LO,
    MTC_REG_LEAF_BLOCKS_HI, MTC_REG_NODE_BLOCKS_LO, MTC_REG_NODE_BLOCKS_HI, MTC_REG_ENTRIES_LO,
    MTC_REG_ENTRIES_HI, MTC_REG_LEAF_HASHES_LO, MTC_REG_LEAF_HASHES_HI, MTC_REG_NODE_HASHES_LO,
    MTC_REG_NODE_HASHES_HI, MTC_REG_CAPS_CORE, MTC_REG_NO_INPUT_LO, MTC_REG_NO_INPUT_HI,
    MTC_REG_NO_CREDIT_LO, MTC_REG_NO_CREDIT_HI, MTC_REG_TAIL_LO, MTC_REG_TAIL_HI, MTC_REG_STALLS_LO,
    MTC_REG_STALLS_HI,
    // Acknowledgements after what they acknowledge.
    MTC_REG_SYNC_ACK, MTC_REG_CMD_RESULT, MTC_REG_CMD_ACK};

volatile sig_atomic_t stopped = 0;

void stop(int) { stopped = 1; }

// What the command line says about the core and about how its streams move.
struct Settings {
  Build build;
  int seed = 0;
  int idle_percent = 0;   // cycles in which the core is not offered the next beat of input
  int stall_percent = 0;  // cycles in which no beat of output is taken
};

class Card {
 public:
  Card(Folder &folder, Faults &faults, const Settings &settings)
      : folder_(folder),
        faults_(faults),
        settings_(settings),
        model_(std::make_unique<Model>(settings.seed, settings.build)),
        random_(static_cast<uint32_t>(settings.seed)) {
    publish();
  }

  // Serves registers and streams once; false when nothing happened.
  bool step() {
    bool active = serve_command();
    active |= receive();
    if (active) quiet_ = 0;
    bool is_open = model_->read_register(MTC_REG_STATUS) & MTC_STATUS_BUSY_MASK;
    // The last frame of a batch that was long quiet still has to come out.
    if (was_open_ && !is_open) quiet_ = 0;
    was_open_ = is_open;
    if (is_open) {
      usleep(static_cast<useconds_t>(1000 * faults_.take_stall()));
      if (faults_.take_reset()) return reset(), true;
    }
    if (quiet_ < (is_open ? kQuietCycles : kIdleCycles)) {
      run_slice();
      publish();
      active = true;
    }
    active |= send();
    return active;
  }

  void sleep(int timeout_ms, const sigset_t *mask) const {
    struct pollfd files[] = {{folder_.h2c(), POLLIN, 0}, {folder_.c2h(), POLLOUT, 0}};
    // What there is no room for, or nothing to write for, must not wake us.
    if (input_.size() >= kInputLen) files[0].fd = -1;
    if (output_.empty()) files[1].fd = -1;
    struct timespec timeout = {0, timeout_ms * 1000000L};
    (void)ppoll(files, 2, &timeout, mask);
  }

  bool hangs() const { return faults_.hangs() && output_.empty(); }
  bool dies() const { return faults_.dies() && output_.empty(); }
  bool vanishes() const { return faults_.vanishes() && output_.empty(); }

  // What a host reads where no card answers.
  void hide() {
    for (uint32_t offset : kCardRegisters) folder_.store(offset, UINT32_MAX);
  }

 private:
  // A card that lost power for a moment: what it held is gone, and so is what the host wrote.
  void reset() {
    model_ = std::make_unique<Model>(settings_.seed, settings_.build);
    for (uint32_t offset : {MTC_REG_CMD_SEQ, MTC_REG_CMD, MTC_REG_NONCE}) folder_.store(offset, 0);
    sequence_ = 0;
    quiet_ = 0;
    frame_len_ = 0;
    input_.clear();
    output_.clear();
    publish();
  }

  // True in so many of 100 cases.
  bool in_percent(int percent) {
    if (percent == 0) return false;
    random_ = random_ * 1664525 + 1013904223;
    return static_cast<int>((random_ >> 16) % 100) < percent;
  }

  // A command is new when its sequence number is; its arguments were written before it.
  bool serve_command() {
    uint32_t sequence = folder_.load(MTC_REG_CMD_SEQ);
    if (sequence == sequence_) return false;
    sequence_ = sequence;
    for (uint32_t offset : {MTC_REG_NONCE, MTC_REG_CMD, MTC_REG_CMD_SEQ})
      model_->write_register(offset, offset == MTC_REG_CMD_SEQ ? sequence : folder_.load(offset));
    publish();
    return true;
  }

  void publish() {
    for (uint32_t offset : kCardRegisters) {
      uint32_t value = model_->read_register(offset);
      if (offset == MTC_REG_ID && faults_.bad_id()) value ^= 1;
      folder_.store(offset, value);
    }
  }

  bool receive() {
    size_t room = kInputLen - std::min(kInputLen, input_.size());
    if (room == 0) return false;
    size_t old = input_.size();
    input_.resize(old + room);
    ssize_t count = read(folder_.h2c(), input_.data() + old, faults_.transfer(room));
    input_.resize(old + (count > 0 ? static_cast<size_t>(count) : 0));
    if (count > 0 && model_->read_register(MTC_REG_STATUS) & MTC_STATUS_DISCARDING_MASK) align();
    return count > 0;
  }

  // A DMA transfer starts on a beat; a FIFO after a driver that died in mid-beat does not. So the
  // model looks for the SYNC beat itself, and the core gets it as its next beat.
  void align() {
    uint32_t words[] = {MTC_CARD_MAGIC_SYNC, MTC_CARD_STREAM_VERSION,
                        model_->read_register(MTC_REG_NONCE)};
    const uint8_t *pattern = reinterpret_cast<const uint8_t *>(words);
    auto found = std::search(input_.begin(), input_.end(), pattern, pattern + sizeof words);
    // Without it, only a first part of it at the end is worth keeping.
    if (found == input_.end() && input_.size() >= sizeof words)
      found = input_.end() - (sizeof words - 1);
    else if (found == input_.end())
      return;
    input_.erase(input_.begin(), found);
  }

  void run_slice() {
    size_t used = 0;
    for (int i = 0; i < kSliceCycles; i++) {
      bool has_input = input_.size() - used >= kBeatLen && !in_percent(settings_.idle_percent);
      bool has_room = output_.size() < kOutputLen && !in_percent(settings_.stall_percent);
      const uint8_t *input = has_input ? input_.data() + used : nullptr;
      uint8_t *output = has_room ? frame_ + frame_len_ : nullptr;
      Model::Moved moved = model_->cycle(input, output);
      quiet_ = moved.input || moved.output ? 0 : quiet_ + 1;
      if (moved.input) used += kBeatLen;
      if (moved.output && (frame_len_ += kBeatLen) == kFrameLen) {
        frame_len_ = 0;
        if (faults_.pass(frame_)) output_.insert(output_.end(), frame_, frame_ + kFrameLen);
        if (faults_.hangs() || faults_.dies() || faults_.vanishes()) break;
      }
    }
    input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(used));
  }

  bool send() {
    if (output_.empty()) return false;
    ssize_t count = write(folder_.c2h(), output_.data(), faults_.transfer(output_.size()));
    if (count <= 0) return false;
    output_.erase(output_.begin(), output_.begin() + count);
    quiet_ = 0;
    return true;
  }

  Folder &folder_;
  Faults &faults_;
  const Settings &settings_;
  std::unique_ptr<Model> model_;
  uint32_t random_;
  uint32_t sequence_ = 0;
  int quiet_ = 0;  // cycles since a beat moved
  bool was_open_ = false;
  std::vector<uint8_t> input_, output_;
  uint8_t frame_[kFrameLen];
  size_t frame_len_ = 0;
};

int usage(FILE *out) {
  fprintf(out,
          "usage: mtc-sim --path DIR [--fold N] [--stages N] [--idle PERCENT] [--stall PERCENT]\n"
          "               [--seed N] [--fault KIND[:N]]...\n"
          "Runs the model of the card; its files in DIR are user, h2c_0 and c2h_0.\n"
          "Prints \"ready\" when they may be opened, and removes them on SIGTERM.\n"
          "  --fold    cycles a SHA-256 block: 1 (unless given), 4, 64\n"
          "  --stages  registers a round, with --fold 1: 1 or 2 (unless given)\n"
          "  --idle    share of cycles without input, to 95\n"
          "  --stall   share of cycles in which no output is taken, to 95\n"
          "  --seed    of what is in the core's registers before they are written, and of which\n"
          "            cycles --idle and --stall take\n%s",
          Faults::help());
  return out == stdout ? 0 : 2;
}

int run(const std::string &path, Faults &faults, const Settings &settings) {
  sigset_t blocked, unblocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  sigprocmask(SIG_BLOCK, &blocked, &unblocked);
  struct sigaction action = {};
  action.sa_handler = stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);

  Folder folder(path);
  if (faults.busy()) folder.lock();
  Card card(folder, faults, settings);
  puts("ready");
  fflush(stdout);

  int sleep_ms = 1;
  while (!stopped) {
    if (card.dies()) _exit(9);
    if (card.vanishes()) card.hide();
    if (card.hangs() || card.vanishes()) {
      while (!stopped) sigsuspend(&unblocked);
      break;
    }
    if (card.step()) {
      sleep_ms = 1;
      // The signals are blocked but while sleeping: let them in.
      sigprocmask(SIG_SETMASK, &unblocked, nullptr);
      sigprocmask(SIG_BLOCK, &blocked, nullptr);
    } else {
      card.sleep(sleep_ms, &unblocked);
      sleep_ms = std::min(2 * sleep_ms, kLongestSleepMs);
    }
  }
  return 0;
}

bool parse(const std::string &text, int *out) {
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos)
    return false;
  *out = std::stoi(text);
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  std::string path;
  Faults faults;
  Settings settings;
  bool has_stages = false;
  for (int i = 1; i < argc; i++) {
    std::string option = argv[i];
    if (option == "--help") return usage(stdout);
    if (i + 1 >= argc) return usage(stderr);
    if (option == "--path") {
      path = argv[++i];
    } else if (option == "--fault") {
      if (!faults.add(argv[++i])) {
        fprintf(stderr, "mtc-sim: unknown fault %s\n", argv[i]);
        return 2;
      }
    } else {
      int number;
      if (!parse(argv[++i], &number)) return usage(stderr);
      if (option == "--seed") {
        settings.seed = number;
      } else if (option == "--idle" && number <= kMostPercent) {
        settings.idle_percent = number;
      } else if (option == "--stall" && number <= kMostPercent) {
        settings.stall_percent = number;
      } else if (option == "--fold") {
        settings.build.fold = static_cast<unsigned>(number);
      } else if (option == "--stages") {
        settings.build.stages = static_cast<unsigned>(number);
        has_stages = true;
      } else {
        return usage(stderr);
      }
    }
  }
  if (!has_stages && settings.build.fold != 1) settings.build.stages = 1;
  if (path.empty()) return usage(stderr);
  try {
    return run(path, faults, settings);
  } catch (const std::exception &error) {
    fprintf(stderr, "mtc-sim: %s\n", error.what());
    return 1;
  }
}
