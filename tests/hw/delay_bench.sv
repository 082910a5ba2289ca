// mtc_delay with each number of ticks that makes another circuit, side by side.
module delay_bench (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         enable_i,
  input  logic [39:0]  data_i,
  output logic [319:0] data_o
);
  localparam int unsigned Ticks[8] = '{0, 1, 2, 3, 16, 17, 18, 131};
  for (genvar i = 0; i < 8; i++) begin : gen_delay
    mtc_delay #(.Width(40), .Ticks(Ticks[i])) u_delay (
      .clk_i, .rst_ni, .enable_i, .data_i, .data_o(data_o[40*i+:40])
    );
  end
endmodule
