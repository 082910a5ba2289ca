// Turns the beats of an entry into the SHA-256 blocks of 0x00 || entry.
//
// The 8-byte head in front of an entry is replaced by the 1-byte prefix, a fixed shift by 7 bytes:
// block k is bytes 7..63 of beat k and bytes 0..6 of beat k+1, where that exists.
// Latency 1 cycle, one block a cycle, in order: where the message ends within its last block is
// known before that comes, as end mark, zeros and length then take the place of what is behind it.
// flush_i gives up the entry. Blocks are not kept here: who takes them has a register for them.
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
  mtc_pkg::beat_t beat_d, beat_q;            // beat k
  logic [7:0] beats_left_d, beats_left_q;    // after beat k
  logic [7:0] blocks_left_d, blocks_left_q;  // block k included
  logic [13:0] message_len_d, message_len_q;
  logic [8:0] left_d, left_q;                // whole blocks from k on, and 1; 0 behind the message
  mtc_pkg::leaf_t leaf_d, leaf_q;

  // What the counts say of block k, made a block before: it is whole, is behind the message, needs the
  // next beat, is the last.
  logic whole_d, whole_q, none_d, none_q, need_next_d, need_next_q, last_d, last_q;
  logic there, advance;
  mtc_pkg::beat_t shifted;

  assign there         = state_q == StBlocks && (!need_next_q || entry_valid_i);
  assign entry_ready_o = state_q == StIdle || (need_next_q && block_ready_i);
  assign shifted       = {need_next_q ? entry_i.data[55:0] : 56'd0, beat_q[511:56]};

  always_comb begin
    state_d       = state_q;
    beat_d        = beat_q;
    beats_left_d  = beats_left_q;
    blocks_left_d = blocks_left_q;
    left_d        = left_q;
    whole_d       = whole_q;
    none_d        = none_q;
    message_len_d = message_len_q;
    leaf_d        = leaf_q;
    need_next_d   = need_next_q;
    last_d        = last_q;
    unique case (state_q)
      StIdle: begin
        beat_d        = {entry_i.data[511:64], 8'h00, entry_i.data[55:0]};
        beats_left_d  = 8'((entry_i.message_len + 14'd6) >> 6);
        blocks_left_d = 8'((entry_i.message_len + 14'd8) >> 6) + 8'd1;
        message_len_d = entry_i.message_len;
        whole_d       = message_len_d[13:6] != '0;
        none_d        = 1'b0;
        left_d        = {1'b0, message_len_d[13:6]} + 9'd1;
        leaf_d        = {entry_i.cookie, entry_i.slot, entry_i.opens};
        need_next_d   = entry_i.message_len > 14'd57;
        last_d        = entry_i.message_len <= 14'd55;
        if (entry_valid_i) state_d = StBlocks;
      end
      StBlocks: if (advance) begin
        beat_d        = need_next_q ? entry_i.data : '0;
        beats_left_d  = need_next_q ? beats_left_q - 1'b1 : '0;
        blocks_left_d = blocks_left_q - 1'b1;
        left_d        = left_q == '0 ? '0 : left_q - 1'b1;
        whole_d       = left_q > 9'd2;
        none_d        = left_q < 9'd2;
        need_next_d   = beats_left_q > 8'd1;
        last_d        = blocks_left_q == 8'd2;
        if (last_q) state_d = StIdle;
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
    whole_q       <= whole_d;
    none_q        <= none_d;
    message_len_q <= message_len_d;
    leaf_q        <= leaf_d;
    need_next_q   <= need_next_d;
    last_q        <= last_d;
  end

  // Bytes after the message are the 0x80 mark and zeros; the host's padding is not trusted. In
  // which byte of a block a message ends does not change from block to block.
  logic [63:0] mark_q, behind_q, mark, behind;
  mtc_pkg::beat_t filled;

  assign advance = there && block_ready_i;
  always_ff @(posedge clk_i) begin
    if (state_q == StIdle) begin
      mark_q   <= 64'd1 << entry_i.message_len[5:0];
      behind_q <= '1 << entry_i.message_len[5:0];
    end
  end
  assign mark   = whole_q || none_q ? '0 : mark_q;
  assign behind = whole_q ? '0 : none_q ? '1 : behind_q;
  always_comb begin
    for (int i = 0; i < 64; i++) begin
      filled[8*i+:8] = (shifted[8*i+:8] & {8{!behind[i]}}) | {mark[i], 7'd0};
    end
  end

  assign block_valid_o = there;
  assign block_o.leaf  = leaf_q;
  assign block_o.last  = last_q;
  assign block_o.data  = mtc_pkg::to_message_order(filled) |
                         {495'd0, last_q ? message_len_q : 14'd0, 3'd0};

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
