// mtc_reduce builds the trees: every job has the right two children, so no waiting left sibling is
// ever overwritten before its parent was asked for; every node that a batch completes, and no
// other, is asked for once and gives one record; none is lost.
//
// Three batches [start, end) of other logs follow each other, with starts of 0 to 3 and one to four
// leaves each. A hash is the name of its node (batch, level, number), so that a wrong child shows.
// Their seeds come in the first cycles, each batch's before its leaves. Leaves come in order,
// whenever they like; the engine gives back jobs in their order, whenever it likes; records are
// taken at any time. One node, whichever, is counted.
module formal_tree (
  input logic clk_i,
  input logic leaf_valid_i,
  input logic node_valid_i,
  input logic record_ready_i
);
  localparam int unsigned MaxNodes = 4;
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  // Any, but always the same.
  (* anyconst *) logic [5:0] starts;
  (* anyconst *) logic [5:0] counts;  // less one
  (* anyconst *) logic [1:0] node_batch;
  (* anyconst *) logic [1:0] node_level;
  (* anyconst *) logic [2:0] node_index;

  function automatic mtc_pkg::hash_t name(logic [1:0] batch, logic [1:0] level, logic [2:0] index);
    name = {249'd0, batch, level, index};
  endfunction

  function automatic logic [2:0] start_of(logic [1:0] batch);
    case (batch)
      2'd0: start_of = {1'b0, starts[1:0]};
      2'd1: start_of = {1'b0, starts[3:2]};
      default: start_of = {1'b0, starts[5:4]};
    endcase
  endfunction

  function automatic logic [2:0] end_of(logic [1:0] batch);
    case (batch)
      2'd0: end_of = start_of(batch) + {1'b0, counts[1:0]} + 3'd1;
      2'd1: end_of = start_of(batch) + {1'b0, counts[3:2]} + 3'd1;
      default: end_of = start_of(batch) + {1'b0, counts[5:4]} + 3'd1;
    endcase
  endfunction

  // The batch gives a node: its interval ends within (start, end].
  function automatic logic gives(logic [1:0] batch, logic [1:0] level, logic [2:0] index);
    gives = batch != 2'd3 && index >= start_of(batch) >> level && index < end_of(batch) >> level;
  endfunction

  // Cycle k: batch k / 2 begins, and its seed of level k % 2 is given if it has one.
  logic [2:0] cycle_q;
  logic setup, seed_valid;
  logic [1:0] setup_batch;
  logic [2:0] setup_start;
  mtc_pkg::seed_t seed;
  assign setup       = rst_ni && cycle_q < 3'd6;
  assign setup_batch = cycle_q[2:1];
  assign setup_start = start_of(setup_batch);
  assign seed_valid  = setup && setup_start[cycle_q[0]];
  assign seed.slot   = setup_batch;
  assign seed.level  = {5'd0, cycle_q[0]};
  assign seed.hash   = name(setup_batch, {1'b0, cycle_q[0]}, cycle_q[0] ? 3'd0 : setup_start - 3'd1);

  // Leaves, one batch behind the other.
  logic [1:0] batch_q;
  logic [2:0] given_q;  // leaves of it
  logic leaf_valid, leaf_ready;
  logic [2:0] leaf_index;
  mtc_pkg::leaf_t leaf;
  assign leaf_index  = start_of(batch_q) + given_q;
  // What is offered waits until it is taken.
  logic leaf_held_q, node_held_q;
  assign leaf_valid  = rst_ni && (leaf_held_q || leaf_valid_i) && batch_q != 2'd3 && cycle_q[2:1] > batch_q;
  assign leaf.cookie = '0;
  assign leaf.slot   = batch_q;
  assign leaf.opens  = given_q == '0;

  // The engine's jobs, the oldest lowest: {batch, edge_l, level, index}.
  logic [7:0] jobs_q[MaxNodes];
  logic [2:0] num_jobs_q;
  logic node_valid, node_ready, job_valid, record_valid, busy;
  mtc_pkg::node_t job;
  mtc_pkg::hash_t child;
  logic [7:0] tail, tail_q;  // of the job of the cycle before
  logic job_q;
  mtc_pkg::hash_t right_q;
  mtc_pkg::record_t node, record;
  assign node_valid       = rst_ni && (node_held_q || node_valid_i) && num_jobs_q != '0;
  assign node.node.slot   = jobs_q[0][7:6];
  assign node.node.edge_l = jobs_q[0][5];
  assign node.node.level  = {4'd0, jobs_q[0][4:3]};
  assign node.node.index  = {46'd0, jobs_q[0][2:0]};
  assign node.cookie      = '0;
  assign node.hash        = name(jobs_q[0][7:6], jobs_q[0][4:3], jobs_q[0][2:0]);

  mtc_reduce #(.MaxNodes(MaxNodes)) u_dut (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .start_valid_i(setup && !cycle_q[0]), .start_slot_i(setup_batch), .start_i({45'd0, setup_start}),
    .seed_valid_i(seed_valid), .seed_i(seed),
    .leaf_valid_i(leaf_valid), .leaf_ready_o(leaf_ready), .leaf_i(leaf),
    .leaf_hash_i(name(batch_q, 2'd0, leaf_index)),
    .node_valid_i(node_valid), .node_ready_o(node_ready), .node_i(node),
    .job_valid_o(job_valid), .job_o(job), .tail_o(tail), .child_o(child),
    .record_valid_o(record_valid), .record_ready_i, .record_o(record), .busy_o(busy)
  );

  logic [1:0] below;   // the level of a job's children
  logic [2:0] number;  // of a job's left child
  logic [4:0] items_q;  // leaves and nodes whose records are still to come
  logic node_in, asked_q, recorded_q, is_job, is_record;
  assign below     = job.level[1:0] - 2'd1;
  assign number    = {job.index[1:0], 1'b0};
  assign node_in   = node_valid && node_ready;
  assign is_job    = job_valid && job.slot == node_batch &&
                     job.level == {4'd0, node_level} && job.index == {46'd0, node_index};
  assign is_record = record_valid && record_ready_i && record.node.slot == node_batch &&
                     record.node.level == {4'd0, node_level} &&
                     record.node.index == {46'd0, node_index};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cycle_q    <= '0;
      batch_q    <= '0;
      given_q    <= '0;
      num_jobs_q <= '0;
      items_q    <= '0;
      asked_q    <= 1'b0;
      job_q      <= 1'b0;
      recorded_q <= 1'b0;
      leaf_held_q <= 1'b0;
      node_held_q <= 1'b0;
    end else begin
      leaf_held_q <= leaf_valid && !leaf_ready;
      node_held_q <= node_valid && !node_ready;
      if (setup) cycle_q <= cycle_q + 1'b1;
      if (leaf_valid && leaf_ready) begin
        given_q <= given_q + 1'b1;
        if (leaf_index + 3'd1 == end_of(batch_q)) begin
          given_q <= '0;
          batch_q <= batch_q + 1'b1;
        end
      end

      if (node_in) begin
        for (int i = 0; i < MaxNodes - 1; i++) jobs_q[i] <= jobs_q[i+1];
      end
      if (job_valid) begin
        assert (num_jobs_q - {2'd0, node_in} < MaxNodes);
        for (int i = 0; i < MaxNodes; i++) begin
          if (num_jobs_q - {2'd0, node_in} == i) begin
            jobs_q[i] <= {job.slot, job.edge_l, job.level[1:0], job.index[2:0]};
          end
        end
        assert (job.level[5:2] == '0 && job.level != '0 && job.index[48:2] == '0);
        assert (gives(job.slot, job.level[1:0], job.index[2:0]));
        assert (child == name(job.slot, below, number));
      end
      job_q   <= job_valid;
      tail_q  <= tail;
      right_q <= name(job.slot, below, number | 3'd1);
      if (job_q) assert (child == right_q && tail_q == right_q[7:0]);
      num_jobs_q <= num_jobs_q + {2'd0, job_valid} - {2'd0, node_in};

      if (is_job) begin
        assert (!asked_q);
        asked_q <= 1'b1;
      end
      if (is_record) begin
        assert (!recorded_q && gives(node_batch, node_level, node_index));
        assert (record.hash == name(node_batch, node_level, node_index));
        recorded_q <= 1'b1;
      end
      items_q <= items_q + {4'd0, node_in || (leaf_valid && leaf_ready)} -
                 {4'd0, record_valid && record_ready_i};
      // All leaves are in and nothing is on its way: all that had to come has come.
      if (batch_q > node_batch && !busy && num_jobs_q == '0 && items_q == '0) begin
        assert (recorded_q == gives(node_batch, node_level, node_index));
        assert (asked_q == (recorded_q && node_level != '0));
      end
    end
  end
endmodule
