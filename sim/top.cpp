#include "top.hpp"

#include <cstring>
#include <stdexcept>
#include <vector>

#include "tops.hpp"  // made by sim/CMakeLists.txt: includes MTC_CARD_BUILDS and lists them
#include "verilated.h"

// The ports of one build; the builds are classes of their own that have the ports in common.
class TopCore {
 public:
  virtual ~TopCore() = default;
  virtual void reset() = 0;
  virtual void cycle(Top::Port *ports) = 0;
  virtual void start_read(uint32_t address) = 0;
  virtual void start_write(uint32_t address, uint32_t value) = 0;

  bool is_idle = true;
  uint32_t value = 0;
};

namespace {

template <typename Card, unsigned kLanes>
class CardCore : public TopCore {
 public:
  explicit CardCore(int seed) {
    // Flops that are not reset start at random, so that nothing can come to depend on zeros.
    context_.randReset(2);
    context_.randSeed(seed);
    card_.reset(new Card(&context_));
    reset();
  }

  ~CardCore() override { card_->final(); }

  void reset() override {
    card_->h2c_tvalid_i = 0;
    card_->c2h_tready_i = 0;
    card_->awvalid_i = card_->wvalid_i = card_->arvalid_i = 0;
    card_->bready_i = card_->rready_i = 1;
    card_->wstrb_i = 0xF;
    is_idle = true;
    card_->rst_ni = 0;
    for (int i = 0; i < 4; i++) clock();
    card_->rst_ni = 1;
    clock();
  }

  void start_read(uint32_t address) override {
    card_->arvalid_i = 1;
    card_->araddr_i = address_ = address;
    is_idle = false;
  }

  void start_write(uint32_t address, uint32_t data) override {
    card_->awvalid_i = card_->wvalid_i = 1;
    card_->awaddr_i = address_ = address;
    card_->wdata_i = data;
    is_idle = false;
  }

  // No ready and no valid of the card depends on its inputs: all are seen as the clock went down.
  void cycle(Top::Port *ports) override {
    unsigned valid = 0, ready = 0;
    for (unsigned i = 0; i < kLanes; i++) {
      Top::Port &port = ports[i];
      valid |= (port.input != nullptr) << i;
      ready |= (port.output != nullptr) << i;
      if (port.input) std::memcpy(&card_->h2c_tdata_i.m_storage[kWords * i], port.input, kBeatLen);
      port.taken = port.input && card_->h2c_tready_o >> i & 1;
      port.given = port.output && card_->c2h_tvalid_o >> i & 1;
      if (port.given) std::memcpy(port.output, &card_->c2h_tdata_o.m_storage[kWords * i], kBeatLen);
    }
    card_->h2c_tvalid_i = static_cast<uint8_t>(valid);
    card_->c2h_tready_i = static_cast<uint8_t>(ready);
    bool aw = card_->awready_o, w = card_->wready_o, ar = card_->arready_o;
    if (card_->bvalid_o) finish(card_->bresp_o);
    if (card_->rvalid_o) {
      value = card_->rdata_o;
      finish(card_->rresp_o);
    }
    clock();
    if (aw) card_->awvalid_i = 0;
    if (w) card_->wvalid_i = 0;
    if (ar) card_->arvalid_i = 0;
  }

 private:
  static constexpr unsigned kWords = kBeatLen / 4;

  void clock() {
    card_->clk_i = 1;
    card_->eval();
    card_->clk_i = 0;
    card_->eval();
  }

  void finish(unsigned response) {
    is_idle = true;
    if (response != 0)
      throw std::logic_error("the card refuses register " + std::to_string(address_));
  }

  VerilatedContext context_;
  std::unique_ptr<Card> card_;
  uint32_t address_ = 0;
};

template <typename Card, unsigned kLanes>
std::unique_ptr<TopCore> make_card(int seed) {
  return std::make_unique<CardCore<Card, kLanes>>(seed);
}

std::unique_ptr<TopCore> make_core(int seed, Build build, unsigned lanes) {
  static const struct {
    unsigned fold, stages, lanes;
    std::unique_ptr<TopCore> (*make)(int seed);
  } cards[] = {CARDS(make_card)};
  std::string there;
  for (const auto &card : cards) {
    if (build.fold == card.fold && build.stages == card.stages && lanes == card.lanes)
      return card.make(seed);
    there += (there.empty() ? " " : ", ") + std::to_string(card.fold) + "/" +
             std::to_string(card.stages) + "/" + std::to_string(card.lanes);
  }
  throw std::runtime_error("there is no such build of the card; fold/stages/lanes are" + there);
}

}  // namespace

Top::Top(int seed, Build build, unsigned lanes)
    : lanes_(lanes), core_(make_core(seed, build, lanes)) {}

Top::~Top() = default;

void Top::cycle(Port *ports) { core_->cycle(ports); }
void Top::reset() { core_->reset(); }
void Top::start_read(uint32_t address) { core_->start_read(address); }
void Top::start_write(uint32_t address, uint32_t value) { core_->start_write(address, value); }
bool Top::is_idle() const { return core_->is_idle; }
uint32_t Top::value() const { return core_->value; }

uint32_t Top::read_register(uint32_t address) {
  std::vector<Port> ports(lanes_);
  for (start_read(address); !is_idle();) cycle(ports.data());
  return value();
}

void Top::write_register(uint32_t address, uint32_t value) {
  std::vector<Port> ports(lanes_);
  for (start_write(address, value); !is_idle();) cycle(ports.data());
}
