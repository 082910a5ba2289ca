// mtc_reduce: jobs that are out are never more than MaxNodes, every leaf and node gives one record,
// and each with an odd number one job, its record or its job first by a few; a record holds still
// while the output stalls. Nodes get in soon while records are taken, leaves where there is room
// for their parents.
//
// The engine returns jobs that are out, at any time, with any level and index: more than it could.
module formal_reduce (
  input logic             clk_i,
  input logic             flush_i,
  input logic             leaf_valid_i,
  input mtc_pkg::leaf_t   leaf_i,
  input logic             node_valid_i,
  input mtc_pkg::record_t node_i,
  input logic             record_ready_i
);
  localparam int unsigned MaxNodes = 4;
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic [2:0] out_q;  // jobs asked for and not returned
  logic leaf_ready, node_ready, job_valid, record_valid, busy, node_valid;
  mtc_pkg::node_t job;
  mtc_pkg::hash_t child;
  logic [7:0] tail;
  mtc_pkg::record_t record;
  mtc_pkg::record_t node;  // above the leaves
  always_comb begin
    node = node_i;
    if (node_i.node.level == '0) node.node.level = 6'd1;
  end
  // What is offered waits until it is taken.
  logic node_held_q, leaf_held_q, leaf_valid;
  assign node_valid = node_held_q || (node_valid_i && out_q != '0);
  assign leaf_valid = leaf_held_q || leaf_valid_i;
  mtc_reduce #(.MaxNodes(MaxNodes)) u_dut (
    .clk_i, .rst_ni, .flush_i, .start_valid_i(1'b0), .start_slot_i('0), .start_i('0),
    .seed_valid_i(1'b0), .seed_i('0),
    .leaf_valid_i(leaf_valid), .leaf_ready_o(leaf_ready), .leaf_i, .leaf_hash_i('0),
    .node_valid_i(node_valid), .node_ready_o(node_ready), .node_i(node),
    .job_valid_o(job_valid), .job_o(job), .tail_o(tail), .child_o(child),
    .record_valid_o(record_valid), .record_ready_i, .record_o(record), .busy_o(busy)
  );

  logic [4:0] items_q;           // leaves and nodes inside
  logic [2:0] idle_q;            // cycles without any and without jobs
  logic [2:0] late_q, leaf_late_q;  // cycles in which a node, a leaf that has room could not get in
  logic [4:0] ahead_q;           // jobs before the records of their right children
  logic job_early;               // there is one
  logic stalled_q;
  logic [48:0] index_q;
  logic leaf_in, node_in, record_out;
  assign leaf_in    = leaf_valid && leaf_ready;
  assign node_in    = node_valid && node_ready;
  assign record_out = record_valid && record_ready_i;
  assign job_early  = job_valid || ahead_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      out_q     <= '0;
      items_q   <= '0;
      idle_q    <= '0;
      late_q    <= '0;
      ahead_q   <= '0;
      stalled_q <= 1'b0;
      node_held_q <= 1'b0;
      leaf_held_q <= 1'b0;
      leaf_late_q <= '0;
    end else begin
      out_q     <= out_q + {2'b0, job_valid} - {2'b0, node_in};
      items_q   <= items_q + {4'b0, leaf_in || node_in} - {4'b0, record_out};
      node_held_q <= node_valid && !node_ready;
      leaf_held_q <= leaf_valid && !leaf_ready;
      stalled_q <= record_valid && !record_ready_i;
      index_q   <= record.node.index;
      idle_q    <= items_q != '0 || out_q != '0 ? '0 : idle_q + {2'd0, idle_q != 3'd7};

      assert (!(leaf_in && node_in));
      assert (!record_valid || items_q != '0);
      late_q    <= node_valid && record_ready_i && !node_ready ? late_q + 1'b1 : '0;
      ahead_q   <= ahead_q + {4'd0, job_valid} - {4'd0, record_out && record.node.index[0]};
      if (record_out && record.node.index[0]) assert (job_early);
      if (items_q == '0) assert (ahead_q == '0 && !job_valid);
      if (stalled_q) assert (record_valid && record.node.index == index_q);
      assert (out_q <= MaxNodes);
      assert (out_q + {2'd0, job_valid} <= MaxNodes || node_in);
      if (out_q != '0) assert (busy);
      if (idle_q == 3'd7 && items_q == '0 && out_q == '0) assert (!busy);
      // Nodes always get in: what the loop back to the engine holds can leave it.
      assert (late_q != 3'd7);
      leaf_late_q <= leaf_valid && !leaf_ready && out_q <= 1 && items_q == '0 && !node_valid ?
                     leaf_late_q + 1'b1 : '0;
      assert (leaf_late_q != 3'd3);
    end
  end
endmodule
