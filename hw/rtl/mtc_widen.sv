// Words of 64 bits to beats of 512, the first word in the lowest bits.
//
// Where packets end means nothing, so there is no `last` here, and every word counts whole. What a
// host leaves behind that broke off in mid-beat must not shift all that follows: while the lane
// discards its input (hunt_i), the beat is looked for at every word, and only the SYNC beat of the
// session is one. A host writes nothing between the SYNC beat and its acknowledgement, so hunt_i is
// down by then. Latency 1 cycle after the last word, one word a cycle.
module mtc_widen (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           hunt_i,
  input  logic [31:0]    nonce_i,
  input  logic           word_valid_i,
  output logic           word_ready_o,
  input  logic [63:0]    word_i,
  output logic           beat_valid_o,
  input  logic           beat_ready_i,
  output mtc_pkg::beat_t beat_o
);
  logic [511:0] window_q;  // the last eight words
  logic [2:0] words_q;     // of them in the beat that is being collected
  logic valid_q, take, is_sync;

  assign word_ready_o = !valid_q || beat_ready_i;
  assign take         = word_valid_i && word_ready_o;
  assign beat_valid_o = valid_q;
  assign beat_o       = window_q;
  // The window as it will be with this word.
  assign is_sync      = window_q[95:64] == mtc_regs_pkg::MagicSync &&
                        window_q[127:96] == mtc_regs_pkg::StreamVersion &&
                        window_q[159:128] == nonce_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      words_q <= '0;
      valid_q <= 1'b0;
    end else begin
      if (word_ready_o) valid_q <= take && (hunt_i ? is_sync : words_q == 3'd7);
      if (hunt_i) words_q <= '0;
      else if (take) words_q <= words_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) if (take) window_q <= {word_i, window_q[511:64]};

`ifdef VERILATOR
  mtc_stable #(.Width(512)) u_stable (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .valid_i(beat_valid_o), .ready_i(beat_ready_i), .data_i(beat_o)
  );
`endif
endmodule
