// SHA-256's 64 rounds as a pipeline: a block and a chaining value in at every tick.
//
// Stages is 1 or 2 registers a round. Latency 64 * Stages + 2 ticks. There is no valid bit: whoever
// feeds it knows what comes out when. Each message word travels only as far as it is needed: from
// the stage where it is made to that which adds it, by way of the stages whose new words depend on
// it. Source: FIPS 180-4, "SHA-256 Hash Computation".
module mtc_sha256_unrolled #(
  parameter int unsigned Stages = 1
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           tick_i,
  input  logic [511:0]   block_i,
  input  mtc_pkg::hash_t state_i,
  output mtc_pkg::hash_t state_o
);
  localparam int Step = int'(Stages);  // signed: places before the first register are negative
  localparam int unsigned Last = 64 * Stages;  // registers of the rounds

  // Word j of the message where it is needed; the tick counts from the first register. The sum that
  // is a new word is made in steps, each with the words that are due then, so that a word has few
  // places: where one is used twice or thrice it is one tap.
  //   begins  made, at Stages * (j - 15), or given
  //   sigma1  for word j + 2, Stages - 1 later
  //   plain   for word j + 7, at Stages * (j - 9)
  //   last    for words j + 15 and j + 16, and added to h, at Stages * j - 1: a register early
  logic [2047:0] begins, sigma1, plain, last;

  for (genvar j = 0; j < 64; j++) begin : gen_word
    localparam bit Uses1 = j >= 15 && j < 62;  // words from 17 on, and only those that exist
    localparam bit Uses2 = j >= 10 && j < 57;
    localparam bit Uses3 = j >= 1;
    localparam int Born  = j < 16 ? 0 : Step * (j - 15);
    localparam int At1   = Uses1 ? Step * (j - 14) - 1 : Born;
    localparam int At2   = Step * (j - 9) > At1 ? Step * (j - 9) : At1;
    localparam int At3   = Step * j - 1 > At2 ? Step * j - 1 : At2;

    if (j < 16) begin : gen_given
      always_ff @(posedge clk_i) begin
        if (tick_i) begins[32*j+:32] <= block_i[511-32*j-:32];
      end
    end else if (j == 16) begin : gen_first
      // Of given words alone; a step for each register would begin before the first.
      logic [31:0] newer, older;
      assign newer = mtc_sha256_pkg::small_sigma1(begins[32*14+:32]) + begins[32*9+:32];
      assign older = mtc_sha256_pkg::small_sigma0(begins[32*1+:32]) + begins[31:0];
      if (Stages == 1) begin : gen_one
        always_ff @(posedge clk_i) if (tick_i) begins[32*j+:32] <= newer + older;
      end else begin : gen_two
        logic [31:0] newer_q, older_q;
        always_ff @(posedge clk_i) begin
          if (tick_i) begin
            newer_q          <= newer;
            older_q          <= older;
            begins[32*j+:32] <= newer_q + older_q;
          end
        end
      end
    end else begin : gen_made
      logic [31:0] sum1_q, sum2, sigma0;
      assign sigma0 = mtc_sha256_pkg::small_sigma0(last[32*(j-15)+:32]);
      always_ff @(posedge clk_i) begin
        if (tick_i) begin
          sum1_q <= mtc_sha256_pkg::small_sigma1(sigma1[32*(j-2)+:32]) + last[32*(j-16)+:32];
          begins[32*j+:32] <= sum2 + sigma0;
        end
      end
      if (Stages == 1) begin : gen_one
        assign sum2 = sum1_q + plain[32*(j-7)+:32];
      end else begin : gen_two
        always_ff @(posedge clk_i) if (tick_i) sum2 <= sum1_q + plain[32*(j-7)+:32];
      end
    end

    mtc_delay #(.Ticks(At1 - Born)) u_sigma1 (
      .clk_i, .rst_ni, .enable_i(tick_i), .data_i(begins[32*j+:32]), .data_o(sigma1[32*j+:32])
    );
    mtc_delay #(.Ticks(At2 - At1)) u_plain (
      .clk_i, .rst_ni, .enable_i(tick_i), .data_i(sigma1[32*j+:32]), .data_o(plain[32*j+:32])
    );
    mtc_delay #(.Ticks(At3 - At2)) u_last (
      .clk_i, .rst_ni, .enable_i(tick_i), .data_i(plain[32*j+:32]), .data_o(last[32*j+:32])
    );
    // Taps of words that no later word depends on.
    logic unused;
    assign unused = ^{Uses1 ? 32'd0 : sigma1[32*j+:32], Uses2 ? 32'd0 : plain[32*j+:32],
                      Uses3 ? 32'd0 : last[32*j+:32]};
  end

  // Working variables a..g, and in h's place h + K + W of the round to come: that sum needs nothing
  // of the round before, so it is made a register early.
  logic [256*(64+1)-1:0] work;

  // What enters the first round: made of the inputs, with the first word's constant.
  always_ff @(posedge clk_i) begin
    if (tick_i) begin
      work[255:0] <= {
        state_i[255:32],
        state_i[31:0] + mtc_sha256_pkg::RoundConstants[2047-:32] + block_i[511-:32]
      };
    end
  end

  for (genvar t = 0; t < 64; t++) begin : gen_round
    logic [31:0] constant, word;
    // After the last round there is nothing to add: h itself.
    assign constant = t == 63 ? 32'd0 : mtc_sha256_pkg::RoundConstants[2047-32*((t+1)%64)-:32];
    assign word     = t == 63 ? 32'd0 : last[32*((t+1)%64)+:32];
    if (Stages == 1) begin : gen_one
      logic [31:0] a, b, c, d, e, f, g, sum, with_choice, t1, t2;
      assign {a, b, c, d, e, f, g, sum} = work[256*t+:256];
      mtc_add_choice u_choice (.x_i(sum), .e_i(e), .f_i(f), .g_i(g), .sum_o(with_choice));
      mtc_add_majority u_majority (
        .x_i(mtc_sha256_pkg::big_sigma0(a)), .a_i(a), .b_i(b), .c_i(c), .sum_o(t2)
      );
      assign t1 = with_choice + mtc_sha256_pkg::big_sigma1(e);
      always_ff @(posedge clk_i) begin
        if (tick_i) work[256*(t+1)+:256] <= {t1 + t2, a, b, c, d + t1, e, f, g + constant + word};
      end
    end else begin : gen_two
      // The first register has T1 where the one before it has the sum; the second is the next
      // round's.
      logic [31:0] a, b, c, d, e, f, g, sum, t1_q, with_choice, with_majority;
      logic [223:0] others_q;
      assign {a, b, c, d}           = others_q[223:96];
      assign {e, f, g, sum}         = work[256*t+:128];
      mtc_add_choice u_choice (.x_i(sum), .e_i(e), .f_i(f), .g_i(g), .sum_o(with_choice));
      mtc_add_majority u_majority (.x_i(t1_q), .a_i(a), .b_i(b), .c_i(c), .sum_o(with_majority));
      always_ff @(posedge clk_i) begin
        if (tick_i) begin
          others_q             <= work[256*t+32+:224];
          t1_q                 <= with_choice + mtc_sha256_pkg::big_sigma1(e);
          work[256*(t+1)+:256] <= {
            with_majority + mtc_sha256_pkg::big_sigma0(a), a, b, c, d + t1_q, others_q[95:32],
            others_q[31:0] + constant + word
          };
        end
      end
    end
  end

  // The chaining value waits until the rounds are done: from behind the first register, where only
  // its last word is another.
  logic [31:0] last_word_q;
  mtc_pkg::hash_t chain;
  mtc_delay #(.Width(256), .Ticks(Last)) u_chain (
    .clk_i, .rst_ni, .enable_i(tick_i), .data_i({work[255:32], last_word_q}), .data_o(chain)
  );
  always_ff @(posedge clk_i) begin
    if (tick_i) last_word_q <= state_i[31:0];
    if (tick_i) state_o <= mtc_sha256_pkg::add_words(chain, work[256*64+:256]);
  end
endmodule
