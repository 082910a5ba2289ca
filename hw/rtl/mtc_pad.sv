// Turns the beats of an entry into the SHA-256 blocks of 0x00 || entry.
//
// The 8-byte head in front of an entry is replaced by the 1-byte prefix, a fixed shift by 7 bytes:
// block k is bytes 7..63 of beat k and bytes 0..6 of beat k+1, where that exists.
// Nothing stops here, so no wire goes to every bit to say so: mtc_ingest lets an entry in when
// mtc_store has room for all its blocks, and leaves a cycle between entries, as one may have a block
// more than beats. Latency 2 cycles behind the beat that completes a block, 3 the last of an entry;
// one block a cycle, in order. flush_i gives up the entry.
module mtc_pad (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 flush_i,
  input  logic                 entry_valid_i,
  input  mtc_pkg::entry_beat_t entry_i,
  output logic                 block_valid_o,
  output mtc_pkg::block_t      block_o
);
  // The beat that comes. Where in a block the message ends does not change from block to block; it
  // is read by eights, since each of its bits would go to every byte.
  logic valid_d, valid_q, first, load;
  mtc_pkg::entry_beat_t entry_q;
  logic [2:0] high, low;
  logic [7:0] here_q, behind_here_q;    // the end is in these eight bytes; these are behind them
  logic [7:0] at_q, from_q;             // of those eight: the byte of the end; it and what follows

  assign valid_d = rst_ni && !flush_i && entry_valid_i;
  assign first   = entry_valid_i && entry_i.first;
  assign {high, low} = entry_i.message_len[5:0];
  always_ff @(posedge clk_i) begin
    valid_q <= valid_d;
    entry_q <= entry_i;
    if (first) begin
      here_q        <= 8'd1 << high;
      behind_here_q <= 8'hFE << high;
      at_q          <= 8'd1 << low;
      from_q        <= 8'hFF << low;
    end
  end
  assign load = valid_q && entry_q.first;

  // Beat k, and what is known of block k, made a block before.
  logic active_d, active_q;
  logic [455:0] beat_d, beat_q;              // its bytes 7..63
  logic [7:0] beats_left_d, beats_left_q;    // after beat k
  logic [7:0] blocks_left_d, blocks_left_q;  // block k included
  logic [8:0] left_d, left_q;                // whole blocks from k on, and 1; 0 behind the message
  logic [13:0] message_len_q;
  mtc_pkg::leaf_t leaf_q;
  logic part_d, part_q;                      // the message ends in it
  logic none_d, none_q;                      // it is behind the message; copies of both below
  logic need_next_d, need_next_q;            // it needs the next beat
  logic last_d, last_q;
  logic there;

  assign there  = active_q && (!need_next_q || valid_q);
  assign beat_d = {entry_q.data[511:64], entry_q.first ? 8'h00 : entry_q.data[63:56]};

  always_comb begin
    active_d      = active_q;
    beats_left_d  = beats_left_q;
    blocks_left_d = blocks_left_q;
    left_d        = left_q;
    part_d        = part_q;
    none_d        = none_q;
    need_next_d   = need_next_q;
    last_d        = last_q;
    if (load) begin  // the last block of the entry before goes in this cycle, or went
      active_d      = 1'b1;
      beats_left_d  = 8'((entry_q.message_len + 14'd6) >> 6);
      blocks_left_d = 8'((entry_q.message_len + 14'd8) >> 6) + 8'd1;
      left_d        = {1'b0, entry_q.message_len[13:6]} + 9'd1;
      part_d        = entry_q.message_len[13:6] == '0;
      none_d        = 1'b0;
      need_next_d   = entry_q.message_len > 14'd57;
      last_d        = entry_q.message_len <= 14'd55;
    end else if (there) begin
      active_d      = !last_q;
      beats_left_d  = need_next_q ? beats_left_q - 1'b1 : '0;
      blocks_left_d = blocks_left_q - 1'b1;
      left_d        = left_q == '0 ? '0 : left_q - 1'b1;
      part_d        = left_q == 9'd2;
      none_d        = left_q < 9'd2;
      need_next_d   = beats_left_q > 8'd1;
      last_d        = blocks_left_q == 8'd2;
    end
  end

  always_ff @(posedge clk_i) begin
    active_q <= rst_ni && !flush_i && active_d;
  end

  always_ff @(posedge clk_i) begin
    beats_left_q  <= beats_left_d;
    blocks_left_q <= blocks_left_d;
    left_q        <= left_d;
    part_q        <= part_d;
    none_q        <= none_d;
    need_next_q   <= need_next_d;
    last_q        <= last_d;
    if (load) begin
      message_len_q <= entry_q.message_len;
      leaf_q        <= {entry_q.cookie, entry_q.slot, entry_q.opens};
    end
  end

  // The block as it lies in the beats; bytes after the message are the 0x80 mark and zeros, for the
  // host's padding is not trusted.
  logic there_q, ends_q;
  mtc_pkg::leaf_t block_leaf_q;
  mtc_pkg::beat_t shifted_q, filled;
  logic [13:0] end_len_q;               // the length it ends with, if it is the last
  logic [63:0] mark_q, behind_q;

  always_ff @(posedge clk_i) begin
    there_q      <= rst_ni && !flush_i && there;
    ends_q       <= last_q;
    block_leaf_q <= leaf_q;
    end_len_q    <= last_q ? message_len_q : '0;
    shifted_q    <= {entry_q.data[55:0], beat_q};
  end
  // The bytes are spread wide: each eight (of the beat seven, and a byte's eighth) have their own copies.
  for (genvar i = 0; i < 8; i++) begin : gen_eight
    logic valid, part, none;
    mtc_far u_valid (.clk_i, .bit_i(valid_d), .bit_o(valid));
    mtc_far u_part (.clk_i, .bit_i(part_d), .bit_o(part));
    mtc_far u_none (.clk_i, .bit_i(none_d), .bit_o(none));
    always_ff @(posedge clk_i) begin
      if (valid) beat_q[57*i+:57] <= beat_d[57*i+:57];
      mark_q[8*i+:8]   <= at_q & {8{part && here_q[i]}};
      behind_q[8*i+:8] <= {8{none || (part && behind_here_q[i])}} | (from_q & {8{part && here_q[i]}});
    end
  end
  always_comb begin
    for (int i = 0; i < 64; i++) begin
      filled[8*i+:8] = (shifted_q[8*i+:8] & {8{!behind_q[i]}}) | {mark_q[i], 7'd0};
    end
  end

  assign block_valid_o = there_q;
  assign block_o.leaf  = block_leaf_q;
  assign block_o.last  = ends_q;
  assign block_o.data  = mtc_pkg::to_message_order(filled) | {495'd0, end_len_q, 3'd0};

  // An entry's first beat comes when the entry before it is done, and only then.
  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i && valid_q) begin
      assert (entry_q.first ? !active_q || (there && last_q) : active_q && need_next_q);
    end
  end
endmodule
