// Shares the hash engine between leaves and interior nodes, a whole message at a time.
//
// A leaf starts only while the reducer can take its hash: otherwise the engine would wait for the
// reducer and the reducer for the engine. Latency 1 cycle a message. flush_i gives up the message.
module mtc_sched (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            flush_i,
  // leaf messages and their hashes
  input  logic            leaf_valid_i,
  output logic            leaf_ready_o,
  input  mtc_pkg::block_t leaf_i,
  output logic            leaf_hash_valid_o,
  input  logic            leaf_hash_ready_i,
  // node messages and their hashes
  input  logic            node_valid_i,
  output logic            node_ready_o,
  input  mtc_pkg::block_t node_i,
  output logic            node_hash_valid_o,
  input  logic            node_hash_ready_i,
  // the engine
  output logic            block_valid_o,
  input  logic            block_ready_i,
  output mtc_pkg::block_t block_o,
  input  logic            hash_valid_i,
  output logic            hash_ready_o
);
  typedef enum logic [1:0] {StIdle, StLeaf, StNode} state_e;

  state_e state_d, state_q;

  assign leaf_ready_o      = state_q == StLeaf && block_ready_i;
  assign node_ready_o      = state_q == StNode && block_ready_i;
  assign leaf_hash_valid_o = state_q == StLeaf && hash_valid_i;
  assign node_hash_valid_o = state_q == StNode && hash_valid_i;

  always_comb begin
    state_d       = state_q;
    block_valid_o = 1'b0;
    block_o       = leaf_i;
    hash_ready_o  = 1'b0;
    unique case (state_q)
      StIdle: begin
        if (node_valid_i) state_d = StNode;
        else if (leaf_valid_i && leaf_hash_ready_i) state_d = StLeaf;
      end
      StLeaf: begin
        block_valid_o = leaf_valid_i;
        hash_ready_o  = leaf_hash_ready_i;
        if (hash_valid_i && leaf_hash_ready_i) state_d = StIdle;
      end
      StNode: begin
        block_valid_o = node_valid_i;
        block_o       = node_i;
        hash_ready_o  = node_hash_ready_i;
        if (hash_valid_i && node_hash_ready_i) state_d = StIdle;
      end
      default: state_d = StIdle;
    endcase
    if (flush_i) state_d = StIdle;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end
endmodule
