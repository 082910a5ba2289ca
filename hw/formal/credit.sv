// IN_CREDIT: a host that obeys it never finds the input buffer full, and is never granted less than
// the room there is, but for a beat, once all is at rest. mtc_fifo and mtc_ingest as the lane
// connects them, InputDepth 4.
//
// The host is any: it reads IN_CREDIT and SYNC_ACK when it likes and works with what it read last,
// writes when it likes, breaks off and begins sessions at any moment. What it writes is any too:
// since the buffer does not look at beats, it carries only whether one is the SYNC beat of which
// nonce, and ingest sees anything that fits (a sequence number stands for the nonce: fresh, as it
// must be). The blocks behind have room for entries and free batches when they like.
module formal_credit (
  input logic         clk_i,
  input logic         write_i,    // if it may
  input logic         resync_i,   // RESYNC with a fresh nonce
  input logic         look_i,     // reads the registers
  input logic [511:0] beat_i,
  input logic [mtc_pkg::Batches-1:0] in_use_i,
  input logic         room_i
);
  localparam int unsigned Depth = mtc_pkg::InputDepth;
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  // The host: it may write the SYNC beat as soon as its RESYNC was acknowledged, in the cycle after
  // it, and all else from the SYNC_ACK that it has read on.
  typedef enum logic [1:0] {StNone, StSync, StWait, StOpen} state_e;
  state_e state_q;
  logic [3:0] nonce_q;
  logic [31:0] written_q, credit_q;  // credit_q: as it was read last
  logic offers, valid, ready, push, is_sync;
  logic [31:0] credit, sync_ack;

  assign is_sync = state_q == StSync;
  assign offers  = is_sync || (state_q == StOpen && written_q != credit_q);
  assign valid   = rst_ni && write_i && offers && !resync_i;
  assign push    = valid && ready;

  logic [4:0] tag;  // of the beat that ingest sees
  logic out_valid, out_ready;
  mtc_fifo #(.Width(5), .Depth(Depth)) u_input (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .valid_i(valid), .ready_o(ready), .data_i({is_sync, nonce_q}),
    .valid_o(out_valid), .ready_i(out_ready), .data_o(tag)
  );

  // A SYNC beat, or anything that is not one of this nonce.
  mtc_pkg::beat_t beat;
  logic looks_like;
  assign looks_like = beat_i[31:0] == mtc_regs_pkg::MagicSync &&
                      beat_i[63:32] == mtc_regs_pkg::StreamVersion && beat_i[95:64] == {28'd0, nonce_q};
  always_comb begin
    beat = beat_i;
    if (tag[4]) begin
      beat = {416'd0, 28'd0, tag[3:0], mtc_regs_pkg::StreamVersion, mtc_regs_pkg::MagicSync};
    end else if (looks_like) begin
      beat = '0;
    end
  end

  logic discarding, resync;
  mtc_far u_way (.clk_i, .bit_i(rst_ni && resync_i), .bit_o(resync));
  mtc_ingest u_ingest (
    .clk_i, .rst_ni, .beat_valid_i(out_valid), .beat_ready_o(out_ready), .beat_i(beat),
    .len_good_i(beat[31:0] != '0 && beat[31:0] <= mtc_pkg::MaxEntry),
    .resync_i(resync), .nonce_i({28'd0, nonce_q}), .credit_o(credit), .sync_ack_o(sync_ack),
    .discarding_o(discarding), .in_use_i, .room_i
  );

  logic [2:0] rest_q;  // cycles in which nothing was written and nothing waits to be taken
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q   <= StNone;
      nonce_q   <= 4'd1;
      rest_q    <= '0;
    end else begin
      if (push && is_sync) state_q <= StWait;
      if (push) written_q <= written_q + 1'b1;
      if (look_i) begin
        // SYNC_ACK is read first; what is read of IN_CREDIT then counts from there.
        if (state_q == StWait && sync_ack == {28'd0, nonce_q}) begin
          state_q   <= StOpen;
          written_q <= '0;
        end
        credit_q <= credit;
      end
      if (resync_i) begin
        state_q <= StSync;
        // Fresh: bounded runs do not come round to a nonce that is still about.
        nonce_q <= nonce_q + 1'b1;
      end
      rest_q <= push || out_valid || resync_i || state_q != StOpen ? '0 :
                rest_q + {2'd0, rest_q != 3'd7};

      // The buffer has room for what is granted.
      if (valid && !is_sync) assert (ready);
      if (state_q == StOpen) begin
        assert (credit_q - written_q <= Depth);
        assert (credit - written_q <= Depth);
        if (rest_q == 3'd7) assert (credit - written_q >= Depth - 1);  // one beat may wait in ingest
      end
    end
  end
endmodule
