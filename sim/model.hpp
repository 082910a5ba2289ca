// The verilated core behind a small interface: registers, one clock cycle, the two streams.
#pragma once
#include <cstdint>
#include <memory>

constexpr unsigned kBeatLen = 64;
constexpr unsigned kFrameLen = 4096;

// Which of the verilated builds of the core.
struct Build {
  unsigned fold = 1;    // cycles a block: 1, 4, 64
  unsigned stages = 2;  // registers a round, where fold is 1: 1, 2
};

class Core;

class Model {
 public:
  // Throws std::runtime_error for a build that there is not.
  explicit Model(int seed = 0, Build build = {});
  ~Model();

  // Reads a register; takes no time.
  uint32_t read_register(uint32_t offset);
  // Writes a register: one cycle, in which neither stream moves.
  void write_register(uint32_t offset, uint32_t value);

  // One cycle. `input` is the next beat for the core or null; `output` is room for a beat or null.
  struct Moved {
    bool input;   // the core took `input`
    bool output;  // the core gave a beat
  };
  Moved cycle(const uint8_t *input, uint8_t *output);

 private:
  std::unique_ptr<Core> core_;
};
