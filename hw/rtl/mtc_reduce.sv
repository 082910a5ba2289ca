// Builds the tree: two nodes of a level that belong together become a job for their parent.
//
// Leaves come in the order of their indices. So do the nodes of every other level: a parent is asked for
// when its right child comes, jobs start in that order, and each takes the same time. Therefore one left
// sibling a level is all that waits (`waiting`), also across batches, and none is ever overwritten. The
// first node of a level in a batch may have its left sibling before the batch: then that is a seed.
// One node a cycle, latency 1 cycle; nodes go before leaves. Node jobs that are waiting, hashed or not
// placed yet are at most MaxNodes, which the buffers around hold: nothing can wait for itself.
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

  logic [256:0] waiting[64];  // with its edge_l
  mtc_pkg::hash_t seeds[1 << SeedWidth];
  logic [48:0] starts[mtc_pkg::Batches];
  logic [48:0] index_q;       // of the last leaf
  logic [CountWidth-1:0] nodes_q;

  // Stage 0: what comes.
  mtc_pkg::record_t pick, item_q;
  logic valid_q, advance, leaf_room, take;

  assign leaf_room    = nodes_q < CountWidth'(MaxNodes - 2);
  assign advance      = !valid_q || record_ready_i;
  assign node_ready_o = advance;
  assign leaf_ready_o = advance && !node_valid_i && leaf_room;
  assign take         = (node_valid_i && node_ready_o) || (leaf_valid_i && leaf_ready_o);

  always_comb begin
    pick = node_i;
    if (!node_valid_i) begin
      pick.hash        = leaf_hash_i;
      pick.cookie      = leaf_i.cookie;
      pick.node.slot   = leaf_i.slot;
      pick.node.edge_l = leaf_i.opens;
      pick.node.level  = '0;
      pick.node.index  = leaf_i.opens ? starts[leaf_i.slot] : index_q + 1'b1;
    end
  end

  // Stage 1: its sibling, its record, its parent.
  logic odd, done;
  logic [256:0] sibling, fetched_q, kept_q;
  mtc_pkg::hash_t seed_q;
  logic follows_q;  // the sibling was put there in the cycle in which it was looked up
  assign odd     = item_q.node.index[0];
  assign sibling = follows_q ? kept_q : fetched_q;
  assign done    = valid_q && record_ready_i;

  assign record_valid_o = valid_q;
  assign record_o       = item_q;
  assign job_valid_o    = done && odd;
  assign job_o.node.slot   = item_q.node.slot;
  assign job_o.node.edge_l = item_q.node.edge_l || sibling[256];
  assign job_o.node.level  = item_q.node.level + 1'b1;
  assign job_o.node.index  = item_q.node.index >> 1;
  assign job_o.left        = item_q.node.edge_l ? seed_q : sibling[255:0];
  assign job_o.right       = item_q.hash;
  assign busy_o            = valid_q || nodes_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      valid_q <= 1'b0;
      nodes_q <= '0;
    end else begin
      if (advance) valid_q <= take;
      nodes_q <= nodes_q + CountWidth'(job_valid_o) - CountWidth'(node_valid_i && node_ready_o);
    end
  end

  always_ff @(posedge clk_i) begin
    if (advance) begin
      item_q    <= pick;
      seed_q    <= seeds[{pick.node.slot, pick.node.level}];
      fetched_q <= waiting[pick.node.level];
      kept_q    <= {item_q.node.edge_l, item_q.hash};
      follows_q <= done && !odd && pick.node.level == item_q.node.level;
    end
    if (leaf_valid_i && leaf_ready_o) index_q <= pick.node.index;
    if (done && !odd) waiting[item_q.node.level] <= {item_q.node.edge_l, item_q.hash};
    if (seed_valid_i) seeds[{seed_i.slot, seed_i.level}] <= seed_i.hash;
    if (start_valid_i) starts[start_slot_i] <= {1'b0, start_i};
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i) begin
      assert (nodes_q <= CountWidth'(MaxNodes));
      if (node_valid_i && node_ready_o) assert (nodes_q != '0);
    end
  end

`ifdef VERILATOR
  mtc_stable #(.Width($bits(record_o))) u_stable (
    .clk_i, .rst_ni, .flush_i,
    .valid_i(record_valid_o), .ready_i(record_ready_i), .data_i(record_o)
  );
`endif
endmodule
