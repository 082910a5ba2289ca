// Keeps the engine full: a barrel of exactly as many slots as the engine has ticks from a block to the
// next of the same message.
//
// A slot whose message goes on feeds its chaining value straight back, with its next block. One that is
// free takes an interior node if there is one, else a leaf; a leaf starts only when there is a place for
// its hash. Nothing ever waits inside: at every tick a block goes in, or a bubble with its cause.
// A slot is looked up two ticks before its chaining value returns; the store answers in between.
module mtc_sched #(
  parameter int unsigned Fold   = 1,  // cycles a tick
  parameter int unsigned Stages = 1   // registers a round; 2 only where Fold is 1
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               flush_i,
  // leaves
  input  logic               leaf_valid_i,
  output logic               leaf_ready_o,
  input  mtc_pkg::leaf_job_t leaf_i,
  input  logic               grant_i,      // a place for its hash
  input  mtc_pkg::place_t    place_i,
  output logic               read_o,       // from the store
  output mtc_pkg::address_t  address_o,
  input  logic [511:0]       data_i,
  input  mtc_pkg::address_t  next_i,
  // interior nodes
  input  logic               node_valid_i,
  output logic               node_ready_o,
  input  mtc_pkg::node_job_t node_i,
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
  localparam int unsigned Latency = 64 * Stages / Fold + 2;
  localparam int unsigned Slots = Latency + 1;
  localparam int unsigned SlotWidth = $clog2(Slots);

  // A tick is Fold cycles.
  logic tick;
  logic [5:0] phase_q;
  assign tick = phase_q == 6'(Fold - 1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni || tick) phase_q <= '0;
    else phase_q <= phase_q + 1'b1;
  end

  // Tick 0: the slot is looked up.
  logic [SlotWidth-1:0] slot0_q, slot1_q, slot2_q;
  logic [Slots-1:0] valid_q;
  mtc_pkg::work_t memory[Slots];
  mtc_pkg::work_t work1_q;
  logic valid1_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      slot0_q <= '0;
      slot1_q <= SlotWidth'(Slots - 1);
      slot2_q <= SlotWidth'(Slots - 2);
    end else if (tick) begin
      slot0_q <= slot0_q == SlotWidth'(Slots - 1) ? '0 : slot0_q + 1'b1;
      slot1_q <= slot0_q;
      slot2_q <= slot1_q;
    end
  end
  always_ff @(posedge clk_i) if (tick) work1_q <= memory[slot0_q];

  // Tick 1: what it does next. A message with blocks left goes on.
  logic goes_on, ends, takes_node, takes_leaf, reads, valid2_d, valid2_q;
  mtc_pkg::work_t work2_d, work2_q;
  mtc_pkg::place_t done_place2_q;
  mtc_pkg::leaf_t done_leaf2_q;
  mtc_pkg::node_t done_node2_q;

  assign goes_on    = valid1_q && work1_q.left != '0;
  assign ends       = valid1_q && work1_q.left == '0;
  assign takes_node = !goes_on && node_valid_i;
  assign takes_leaf = !goes_on && !node_valid_i && leaf_valid_i && grant_i;
  assign reads      = takes_leaf || (goes_on && !work1_q.is_node);

  assign node_ready_o = tick && takes_node;
  assign leaf_ready_o = tick && takes_leaf;
  assign read_o       = tick && reads;
  assign address_o    = goes_on ? work1_q.address : leaf_i.address;

  always_comb begin
    work2_d      = work1_q;
    work2_d.left = work1_q.left - 1'b1;
    if (takes_node) begin
      work2_d         = '0;
      work2_d.is_node = 1'b1;
      work2_d.left    = 8'd1;
      work2_d.tail    = node_i.right[7:0];
      work2_d.node    = node_i.node;
    end else if (takes_leaf) begin
      work2_d       = '0;
      work2_d.left  = leaf_i.num_blocks - 1'b1;
      work2_d.place = place_i;
      work2_d.leaf  = leaf_i.leaf;
    end
  end
  assign valid2_d = goes_on || takes_node || takes_leaf;

  assign use_o.leaf      = tick && reads;
  assign use_o.node      = tick && (takes_node || (goes_on && work1_q.is_node));
  assign use_o.no_credit = tick && !valid2_d && leaf_valid_i;
  assign use_o.tail      = tick && !valid2_d && !leaf_valid_i && busy_i && !more_i;
  assign use_o.no_input  = tick && !valid2_d && !leaf_valid_i && !(busy_i && !more_i);

  logic begins2_q, reads2_q, leaf_done2_q, node_done2_q;
  logic [511:0] node_block2_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      leaf_done2_q  <= 1'b0;
      node_done2_q  <= 1'b0;
      valid1_q      <= 1'b0;
      valid2_q      <= 1'b0;
    end else if (tick) begin
      leaf_done2_q  <= ends && !work1_q.is_node;
      node_done2_q  <= ends && work1_q.is_node;
      valid1_q      <= valid_q[slot0_q];
      valid2_q      <= valid2_d;
    end
  end
  always_ff @(posedge clk_i) begin
    if (tick) begin
      work2_q   <= work2_d;
      done_place2_q <= work1_q.place;
      done_leaf2_q  <= work1_q.leaf;
      done_node2_q  <= work1_q.node;
      begins2_q <= !goes_on;
      reads2_q  <= reads;
      // 0x01 || left || right is 65 bytes: the second block holds one of them.
      node_block2_q <= takes_node ? {8'h01, node_i.left, node_i.right[255:8]} :
                                    {work1_q.tail, 8'h80, 432'd0, 64'd520};
    end
  end

  // Tick 2: the store has answered and the chaining value is back.
  mtc_pkg::work_t work2;
  always_comb begin
    work2         = work2_q;
    work2.address = next_i;
  end
  always_ff @(posedge clk_i) if (tick) memory[slot2_q] <= work2;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) valid_q <= '0;
    else if (tick) valid_q[slot2_q] <= valid2_q;
  end

  logic [511:0] block_q;
  mtc_pkg::hash_t state_q, state;
  always_ff @(posedge clk_i) begin
    if (tick) begin
      block_q <= reads2_q ? data_i : node_block2_q;
      state_q <= begins2_q ? mtc_sha256_pkg::InitialHash : state;
    end
  end

  assign leaf_done_o  = tick && leaf_done2_q;
  assign node_done_o  = tick && node_done2_q;
  assign done_place_o = done_place2_q;
  assign done_leaf_o  = done_leaf2_q;
  assign done_node_o  = done_node2_q;
  assign hash_o       = state;

  // Tick 3 and on: the engine.
  if (Fold == 1) begin : gen_unrolled
    logic unused;
    assign unused = ^phase_q;
    mtc_sha256_unrolled #(.Stages(Stages)) u_engine (
      .clk_i, .rst_ni, .tick_i(tick), .block_i(block_q), .state_i(state_q), .state_o(state)
    );
  end else begin : gen_folded
    mtc_sha256_folded #(.Fold(Fold)) u_engine (
      .clk_i, .rst_ni, .tick_i(tick), .phase_i(phase_q[$clog2(Fold)-1:0]), .block_i(block_q),
      .state_i(state_q), .state_o(state)
    );
  end
endmodule
