// The whole card, verilated (mtc_top): lanes with their streams, and one AXI4-Lite for all
// registers.
//
// A test that links mtc_card has it in its own process, without files, time or threads:
//   Top top(seed, {4, 1}, 2);  // fold 4, a register a round, two lanes
//   top.write_register(kLanePages + MTC_REG_NONCE, nonce);  // of lane 1
//   Top::Port ports[2] = {};
//   ports[0].input = beat;  // for lane 0; no room for output
//   top.cycle(ports);       // ports[0].taken says whether it went in
// The lane alone, whose registers are read in no time, is model.hpp (mtc_model).
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "model.hpp"

// Registers of lane i are from i * kLanePages on.
constexpr uint32_t kLanePages = 0x2000;

// A waveform that is asked for (trace.hpp).
struct TraceOptions {
  std::string path;         // ends in .fst; empty: none
  uint64_t cycles = 20000;  // so many of the last ones at least

  // The name of the older of its two files.
  std::string older() const;
};

class TopCore;

class Top {
 public:
  // Throws std::runtime_error, which says what there is, for a build that there is not, and as
  // Trace does. Each cycle may throw, too, as Trace does, where there is a waveform.
  explicit Top(int seed = 0, Build build = {}, unsigned lanes = 1, const TraceOptions &trace = {});
  ~Top();

  // What the streams of a lane are offered in a cycle, and what came of it.
  struct Port {
    const uint8_t *input;  // the next beat, or null
    uint8_t *output;       // room for a beat, or null
    bool taken;            // the core took `input`
    bool given;            // the core filled `output`
  };

  // One cycle; `ports` has an element a lane.
  void cycle(Port *ports);

  // Four cycles of reset; an access that is under way is forgotten.
  void reset();

  // Completes the waveform, if there is one, and says why (trace.hpp).
  void end_trace(const std::string &why);

  // Starts an access of a register; it takes some cycles, in which the streams go on. One at a
  // time.
  void start_read(uint32_t address);
  void start_write(uint32_t address, uint32_t value);
  // Whether none is under way, and what was read last.
  bool is_idle() const;
  uint32_t value() const;

  // The same to the end; the streams rest meanwhile.
  uint32_t read_register(uint32_t address);
  void write_register(uint32_t address, uint32_t value);

  unsigned lanes() const { return lanes_; }

 private:
  unsigned lanes_;
  std::unique_ptr<TopCore> core_;
};
