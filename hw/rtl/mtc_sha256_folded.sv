// SHA-256's 64 rounds in 64 / Fold stages, each of which does Fold rounds one after the other.
//
// A block and a chaining value in every Fold cycles, at the cycle where tick_i is set. Latency
// 64 / Fold + 2 ticks. There is no valid bit: whoever feeds it knows what comes out when.
// Source: FIPS 180-4, "SHA-256 Hash Computation".
module mtc_sha256_folded #(
  parameter int unsigned Fold = 4
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic                    tick_i,   // the last cycle of a tick
  input  logic [$clog2(Fold)-1:0] phase_i,  // which cycle of a tick this is
  input  logic [511:0]            block_i,
  input  mtc_pkg::hash_t          state_i,
  output mtc_pkg::hash_t          state_o
);
  localparam int unsigned NumStages = 64 / Fold;

  // Before stage s: the message's next 16 words, the first in the top bits, and the working
  // variables, with h + K + W of the round to come in h's place.
  logic [512*(NumStages+1)-1:0] words;
  logic [256*(NumStages+1)-1:0] work;

  assign words[511:0] = block_i;
  assign work[255:0]  = {
    state_i[255:32],
    state_i[31:0] + mtc_sha256_pkg::RoundConstants[2047-:32] + block_i[511-:32]
  };

  for (genvar s = 0; s < NumStages; s++) begin : gen_stage
    logic [511:0] words_q, words_next;
    logic [255:0] work_q, work_next;
    logic [31:0] constant, word;
    logic ends;

    // Round s * Fold + phase prepares the sum of the one after it; after the last there is none.
    assign ends     = s == NumStages - 1 && tick_i;
    assign constant = ends ? 32'd0 :
        mtc_sha256_pkg::RoundConstants[2047-32*((s*Fold+32'(phase_i)+1)%64)-:32];
    assign word       = ends ? 32'd0 : words_q[479:448];
    assign words_next = mtc_sha256_pkg::schedule(words_q);
    assign work_next  = mtc_sha256_pkg::round(work_q, constant, word);
    always_ff @(posedge clk_i) begin
      words_q <= tick_i ? words[512*s+:512] : words_next;
      work_q  <= tick_i ? work[256*s+:256] : work_next;
    end
    assign words[512*(s+1)+:512] = words_next;
    assign work[256*(s+1)+:256]  = work_next;
  end
  logic unused;
  assign unused = ^words[512*NumStages+:512];

  mtc_pkg::hash_t chain, work_q;
  mtc_delay #(.Width(256), .Ticks(NumStages + 1)) u_chain (
    .clk_i, .rst_ni, .enable_i(tick_i), .data_i(state_i), .data_o(chain)
  );
  always_ff @(posedge clk_i) begin
    if (tick_i) begin
      work_q  <= work[256*NumStages+:256];
      state_o <= mtc_sha256_pkg::add_words(chain, work_q);
    end
  end
endmodule
