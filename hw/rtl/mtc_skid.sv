// A register slice for a valid/ready stream: cuts the paths of valid, payload and ready.
//
// Latency 1 cycle, one word a cycle, in order. A second word is kept for the cycle in which the
// output stalls, since ready_o can only say so a cycle later.
module mtc_skid #(
  parameter int unsigned Width = 8
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             valid_i,
  output logic             ready_o,
  input  logic [Width-1:0] data_i,
  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o
);
  logic valid_q, spare_valid_q, moves;
  logic [Width-1:0] data_q, spare_q;

  assign ready_o = !spare_valid_q;
  assign valid_o = valid_q;
  assign data_o  = data_q;
  assign moves   = !valid_q || ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q       <= 1'b0;
      spare_valid_q <= 1'b0;
    end else begin
      if (moves) valid_q <= spare_valid_q || valid_i;
      spare_valid_q <= !moves && (spare_valid_q || valid_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (moves) data_q <= spare_valid_q ? spare_q : data_i;
    if (ready_o) spare_q <= data_i;
  end

`ifdef FORMAL
  // What induction needs to know: the spare word is the second one.
  always_ff @(posedge clk_i) if (rst_ni && spare_valid_q) assert (valid_q);
`endif

`ifdef VERILATOR
  mtc_stable #(.Width(Width)) u_stable (
    .clk_i, .rst_ni, .flush_i(1'b0), .valid_i(valid_o), .ready_i, .data_i(data_o)
  );
`endif
endmodule
