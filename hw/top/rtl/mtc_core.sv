// The Merkle-hashing core: entries in, hashes of leaves and of the nodes they complete out.
//
// Streams and registers: docs/registers.md. Around it a shell puts DMA on the streams (AXI4-Stream:
// valid, ready, data, last) and its bus on the registers (one word at a time; reads combinational).
// One iterative SHA-256 engine: about 66 cycles a block.
module mtc_core #(
  parameter int unsigned InputDepth = 256,  // beats
  parameter logic [31:0] Build      = 32'd0
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
  input  logic           reg_write_i,
  input  logic [12:0]    reg_addr_i,
  input  logic [31:0]    reg_wdata_i,
  output logic [31:0]    reg_rdata_o
);
  logic beat_valid, beat_ready;
  mtc_pkg::beat_t beat;
  logic resync, flush, sync, open, failed, emit_idle, busy, discarding;
  logic [31:0] nonce, credit, sync_ack, frames;
  mtc_pkg::batch_t batch;
  mtc_pkg::fault_t fault;
  logic seed_valid;
  mtc_pkg::seed_t seed;
  logic entry_valid, entry_ready;
  mtc_pkg::entry_beat_t entry_beat;
  logic leaf_valid, leaf_ready, leaf_hash_valid, leaf_hash_ready;
  logic node_valid, node_ready, node_hash_valid, node_hash_ready;
  logic block_valid, block_ready, hash_valid, hash_ready;
  mtc_pkg::block_t leaf, node, block;
  mtc_pkg::hash_t hash;
  logic [31:0] cookie;
  logic record_valid, record_ready;
  mtc_pkg::record_t record;

  mtc_fifo #(.Depth(InputDepth)) u_input (
    .clk_i, .rst_ni,
    .valid_i(h2c_valid_i), .ready_o(h2c_ready_o), .data_i(h2c_data_i),
    .valid_o(beat_valid), .ready_i(beat_ready), .data_o(beat)
  );

  mtc_ingest #(.Depth(InputDepth)) u_ingest (
    .clk_i, .rst_ni,
    .beat_valid_i(beat_valid), .beat_ready_o(beat_ready), .beat_i(beat),
    .resync_i(resync), .nonce_i(nonce), .credit_o(credit), .sync_ack_o(sync_ack),
    .busy_o(busy), .discarding_o(discarding),
    .flush_o(flush), .sync_o(sync), .open_o(open), .batch_o(batch),
    .failed_o(failed), .fault_o(fault), .emit_idle_i(emit_idle),
    .seed_valid_o(seed_valid), .seed_o(seed),
    .entry_valid_o(entry_valid), .entry_ready_i(entry_ready), .entry_o(entry_beat)
  );

  mtc_pad u_pad (
    .clk_i, .rst_ni, .flush_i(flush),
    .entry_valid_i(entry_valid), .entry_ready_o(entry_ready), .entry_i(entry_beat),
    .block_valid_o(leaf_valid), .block_ready_i(leaf_ready), .block_o(leaf), .cookie_o(cookie)
  );

  mtc_sched u_sched (
    .clk_i, .rst_ni, .flush_i(flush),
    .leaf_valid_i(leaf_valid), .leaf_ready_o(leaf_ready), .leaf_i(leaf),
    .leaf_hash_valid_o(leaf_hash_valid), .leaf_hash_ready_i(leaf_hash_ready),
    .node_valid_i(node_valid), .node_ready_o(node_ready), .node_i(node),
    .node_hash_valid_o(node_hash_valid), .node_hash_ready_i(node_hash_ready),
    .block_valid_o(block_valid), .block_ready_i(block_ready), .block_o(block),
    .hash_valid_i(hash_valid), .hash_ready_o(hash_ready)
  );

  mtc_sha256 u_sha256 (
    .clk_i, .rst_ni, .flush_i(flush),
    .block_valid_i(block_valid), .block_ready_o(block_ready), .block_i(block),
    .hash_valid_o(hash_valid), .hash_ready_i(hash_ready), .hash_o(hash)
  );

  // The padder takes the next entry when the engine took the last block of this one, and the leaf's
  // hash comes 65 cycles later: its cookie waits here.
  logic [31:0] leaf_cookie_q;
  always_ff @(posedge clk_i) begin
    if (leaf_valid && leaf_ready && leaf.first) leaf_cookie_q <= cookie;
  end

  mtc_reduce u_reduce (
    .clk_i, .rst_ni, .flush_i(flush), .open_i(open), .start_i(batch.start),
    .seed_valid_i(seed_valid), .seed_i(seed),
    .leaf_valid_i(leaf_hash_valid), .leaf_ready_o(leaf_hash_ready),
    .leaf_hash_i(hash), .leaf_cookie_i(leaf_cookie_q),
    .node_valid_o(node_valid), .node_ready_i(node_ready), .node_o(node),
    .node_hash_valid_i(node_hash_valid), .node_hash_ready_o(node_hash_ready), .node_hash_i(hash),
    .record_valid_o(record_valid), .record_ready_i(record_ready), .record_o(record)
  );

  mtc_emit u_emit (
    .clk_i, .rst_ni, .drop_i(resync), .sync_i(sync), .sync_nonce_i(nonce),
    .open_i(open), .batch_i(batch), .failed_i(failed), .fault_i(fault),
    .idle_o(emit_idle), .frames_o(frames),
    .record_valid_i(record_valid), .record_ready_o(record_ready), .record_i(record),
    .beat_valid_o(c2h_valid_o), .beat_ready_i(c2h_ready_i), .beat_o(c2h_data_o),
    .beat_last_o(c2h_last_o)
  );

  mtc_csr #(.Depth(InputDepth), .Build(Build)) u_csr (
    .clk_i, .rst_ni,
    .write_i(reg_write_i), .addr_i(reg_addr_i), .wdata_i(reg_wdata_i), .rdata_o(reg_rdata_o),
    .resync_o(resync), .nonce_o(nonce), .credit_i(credit), .frames_i(frames),
    .sync_ack_i(sync_ack), .busy_i(busy), .discarding_i(discarding),
    .failed_i(failed), .fault_i(fault),
    .leaf_block_i(leaf_valid && leaf_ready), .node_block_i(node_valid && node_ready),
    .entry_i(entry_valid && entry_ready && entry_beat.first),
    .leaf_hash_i(leaf_hash_valid && leaf_hash_ready),
    .node_hash_i(node_hash_valid && node_hash_ready)
  );
endmodule
