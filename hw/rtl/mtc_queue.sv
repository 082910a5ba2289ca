// A first-in first-out buffer of Depth words (a power of two) in block memory, for wide words that
// do not come every cycle.
//
// The memory is read in every cycle at the place of the next word, so that all its inputs are
// registers; the word moves into a register when that is empty. What is read in the cycle in which
// it is written does not count (no_rw_check: mtc_fifo). Latency 4 cycles, one word in two
// cycles, or in Gap, in order. flush_i empties it.
module mtc_queue #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 128,
  parameter int unsigned Gap   = 2     // 2 or 5
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             flush_i,
  input  logic             valid_i,
  output logic             ready_o,
  input  logic [Width-1:0] data_i,
  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o
);
  localparam int unsigned AddressWidth = $clog2(Depth);

  (* ram_style = "block", no_rw_check *)
  logic [Width-1:0] memory[Depth];
  logic [Width-1:0] write_data_q, read_q;
  // Words in the buffer: there is room for exactly Depth. Of them, those in the memory.
  logic [AddressWidth:0] count_q, unread_q;
  logic [AddressWidth-1:0] fetch_q, tail_q;
  logic there_q;  // one is in the memory, and has been for a cycle: it has been read
  logic rests;    // and it is not yet time for it
  logic valid_d, valid_q, push, write_q, pop, load;

  assign ready_o = !count_q[AddressWidth];
  assign valid_o = valid_q;
  assign push    = valid_i && ready_o;
  assign pop     = valid_q && ready_i;
  // The word after one that was loaded is there two cycles later, and not sooner is it asked for.
  assign load    = !valid_q && there_q;
  assign valid_d = rst_ni && !flush_i && (valid_q ? !ready_i : there_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      count_q  <= '0;
      unread_q <= '0;
      fetch_q  <= '0;
      tail_q   <= '0;
      there_q  <= 1'b0;
      write_q  <= 1'b0;
    end else begin
      write_q <= push;
      if (write_q) tail_q <= tail_q + 1'b1;
      if (load) fetch_q <= fetch_q + 1'b1;
      if (push != pop) count_q <= push ? count_q + 1'b1 : count_q - 1'b1;
      if (write_q != load) unread_q <= write_q ? unread_q + 1'b1 : unread_q - 1'b1;
      there_q <= unread_q != '0 && !rests;
    end
    valid_q <= valid_d;
  end

  if (Gap == 2) begin : gen_soon
    assign rests = 1'b0;
  end else begin : gen_later
    logic [1:0] before_q;
    always_ff @(posedge clk_i) before_q <= {before_q[0], valid_q};
    assign rests = valid_q || before_q != '0;
  end

  always_ff @(posedge clk_i) begin
    write_data_q <= data_i;
    if (write_q) memory[tail_q] <= write_data_q;
    read_q <= memory[fetch_q];
  end

  // A word is spread wide: each part of it has its own copy of valid_q.
  localparam int unsigned PartWidth = 128;
  for (genvar i = 0; i < Width; i = i + PartWidth) begin : gen_part
    localparam int unsigned Bits = Width - i < PartWidth ? Width - i : PartWidth;
    logic valid;
    mtc_far u_valid (.clk_i, .bit_i(valid_d), .bit_o(valid));
    always_ff @(posedge clk_i) if (!valid) data_o[i+:Bits] <= read_q[i+:Bits];
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i && write_q && unread_q != '0) assert (fetch_q != tail_q);
  end

`ifdef FORMAL
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (count_q <= (AddressWidth + 1)'(Depth));
      assert (count_q == unread_q + (AddressWidth + 1)'(write_q) + (AddressWidth + 1)'(valid_q));
      assert (AddressWidth'(tail_q - fetch_q) == AddressWidth'(unread_q));
      if (load) assert (unread_q != '0);
    end
  end
`endif

`ifdef VERILATOR
  mtc_stable #(.Width(Width)) u_stable (
    .clk_i, .rst_ni, .flush_i, .valid_i(valid_o), .ready_i, .data_i(data_o)
  );
`endif
endmodule
