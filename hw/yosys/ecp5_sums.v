// For Yosys' techmap: x + Ch(e, f, g) and x + Maj(a, b, c) on an ECP5's carry chain alone.
//
// Each bit of a CCU2C has a LUT of four inputs in front of its carry. Yosys uses two of them for a sum and
// makes Ch or Maj in a LUT before. The whole sum fits into one: A ^ f(B, C, D) passes the carry on, and
// where it is 0 the carry is that of LUT2, the four lowest bits of INIT: the same function of A and B with
// C and D 0. Ch and Maj are 0 there, so it is A, as it has to be. Sigma0 and Sigma1 are not.
// scripts/lint-hw.sh proves both maps.
module mtc_add_choice (
  input  [31:0] x_i,
  input  [31:0] e_i,
  input  [31:0] f_i,
  input  [31:0] g_i,
  output [31:0] sum_o
);
  // A ^ (B ? C : D)
  mtc_ecp5_sum #(.Init(16'h596A)) u_sum (.a(x_i), .b(e_i), .c(f_i), .d(g_i), .sum(sum_o));
endmodule

module mtc_add_majority (
  input  [31:0] x_i,
  input  [31:0] a_i,
  input  [31:0] b_i,
  input  [31:0] c_i,
  output [31:0] sum_o
);
  // A ^ (B & C | B & D | C & D)
  mtc_ecp5_sum #(.Init(16'h566A)) u_sum (.a(x_i), .b(a_i), .c(b_i), .d(c_i), .sum(sum_o));
endmodule

module mtc_ecp5_sum #(
  parameter [15:0] Init = 16'h0
) (
  input  [31:0] a,
  input  [31:0] b,
  input  [31:0] c,
  input  [31:0] d,
  output [31:0] sum
);
  wire [16:0] carry;
  assign carry[0] = 1'b0;
  genvar i;
  generate
    for (i = 0; i < 32; i = i + 2) begin : gen_slice
      CCU2C #(.INIT0(Init), .INIT1(Init), .INJECT1_0("NO"), .INJECT1_1("NO")) u_slice (
        .CIN(carry[i/2]), .COUT(carry[i/2+1]),
        .A0(a[i]), .B0(b[i]), .C0(c[i]), .D0(d[i]), .S0(sum[i]),
        .A1(a[i+1]), .B1(b[i+1]), .C1(c[i+1]), .D1(d[i+1]), .S1(sum[i+1])
      );
    end
  endgenerate
endmodule
