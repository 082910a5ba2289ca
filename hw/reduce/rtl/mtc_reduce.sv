// Builds the tree over leaf hashes that come in the order of their indices.
//
// Per level one node waits for its right sibling (`peaks`): the frontier seeds at first, then the
// nodes of the batch. Each leaf gives its own record and one for every node it completes, lowest
// level first. Latency 1 cycle for a leaf, a hash of two blocks for each node. flush_i gives up.
module mtc_reduce (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             flush_i,
  input  logic             open_i,   // a batch begins at start_i; nothing is in flight
  input  logic [47:0]      start_i,
  input  logic             seed_valid_i,
  input  mtc_pkg::seed_t   seed_i,
  input  logic             leaf_valid_i,
  output logic             leaf_ready_o,
  input  mtc_pkg::hash_t   leaf_hash_i,
  input  logic [31:0]      leaf_cookie_i,
  output logic             node_valid_o,
  input  logic             node_ready_i,
  output mtc_pkg::block_t  node_o,
  input  logic             node_hash_valid_i,
  output logic             node_hash_ready_o,
  input  mtc_pkg::hash_t   node_hash_i,
  output logic             record_valid_o,
  input  logic             record_ready_i,
  output mtc_pkg::record_t record_o
);
  typedef enum logic [2:0] {StIdle, StRecord, StBlock0, StBlock1, StHash} state_e;

  state_e state_d, state_q;
  mtc_pkg::hash_t peaks[mtc_pkg::LevelTop+1];
  mtc_pkg::hash_t hash_d, hash_q, left;
  logic [48:0] index_d, index_q;  // of the leaf at work, or of the next
  logic [48:0] node_d, node_q;    // the same, shifted to the level at work
  logic [5:0] level_d, level_q;
  logic [31:0] cookie_d, cookie_q;
  logic store;

  assign left              = peaks[level_q];
  assign leaf_ready_o      = state_q == StIdle;
  assign node_valid_o      = state_q == StBlock0 || state_q == StBlock1;
  assign node_hash_ready_o = state_q == StHash;
  assign record_valid_o    = state_q == StRecord;
  assign record_o.hash     = hash_q;
  assign record_o.index    = node_q;
  assign record_o.level    = level_q;
  assign record_o.cookie   = cookie_q;

  // 0x01 || left || right is 65 bytes: the second block holds one of them, and is constant but for it.
  assign node_o.first = state_q == StBlock0;
  assign node_o.last  = state_q == StBlock1;
  assign node_o.data  = state_q == StBlock0 ? {8'h01, left, hash_q[255:8]} :
                                              {hash_q[7:0], 8'h80, 432'd0, 64'd520};

  always_comb begin
    state_d  = state_q;
    hash_d   = hash_q;
    index_d  = index_q;
    node_d   = node_q;
    level_d  = level_q;
    cookie_d = cookie_q;
    store    = 1'b0;
    unique case (state_q)
      StIdle: if (leaf_valid_i) begin
        state_d  = StRecord;
        hash_d   = leaf_hash_i;
        cookie_d = leaf_cookie_i;
        node_d   = index_q;
        level_d  = '0;
      end
      StRecord: if (record_ready_i) begin
        if (node_q[0]) begin
          state_d = StBlock0;
        end else begin
          store   = 1'b1;
          index_d = index_q + 1'b1;
          state_d = StIdle;
        end
      end
      StBlock0: if (node_ready_i) state_d = StBlock1;
      StBlock1: if (node_ready_i) state_d = StHash;
      StHash: if (node_hash_valid_i) begin
        state_d  = StRecord;
        hash_d   = node_hash_i;
        node_d   = node_q >> 1;
        level_d  = level_q + 1'b1;
        cookie_d = '0;
      end
      default: state_d = StIdle;
    endcase
    if (open_i) index_d = {1'b0, start_i};
    if (flush_i) state_d = StIdle;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end

  always_ff @(posedge clk_i) begin
    hash_q   <= hash_d;
    index_q  <= index_d;
    node_q   <= node_d;
    level_q  <= level_d;
    cookie_q <= cookie_d;
    if (store) peaks[level_q] <= hash_q;
    else if (seed_valid_i) peaks[seed_i.level] <= seed_i.hash;
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && (seed_valid_i || open_i)) assert (state_q == StIdle || flush_i);
  end
endmodule
