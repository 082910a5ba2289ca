// Builds the tree: two nodes of a level that belong together become a job for their parent.
//
// Leaves come in the order of their indices. So do the nodes of every other level: a parent is
// asked for when its right child comes, jobs start in that order, and each takes the same time.
// Therefore one left sibling a level is all that waits (`waiting`), also across batches, and none
// is ever overwritten. The first node of a level in a batch may have its left sibling before the
// batch: then that is a seed. A node or a leaf in two cycles, latency 3 cycles; nodes go before
// leaves. In the first of two cycles it is chosen (its valid stays), in the second it is taken. Its
// children leave one behind the other. Nothing stops on its way: what comes in has a place among the
// records that wait to go out. A leaf that comes in takes a credit for its parent, a node has one
// already; it passes on to the job, or is given back where there is none. Credits are MaxNodes,
// which the buffers around hold as jobs and nodes: nothing can wait for itself.
module mtc_reduce #(
  parameter int unsigned MaxNodes = mtc_pkg::MaxNodes  // fewer only in proofs
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               flush_i,
  input  logic               start_valid_i,  // of a batch, before its seeds
  input  mtc_pkg::slot_t     start_slot_i,
  input  logic [47:0]        start_i,
  input  logic               seed_valid_i,
  input  mtc_pkg::seed_t     seed_i,
  input  logic               leaf_valid_i,
  output logic               leaf_ready_o,
  input  mtc_pkg::leaf_t     leaf_i,
  input  mtc_pkg::hash_t     leaf_hash_i,
  input  logic               node_valid_i,
  output logic               node_ready_o,
  input  mtc_pkg::record_t   node_i,
  output logic               job_valid_o,    // always taken: there is room for MaxNodes
  output mtc_pkg::node_t     job_o,
  output logic [7:0]         tail_o,         // last byte of its right child
  output mtc_pkg::hash_t     child_o,        // its left child; in the cycle after, its right one
  output logic               record_valid_o,
  input  logic               record_ready_i,
  output mtc_pkg::record_t   record_o,
  output logic               busy_o          // a node is on its way
);
  localparam int unsigned SeedWidth = $clog2(mtc_pkg::Batches) + 6;
  localparam int unsigned CountWidth = $clog2(MaxNodes) + 1;

  // A sibling is written in the first of two cycles, and what is read in the second counts; seeds
  // come before their batch's nodes (no_rw_check: mtc_fifo).
  (* ram_style = "block", no_rw_check *)
  logic [256:0] waiting[64];  // with its edge_l
  (* ram_style = "block", no_rw_check *)
  mtc_pkg::hash_t seeds[1 << SeedWidth];
  logic [48:0] starts[mtc_pkg::Batches];
  logic [48:0] index_q;             // of the next leaf
  logic [CountWidth-1:0] credits_q;  // given away

  // Records that wait, and how many places are given away.
  localparam int unsigned OutWidth = 3;
  (* ram_style = "distributed" *)
  logic [$bits(record_o)-1:0] out[1 << OutWidth];
  logic [OutWidth-1:0] put_q, get_q;
  logic [OutWidth:0] given_q, waiting_q;
  logic pop;
  assign record_valid_o = waiting_q != '0;
  assign record_o       = out[get_q];
  assign pop            = record_valid_o && record_ready_i;

  // What comes: chosen, then taken, and its sibling is looked up.
  mtc_pkg::record_t pick, item_q;
  logic second_q;  // of two cycles
  logic taken, room, take_node_q, take_leaf_q;

  assign node_ready_o = take_node_q;
  assign leaf_ready_o = take_leaf_q;
  assign taken        = take_node_q || take_leaf_q;
  assign room         = !given_q[OutWidth];

  always_comb begin
    pick = node_i;
    if (take_leaf_q) begin
      pick.hash        = leaf_hash_i;
      pick.cookie      = leaf_i.cookie;
      pick.node.slot   = leaf_i.slot;
      pick.node.edge_l = leaf_i.opens;
      pick.node.level  = '0;
      pick.node.index  = leaf_i.opens ? starts[leaf_i.slot] : index_q;
    end
  end

  // Its record; it waits for its sibling, or its sibling was there: then its parent. The item before
  // was put into memory when this one was being taken, in time to be read.
  logic [256:0] fetched_q, sibling;
  mtc_pkg::hash_t seed_q, child_q;
  logic here_d, here_q, waits, keeps, edge_q, job_q;
  // A new item; wide memories have registers of their own for it. One with an even number waits.
  assign here_d  = rst_ni && !flush_i && taken;
  mtc_far u_waits (.clk_i, .bit_i(here_d && !pick.node.index[0]), .bit_o(waits));
  mtc_far u_keeps (.clk_i, .bit_i(here_d), .bit_o(keeps));
  assign sibling = item_q.node.edge_l ? {1'b1, seed_q} : fetched_q;

  assign job_valid_o  = job_q;
  assign job_o.slot   = item_q.node.slot;
  assign job_o.edge_l = item_q.node.edge_l || edge_q;
  assign job_o.level  = item_q.node.level + 1'b1;
  assign job_o.index  = item_q.node.index >> 1;
  assign tail_o       = item_q.hash[7:0];
  assign child_o      = child_q;
  assign busy_o       = credits_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      second_q <= 1'b0;
      {take_node_q, take_leaf_q} <= 2'b00;
      job_q     <= 1'b0;
      credits_q <= '0;
      given_q   <= '0;
      waiting_q <= '0;
      put_q     <= '0;
      get_q     <= '0;
    end else begin
      second_q    <= !second_q;
      take_node_q <= !second_q && node_valid_i && room;
      take_leaf_q <= !second_q && leaf_valid_i && !node_valid_i && room &&
                     credits_q != CountWidth'(MaxNodes);
      job_q <= here_q && item_q.node.index[0];
      if (take_leaf_q) credits_q <= credits_q + 1'b1;
      if (here_q && !item_q.node.index[0]) credits_q <= credits_q - 1'b1;
      if (here_q) put_q <= put_q + 1'b1;
      if (pop) get_q <= get_q + 1'b1;
      if (here_q != pop) waiting_q <= pop ? waiting_q - 1'b1 : waiting_q + 1'b1;
      if (taken != pop) given_q <= pop ? given_q - 1'b1 : given_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    here_q    <= here_d;
    fetched_q <= waiting[pick.node.level];
    seed_q    <= seeds[{pick.node.slot, pick.node.level}];
    child_q   <= second_q ? item_q.hash : sibling[255:0];
    if (second_q) item_q <= pick;
    else edge_q <= sibling[256];
    if (take_leaf_q) index_q <= pick.node.index + 1'b1;
    if (waits) waiting[item_q.node.level] <= {item_q.node.edge_l, item_q.hash};
    if (keeps) out[put_q] <= item_q;
    if (seed_valid_i) seeds[{seed_i.slot, seed_i.level}] <= seed_i.hash;
    if (start_valid_i) starts[start_slot_i] <= {1'b0, start_i};
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i) begin
      assert (!take_node_q || node_valid_i);
      assert (!take_leaf_q || leaf_valid_i);
      assert (credits_q <= CountWidth'(MaxNodes));
      assert (second_q || !taken);
      if (here_q) assert (credits_q != '0);
      assert (waiting_q <= given_q && given_q <= (OutWidth + 1)'(1 << OutWidth));
    end
  end

`ifdef VERILATOR
  mtc_stable #(.Width($bits(record_o))) u_stable (
    .clk_i, .rst_ni, .flush_i,
    .valid_i(record_valid_o), .ready_i(record_ready_i), .data_i(record_o)
  );
`endif
endmodule
