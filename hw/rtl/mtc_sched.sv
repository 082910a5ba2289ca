// Keeps the engine full: a barrel of exactly as many slots as the engine has ticks from a block to
// the next of the same message.
//
// A slot whose message goes on feeds its chaining value straight back, with its next block. One
// that is free takes an interior node if there is one, else a leaf; a leaf starts only when there
// is a place for its hash. Nothing ever waits inside: at every tick a block goes in, or a bubble
// with its cause. A slot is looked up five ticks before its chaining value returns. Each tick does
// little, so that memories have a register behind them: look up, keep, decide, ask the store, keep
// its answer, begin.
module mtc_sched #(
  parameter int unsigned Fold   = 1,  // cycles a tick
  parameter int unsigned Stages = 1   // registers a round; 2 only where Fold is 1
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               flush_i,      // is done a cycle later
  // leaves
  input  logic               leaf_valid_i,
  output logic               leaf_ready_o,
  input  mtc_pkg::leaf_job_t leaf_i,
  input  logic               grant_i,      // a place for its hash
  input  mtc_pkg::place_t    place_i,
  output logic               step_o,       // the store's answer is taken, and it is asked again
  output logic               read_o,       // for a block
  output mtc_pkg::address_t  address_o,
  input  logic [511:0]       data_i,
  input  mtc_pkg::address_t  next_i,
  // interior nodes
  input  logic               node_valid_i,
  output logic               node_ready_o,
  input  mtc_pkg::node_t     node_i,
  input  logic [7:0]         tail_i,       // last byte of its right child
  output logic               children_ready_o,  // three ticks later: its children are taken
  input  logic [511:0]       children_i,   // left || right
  // hashes
  output logic               leaf_done_o,
  output logic               node_done_o,
  output mtc_pkg::place_t    done_place_o,
  output mtc_pkg::leaf_t     done_leaf_o,
  output mtc_pkg::node_t     done_node_o,
  output mtc_pkg::hash_t     hash_o,
  // accounts
  input  logic               more_i,       // entries of an open batch are still to come
  input  logic               busy_i,       // leaves or nodes are on their way
  output mtc_pkg::use_t      use_o
);
  // The barrel goes round in as many ticks as a slot is looked up before, at least.
  localparam int unsigned EngineLatency =
    Fold == 1 ? mtc_sha256_pkg::latency_unrolled(Stages) : 64 / Fold + 2;
  localparam int unsigned LookUp = 5;
  localparam int unsigned Slots = EngineLatency < LookUp + 1 ? LookUp + 1 : EngineLatency;
  localparam int unsigned SlotWidth = $clog2(Slots);

  // A tick is Fold cycles, tick is up in the last of them.
  logic tick;
  logic [5:0] phase_q;
  if (Fold == 1) begin : gen_always
    assign tick    = 1'b1;
    assign phase_q = '0;
  end else begin : gen_tick
    logic tick_q;
    assign tick = tick_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        phase_q <= '0;
        tick_q  <= 1'b0;
      end else begin
        phase_q <= tick_q ? '0 : phase_q + 1'b1;
        tick_q  <= phase_q == 6'(Fold - 2);
      end
    end
  end

  // What asks for the next children is far from the rest.
  logic flush, flush_child;
  mtc_far u_flush (.clk_i, .bit_i(flush_i), .bit_o(flush));
  mtc_far u_flush_child (.clk_i, .bit_i(flush_i), .bit_o(flush_child));

  // Ticks 0 and 1: the slot is looked up.
  logic [SlotWidth-1:0] slot0_d, slot0_q, slot5_d, slot5_q;  // which one in tick 0, in tick 5
  logic [SlotWidth-1:0] read_slot, write_slot;
  // Registers, since the memory is slow to answer. Each slot's pass by; the next one to be looked up is
  // the last.
  logic [Slots-LookUp-1:0] valid_q, more_q;
  mtc_pkg::work_t work1_q, work2_q;
  (* no_rw_check *)  // mtc_fifo; slots that are LookUp apart
  logic [$bits(work1_q)-1:0] memory[Slots];
  logic valid1_q, more1_q;

  always_comb begin
    slot0_d = slot0_q;
    slot5_d = slot5_q;
    if (!rst_ni) begin
      slot0_d = '0;
      slot5_d = SlotWidth'(Slots - LookUp);
    end else if (tick) begin
      slot0_d = slot0_q == SlotWidth'(Slots - 1) ? '0 : slot0_q + 1'b1;
      slot5_d = slot5_q == SlotWidth'(Slots - 1) ? '0 : slot5_q + 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    slot0_q <= slot0_d;
    slot5_q <= slot5_d;
  end
  // The memory is wide spread: its own copies of both.
  mtc_far #(.Width(SlotWidth)) u_slot0 (.clk_i, .bit_i(slot0_d), .bit_o(read_slot));
  mtc_far #(.Width(SlotWidth)) u_slot5 (.clk_i, .bit_i(slot5_d), .bit_o(write_slot));
  always_ff @(posedge clk_i) begin
    if (tick) begin
      work1_q <= memory[read_slot];
      work2_q <= work1_q;
    end
  end

  // Tick 2: what it does next. A message with blocks left goes on.
  logic goes_on_d, goes_on_q, goes_on, ends_q, takes_node, takes_leaf, reads;
  logic valid3_d, valid3_q, valid4_q, valid5_q;
  mtc_pkg::work_t work3_d, work3_q, work4_q, work5_q;
  logic more3_d, more3_q, more4_q, more5_q;  // there are blocks behind this one

  // Of what the slot works on each bit asks: that has its own copy.
  assign goes_on_d = rst_ni && !flush && (tick ? valid1_q && more1_q : goes_on_q);
  mtc_far u_goes_on (.clk_i, .bit_i(goes_on_d), .bit_o(goes_on));

  assign takes_node = !goes_on_q && node_valid_i;
  assign takes_leaf = !goes_on_q && !node_valid_i && leaf_valid_i && grant_i;
  assign reads      = takes_leaf || (goes_on_q && !work2_q.is_node);

  assign node_ready_o = tick && takes_node;
  assign leaf_ready_o = tick && takes_leaf;

  always_comb begin
    work3_d      = work2_q;
    work3_d.left = work2_q.left - 1'b1;
    more3_d      = work2_q.left != 8'd1;
    if (!goes_on) begin  // a node or a leaf, whatever of the other
      work3_d.is_node = node_valid_i;
      work3_d.left    = node_valid_i ? 8'd1 : leaf_i.num_blocks - 1'b1;
      work3_d.tail    = tail_i;
      work3_d.place   = place_i;
      work3_d.leaf    = leaf_i.leaf;
      work3_d.node    = node_i;
      more3_d         = node_valid_i || leaf_i.num_blocks != 8'd1;
    end
  end
  assign valid3_d = goes_on_q || takes_node || takes_leaf;

  assign use_o.leaf      = tick && reads;
  assign use_o.node      = tick && (takes_node || (goes_on_q && work2_q.is_node));
  assign use_o.no_credit = tick && !valid3_d && leaf_valid_i;
  assign use_o.tail      = tick && !valid3_d && !leaf_valid_i && busy_i && !more_i;
  assign use_o.no_input  = tick && !valid3_d && !leaf_valid_i && !(busy_i && !more_i);

  // Of the message that ends, until its hash is there.
  typedef struct packed {
    logic            leaf_done;
    logic            node_done;
    mtc_pkg::place_t place;
    mtc_pkg::leaf_t  leaf;
    mtc_pkg::node_t  node;
  } done_t;
  done_t done3_q, done4_q, done5_q;

  always_ff @(posedge clk_i) begin
    if (tick) begin
      done3_q   <= {ends_q && !work2_q.is_node, ends_q && work2_q.is_node, work2_q.place,
                    work2_q.leaf, work2_q.node};
      done4_q   <= done3_q;
      done5_q   <= done4_q;
      valid1_q  <= valid_q[Slots-LookUp-1];
      more1_q   <= more_q[Slots-LookUp-1];
      ends_q    <= valid1_q && !more1_q;
      valid3_q  <= valid3_d;
      valid4_q  <= valid3_q;
      valid5_q  <= valid4_q;
    end
    if (!rst_ni || flush) begin
      {done3_q.leaf_done, done3_q.node_done} <= 2'b00;
      {done4_q.leaf_done, done4_q.node_done} <= 2'b00;
      {done5_q.leaf_done, done5_q.node_done} <= 2'b00;
      {valid1_q, ends_q, valid3_q, valid4_q, valid5_q} <= 5'd0;
    end
    goes_on_q <= goes_on_d;
  end

  // Tick 3: the store is asked. Tick 4: its answer is kept. Nobody asks for what was forgotten: the
  // store would take its address back twice.
  logic begins3_q, begins4_q, begins5_d, begins5_q, reads3_q;
  // blocks of a node
  logic child3_q, child4_q, child5_d, child5_q, second3_q, second4_d, second4_q;
  mtc_pkg::address_t address3_q;
  assign step_o    = tick;
  assign read_o    = tick && reads3_q;
  assign address_o = address3_q;
  always_ff @(posedge clk_i) begin
    if (tick) begin
      work3_q    <= work3_d;
      more3_q    <= more3_d;
      address3_q <= goes_on_q ? work2_q.address : leaf_i.address;
      begins3_q  <= !goes_on_q;
      reads3_q   <= reads;
      child3_q   <= takes_node;
      second3_q  <= goes_on_q && work2_q.is_node;
      work4_q         <= work3_q;
      more4_q         <= more3_q;
      begins4_q       <= begins3_q;
      child4_q        <= child3_q;
      work5_q         <= work4_q;
      more5_q         <= more4_q;
      work5_q.address <= next_i;
    end
    second4_q <= second4_d;
    begins5_q <= begins5_d;
    child5_q  <= child5_d;
    if (!rst_ni || flush) {reads3_q, child3_q} <= 2'd0;
    if (!rst_ni || flush_child) {child4_q, child5_q} <= 2'd0;
  end
  assign children_ready_o = tick && child5_q;
  assign second4_d = tick ? second3_q : second4_q;
  assign begins5_d = tick ? begins4_q : begins5_q;
  assign child5_d  = tick ? child4_q : child5_q;

  // Tick 5: the chaining value is back.
  always_ff @(posedge clk_i) if (tick) memory[write_slot] <= work5_q;
  always_ff @(posedge clk_i) begin
    if (tick) begin
      more_q  <= (Slots - LookUp)'({more_q, more5_q});
      valid_q <= (Slots - LookUp)'({valid_q, valid5_q});
    end
    if (!rst_ni || flush) valid_q <= '0;
  end

  logic [511:0] first, second, data5_q, block;
  mtc_pkg::hash_t begin_state, state, engine_state;
  // 0x01 || left || right is 65 bytes: the second block of a node holds one of them. It is made where
  // the store's answer is kept.
  assign first  = {8'h01, children_i[511:8]};
  assign second = {work4_q.tail, 8'h80, 432'd0, 64'd520};
  logic unused_tail;
  assign unused_tail = ^children_i[7:0];
  // A block is spread wide: each part of it has its own copies of what it is.
  localparam int unsigned Parts = 8, PartWidth = 512 / Parts, StateWidth = 256 / Parts;
  for (genvar i = 0; i < Parts; i++) begin : gen_part
    logic is_first, is_second, begins;
    mtc_far u_second (.clk_i, .bit_i(second4_d), .bit_o(is_second));
    mtc_far u_first (.clk_i, .bit_i(child5_d), .bit_o(is_first));
    mtc_far u_begins (.clk_i, .bit_i(begins5_d), .bit_o(begins));
    always_ff @(posedge clk_i) begin
      if (tick) begin
        data5_q[PartWidth*i+:PartWidth] <=
          is_second ? second[PartWidth*i+:PartWidth] : data_i[PartWidth*i+:PartWidth];
      end
    end
    assign block[PartWidth*i+:PartWidth] =
      is_first ? first[PartWidth*i+:PartWidth] : data5_q[PartWidth*i+:PartWidth];
    assign begin_state[StateWidth*i+:StateWidth] =
      begins ? mtc_sha256_pkg::InitialHash[StateWidth*i+:StateWidth] : state[StateWidth*i+:StateWidth];
  end

  assign leaf_done_o  = tick && done5_q.leaf_done;
  assign node_done_o  = tick && done5_q.node_done;
  assign done_place_o = done5_q.place;
  assign done_leaf_o  = done5_q.leaf;
  assign done_node_o  = done5_q.node;
  assign hash_o       = state;

  // The engine.
  if (Fold == 1) begin : gen_unrolled
    logic unused;
    assign unused = ^phase_q;
    mtc_sha256_unrolled #(.Stages(Stages)) u_engine (
      .clk_i, .rst_ni, .tick_i(tick), .block_i(block), .state_i(begin_state), .state_o(engine_state)
    );
  end else begin : gen_folded
    mtc_sha256_folded #(.Fold(Fold)) u_engine (
      .clk_i, .rst_ni, .tick_i(tick), .phase_i(phase_q[$clog2(Fold)-1:0]), .block_i(block),
      .state_i(begin_state), .state_o(engine_state)
    );
  end
  mtc_delay #(.Width(256), .Ticks(Slots - EngineLatency)) u_state (
    .clk_i, .rst_ni, .enable_i(tick), .data_i(engine_state), .data_o(state)
  );
endmodule
