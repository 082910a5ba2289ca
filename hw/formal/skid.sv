// mtc_skid: valid and payload hold until ready; no word is lost, doubled or overtaken.
//
// One word, whichever (pick_i), is followed from input to output. Width 1 is enough: the module
// does not look at its payload.
module formal_skid (
  input logic clk_i,
  input logic valid_i,
  input logic data_i,
  input logic ready_i,
  input logic pick_i
);
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic ready, valid, data;
  (* hierconn *) logic \u_dut.spare_q ;
  mtc_skid #(.Width(1)) u_dut (
    .clk_i, .rst_ni, .valid_i, .ready_o(ready), .data_i, .valid_o(valid), .ready_i, .data_o(data)
  );

  logic [1:0] held_q, ahead_q;  // words inside; before the one that is followed
  logic followed_q, done_q, word_q, push, pop;
  logic stalled_q, data_q;
  assign push = valid_i && ready;
  assign pop  = valid && ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_q     <= '0;
      followed_q <= 1'b0;
      done_q     <= 1'b0;
      stalled_q  <= 1'b0;
    end else begin
      held_q <= held_q + {1'b0, push} - {1'b0, pop};
      if (push && pick_i && !followed_q && !done_q) begin
        followed_q <= 1'b1;
        word_q     <= data_i;
        ahead_q    <= held_q - {1'b0, pop};
      end else if (followed_q && pop) begin
        ahead_q <= ahead_q - 1'b1;
        if (ahead_q == '0) {followed_q, done_q} <= 2'b01;
      end
      stalled_q <= valid && !ready_i;
      data_q    <= data;

      if (stalled_q) assert (valid && data == data_q);
      assert (held_q == {1'b0, valid} + {1'b0, !ready});
      if (followed_q) begin
        assert (ahead_q < held_q);
        assert ((ahead_q == '0 ? data : \u_dut.spare_q ) == word_q);
      end
    end
  end
endmodule
