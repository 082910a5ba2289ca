// mtc_reorder: every leaf that starts comes out once, in the order of the starts, with its own
// hash; no place is given away twice or written twice.
//
// The engine is any: it returns what was started, each once, in any order. One leaf, whichever
// (pick_i), is followed. Its hash is as good as its low bit, since the module does not look at it.
module formal_reorder (
  input logic            clk_i,
  input logic            flush_i,
  input logic            start_i,
  input logic            hash_valid_i,
  input mtc_pkg::place_t hash_place_i,
  input logic            hash_i,
  input logic            leaf_ready_i,
  input logic            pick_i
);
  localparam int unsigned Window = 4;
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic grant, valid, empty, start, hash_valid;
  mtc_pkg::place_t place;
  mtc_pkg::leaf_t leaf;
  mtc_pkg::hash_t hash;
  logic [Window-1:0] running_q;  // places whose hash is still to come
  assign start      = start_i && grant;
  assign hash_valid = hash_valid_i && hash_place_i < Window && running_q[hash_place_i[1:0]];
  mtc_reorder #(.Window(Window)) u_dut (
    .clk_i, .rst_ni, .flush_i, .grant_o(grant), .place_o(place), .start_i(start),
    .hash_valid_i(hash_valid), .hash_place_i, .hash_leaf_i('0), .hash_i({255'd0, hash_i}),
    .leaf_valid_o(valid), .leaf_ready_i, .leaf_o(leaf), .leaf_hash_o(hash), .empty_o(empty)
  );

  logic [2:0] held_q, ahead_q;  // leaves inside; before the one that is followed
  logic followed_q, done_q, hashed_q, word_q, pop, stalled_q, data_q;
  mtc_pkg::place_t place_q;
  logic [2:0] late_q;  // cycles for which all leaves were hashed and none came out
  logic [2:0] swept_q;  // places whose marks were made old
  assign pop = valid && leaf_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      running_q  <= '0;
      held_q     <= '0;
      followed_q <= 1'b0;
      done_q     <= 1'b0;
      hashed_q   <= 1'b0;
      stalled_q  <= 1'b0;
      late_q     <= '0;
      swept_q    <= '0;
    end else begin
      if (hash_valid) running_q[hash_place_i[1:0]] <= 1'b0;
      if (start) begin
        assert (place < Window && !running_q[place[1:0]]);
        assert (!followed_q || place != place_q);
        running_q[place[1:0]] <= 1'b1;
      end
      held_q <= held_q + {2'b0, start} - {2'b0, pop};
      if (start && pick_i && !followed_q && !done_q) begin
        followed_q <= 1'b1;
        place_q    <= place;
        ahead_q    <= held_q - {2'b0, pop};
      end else if (followed_q && pop) begin
        ahead_q <= ahead_q - 1'b1;
        if (ahead_q == '0) {followed_q, done_q} <= 2'b01;
      end
      if (followed_q && !hashed_q && hash_valid && hash_place_i == place_q) begin
        hashed_q <= 1'b1;
        word_q   <= hash_i;
      end
      stalled_q <= valid && !leaf_ready_i;
      data_q    <= hash[0];
      late_q    <= held_q != '0 && running_q == '0 && !valid ? late_q + 1'b1 : '0;

      if (stalled_q) assert (valid && hash[0] == data_q);
      if (swept_q != Window) swept_q <= swept_q + 1'b1;
      assert (grant == (swept_q == Window && held_q < Window));
      assert (empty == (held_q == '0));
      assert (!valid || held_q != '0);
      assert (late_q != 3'd7);
      if (followed_q && pop && ahead_q == '0) assert (hashed_q && hash[0] == word_q);
    end
  end
endmodule
