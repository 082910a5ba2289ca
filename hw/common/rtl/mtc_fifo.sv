// A first-in first-out buffer of Depth beats (a power of two).
//
// Latency 1 cycle, one beat a cycle, in order.
module mtc_fifo #(
  parameter int unsigned Depth = 256
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           valid_i,
  output logic           ready_o,
  input  mtc_pkg::beat_t data_i,
  output logic           valid_o,
  input  logic           ready_i,
  output mtc_pkg::beat_t data_o
);
  localparam int unsigned Width = $clog2(Depth);

  mtc_pkg::beat_t memory[Depth];
  // One bit more than an address, so that full and empty differ.
  logic [Width:0] head_q, tail_q;

  assign ready_o = tail_q - head_q != (Width + 1)'(Depth);
  assign valid_o = tail_q != head_q;
  assign data_o  = memory[head_q[Width-1:0]];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_q <= '0;
      tail_q <= '0;
    end else begin
      if (valid_i && ready_o) tail_q <= tail_q + 1'b1;
      if (valid_o && ready_i) head_q <= head_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && ready_o) memory[tail_q[Width-1:0]] <= data_i;
  end
endmodule
