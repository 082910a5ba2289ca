// Bytes from the host to register requests and words of the h2c stream (README.md, "On the wire").
//
// Eight bytes in nine cycles. A command that is not one is nothing: zeros end whatever was broken off.
module mtc_bytes_in (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        byte_valid_i,
  output logic        byte_ready_o,
  input  logic [7:0]  byte_i,
  output logic        word_valid_o,
  input  logic        word_ready_i,
  output logic [63:0] word_o,
  output logic        request_valid_o,
  input  logic        request_ready_i,
  output logic [7:0]  request_kind_o,  // write, read, echo
  output logic [15:0] request_address_o,
  output logic [31:0] request_data_o
);
  typedef enum logic [1:0] {StKind, StBody, StWord, StRequest} state_e;
  state_e state_q, state_d;
  logic [7:0] kind_q, kind_d;
  logic [6:0] left_q, left_d;  // bytes of the command still to come
  logic [2:0] fill_q, fill_d;  // bytes of the word that are there
  logic [63:0] body_q;         // the last eight bytes, the newest on top
  logic take;

  assign take            = byte_valid_i && byte_ready_o;
  assign byte_ready_o    = state_q == StKind || state_q == StBody;
  assign word_valid_o    = state_q == StWord;
  assign word_o          = body_q;
  assign request_valid_o = state_q == StRequest;
  assign request_kind_o  = kind_q;
  assign request_address_o = kind_q == mtc_bytes_pkg::KindWrite ? body_q[31:16] : body_q[63:48];
  assign request_data_o    = body_q[63:32];

  always_comb begin
    state_d = state_q;
    kind_d  = kind_q;
    left_d  = left_q;
    fill_d  = fill_q;
    unique case (state_q)
      StKind: if (take) begin
        kind_d  = byte_i;
        fill_d  = '0;
        state_d = StBody;
        case (byte_i)
          mtc_bytes_pkg::KindWrite: left_d = 7'd6;
          mtc_bytes_pkg::KindRead: left_d = 7'd2;
          mtc_bytes_pkg::KindBeat: left_d = 7'd64;
          mtc_bytes_pkg::KindEcho: left_d = 7'd4;
          default: state_d = StKind;
        endcase
      end
      StBody: if (take) begin
        left_d = left_q - 1'b1;
        fill_d = fill_q + 1'b1;
        if (kind_q == mtc_bytes_pkg::KindBeat) begin
          if (fill_q == 3'd7) state_d = StWord;
        end else if (left_q == 7'd1) begin
          state_d = StRequest;
        end
      end
      StWord: if (word_ready_i) state_d = left_q == '0 ? StKind : StBody;
      StRequest: if (request_ready_i) state_d = StKind;
      default: state_d = StKind;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StKind;
    else state_q <= state_d;
  end
  always_ff @(posedge clk_i) begin
    kind_q <= kind_d;
    left_q <= left_d;
    fill_q <= fill_d;
    if (take) body_q <= {byte_i, body_q[63:8]};
  end
endmodule
