// Beats of 512 bits to words of 64, the lowest bits first. `last` goes with the last word of its
// beat.
//
// Latency 1 cycle, one word a cycle: a beat is taken with the last word of the one before it.
module mtc_narrow (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           beat_valid_i,
  output logic           beat_ready_o,
  input  mtc_pkg::beat_t beat_i,
  input  logic           beat_last_i,
  output logic           word_valid_o,
  input  logic           word_ready_i,
  output logic [63:0]    word_o,
  output logic           word_last_o
);
  logic [511:0] beat_q;
  logic [2:0] words_q;  // of the beat that are gone
  logic valid_q, last_q, ends;

  assign ends         = words_q == 3'd7;
  assign word_valid_o = valid_q;
  assign word_o       = beat_q[63:0];
  assign word_last_o  = last_q && ends;
  assign beat_ready_o = !valid_q || (word_ready_i && ends);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      words_q <= '0;
    end else begin
      if (beat_ready_o) valid_q <= beat_valid_i;
      if (valid_q && word_ready_i) words_q <= words_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (beat_ready_o) begin
      beat_q <= beat_i;
      last_q <= beat_last_i;
    end else if (word_ready_i) begin
      beat_q <= {64'd0, beat_q[511:64]};
    end
  end

`ifdef VERILATOR
  mtc_stable #(.Width(65)) u_stable (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .valid_i(word_valid_o), .ready_i(word_ready_i), .data_i({word_last_o, word_o})
  );
`endif
endmodule
