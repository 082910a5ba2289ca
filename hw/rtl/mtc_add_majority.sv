// x + Maj(a, b, c) of SHA-256.
//
// A module of its own so that synthesis may have a cell for it: hw/yosys/ecp5_sums.v.
// Source: FIPS 180-4, "SHA-224 and SHA-256 Functions".
module mtc_add_majority (
  input  logic [31:0] x_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  input  logic [31:0] c_i,
  output logic [31:0] sum_o
);
  assign sum_o = x_i + mtc_sha256_pkg::maj(a_i, b_i, c_i);
endmodule
