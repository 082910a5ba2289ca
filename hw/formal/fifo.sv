// mtc_fifo: holds exactly Depth words, and no word is lost, doubled or overtaken. That there is
// room again may show two cycles late.
//
// One word, whichever (pick_i), is followed from input to output. A small buffer shows what a big
// one does: the pointers wrap in the same way.
module formal_fifo (
  input logic       clk_i,
  input logic       flush_i,
  input logic       valid_i,
  input logic [1:0] data_i,
  input logic       ready_i,
  input logic       pick_i
);
  localparam int unsigned Depth = 4;
  localparam bit InParts = 1'b0;  // no room in the cycle after a word
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic ready, valid;
  logic [1:0] data;
  mtc_fifo #(.Width(2), .Depth(Depth)) u_dut (
    .clk_i, .rst_ni, .flush_i, .valid_i, .ready_o(ready), .data_i, .valid_o(valid), .ready_i,
    .data_o(data)
  );

  logic [2:0] held_q, ahead_q;  // words inside; before the one that is followed
  logic followed_q, done_q, push, pop, stalled_q;
  logic popped_q, popped2_q, pushed_q;  // a word went in the cycle before, the one before that; came
  logic [1:0] word_q, data_q;
  logic [2:0] empty_q;  // empty_q: cycles without an output though there are words
  assign push = valid_i && ready;
  assign pop  = valid && ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      held_q     <= '0;
      followed_q <= 1'b0;
      done_q     <= 1'b0;
      stalled_q  <= 1'b0;
      empty_q    <= '0;
      popped_q   <= 1'b0;
      popped2_q  <= 1'b0;
      pushed_q   <= 1'b0;
    end else begin
      held_q <= held_q + {2'b0, push} - {2'b0, pop};
      if (push && pick_i && !followed_q && !done_q) begin
        followed_q <= 1'b1;
        word_q     <= data_i;
        ahead_q    <= held_q - {2'b0, pop};
      end else if (followed_q && pop) begin
        ahead_q <= ahead_q - 1'b1;
        if (ahead_q == '0) {followed_q, done_q} <= 2'b01;
      end
      stalled_q <= valid && !ready_i;
      data_q    <= data;
      empty_q   <= held_q != '0 && !valid ? empty_q + 1'b1 : '0;

      if (stalled_q) assert (valid && data == data_q);
      popped_q  <= pop;
      popped2_q <= popped_q;
      pushed_q  <= push;
      assert (!ready || held_q < Depth);
      assert (ready || held_q + {2'b0, popped_q} + {2'b0, popped2_q} >= Depth || (InParts && pushed_q));
      assert (!valid || held_q != '0);
      assert (empty_q != 3'd7);
      if (followed_q) begin
        assert (ahead_q < held_q);
        if (pop && ahead_q == '0) assert (data == word_q);
      end
    end
  end
endmodule
