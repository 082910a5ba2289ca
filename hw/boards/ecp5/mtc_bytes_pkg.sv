// First bytes of commands and answers between host and board (README.md, "On the wire").
package mtc_bytes_pkg;
  localparam logic [7:0] KindWrite = 8'h01;  // a register
  localparam logic [7:0] KindRead  = 8'h02;  // a register
  localparam logic [7:0] KindBeat  = 8'h03;  // of a stream
  localparam logic [7:0] KindEcho  = 8'h04;  // of four bytes
endpackage
