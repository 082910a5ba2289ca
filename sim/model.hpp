// The verilated core behind a small interface: registers, one clock cycle, the two streams.
#pragma once
#include <cstdint>
#include <memory>

class Vmtc_core;
class VerilatedContext;

constexpr unsigned kBeatLen = 64;
constexpr unsigned kFrameLen = 4096;

class Model {
 public:
  explicit Model(int seed = 0);
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
  void clock();

  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<Vmtc_core> core_;
};
