// Answers and words of the c2h stream to bytes for the host (README.md, "On the wire").
//
// Eight bytes in nine cycles; answers go before beats, and a beat is never interrupted.
module mtc_bytes_out (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        answer_valid_i,
  output logic        answer_ready_o,
  input  logic [7:0]  answer_kind_i,
  input  logic [1:0]  answer_resp_i,
  input  logic [31:0] answer_data_i,
  input  logic        word_valid_i,
  output logic        word_ready_o,
  input  logic [63:0] word_i,
  output logic        byte_valid_o,
  input  logic        byte_ready_i,
  output logic [7:0]  byte_o
);
  typedef enum logic [1:0] {StIdle, StBytes, StWord} state_e;
  state_e state_q, state_d;
  logic [63:0] body_q, body_d;
  logic [2:0] left_q, left_d;    // bytes in body_q after the one that is offered
  logic [3:0] words_q, words_d;  // of the beat still to come

  assign byte_valid_o = state_q == StBytes;
  assign byte_o       = body_q[7:0];

  always_comb begin
    state_d        = state_q;
    body_d         = body_q;
    left_d         = left_q;
    words_d        = words_q;
    answer_ready_o = 1'b0;
    word_ready_o   = 1'b0;
    unique case (state_q)
      StIdle: begin
        words_d = '0;
        if (answer_valid_i) begin
          answer_ready_o = 1'b1;
          body_d         = {16'd0, answer_data_i, 6'd0, answer_resp_i, answer_kind_i};
          left_d         = answer_kind_i == mtc_bytes_pkg::KindWrite ? 3'd1 : 3'd5;
          state_d        = StBytes;
        end else if (word_valid_i) begin
          body_d  = {56'd0, mtc_bytes_pkg::KindBeat};
          left_d  = '0;
          words_d = 4'd8;
          state_d = StBytes;
        end
      end
      StBytes: if (byte_ready_i) begin
        body_d = body_q >> 8;
        left_d = left_q - 1'b1;
        if (left_q == '0) state_d = words_q == '0 ? StIdle : StWord;
      end
      StWord: begin
        word_ready_o = 1'b1;
        if (word_valid_i) begin
          body_d  = word_i;
          left_d  = 3'd7;
          words_d = words_q - 1'b1;
          state_d = StBytes;
        end
      end
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end
  always_ff @(posedge clk_i) begin
    body_q  <= body_d;
    left_q  <= left_d;
    words_q <= words_d;
  end
endmodule
