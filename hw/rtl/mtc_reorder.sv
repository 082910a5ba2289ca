// Puts the hashes of leaves back into the order of their entries.
//
// A place is given away when a leaf starts and is free again when its hash has gone on. Leaves of very
// different lengths finish far out of order; grant_o is what keeps the newest within reach of the oldest.
// Latency 2 cycles, one hash a cycle. flush_i empties it.
module mtc_reorder #(
  parameter int unsigned Window = mtc_pkg::Window  // places, a power of two; fewer only in proofs
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                flush_i,
  output logic                grant_o,   // a leaf may start
  output mtc_pkg::place_t     place_o,   // in this place
  input  logic                start_i,   // it does
  input  logic                hash_valid_i,
  input  mtc_pkg::place_t     hash_place_i,
  input  mtc_pkg::leaf_t      hash_leaf_i,
  input  mtc_pkg::hash_t      hash_i,
  output logic                leaf_valid_o,
  input  logic                leaf_ready_i,
  output mtc_pkg::leaf_t      leaf_o,
  output mtc_pkg::hash_t      leaf_hash_o,
  output logic                empty_o    // no leaf is between start and leaf_o
);
  localparam int unsigned PlaceWidth = mtc_pkg::PlaceWidth;
  localparam int unsigned Width = $clog2(Window);
  localparam int unsigned DataWidth = $bits(hash_leaf_i) + 256;

  logic [DataWidth-1:0] memory[Window];
  logic [Window-1:0] done_q;
  // started_q - retired_q leaves have a place; fetched_q of them were read.
  logic [Width:0] started_q, fetched_q, retired_q;
  logic valid_q, fetch;

  assign grant_o      = started_q - retired_q != (Width + 1)'(Window);
  assign place_o      = PlaceWidth'(started_q[Width-1:0]);
  assign leaf_valid_o = valid_q;
  assign fetch        = fetched_q != started_q && done_q[fetched_q[Width-1:0]] &&
                        (!valid_q || leaf_ready_i);
  assign empty_o      = started_q == retired_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      started_q <= '0;
      fetched_q <= '0;
      retired_q <= '0;
      valid_q   <= 1'b0;
      done_q    <= '0;
    end else begin
      if (start_i) started_q <= started_q + 1'b1;
      if (fetch) fetched_q <= fetched_q + 1'b1;
      if (valid_q && leaf_ready_i) retired_q <= retired_q + 1'b1;
      valid_q <= fetch || (valid_q && !leaf_ready_i);
      if (hash_valid_i) done_q[hash_place_i[Width-1:0]] <= 1'b1;
      if (fetch) done_q[fetched_q[Width-1:0]] <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (hash_valid_i) memory[hash_place_i[Width-1:0]] <= {hash_leaf_i, hash_i};
    if (fetch) {leaf_o, leaf_hash_o} <= memory[fetched_q[Width-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i) begin
      if (start_i) assert (grant_o);
      // Nothing is overwritten, and only what was started comes back.
      if (hash_valid_i) begin
        assert (!done_q[hash_place_i[Width-1:0]]);
        assert ((Width + 1)'(Width'(hash_place_i[Width-1:0] - fetched_q[Width-1:0])) <
                started_q - fetched_q);
      end
    end
  end

`ifdef VERILATOR
  mtc_stable #(.Width(DataWidth)) u_stable (
    .clk_i, .rst_ni, .flush_i,
    .valid_i(leaf_valid_o), .ready_i(leaf_ready_i), .data_i({leaf_o, leaf_hash_o})
  );
`endif
endmodule
