// The command line of mtc-sim.
#pragma once
#include <string>

#include "faults.hpp"
#include "model.hpp"
#include "top.hpp"

struct Options {
  std::string path;
  Build build;
  unsigned lanes = 1;
  int seed = 0;
  int idle_percent = 0;   // cycles in which a lane is not offered the next beat of input
  int stall_percent = 0;  // cycles in which no beat of a lane's output is taken
  // Of the XDMA driver (xdma.c): 0 is its own.
  int dma_timeout_ms = 0;
  int dma_split = 0;
  int dma_align = 0;
  TraceOptions trace;
  Faults faults;

  // The file `dma`: empty when there is nothing to say.
  std::string dma() const;
};

// Reads the command line; -1 when mtc-sim may run, otherwise its exit code (it has said why).
int parse_options(int argc, char **argv, Options *out);
