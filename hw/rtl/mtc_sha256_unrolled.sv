// SHA-256's 64 rounds as a pipeline: a block and a chaining value in at every tick.
//
// Stages is 1 or 2 registers a round. Latency mtc_sha256_pkg::latency_unrolled(Stages) ticks. There
// is no valid bit: whoever feeds it knows what comes out when. Each message word travels only as far
// as it is needed: from the stage where it is made to that which adds it, by way of the stages whose
// new words depend on it. In front of each register two sums are one behind the other, not more.
// Source: FIPS 180-4, "SHA-256 Hash Computation".
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
  // From the first register to the last round's result.
  localparam int unsigned Last = mtc_sha256_pkg::latency_unrolled(Stages) - 2;

  // Word j of the message where it is needed; the tick counts from the first register. The sum that
  // is a new word is made in steps, each with the words that are due then, so that a word has few
  // places: where one is used twice or thrice it is one tap.
  //   begins  made, at Stages * (j - 15) + 1, or given
  //   sigma1  for word j + 2, Stages - 1 later
  //   plain   for word j + 7, at Stages * (j - 9) + 1
  //   last    for words j + 15 and j + 16, and its own round, at Stages * j: a register early
  logic [2047:0] begins, sigma1, plain, last;

  for (genvar j = 0; j < 64; j++) begin : gen_word
    localparam bit Uses1 = j >= 14 && j < 62;  // words from 16 on, and only those that exist
    localparam bit Uses2 = j >= 9 && j < 57;
    localparam int Born  = j < 16 ? 0 : Step * (j - 15) + 1;
    localparam int At1   = Uses1 ? Step * (j - 14) : Born;
    localparam int At2   = Step * (j - 9) + 1 > At1 ? Step * (j - 9) + 1 : At1;
    localparam int At3   = Step * j > At2 ? Step * j : At2;

    if (j < 16) begin : gen_given
      always_ff @(posedge clk_i) begin
        if (tick_i) begins[32*j+:32] <= block_i[511-32*j-:32];
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
    assign unused = ^{Uses1 ? 32'd0 : sigma1[32*j+:32], Uses2 ? 32'd0 : plain[32*j+:32]};
  end

  // The chaining value as it came: the first register.
  mtc_pkg::hash_t state_q;
  always_ff @(posedge clk_i) if (tick_i) state_q <= state_i;

  // Word of round t with its constant, where the sum is made that the round begins with.
  logic [2047:0] summand;
  for (genvar t = 0; t < 64; t++) begin : gen_summand
    assign summand[32*t+:32] = mtc_sha256_pkg::RoundConstants[2047-32*t-:32] + last[32*t+:32];
  end

  mtc_pkg::hash_t rounds;  // a..h after the last round
  logic [256*(64+1)-1:0] work;
  if (Stages == 1) begin : gen_one
    // a is made a register later than e: e needs it only four rounds later, as d. Then the sums of a
    // round are not one behind the other. With a(t) for the a that round t begins with, and `sum` for
    // d + h + K + W, which needs nothing of the round before, work has
    //   a(t-1), a(t-2), a(t-3), a(t-4), e, f, g, sum
    // before round t. a(t) is made of these: T1 of the round before is e - a(t-4). After the last
    // round there is nothing to add to h.
    logic [32*(64+1)-1:0] late;  // a(t)
    always_ff @(posedge clk_i) begin
      if (tick_i) begin
        // a(0) is not made but given: in the place of a(-4).
        work[255:0] <= {
          state_q[223:128], state_q[255:224], state_q[127:32],
          (state_q[159:128] + state_q[31:0]) + summand[31:0]
        };
      end
    end
    for (genvar t = 0; t <= 64; t++) begin : gen_round
      logic [31:0] a1, a2, a3, a4, e, f, g, sum;
      assign {a1, a2, a3, a4, e, f, g, sum} = work[256*t+:256];
      if (t == 0) begin : gen_given
        assign late[31:0] = a4;
      end else begin : gen_late
        logic [31:0] t2;
        mtc_add_majority u_majority (
          .x_i(mtc_sha256_pkg::big_sigma0(a1)), .a_i(a1), .b_i(a2), .c_i(a3), .sum_o(t2)
        );
        assign late[32*t+:32] = (e - a4) + t2;
      end
      if (t == 64) begin : gen_last
        always_ff @(posedge clk_i) begin
          if (tick_i) rounds <= {late[32*t+:32], a1, a2, a3, e, f, g, sum};
        end
      end else begin : gen_next
        logic [31:0] with_choice, next_sum;
        mtc_add_choice u_choice (.x_i(sum), .e_i(e), .f_i(f), .g_i(g), .sum_o(with_choice));
        if (t == 63) begin : gen_h
          assign next_sum = g;
        end else begin : gen_sum
          assign next_sum = (a2 + g) + summand[32*(t+1)+:32];
        end
        always_ff @(posedge clk_i) begin
          if (tick_i) begin
            work[256*(t+1)+:256] <= {
              late[32*t+:32], a1, a2, a3, with_choice + mtc_sha256_pkg::big_sigma1(e), e, f, next_sum
            };
          end
        end
      end
    end
  end else begin : gen_two
    // Working variables a..g, and in h's place h + K + W of the round to come: that sum needs nothing
    // of the round before, so it is made a register early.
    always_ff @(posedge clk_i) begin
      if (tick_i) work[255:0] <= {state_q[255:32], state_q[31:0] + summand[31:0]};
    end
    for (genvar t = 0; t < 64; t++) begin : gen_round
      // The first register has T1 where the one before it has the sum; the second is the next
      // round's.
      logic [31:0] a, b, c, d, e, f, g, sum, t1_q, with_choice, with_majority, next_sum;
      logic [223:0] others_q;
      assign {a, b, c, d}           = others_q[223:96];
      assign {e, f, g, sum}         = work[256*t+:128];
      mtc_add_choice u_choice (.x_i(sum), .e_i(e), .f_i(f), .g_i(g), .sum_o(with_choice));
      mtc_add_majority u_majority (.x_i(t1_q), .a_i(a), .b_i(b), .c_i(c), .sum_o(with_majority));
      // After the last round there is nothing to add: h itself.
      if (t == 63) begin : gen_last
        assign next_sum = others_q[31:0];
      end else begin : gen_sum
        assign next_sum = others_q[31:0] + summand[32*(t+1)+:32];
      end
      always_ff @(posedge clk_i) begin
        if (tick_i) begin
          others_q             <= work[256*t+32+:224];
          t1_q                 <= with_choice + mtc_sha256_pkg::big_sigma1(e);
          work[256*(t+1)+:256] <= {
            with_majority + mtc_sha256_pkg::big_sigma0(a), a, b, c, d + t1_q, others_q[95:32], next_sum
          };
        end
      end
    end
    assign rounds = work[256*64+:256];
  end

  // The chaining value waits until the rounds are done.
  mtc_pkg::hash_t chain;
  mtc_delay #(.Width(256), .Ticks(Last)) u_chain (
    .clk_i, .rst_ni, .enable_i(tick_i), .data_i(state_q), .data_o(chain)
  );
  always_ff @(posedge clk_i) if (tick_i) state_o <= mtc_sha256_pkg::add_words(chain, rounds);
endmodule
