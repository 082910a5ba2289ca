// The waveform of the card (sim/trace.hpp), read back with GTKWave's reader: how many cycles are
// kept, that it ends where it shall, that an assertion that fails completes it, and that it shows
// at each clock what the flops saw.
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "batch.hpp"
#include "check.hpp"
#include "support/fst.h"
#include "top.hpp"
#include "verilated.h"

namespace {

constexpr uint64_t kCycles = 500;
constexpr uint64_t kNsPerCycle = 4;
constexpr const char *kSignals[] = {"TOP.clk_i", "TOP.h2c_tvalid_i [0:0]",
                                    "TOP.h2c_tready_o [0:0]"};

// A folder of its own, removed at the end.
struct Files {
  Files() { CHECK(mkdtemp(folder), "no folder"); }
  ~Files() {
    unlink(options().older().c_str());
    unlink(options().path.c_str());
    CHECK(rmdir(folder) == 0, "%s has more than the two files", folder);
  }
  TraceOptions options() const { return {std::string(folder) + "/x.fst", kCycles}; }
  bool has(const std::string &path) const { return access(path.c_str(), F_OK) == 0; }

  char folder[32] = "/tmp/mtc-trace-XXXXXX";
};

struct fst read(const std::string &path) {
  struct fst fst;
  CHECK(fst_read(&fst, path.c_str(), kSignals), "%s is no complete waveform", path.c_str());
  CHECK(fst.found == FST_SIGNALS && fst.num_signals > 1000, "%s lacks signals", path.c_str());
  // The clock goes up in each cycle, to the last.
  CHECK(fst.start % kNsPerCycle == 0 && fst.last_rise == fst.end, "%s: its times", path.c_str());
  CHECK(fst.num_rises == (fst.end - fst.start) / kNsPerCycle + 1, "%s has %llu cycles of %llu ns",
        path.c_str(), static_cast<unsigned long long>(fst.num_rises),
        static_cast<unsigned long long>(fst.end - fst.start));
  return fst;
}

void run(Top &top, uint64_t num_cycles) {
  Top::Port port = {};
  for (uint64_t i = 0; i < num_cycles; i++) top.cycle(&port);
}

// Of so many cycles; five of them are those of the reset.
void keeps_the_last_cycles(uint64_t num_cycles, Build build) {
  Files files;
  Top top(1, build, 1, files.options());
  run(top, num_cycles - 5);
  top.end_trace("it is enough");
  struct fst newest = read(files.options().path);
  CHECK(newest.end / kNsPerCycle == num_cycles - 1, "ends in another cycle");
  uint64_t kept = newest.num_rises;
  if (num_cycles > kCycles) {
    struct fst older = read(files.options().older());
    CHECK(older.num_rises == kCycles, "the older file has %llu cycles",
          static_cast<unsigned long long>(older.num_rises));
    CHECK(older.end / kNsPerCycle + 1 == newest.start / kNsPerCycle, "cycles are missing");
    CHECK(older.num_signals == newest.num_signals, "signals are missing");
    kept += older.num_rises;
  } else {
    CHECK(!files.has(files.options().older()), "an older file of nothing");
  }
  if (num_cycles >= kCycles) CHECK(kept >= kCycles && kept <= 2 * kCycles, "kept too few or many");
  // What comes later changes nothing.
  run(top, 2 * kCycles);
  top.end_trace("once more");
  CHECK(read(files.options().path).end == newest.end, "it went on");
}

// A waveform of a model that is simply gone is complete, too; those of an earlier run go.
void is_complete_without_an_end() {
  Files files;
  {
    Top top(1, {64, 1}, 1, files.options());
    run(top, 2 * kCycles);
  }
  CHECK(read(files.options().path).end / kNsPerCycle == 2 * kCycles + 4, "its end");
  CHECK(files.has(files.options().older()), "no older file");
  {
    Top top(1, {64, 1}, 1, files.options());
  }
  CHECK(!files.has(files.options().older()), "the older file of another run");
}

// vl_stop is what Verilator makes of an assertion that failed.
void ends_with_a_failed_assertion() {
  Files files;
  Top top(1, {64, 1}, 1, files.options());
  run(top, 100);
  vl_stop("mtc_test.sv", 1, "on purpose");
  bool thrown = false;
  try {
    run(top, 1);
  } catch (const std::runtime_error &error) {
    thrown = std::string(error.what()).find("assertion") != std::string::npos;
  }
  CHECK(thrown, "a failed assertion was not noticed");
  CHECK(read(files.options().path).end / kNsPerCycle == 105, "it does not end there");
}

// As many beats as the core took: inputs change before the clock goes up, not with it.
void shows_what_the_flops_saw() {
  Files files;
  TraceOptions options = files.options();
  options.cycles = 100000;
  Top top(1, {64, 1}, 1, options);
  Bytes beats = sync_beat(7);
  beats.resize(kBeatLen * 200);
  uint64_t num_taken = 0;
  for (uint64_t i = 0; i < 2000; i++) {
    Top::Port port = {};
    if (i % 3 && num_taken < 200) port.input = &beats[num_taken * kBeatLen];
    top.cycle(&port);
    num_taken += port.taken;
  }
  top.end_trace("it is enough");
  CHECK(num_taken > 10 && read(options.path).num_beats == num_taken, "%llu beats instead of %llu",
        static_cast<unsigned long long>(read(options.path).num_beats),
        static_cast<unsigned long long>(num_taken));
}

void is_refused(TraceOptions options, Build build, unsigned lanes, const std::string &text) {
  std::string what = "nothing";
  try {
    Top top(1, build, lanes, options);
  } catch (const std::exception &error) {
    what = error.what();
  }
  CHECK(what.find(text) != std::string::npos, "\"%s\" is not in \"%s\"", text.c_str(),
        what.c_str());
}

void says_what_is_wrong() {
  Files files;
  TraceOptions options = files.options(), nowhere = options, folder = options;
  is_refused(options, {1, 2}, 1, "with one are 4/1/1, 64/1/1");
  is_refused(options, {64, 1}, 2, "with one are 4/1/1, 64/1/1");
  nowhere.path = std::string(files.folder) + "/no/x.fst";
  is_refused(nowhere, {64, 1}, 1, nowhere.path + ": No such file or directory");
  folder.path = std::string(files.folder) + "/d.fst";
  CHECK(mkdir(folder.path.c_str(), 0700) == 0, "no folder");
  is_refused(folder, {64, 1}, 1, folder.path + ": it is not a regular file");
  CHECK(rmdir(folder.path.c_str()) == 0, "the folder is gone");
}

}  // namespace

int main() {
  for (uint64_t num_cycles : {uint64_t{6}, kCycles - 1, kCycles, kCycles + 1, 2 * kCycles,
                              2 * kCycles + 1, 7 * kCycles / 2})
    keeps_the_last_cycles(num_cycles, {64, 1});
  keeps_the_last_cycles(2 * kCycles + 100, {4, 1});
  is_complete_without_an_end();
  ends_with_a_failed_assertion();
  shows_what_the_flops_saw();
  says_what_is_wrong();
  return 0;
}
