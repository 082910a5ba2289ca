// The SHA-256 pipeline as a box, for a lane that is synthesised without it (scripts/figures-fpga.sh).
(* blackbox *)
module mtc_sha256_unrolled #(
  parameter Stages = 1
) (
  input          clk_i,
  input          rst_ni,
  input          tick_i,
  input  [511:0] block_i,
  input  [255:0] state_i,
  output [255:0] state_o
);
endmodule
