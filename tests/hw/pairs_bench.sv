// mtc_pairs with both words of a pair given at once.
module pairs_bench #(
  parameter int unsigned Width = 40,  // of a pair
  parameter int unsigned Depth = 8
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
  logic taken, taken_q;
  logic [Width/2-1:0] second_q;
  assign taken = valid_i && ready_o;
  always_ff @(posedge clk_i) begin
    taken_q <= rst_ni && !flush_i && taken;
    if (taken) second_q <= data_i[Width/2-1:0];
  end

  mtc_pairs #(.Width(Width / 2), .Depth(Depth)) u_pairs (
    .clk_i, .rst_ni, .flush_i, .valid_i, .ready_o,
    .data_i(taken_q ? second_q : data_i[Width-1-:Width/2]),
    .valid_o, .ready_i, .data_o
  );
endmodule
