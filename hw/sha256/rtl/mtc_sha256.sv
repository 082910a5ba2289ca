// Iterative SHA-256: hashes messages given as padded blocks, one message at a time.
//
// Latency and throughput: 66 cycles a block. Order: as given. flush_i gives up the message.
module mtc_sha256 (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            flush_i,
  input  logic            block_valid_i,
  output logic            block_ready_o,
  input  mtc_pkg::block_t block_i,
  output logic            hash_valid_o,
  input  logic            hash_ready_i,
  output mtc_pkg::hash_t  hash_o
);
  typedef enum logic [1:0] {StIdle, StRounds, StAdd, StDone} state_e;

  state_e state_d, state_q;
  logic [5:0] round_d, round_q;
  logic last_d, last_q;
  logic [255:0] chain_d, chain_q;  // the hash so far
  logic [255:0] work_d, work_q;    // working variables a..h
  logic [511:0] words_d, words_q;  // message schedule

  assign block_ready_o = state_q == StIdle;
  assign hash_valid_o  = state_q == StDone;
  assign hash_o        = chain_q;

  always_comb begin
    state_d = state_q;
    round_d = round_q;
    last_d  = last_q;
    chain_d = chain_q;
    work_d  = work_q;
    words_d = words_q;
    unique case (state_q)
      StIdle: if (block_valid_i) begin
        state_d = StRounds;
        round_d = '0;
        last_d  = block_i.last;
        words_d = block_i.data;
        chain_d = block_i.first ? mtc_sha256_pkg::InitialHash : chain_q;
        work_d  = chain_d;
      end
      StRounds: begin
        work_d = mtc_sha256_pkg::round(
            work_q, mtc_sha256_pkg::RoundConstants[2047-32*round_q-:32], words_q[511:480]);
        words_d = mtc_sha256_pkg::schedule(words_q);
        round_d = round_q + 1'b1;
        if (round_q == 6'd63) state_d = StAdd;
      end
      StAdd: begin
        chain_d = mtc_sha256_pkg::add_words(chain_q, work_q);
        state_d = last_q ? StDone : StIdle;
      end
      StDone: if (hash_ready_i) state_d = StIdle;
      default: state_d = StIdle;
    endcase
    if (flush_i) state_d = StIdle;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end

  always_ff @(posedge clk_i) begin
    round_q <= round_d;
    last_q  <= last_d;
    chain_q <= chain_d;
    work_q  <= work_d;
    words_q <= words_d;
  end
endmodule
