// Puts the hashes of leaves back into the order of their entries.
//
// A place is given away when a leaf starts and is free again when its hash has gone on. Leaves of
// very different lengths finish far out of order; grant_o is what keeps the newest within reach of
// the oldest. With its hash a place gets a mark, the lap in which it was written: so no mark has to
// be taken away. Leaves are far apart, for the engine has their nodes to hash as well: latency 5
// cycles, one hash in three cycles. flush_i empties it; for Window cycles from then on marks are
// made old, and no place is given away.
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

  // What is read in the cycle in which it is written does not count (no_rw_check: mtc_fifo).
  (* ram_style = "block", no_rw_check *)
  logic [DataWidth:0] memory[Window];  // the mark on top
  logic [DataWidth:0] read_q;
  // The next to start, the next to be read, each with its lap on top, and how many have a place:
  // all, as long as old marks are written.
  logic [Width:0] started_q, fetch_q, used_q;
  logic [Width-1:0] sweep_q;
  logic sweeps_q, valid_q, leaves, load;

  assign grant_o      = !used_q[Width];
  assign place_o      = PlaceWidth'(started_q[Width-1:0]);
  assign leaf_valid_o = valid_q;
  assign leaves       = valid_q && leaf_ready_i;
  assign empty_o      = used_q == '0 || sweeps_q;

  // What is written: places from the next one to start on are of the lap before, all of them while
  // marks are made old.
  logic write_q, mark_q;
  logic [Width-1:0] place_q;
  logic [DataWidth-1:0] data_q;
  always_ff @(posedge clk_i) begin
    write_q <= rst_ni && !flush_i && (sweeps_q || hash_valid_i);
    place_q <= sweeps_q ? sweep_q : hash_place_i[Width-1:0];
    mark_q  <= started_q[Width] != (hash_place_i[Width-1:0] >= started_q[Width-1:0]);
    data_q  <= {hash_leaf_i, hash_i};
    if (write_q) memory[place_q] <= {mark_q, data_q};
  end

  // Whether the next one is done: what was read is of its place, and was not just being written.
  logic settled_q, clash_q, done_here_q;
  assign load = !valid_q && done_here_q;
  always_ff @(posedge clk_i) begin
    read_q    <= memory[fetch_q[Width-1:0]];
    settled_q <= !load;
    clash_q   <= write_q && place_q == fetch_q[Width-1:0];
    if (!rst_ni || flush_i) done_here_q <= 1'b0;
    else begin
      done_here_q <= read_q[DataWidth] == fetch_q[Width] && settled_q && !clash_q && !load &&
                     !sweeps_q;
    end
    if (!valid_q) {leaf_o, leaf_hash_o} <= read_q[DataWidth-1:0];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      started_q <= '0;
      fetch_q   <= '0;
      used_q    <= (Width + 1)'(Window);
      sweep_q   <= '0;
      sweeps_q  <= 1'b1;
      valid_q   <= 1'b0;
    end else begin
      sweep_q <= sweep_q + 1'b1;
      if (sweep_q == '1) sweeps_q <= 1'b0;
      if (start_i) started_q <= started_q + 1'b1;
      if (load) fetch_q <= fetch_q + 1'b1;
      if (sweeps_q && sweep_q == '1) used_q <= '0;
      else if (start_i != leaves) used_q <= start_i ? used_q + 1'b1 : used_q - 1'b1;
      if (load) valid_q <= 1'b1;
      else if (leaf_ready_i) valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i) begin
      if (start_i) assert (grant_o);
      // Only what was started comes back.
      if (hash_valid_i) begin
        assert (!sweeps_q);
        assert ((Width + 1)'(Width'(started_q[Width-1:0] - 1'b1 - hash_place_i[Width-1:0])) <
                used_q);
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
