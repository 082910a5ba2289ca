// Puts the hashes of leaves back into the order of their entries.
//
// A place is given away when a leaf starts and is free again when its hash has gone on. Leaves of
// very different lengths finish far out of order; grant_o is what keeps the newest within reach of
// the oldest. Leaves are far apart, for the engine has their nodes to hash as well: latency 5
// cycles, one hash in three cycles, four where the next row of marks begins (every 32nd). flush_i
// empties it.
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
  localparam int unsigned Columns = Window < 32 ? 2 : 32;  // marks looked at together
  localparam int unsigned ColumnWidth = $clog2(Columns);
  localparam int unsigned RowWidth = Width - ColumnWidth;

  // A hash is read when its mark was seen (no_rw_check: mtc_fifo).
  (* ram_style = "block", no_rw_check *)
  logic [DataWidth-1:0] memory[Window];
  logic [DataWidth-1:0] read_q;
  logic [Window-1:0] done_q;
  // The next to start, the next to be read, and how many have a place.
  logic [Width-1:0] started_q, fetch_q;
  logic [Width:0] used_q;
  logic valid_q, leaves, load;

  assign grant_o      = !used_q[Width];
  assign place_o      = PlaceWidth'(started_q);
  assign leaf_valid_o = valid_q;
  assign leaves       = valid_q && leaf_ready_i;
  assign empty_o      = used_q == '0;

  // Whether the next one is done: its row of marks is a cycle old, which is late at worst, for its
  // own mark was taken away long ago.
  logic [Columns-1:0] row_q;
  logic [RowWidth-1:0] row_number, row_number_q;
  logic done_here_q;
  assign row_number = fetch_q[Width-1:ColumnWidth];
  assign load       = !valid_q && done_here_q;

  // The marks are many: they are forgotten a cycle after the rest, by a register of their own, and
  // not looked at till then.
  logic flush_marks_q;
  always_ff @(posedge clk_i) flush_marks_q <= !rst_ni || flush_i;

  always_ff @(posedge clk_i) begin
    row_number_q <= row_number;
    if (!rst_ni || flush_i || flush_marks_q) begin
      row_q       <= '0;
      done_here_q <= 1'b0;
    end else begin
      row_q       <= done_q[{row_number, {ColumnWidth{1'b0}}}+:Columns];
      done_here_q <= row_q[fetch_q[ColumnWidth-1:0]] && row_number_q == row_number && !load;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      started_q <= '0;
      fetch_q   <= '0;
      used_q    <= '0;
      valid_q   <= 1'b0;
    end else begin
      if (start_i) started_q <= started_q + 1'b1;
      if (load) fetch_q <= fetch_q + 1'b1;
      if (start_i != leaves) used_q <= start_i ? used_q + 1'b1 : used_q - 1'b1;
      if (load) valid_q <= 1'b1;
      else if (leaf_ready_i) valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (flush_marks_q) begin
      done_q <= '0;
    end else begin
      if (hash_valid_i) done_q[hash_place_i[Width-1:0]] <= 1'b1;
      if (load) done_q[fetch_q] <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (hash_valid_i) memory[hash_place_i[Width-1:0]] <= {hash_leaf_i, hash_i};
    read_q <= memory[fetch_q];
    if (load) {leaf_o, leaf_hash_o} <= read_q;
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i) begin
      if (start_i) assert (grant_o);
      // Nothing is overwritten, and only what was started comes back.
      if (hash_valid_i) begin
        assert (!done_q[hash_place_i[Width-1:0]]);
        assert ((Width + 1)'(Width'(started_q - 1'b1 - hash_place_i[Width-1:0])) < used_q);
      end
      if (load) assert (done_q[fetch_q]);
    end
  end

`ifdef VERILATOR
  mtc_stable #(.Width(DataWidth)) u_stable (
    .clk_i, .rst_ni, .flush_i,
    .valid_i(leaf_valid_o), .ready_i(leaf_ready_i), .data_i({leaf_o, leaf_hash_o})
  );
`endif
endmodule
