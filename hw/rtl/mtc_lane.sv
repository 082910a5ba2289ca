// A lane of the Merkle-hashing core: entries in, hashes of leaves and of the nodes they complete
// out.
//
// Streams and registers: docs/registers.md. Around it a shell puts DMA on the streams (AXI4-Stream:
// valid, ready, data, last) and its bus on the registers (one word at a time; reads combinational).
// The engine takes a SHA-256 block every Fold cycles, and batches overlap, so that it stays full.
module mtc_lane #(
  parameter int unsigned Fold   = 1,  // 1, 2, 4, 16, 64
  parameter int unsigned Stages = 1,  // 1, 2 (with Fold 1): registers a round
  parameter int unsigned Lanes  = 1,  // of the card, for CAPS_CORE
  parameter logic [31:0] Build  = 32'd0
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           h2c_valid_i,
  output logic           h2c_ready_o,
  input  mtc_pkg::beat_t h2c_data_i,
  output logic           c2h_valid_o,
  input  logic           c2h_ready_i,
  output mtc_pkg::beat_t c2h_data_o,
  output logic           c2h_last_o,
  output logic           discarding_o,  // input, until the SYNC beat with the nonce
  output logic [31:0]    nonce_o,
  input  logic           reg_write_i,
  input  logic [12:0]    reg_addr_i,
  input  logic [31:0]    reg_wdata_i,
  output logic [31:0]    reg_rdata_o
);
  if (!(Fold == 1 || Fold == 2 || Fold == 4 || Fold == 16 || Fold == 64)) begin : gen_bad_fold
    $error("Fold is none of 1, 2, 4, 16, 64");
  end
  if (!(Stages == 1 || (Stages == 2 && Fold == 1))) begin : gen_bad_stages
    $error("Stages is none of 1 and, with Fold 1, 2");
  end

  logic resync, sync, discarding, failed, more, reduce_busy, in_order;
  logic [31:0] nonce, credit, session, frames;
  logic [mtc_pkg::Batches-1:0] in_use;
  mtc_pkg::fault_t fault;

  // What is to be forgotten is so everywhere at once, two cycles after the command. The blocks are far
  // apart, and a block is large: each has a register on the way to it, and one of its own. mtc_ingest
  // and mtc_sched have several of their own, and hear of it a cycle before.
  typedef enum int unsigned {
    Ingest, Pad, Store, Sched, Reorder, Results, Reduce, Jobs, Children, Emit, NumFlush
  } flush_e;
  logic [NumFlush-1:0] way_q, flush_q;
  for (genvar i = 0; i < NumFlush; i++) begin : gen_flush
    mtc_far u_way (.clk_i, .bit_i(resync), .bit_o(way_q[i]));
    mtc_far u_flush (.clk_i, .bit_i(way_q[i]), .bit_o(flush_q[i]));
  end

  assign discarding_o = discarding;
  assign nonce_o      = nonce;

  // Input: beats, entries, blocks, jobs.
  logic len_good_in, len_good, beat_valid, beat_ready, open_valid, close_valid, seed_valid, entry_valid;
  logic room, block_valid, leaf_job_valid, leaf_job_ready, step, read;
  mtc_pkg::beat_t beat;
  mtc_pkg::open_t open;
  mtc_pkg::close_t close;
  mtc_pkg::seed_t seed;
  mtc_pkg::entry_beat_t entry_beat;
  mtc_pkg::block_t block;
  mtc_pkg::leaf_job_t leaf_job;
  mtc_pkg::address_t address, next_address;
  logic [47:0] start;
  logic [511:0] block_data;

  // Whether the first word of a beat can be an entry's length is found before the buffer: behind it
  // there is no time.
  assign len_good_in = h2c_data_i[31:0] != '0 && h2c_data_i[31:0] <= mtc_pkg::MaxEntry;

  mtc_fifo #(.Width(513), .Depth(mtc_pkg::InputDepth)) u_input (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .valid_i(h2c_valid_i), .ready_o(h2c_ready_o),
    .data_i({len_good_in, h2c_data_i}),
    .valid_o(beat_valid), .ready_i(beat_ready), .data_o({len_good, beat})
  );

  mtc_ingest u_ingest (
    .clk_i, .rst_ni,
    .beat_valid_i(beat_valid), .beat_ready_o(beat_ready), .beat_i(beat),
    .len_good_i(len_good),
    .resync_i(way_q[Ingest]), .nonce_i(nonce), .credit_o(credit), .sync_ack_o(session),
    .discarding_o(discarding), .failed_o(failed), .fault_o(fault),
    .sync_o(sync), .in_use_i(in_use), .open_valid_o(open_valid), .open_o(open), .start_o(start),
    .close_valid_o(close_valid), .close_o(close), .seed_valid_o(seed_valid), .seed_o(seed),
    .room_i(room), .entry_valid_o(entry_valid), .entry_o(entry_beat), .more_o(more)
  );

  mtc_pad u_pad (
    .clk_i, .rst_ni, .flush_i(flush_q[Pad]),
    .entry_valid_i(entry_valid), .entry_i(entry_beat),
    .block_valid_o(block_valid), .block_o(block)
  );

  mtc_store u_store (
    .clk_i, .rst_ni, .flush_i(flush_q[Store]),
    .block_valid_i(block_valid), .block_i(block), .room_o(room),
    .job_valid_o(leaf_job_valid), .job_ready_i(leaf_job_ready), .job_o(leaf_job),
    .step_i(step), .read_i(read), .address_i(address), .data_o(block_data), .next_o(next_address)
  );

  // The engine, and what goes in and out of it.
  logic grant, leaf_done, node_done, leaf_valid, leaf_ready, result_valid, result_ready;
  logic job_valid, job_ready, node_job_valid, node_job_ready, result_room;
  logic children_room, children_valid, children_ready;
  logic record_valid, record_ready;
  mtc_pkg::place_t place, done_place;
  mtc_pkg::hash_t hash, leaf_hash;
  mtc_pkg::leaf_t leaf, done_leaf;
  mtc_pkg::node_t done_node;
  mtc_pkg::node_t job, node_job;
  logic [7:0] job_tail, tail;
  mtc_pkg::hash_t child;
  logic [511:0] children;
  mtc_pkg::record_t result, record;
  mtc_pkg::use_t use_of_tick;

  mtc_sched #(.Fold(Fold), .Stages(Stages)) u_sched (
    .clk_i, .rst_ni, .flush_i(way_q[Sched]),
    .leaf_valid_i(leaf_job_valid), .leaf_ready_o(leaf_job_ready), .leaf_i(leaf_job),
    .grant_i(grant), .place_i(place),
    .step_o(step), .read_o(read), .address_o(address), .data_i(block_data), .next_i(next_address),
    .node_valid_i(node_job_valid), .node_ready_o(node_job_ready), .node_i(node_job), .tail_i(tail),
    .children_ready_o(children_ready), .children_i(children),
    .leaf_done_o(leaf_done), .node_done_o(node_done), .done_place_o(done_place),
    .done_leaf_o(done_leaf), .done_node_o(done_node), .hash_o(hash),
    .more_i(more), .busy_i(reduce_busy || !in_order), .use_o(use_of_tick)
  );

  mtc_reorder u_reorder (
    .clk_i, .rst_ni, .flush_i(flush_q[Reorder]),
    .grant_o(grant), .place_o(place), .start_i(leaf_job_ready),
    .hash_valid_i(leaf_done), .hash_place_i(done_place), .hash_leaf_i(done_leaf), .hash_i(hash),
    .leaf_valid_o(leaf_valid), .leaf_ready_i(leaf_ready), .leaf_o(leaf), .leaf_hash_o(leaf_hash),
    .empty_o(in_order)
  );

  mtc_queue #(.Width($bits(done_node) + 256), .Depth(mtc_pkg::MaxNodes)) u_results (
    .clk_i, .rst_ni, .flush_i(flush_q[Results]),
    .valid_i(node_done), .ready_o(result_room), .data_i({done_node, hash}),
    .valid_o(result_valid), .ready_i(result_ready), .data_o({result.node, result.hash})
  );
  assign result.cookie = '0;

  mtc_reduce u_reduce (
    .clk_i, .rst_ni, .flush_i(flush_q[Reduce]),
    .start_valid_i(open_valid), .start_slot_i(open.slot), .start_i(start),
    .seed_valid_i(seed_valid), .seed_i(seed),
    .leaf_valid_i(leaf_valid), .leaf_ready_o(leaf_ready), .leaf_i(leaf), .leaf_hash_i(leaf_hash),
    .node_valid_i(result_valid), .node_ready_o(result_ready), .node_i(result),
    .job_valid_o(job_valid), .job_o(job), .tail_o(job_tail), .child_o(child),
    .record_valid_o(record_valid), .record_ready_i(record_ready), .record_o(record),
    .busy_o(reduce_busy)
  );

  // What a job is stands apart from its children, which the engine takes three ticks later: jobs do
  // not come sooner one behind the other than children do.
  mtc_queue #(.Width($bits(node_job) + 8), .Depth(mtc_pkg::MaxNodes), .Gap(5)) u_node_jobs (
    .clk_i, .rst_ni, .flush_i(flush_q[Jobs]),
    .valid_i(job_valid), .ready_o(job_ready), .data_i({job, job_tail}),
    .valid_o(node_job_valid), .ready_i(node_job_ready), .data_o({node_job, tail})
  );
  mtc_pairs #(.Width(256), .Depth(mtc_pkg::MaxNodes)) u_children (
    .clk_i, .rst_ni, .flush_i(flush_q[Children]),
    .valid_i(job_valid), .ready_o(children_room), .data_i(child),
    .valid_o(children_valid), .ready_i(children_ready), .data_o(children)
  );

  mtc_emit u_emit (
    .clk_i, .rst_ni, .drop_i(flush_q[Emit]), .sync_i(sync), .nonce_i(session),
    .open_valid_i(open_valid), .open_i(open), .close_valid_i(close_valid), .close_i(close),
    .in_use_o(in_use), .frames_o(frames),
    .record_valid_i(record_valid), .record_ready_o(record_ready), .record_i(record),
    .beat_valid_o(c2h_valid_o), .beat_ready_i(c2h_ready_i), .beat_o(c2h_data_o),
    .beat_last_o(c2h_last_o)
  );

  mtc_csr #(.Build(Build), .Fold(Fold), .Stages(Stages), .Lanes(Lanes)) u_csr (
    .clk_i, .rst_ni,
    .write_i(reg_write_i), .addr_i(reg_addr_i), .wdata_i(reg_wdata_i), .rdata_o(reg_rdata_o),
    .resync_o(resync), .nonce_o(nonce), .credit_i(credit), .frames_i(frames), .sync_ack_i(session),
    .busy_i(in_use != '0), .discarding_i(discarding), .failed_i(failed), .fault_i(fault),
    .entry_i(entry_valid && entry_beat.first),
    .leaf_hash_i(leaf_done), .node_hash_i(node_done), .use_i(use_of_tick),
    .stall_i(c2h_valid_o && !c2h_ready_i)
  );

  // What the counts of mtc_reduce and mtc_reorder promise.
  always_ff @(posedge clk_i) begin
    if (rst_ni && flush_q == '0) begin
      assert (!(job_valid && !(job_ready && children_room)));
      assert (!(children_ready && !children_valid));
      assert (!(node_done && !result_room));
    end
  end
endmodule
