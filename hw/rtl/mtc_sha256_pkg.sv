// SHA-256: constants and functions. Source: FIPS 180-4, "SHA-224 and SHA-256 Functions",
// "SHA-224 and SHA-256 Constants".
package mtc_sha256_pkg;
  localparam logic [255:0] InitialHash = {
    32'h6a09e667, 32'hbb67ae85, 32'h3c6ef372, 32'ha54ff53a,
    32'h510e527f, 32'h9b05688c, 32'h1f83d9ab, 32'h5be0cd19
  };

  // K(0) in the top word.
  localparam logic [2047:0] RoundConstants = {
    32'h428a2f98, 32'h71374491, 32'hb5c0fbcf, 32'he9b5dba5,
    32'h3956c25b, 32'h59f111f1, 32'h923f82a4, 32'hab1c5ed5,
    32'hd807aa98, 32'h12835b01, 32'h243185be, 32'h550c7dc3,
    32'h72be5d74, 32'h80deb1fe, 32'h9bdc06a7, 32'hc19bf174,
    32'he49b69c1, 32'hefbe4786, 32'h0fc19dc6, 32'h240ca1cc,
    32'h2de92c6f, 32'h4a7484aa, 32'h5cb0a9dc, 32'h76f988da,
    32'h983e5152, 32'ha831c66d, 32'hb00327c8, 32'hbf597fc7,
    32'hc6e00bf3, 32'hd5a79147, 32'h06ca6351, 32'h14292967,
    32'h27b70a85, 32'h2e1b2138, 32'h4d2c6dfc, 32'h53380d13,
    32'h650a7354, 32'h766a0abb, 32'h81c2c92e, 32'h92722c85,
    32'ha2bfe8a1, 32'ha81a664b, 32'hc24b8b70, 32'hc76c51a3,
    32'hd192e819, 32'hd6990624, 32'hf40e3585, 32'h106aa070,
    32'h19a4c116, 32'h1e376c08, 32'h2748774c, 32'h34b0bcb5,
    32'h391c0cb3, 32'h4ed8aa4a, 32'h5b9cca4f, 32'h682e6ff3,
    32'h748f82ee, 32'h78a5636f, 32'h84c87814, 32'h8cc70208,
    32'h90befffa, 32'ha4506ceb, 32'hbef9a3f7, 32'hc67178f2
  };

  function automatic logic [31:0] rotr(logic [31:0] x, logic [4:0] n);
    rotr = (x >> n) | (x << (6'd32 - {1'b0, n}));
  endfunction

  function automatic logic [31:0] ch(logic [31:0] e, logic [31:0] f, logic [31:0] g);
    ch = (e & f) ^ (~e & g);
  endfunction

  function automatic logic [31:0] maj(logic [31:0] a, logic [31:0] b, logic [31:0] c);
    maj = (a & b) ^ (a & c) ^ (b & c);
  endfunction

  function automatic logic [31:0] big_sigma0(logic [31:0] a);
    big_sigma0 = rotr(a, 5'd2) ^ rotr(a, 5'd13) ^ rotr(a, 5'd22);
  endfunction

  function automatic logic [31:0] big_sigma1(logic [31:0] e);
    big_sigma1 = rotr(e, 5'd6) ^ rotr(e, 5'd11) ^ rotr(e, 5'd25);
  endfunction

  function automatic logic [31:0] small_sigma0(logic [31:0] x);
    small_sigma0 = rotr(x, 5'd7) ^ rotr(x, 5'd18) ^ (x >> 3);
  endfunction

  function automatic logic [31:0] small_sigma1(logic [31:0] x);
    small_sigma1 = rotr(x, 5'd17) ^ rotr(x, 5'd19) ^ (x >> 10);
  endfunction

  // One round over the working variables, a in the top word. In h's place stands `sum`, which is
  // h + K + W of this round already; the result has that of the next one, with its K and W.
  function automatic logic [255:0] round(logic [255:0] v, logic [31:0] k, logic [31:0] w);
    logic [31:0] a, b, c, d, e, f, g, sum, t1;
    {a, b, c, d, e, f, g, sum} = v;
    t1    = sum + (big_sigma1(e) + ch(e, f, g));
    round = {t1 + (big_sigma0(a) + maj(a, b, c)), a, b, c, d + t1, e, f, g + k + w};
  endfunction

  // The message schedule, W(t) in the top word, moved on by one.
  function automatic logic [511:0] schedule(logic [511:0] w);
    schedule = {
      w[479:0],
      small_sigma1(w[63:32]) + w[223:192] + small_sigma0(w[479:448]) + w[511:480]
    };
  endfunction

  // Of mtc_sha256_unrolled, in ticks: a register in front of the first sum and one behind the last,
  // and one more where a is made a register later than e.
  function automatic int unsigned latency_unrolled(int unsigned stages);
    latency_unrolled = 64 * stages + (stages == 1 ? 4 : 3);
  endfunction

  // Word by word, modulo 2^32.
  function automatic logic [255:0] add_words(logic [255:0] x, logic [255:0] y);
    for (int i = 0; i < 8; i++) add_words[32*i+:32] = x[32*i+:32] + y[32*i+:32];
  endfunction
endpackage
