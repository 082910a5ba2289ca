// x + Ch(e, f, g) of SHA-256.
//
// A module of its own so that synthesis may have a cell for it: hw/yosys/ecp5_sums.v.
// Source: FIPS 180-4, "SHA-224 and SHA-256 Functions".
module mtc_add_choice (
  input  logic [31:0] x_i,
  input  logic [31:0] e_i,
  input  logic [31:0] f_i,
  input  logic [31:0] g_i,
  output logic [31:0] sum_o
);
  assign sum_o = x_i + mtc_sha256_pkg::ch(e_i, f_i, g_i);
endmodule
