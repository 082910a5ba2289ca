// Bits for a block that is far away, a cycle later, in registers of the block's own.
//
// Tools make one register of several that are the same; across the edge of a kept module they do
// not. Its one wire across the device would be the slowest path of all.
(* keep_hierarchy = "yes" *)
module mtc_far #(
  parameter int unsigned Width = 1
) (
  input  logic             clk_i,
  input  logic [Width-1:0] bit_i,
  output logic [Width-1:0] bit_o
);
  always_ff @(posedge clk_i) bit_o <= bit_i;
endmodule
