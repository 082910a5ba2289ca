#include "model.hpp"

#include <cstring>
#include <stdexcept>

#include "lanes.hpp"  // made by sim/CMakeLists.txt: includes MTC_MODEL_BUILDS and lists them
#include "verilated.h"

// The ports of one build; the builds are classes of their own that have the ports in common.
class Core {
 public:
  virtual ~Core() = default;
  virtual void clock() = 0;
  virtual uint32_t read_register(uint32_t offset) = 0;
  virtual void write_register(uint32_t offset, uint32_t value, bool write) = 0;
  virtual Model::Moved cycle(const uint8_t *input, uint8_t *output) = 0;
};

namespace {

template <typename Lane>
class LaneCore : public Core {
 public:
  explicit LaneCore(int seed) {
    // Flops that are not reset start at random, so that nothing can come to depend on zeros.
    context_.randReset(2);
    context_.randSeed(seed);
    lane_.reset(new Lane(&context_));
    lane_->h2c_valid_i = 0;
    lane_->c2h_ready_i = 0;
    lane_->reg_write_i = 0;
    lane_->rst_ni = 0;
    for (int i = 0; i < 4; i++) clock();
    lane_->rst_ni = 1;
    clock();
  }

  ~LaneCore() override { lane_->final(); }

  void clock() override {
    lane_->clk_i = 1;
    lane_->eval();
    lane_->clk_i = 0;
    lane_->eval();
  }

  uint32_t read_register(uint32_t offset) override {
    lane_->reg_addr_i = static_cast<uint16_t>(offset);
    lane_->eval();
    return lane_->reg_rdata_o;
  }

  void write_register(uint32_t offset, uint32_t value, bool write) override {
    lane_->reg_addr_i = static_cast<uint16_t>(offset);
    lane_->reg_wdata_i = value;
    lane_->reg_write_i = write;
  }

  Model::Moved cycle(const uint8_t *input, uint8_t *output) override {
    lane_->h2c_valid_i = input != nullptr;
    lane_->c2h_ready_i = output != nullptr;
    if (input) std::memcpy(lane_->h2c_data_i.m_storage, input, kBeatLen);
    // Neither ready nor valid depends on these inputs: both are seen as the clock went down.
    Model::Moved moved = {input && lane_->h2c_ready_o, output && lane_->c2h_valid_o};
    if (moved.output) std::memcpy(output, lane_->c2h_data_o.m_storage, kBeatLen);
    clock();
    return moved;
  }

 private:
  VerilatedContext context_;
  std::unique_ptr<Lane> lane_;
};

template <typename Lane>
std::unique_ptr<Core> make_lane(int seed) {
  return std::make_unique<LaneCore<Lane>>(seed);
}

std::unique_ptr<Core> make_core(int seed, Build build) {
  static const struct {
    unsigned fold, stages;
    std::unique_ptr<Core> (*make)(int seed);
  } lanes[] = {LANES(make_lane)};
  for (const auto &lane : lanes)
    if (build.fold == lane.fold && build.stages == lane.stages) return lane.make(seed);
  throw std::runtime_error("there is no such build of the core: fold 1 (stages 1, 2), 4, 64");
}

}  // namespace

Model::Model(int seed, Build build) : core_(make_core(seed, build)) {}

Model::~Model() = default;

uint32_t Model::read_register(uint32_t offset) { return core_->read_register(offset); }

void Model::write_register(uint32_t offset, uint32_t value) {
  core_->write_register(offset, value, true);
  cycle(nullptr, nullptr);
  core_->write_register(offset, value, false);
  // Commands run in the cycle after.
  cycle(nullptr, nullptr);
}

Model::Moved Model::cycle(const uint8_t *input, uint8_t *output) {
  return core_->cycle(input, output);
}
