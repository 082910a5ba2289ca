#include "top.hpp"

#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "tops.hpp"  // made by sim/CMakeLists.txt: includes MTC_CARD_BUILDS and lists them
#include "trace.hpp"
#include "verilated.h"

// The ports of one build; the builds are classes of their own that have the ports in common.
class TopCore {
 public:
  virtual ~TopCore() = default;
  virtual void reset() = 0;
  virtual void cycle(Top::Port *ports) = 0;
  virtual void start_read(uint32_t address) = 0;
  virtual void start_write(uint32_t address, uint32_t value) = 0;
  virtual void end_trace(const std::string &why) = 0;

  bool is_idle = true;
  uint32_t value = 0;
};

namespace {

// Of the builds without one.
class NoTrace {
 public:
  template <typename Card>
  NoTrace(const TraceOptions &, VerilatedContext &, Card &) {}
  void end(const std::string &) {}
};

template <typename Card, unsigned kLanes, typename Waveform>
class CardCore : public TopCore {
 public:
  CardCore(int seed, const TraceOptions &options) {
    // Flops that are not reset start at random, so that nothing can come to depend on zeros.
    context_.randReset(2);
    context_.randSeed(seed);
    card_.reset(new Card(&context_));
    trace_ = std::make_unique<Waveform>(options, context_, *card_);
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

  void end_trace(const std::string &why) override { trace_->end(why); }

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
    if constexpr (std::is_same_v<Waveform, Trace>) {
      card_->eval();  // what depends on the inputs, which are new
      trace_->low();
    }
    card_->clk_i = 1;
    card_->eval();
    if constexpr (std::is_same_v<Waveform, Trace>) trace_->high();
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
  std::unique_ptr<Waveform> trace_;  // ends before the card does
  uint32_t address_ = 0;
};

struct Maker {
  unsigned fold, stages, lanes;
  std::unique_ptr<TopCore> (*make)(int seed, const TraceOptions &trace);
};

template <typename Card, unsigned kLanes>
std::unique_ptr<TopCore> make_card(int seed, const TraceOptions &trace) {
  return std::make_unique<CardCore<Card, kLanes, NoTrace>>(seed, trace);
}

template <typename Card, unsigned kLanes>
std::unique_ptr<TopCore> make_traced(int seed, const TraceOptions &trace) {
  return std::make_unique<CardCore<Card, kLanes, Trace>>(seed, trace);
}

std::unique_ptr<TopCore> make_core(int seed, Build build, unsigned lanes,
                                   const TraceOptions &trace) {
  static const std::vector<Maker> cards = {CARDS(make_card)}, traced = {TRACED(make_traced)};
  std::string there;
  for (const Maker &card : trace.path.empty() ? cards : traced) {
    if (build.fold == card.fold && build.stages == card.stages && lanes == card.lanes)
      return card.make(seed, trace);
    there += (there.empty() ? " " : ", ") + std::to_string(card.fold) + "/" +
             std::to_string(card.stages) + "/" + std::to_string(card.lanes);
  }
  throw std::runtime_error(
      (trace.path.empty()
           ? "there is no such build of the card; fold/stages/lanes are"
           : "this build of the card has no waveform; fold/stages/lanes with one are") +
      there);
}

}  // namespace

Top::Top(int seed, Build build, unsigned lanes, const TraceOptions &trace)
    : lanes_(lanes), core_(make_core(seed, build, lanes, trace)) {}

Top::~Top() = default;

void Top::cycle(Port *ports) { core_->cycle(ports); }
void Top::reset() { core_->reset(); }
void Top::end_trace(const std::string &why) { core_->end_trace(why); }
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
