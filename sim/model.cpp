#include "model.hpp"

#include <cstring>

#include "Vmtc_core.h"
#include "verilated.h"

Model::Model(int seed) : context_(new VerilatedContext) {
  // Flops that are not reset start at random, so that nothing can come to depend on zeros.
  context_->randReset(2);
  context_->randSeed(seed);
  core_.reset(new Vmtc_core(context_.get()));
  core_->h2c_valid_i = 0;
  core_->c2h_ready_i = 0;
  core_->reg_write_i = 0;
  core_->rst_ni = 0;
  for (int i = 0; i < 4; i++) clock();
  core_->rst_ni = 1;
  clock();
}

Model::~Model() { core_->final(); }

void Model::clock() {
  core_->clk_i = 1;
  core_->eval();
  core_->clk_i = 0;
  core_->eval();
}

uint32_t Model::read_register(uint32_t offset) {
  core_->reg_addr_i = static_cast<uint16_t>(offset);
  core_->eval();
  return core_->reg_rdata_o;
}

void Model::write_register(uint32_t offset, uint32_t value) {
  core_->reg_addr_i = static_cast<uint16_t>(offset);
  core_->reg_wdata_i = value;
  core_->reg_write_i = 1;
  cycle(nullptr, nullptr);
  core_->reg_write_i = 0;
  // Commands run in the cycle after.
  cycle(nullptr, nullptr);
}

Model::Moved Model::cycle(const uint8_t *input, uint8_t *output) {
  core_->h2c_valid_i = input != nullptr;
  core_->c2h_ready_i = output != nullptr;
  if (input) std::memcpy(core_->h2c_data_i.m_storage, input, kBeatLen);
  // Neither ready nor valid depends on these inputs, but the model must see them before the edge.
  core_->eval();
  Moved moved = {input && core_->h2c_ready_o, output && core_->c2h_valid_o};
  if (moved.output) std::memcpy(output, core_->c2h_data_o.m_storage, kBeatLen);
  clock();
  return moved;
}
