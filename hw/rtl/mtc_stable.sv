// Checks a stream in simulation: once valid, it stays so and holds its payload until it is taken.
// flush_i is the only excuse. The streams' modules instantiate it where Verilator reads them.
module mtc_stable #(
  parameter int unsigned Width = 1
) (
  input logic             clk_i,
  input logic             rst_ni,
  input logic             flush_i,
  input logic             valid_i,
  input logic             ready_i,
  input logic [Width-1:0] data_i
);
  logic waiting_q;
  logic [Width-1:0] data_q;

  always_ff @(posedge clk_i) begin
    waiting_q <= rst_ni && !flush_i && valid_i && !ready_i;
    data_q    <= data_i;
    if (rst_ni && !flush_i && waiting_q) begin
      assert (valid_i);
      assert (data_i == data_q);
    end
  end
endmodule
