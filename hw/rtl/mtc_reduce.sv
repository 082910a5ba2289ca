// Builds the tree: two nodes of a level that belong together become a job for their parent.
//
// Leaves come in the order of their indices. So do the nodes of every other level: a parent is
// asked for when its right child comes, jobs start in that order, and each takes the same time.
// Therefore one left sibling a level is all that waits (`waiting`), also across batches, and none
// is ever overwritten. The first node of a level in a batch may have its left sibling before the
// batch: then that is a seed. A node and a leaf in two cycles, latency 5 cycles; nodes go before
// leaves. What comes in is chosen in the cycle before, and waits there (its valid stays). Nothing
// stops on its way: what comes in has a place among the records that wait to go out. A leaf that
// comes in takes a credit for its parent, a node has one already; it passes on to the job, or is
// given back where there is none. Credits are MaxNodes, which the buffers around hold as jobs and
// nodes: nothing can wait for itself.
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
  output mtc_pkg::node_job_t job_o,
  output logic               record_valid_o,
  input  logic               record_ready_i,
  output mtc_pkg::record_t   record_o,
  output logic               busy_o          // a node is on its way
);
  localparam int unsigned SeedWidth = $clog2(mtc_pkg::Batches) + 6;
  localparam int unsigned CountWidth = $clog2(MaxNodes) + 1;

  // A sibling that is written while it is read comes from its copy; seeds come before their batch's
  // nodes (no_rw_check: mtc_fifo).
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

  // Stage 0: what comes.
  mtc_pkg::record_t pick, item1_q, item2_q, item3_q;
  logic valid1_q, valid2_q, valid3_q, node_waits, room, take_node_q, take_leaf_q;

  assign node_ready_o = take_node_q;
  assign leaf_ready_o = take_leaf_q;
  assign node_waits   = node_valid_i && !take_node_q;
  // For one more behind that of this cycle.
  assign room         = given_q < (OutWidth + 1)'((1 << OutWidth) - 1);

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

  // Stage 1: its sibling is looked up. Stage 2: what memory has is kept.
  logic [256:0] fetched2_q, fetched3_q;
  mtc_pkg::hash_t seed2_q;
  logic newer2_q;  // the sibling is in stage 4

  // Stage 3: its record, its sibling. One that was put into memory while this was looked up has
  // moved on meanwhile, into the copy of what was in stage 4. None was nearer: two of a level are
  // two cycles apart.
  logic newer3_q, odd;
  mtc_pkg::node_t node4_q;
  mtc_pkg::hash_t hash4_q;
  logic [256:0] found, kept_q;
  assign odd   = item3_q.node.index[0];
  assign found = newer3_q ? kept_q : fetched3_q;

  // Stage 4: its parent.
  logic [255:0] left4_q;
  logic edge4_q, job4_q;
  assign job_valid_o       = job4_q;
  assign job_o.node.slot   = node4_q.slot;
  assign job_o.node.edge_l = node4_q.edge_l || edge4_q;
  assign job_o.node.level  = node4_q.level + 1'b1;
  assign job_o.node.index  = node4_q.index >> 1;
  assign job_o.left        = left4_q;
  assign job_o.right       = hash4_q;
  assign busy_o            = credits_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      {take_node_q, take_leaf_q} <= 2'b00;
      valid1_q  <= 1'b0;
      valid2_q  <= 1'b0;
      valid3_q  <= 1'b0;
      job4_q    <= 1'b0;
      credits_q <= '0;
      given_q   <= '0;
      waiting_q <= '0;
      put_q     <= '0;
      get_q     <= '0;
    end else begin
      take_node_q <= node_waits && room;
      take_leaf_q <= leaf_valid_i && !take_leaf_q && !node_waits && room &&
                     credits_q != CountWidth'(MaxNodes);
      valid1_q <= take_node_q || take_leaf_q;
      valid2_q <= valid1_q;
      valid3_q <= valid2_q;
      job4_q   <= valid3_q && odd;
      if (take_leaf_q != (valid3_q && !odd)) begin
        credits_q <= take_leaf_q ? credits_q + 1'b1 : credits_q - 1'b1;
      end
      if (valid3_q) put_q <= put_q + 1'b1;
      if (pop) get_q <= get_q + 1'b1;
      if (valid3_q != pop) waiting_q <= pop ? waiting_q - 1'b1 : waiting_q + 1'b1;
      if ((take_node_q || take_leaf_q) != pop) given_q <= pop ? given_q - 1'b1 : given_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    item1_q    <= pick;
    item2_q    <= item1_q;
    fetched2_q <= waiting[item1_q.node.level];
    seed2_q    <= seeds[{item1_q.node.slot, item1_q.node.level}];
    newer2_q   <= valid3_q && !odd && item1_q.node.level == item3_q.node.level;
    item3_q    <= item2_q;
    fetched3_q <= item2_q.node.edge_l ? {1'b1, seed2_q} : fetched2_q;
    newer3_q   <= newer2_q && !item2_q.node.edge_l;
    node4_q    <= item3_q.node;
    hash4_q    <= item3_q.hash;
    {edge4_q, left4_q} <= found;
    kept_q     <= {node4_q.edge_l, hash4_q};
    if (take_leaf_q) index_q <= pick.node.index + 1'b1;
    if (valid3_q && !odd) waiting[item3_q.node.level] <= {item3_q.node.edge_l, item3_q.hash};
    if (valid3_q) out[put_q] <= item3_q;
    if (seed_valid_i) seeds[{seed_i.slot, seed_i.level}] <= seed_i.hash;
    if (start_valid_i) starts[start_slot_i] <= {1'b0, start_i};
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i) begin
      assert (!take_node_q || node_valid_i);
      assert (!take_leaf_q || leaf_valid_i);
      assert (credits_q <= CountWidth'(MaxNodes));
      if (valid3_q) assert (credits_q != '0);
      if (valid1_q && valid2_q) assert (item1_q.node.level != item2_q.node.level);
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
