// Turns the beats of an entry into the SHA-256 blocks of 0x00 || entry.
//
// The 8-byte head in front of an entry is replaced by the 1-byte prefix, a fixed shift by 7 bytes:
// block k is bytes 7..63 of beat k and bytes 0..6 of beat k+1, where that exists.
// Latency 1 cycle, one block a cycle, in order. flush_i gives up the entry.
module mtc_pad (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 flush_i,
  input  logic                 entry_valid_i,
  output logic                 entry_ready_o,
  input  mtc_pkg::entry_beat_t entry_i,
  output logic                 block_valid_o,
  input  logic                 block_ready_i,
  output mtc_pkg::block_t      block_o
);
  typedef enum logic {StIdle, StBlocks} state_e;

  state_e state_d, state_q;
  mtc_pkg::beat_t beat_d, beat_q;             // beat k
  logic [16:0] beats_left_d, beats_left_q;    // after beat k
  logic [16:0] blocks_left_d, blocks_left_q;  // block k included
  logic signed [17:0] left_d, left_q;         // bytes of the message from block k on
  logic [16:0] message_len_d, message_len_q;
  mtc_pkg::leaf_t leaf_d, leaf_q;

  logic need_next, last;
  mtc_pkg::beat_t shifted, filled;

  assign need_next     = beats_left_q != '0;
  assign block_valid_o = state_q == StBlocks && (!need_next || entry_valid_i);
  assign entry_ready_o = state_q == StIdle || (need_next && block_ready_i);
  assign shifted       = {need_next ? entry_i.data[55:0] : 56'd0, beat_q[511:56]};

  // Bytes after the message are the 0x80 mark and zeros; the host's padding is not trusted.
  always_comb begin
    for (int i = 0; i < 64; i++) begin
      filled[8*i+:8] = 18'(i) < left_q ? shifted[8*i+:8] : 18'(i) == left_q ? 8'h80 : 8'h00;
    end
  end

  assign last          = blocks_left_q == 17'd1;
  assign block_o.leaf  = leaf_q;
  assign block_o.last  = last;
  assign block_o.data  = last ?
      mtc_pkg::to_message_order(filled) | {492'd0, message_len_q, 3'd0} :
      mtc_pkg::to_message_order(filled);

  always_comb begin
    state_d       = state_q;
    beat_d        = beat_q;
    beats_left_d  = beats_left_q;
    blocks_left_d = blocks_left_q;
    left_d        = left_q;
    message_len_d = message_len_q;
    leaf_d        = leaf_q;
    unique case (state_q)
      StIdle: if (entry_valid_i) begin
        state_d       = StBlocks;
        beat_d        = {entry_i.data[511:64], 8'h00, entry_i.data[55:0]};
        beats_left_d  = ({1'b0, entry_i.len} + 17'd7) >> 6;
        blocks_left_d = (({1'b0, entry_i.len} + 17'd9) >> 6) + 17'd1;
        message_len_d = {1'b0, entry_i.len} + 17'd1;
        left_d        = $signed({1'b0, message_len_d});
        leaf_d        = {entry_i.cookie, entry_i.slot, entry_i.opens};
      end
      StBlocks: if (block_valid_o && block_ready_i) begin
        beat_d        = need_next ? entry_i.data : '0;
        beats_left_d  = need_next ? beats_left_q - 1'b1 : '0;
        blocks_left_d = blocks_left_q - 1'b1;
        left_d        = left_q - 18'sd64;
        if (last) state_d = StIdle;
      end
      default: state_d = StIdle;
    endcase
    if (flush_i) state_d = StIdle;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end

  always_ff @(posedge clk_i) begin
    beat_q        <= beat_d;
    beats_left_q  <= beats_left_d;
    blocks_left_q <= blocks_left_d;
    left_q        <= left_d;
    message_len_q <= message_len_d;
    leaf_q        <= leaf_d;
  end

  // An entry's first beat comes when the entry before it is done, and only then.
  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i && entry_valid_i && entry_ready_o) begin
      assert (entry_i.first == (state_q == StIdle));
    end
  end

`ifdef VERILATOR
  mtc_stable #(.Width($bits(block_o))) u_stable (
    .clk_i, .rst_ni, .flush_i, .valid_i(block_valid_o), .ready_i(block_ready_i), .data_i(block_o)
  );
`endif
endmodule
