// A bit for a block that is far away, a cycle later, in a register of the block's own.
//
// Tools make one register of several that are the same; across the edge of a kept module they do
// not. Its one wire across the device would be the slowest path of all.
(* keep_hierarchy = "yes" *)
module mtc_far (
  input  logic clk_i,
  input  logic bit_i,
  output logic bit_o
);
  always_ff @(posedge clk_i) bit_o <= bit_i;
endmodule
