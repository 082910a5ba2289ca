// A first-in first-out buffer of Depth words (a power of two) in block memory.
//
// The word at the front is in a register, so that the memory may be read with a cycle's latency.
// Latency 2 cycles, one word a cycle, in order. flush_i empties it.
module mtc_fifo #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 256
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

  logic [Width-1:0] memory[Depth];
  // One bit more than an address, so that full and empty differ. The word at the front counts until it
  // leaves: there is room for exactly Depth.
  logic [AddressWidth:0] head_q, tail_q, fetch_q;
  logic valid_q;
  logic push, pop, fetch;

  assign ready_o = tail_q - head_q != (AddressWidth + 1)'(Depth);
  assign valid_o = valid_q;
  assign push    = valid_i && ready_o;
  assign pop     = valid_q && ready_i;
  assign fetch   = fetch_q != tail_q && (!valid_q || ready_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      head_q  <= '0;
      tail_q  <= '0;
      fetch_q <= '0;
      valid_q <= 1'b0;
    end else begin
      if (push) tail_q <= tail_q + 1'b1;
      if (pop) head_q <= head_q + 1'b1;
      if (fetch) fetch_q <= fetch_q + 1'b1;
      valid_q <= fetch || (valid_q && !ready_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) memory[tail_q[AddressWidth-1:0]] <= data_i;
    if (fetch) data_o <= memory[fetch_q[AddressWidth-1:0]];
  end

`ifdef FORMAL
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (tail_q - head_q <= (AddressWidth + 1)'(Depth));
      assert (fetch_q - head_q == (AddressWidth + 1)'(valid_q));
    end
  end
`endif

`ifdef VERILATOR
  mtc_stable #(.Width(Width)) u_stable (
    .clk_i, .rst_ni, .flush_i, .valid_i(valid_o), .ready_i, .data_i(data_o)
  );
`endif
endmodule
