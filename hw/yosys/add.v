// For Yosys' techmap: every sum is an adder of its own, on a carry chain.
//
// Left to itself Yosys 0.52 gathers chains of sums ($macc) and makes compressors of LUTs before the
// last adder. In the SHA-256 rounds each operand is a function of three words, so such a compressor
// has seven inputs and more: the pipeline with Stages 2 took 53,011 logic cells of an ECP5 instead
// of 41,323. Carry chains one behind the other ripple at the same time and cost little: in the pipeline
// there are two at most. A folded engine has more before each of its registers: this is not
// for it.
(* techmap_celltype = "$add" *)
module mtc_separate_add (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;
  wire [Y_WIDTH-1:0] propagate, carry;
  \$alu #(
    .A_SIGNED(A_SIGNED), .B_SIGNED(B_SIGNED),
    .A_WIDTH(A_WIDTH), .B_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)
  ) _TECHMAP_REPLACE_ (
    .A(A), .B(B), .CI(1'b0), .BI(1'b0), .X(propagate), .Y(Y), .CO(carry)
  );
endmodule
