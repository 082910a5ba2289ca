// A waveform of the card's last cycles, as FST for GTKWave, in two files of a bounded length.
//
// FILE.fst has the newest cycles; when it has as many as were asked for it becomes
// FILE.older.fst, in the place of the one before, and FILE.fst begins anew. So of N cycles between
// N and 2N are kept. Time is in ns, four a cycle (250 MHz): cycle c begins at 4c, when the clock
// goes down and the inputs change, and at 4c + 2 the clock goes up.
//
// The writer has the changes of a file in memory (132 MiB), and temporary files in the system's
// folder for them.
#pragma once
#include <cstdint>
#include <string>

#include "top.hpp"
#include "verilated.h"
#include "verilated_fst_c.h"

class Trace {
 public:
  // `model` is the verilated model that `context` is of. Throws std::runtime_error, or
  // std::system_error with what the system says, when a file cannot be made.
  template <typename Card>
  Trace(const TraceOptions &options, VerilatedContext &context, Card &model)
      : options_(options), context_(context) {
    context_.traceEverOn(true);
    // An assertion that fails must not end the program before the waveform is complete.
    context_.fatalOnError(false);
    model.trace(&fst_, 99);
    start();
  }
  // Completes the newest file.
  ~Trace();
  Trace(const Trace &) = delete;
  Trace &operator=(const Trace &) = delete;

  // In each cycle, after the inputs are set (and evaluated), and after the clock went up. Throws
  // std::runtime_error when a file has no room, or (having completed it) when an assertion of the
  // core failed.
  void low();
  void high();

  // Completes the newest file and says on standard error why, and what there is. From here on
  // nothing is written. Throws std::runtime_error when a file is not complete.
  void end(const std::string &why);

 private:
  void start();
  void open();
  void close();

  TraceOptions options_;
  VerilatedContext &context_;
  VerilatedFstC fst_;
  uint64_t cycle_ = 0, first_ = 0;  // the cycle that is next; the first one of the newest file
  uint64_t kept_ = 0;               // cycles in the older file
  bool over_ = false;
};
