#include "options.hpp"

#include <chrono>
#include <cstdio>

namespace {

constexpr int kMostPercent = 95;
constexpr int kMostTraceCycles = 1000000;

int usage(FILE *out) {
  fprintf(
      out,
      "usage: mtc-sim --path DIR [--fold N] [--stages N] [--lanes N] [--idle PERCENT]\n"
      "               [--stall PERCENT] [--seed N] [--dma-timeout MS] [--dma-split BYTES]\n"
      "               [--dma-align BYTES] [--trace FILE.fst] [--trace-cycles N]\n"
      "               [--fault KIND[:N][@LANE]]...\n"
      "Runs the model of the card; its files in DIR are user and for each lane h2c_0 and c2h_0,\n"
      "h2c_1 and c2h_1... Prints \"ready\" when they may be opened, and removes them on SIGTERM.\n"
      "  --fold    cycles a SHA-256 block: 1 (unless given), 4, 64\n"
      "  --stages  registers a round, with --fold 1: 1 or 2 (unless given)\n"
      "  --lanes   1 (unless given), or 2 with --fold 4 and 64\n"
      "  --idle    share of cycles without input, to 95\n"
      "  --stall   share of cycles in which no output is taken, to 95\n"
      "  --seed    of what is in the core's registers before they are written, and of which\n"
      "            cycles --idle and --stall take\n"
      "  --dma-timeout, --dma-split, --dma-align\n"
      "            of the XDMA driver that libmtc-xdma.so plays: the time in which something\n"
      "            must move, 10000; the most that is moved at once, a multiple of 64; of\n"
      "            what buffers of h2c begin at a multiple (of c2h it is 4096)\n"
      "  --trace   a waveform for GTKWave, with one lane and --fold 4 or 64: it ends with the\n"
      "            first fault of the model, an assertion of the core that fails, or SIGTERM\n"
      "  --trace-cycles\n"
      "            so many of the last cycles, 20000 unless given, to %d: FILE.fst has the last\n"
      "            1 to N, FILE.older.fst the N before them; both are written over\n%s",
      kMostTraceCycles, Faults::help());
  return out == stdout ? 0 : 2;
}

bool parse(const std::string &text, int *out) {
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos)
    return false;
  *out = std::stoi(text);
  return true;
}

// An option whose value is a number.
bool set_number(const std::string &option, int number, bool *has_stages, Options *out) {
  if (option == "--seed") {
    out->seed = number;
  } else if (option == "--idle" && number <= kMostPercent) {
    out->idle_percent = number;
  } else if (option == "--stall" && number <= kMostPercent) {
    out->stall_percent = number;
  } else if (option == "--fold") {
    out->build.fold = static_cast<unsigned>(number);
  } else if (option == "--stages") {
    out->build.stages = static_cast<unsigned>(number);
    *has_stages = true;
  } else if (option == "--dma-timeout" && number > 0) {
    out->dma_timeout_ms = number;
  } else if (option == "--dma-split" && number > 0 && number % kBeatLen == 0) {
    out->dma_split = number;
  } else if (option == "--dma-align" && number > 0) {
    out->dma_align = number;
  } else if (option == "--lanes" && number > 0) {
    out->lanes = static_cast<unsigned>(number);
  } else {
    return false;
  }
  return true;
}

// An option of the waveform; says what is wrong with it.
bool set_trace(const std::string &option, const std::string &value, Options *out) {
  static const std::string kEnd = ".fst";
  int number;
  if (option == "--trace") {
    out->trace.path = value;
    if (value.size() > kEnd.size() && value.substr(value.size() - kEnd.size()) == kEnd) return true;
    fprintf(stderr, "mtc-sim: --trace %s: the name of a waveform ends in .fst\n", value.c_str());
    return false;
  }
  if (parse(value, &number) && number > 0 && number <= kMostTraceCycles) {
    out->trace.cycles = static_cast<uint64_t>(number);
    return true;
  }
  fprintf(stderr, "mtc-sim: --trace-cycles %s: a number from 1 to %d\n", value.c_str(),
          kMostTraceCycles);
  return false;
}

}  // namespace

std::string Options::dma() const {
  std::string text;
  if (dma_timeout_ms) text += "timeout " + std::to_string(dma_timeout_ms) + "\n";
  if (dma_split) text += "split " + std::to_string(dma_split) + "\n";
  if (dma_align) text += "align " + std::to_string(dma_align) + "\n";
  text += faults.dma_lines();
  if (text.empty()) return text;
  // By it a program knows this card from one that was here before.
  auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return "card " + std::to_string(now) + "\n" + text;
}

int parse_options(int argc, char **argv, Options *out) {
  bool has_stages = false;
  for (int i = 1; i < argc; i++) {
    std::string option = argv[i];
    if (option == "--help") return usage(stdout);
    if (i + 1 >= argc) return usage(stderr);
    std::string value = argv[++i];
    int number;
    if (option == "--path") {
      out->path = value;
    } else if (option == "--fault") {
      if (!out->faults.add(value)) {
        fprintf(stderr, "mtc-sim: unknown fault %s\n", value.c_str());
        return 2;
      }
    } else if (option == "--trace" || option == "--trace-cycles") {
      if (!set_trace(option, value, out)) return 2;
    } else if (!parse(value, &number) || !set_number(option, number, &has_stages, out)) {
      return usage(stderr);
    }
  }
  if (!has_stages && out->build.fold != 1) out->build.stages = 1;
  if (out->path.empty()) return usage(stderr);
  if (out->faults.last_lane() >= out->lanes) {
    fprintf(stderr, "mtc-sim: a fault of lane %u, but the lanes are 0 to %u (--lanes)\n",
            out->faults.last_lane(), out->lanes - 1);
    return 2;
  }
  return -1;
}
