// A first-in first-out buffer of Depth pairs of words (a power of two) in block memory: the two come
// in one behind the other and go out side by side.
//
// So the memory and what leads to it are half as wide. It is read in every cycle at the place of the
// next word, so that all its inputs are registers, and so is what comes out of it, since it is slow;
// a pair moves into registers when those are empty. What is read in the cycle in which it is written
// does not count (no_rw_check: mtc_fifo). Latency 7 cycles, one pair in five cycles, in order. flush_i
// empties it.
module mtc_pairs #(
  parameter int unsigned Width = 8,   // of a word
  parameter int unsigned Depth = 128  // pairs
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               flush_i,
  input  logic               valid_i,  // data_i is the first word of a pair; the second is there next
  output logic               ready_o,
  input  logic [Width-1:0]   data_i,
  output logic               valid_o,
  input  logic               ready_i,
  output logic [2*Width-1:0] data_o    // first || second
);
  localparam int unsigned AddressWidth = $clog2(Depth) + 1;

  // Pairs in the buffer: there is room for exactly Depth. Of them, those in the memory.
  logic [AddressWidth-1:0] count_q, unread_q;
  logic [AddressWidth-1:0] fetch_d, fetch_q, tail_d, tail_q;  // places of words
  // Behind the word that is fetched, behind the pair that is written. A cycle late, which is early
  // enough: neither moves in two cycles one behind the other.
  logic [AddressWidth-1:0] after_fetch_q;
  logic [AddressWidth-2:0] after_tail_q;
  logic second_q;  // of a pair that comes in
  logic there_q;   // a first word is in the memory, and has been for a cycle: it has been read
  logic runs, valid_d, valid_q, push, write_d, write_q, begins, pop;

  assign ready_o = !count_q[AddressWidth-1] && !second_q;
  assign valid_o = valid_q;
  assign push    = valid_i && ready_o;
  assign pop     = valid_q && ready_i;
  assign begins  = write_q && !tail_q[0];
  assign runs    = rst_ni && !flush_i;

  // The first word is loaded, the second is being read, is in its register, and is loaded.
  logic load, waits_q, ends_q, last_q;
  assign load    = !valid_q && !waits_q && !ends_q && !last_q && there_q;
  assign valid_d = runs && (valid_q ? !ready_i : last_q);
  assign write_d = runs && (push || second_q);
  assign fetch_d = !runs ? '0 : load || ends_q ? after_fetch_q : fetch_q;
  assign tail_d[0] = runs && (tail_q[0] ^ write_q);
  assign tail_d[AddressWidth-1:1] =
    !runs ? '0 : write_q && tail_q[0] ? after_tail_q : tail_q[AddressWidth-1:1];

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      count_q  <= '0;
      unread_q <= '0;
      there_q  <= 1'b0;
      second_q <= 1'b0;
      waits_q  <= 1'b0;
      ends_q   <= 1'b0;
      last_q   <= 1'b0;
    end else begin
      second_q <= push;
      if (push != pop) count_q <= push ? count_q + 1'b1 : count_q - 1'b1;
      if (begins != ends_q) unread_q <= begins ? unread_q + 1'b1 : unread_q - 1'b1;
      there_q <= unread_q != '0;
      waits_q <= load;
      ends_q  <= waits_q;
      last_q  <= ends_q;
    end
    valid_q <= valid_d;
    write_q <= write_d;
    tail_q  <= tail_d;
    fetch_q <= fetch_d;
    after_fetch_q <= fetch_q + 1'b1;
    after_tail_q  <= tail_q[AddressWidth-1:1] + 1'b1;
  end

  // A word is spread wide: each part of it, as much as four block memories hold side by side, has
  // its own copies of what moves it.
  logic holds_d;
  assign holds_d = valid_d || (runs && (waits_q || ends_q));
  localparam int unsigned PartWidth = 144;
  for (genvar i = 0; i < Width; i = i + PartWidth) begin : gen_part
    localparam int unsigned Bits = Width - i < PartWidth ? Width - i : PartWidth;
    (* ram_style = "block", no_rw_check *)
    logic [Bits-1:0] memory[2*Depth];
    logic [Bits-1:0] write_data_q, read_q, word_q;
    logic write, first_holds, second_holds;
    logic [AddressWidth-1:0] tail, fetch;
    mtc_far u_write (.clk_i, .bit_i(write_d), .bit_o(write));
    mtc_far #(.Width(AddressWidth)) u_tail (.clk_i, .bit_i(tail_d), .bit_o(tail));
    mtc_far #(.Width(AddressWidth)) u_fetch (.clk_i, .bit_i(fetch_d), .bit_o(fetch));
    mtc_far u_first (.clk_i, .bit_i(holds_d), .bit_o(first_holds));
    mtc_far u_second (.clk_i, .bit_i(valid_d), .bit_o(second_holds));
    always_ff @(posedge clk_i) begin
      write_data_q <= data_i[i+:Bits];
      if (write) memory[tail] <= write_data_q;
      read_q <= memory[fetch];
      word_q <= read_q;
      if (!first_holds) data_o[Width+i+:Bits] <= word_q;
      if (!second_holds) data_o[i+:Bits] <= word_q;
    end

    always_ff @(posedge clk_i) begin
      if (runs && write && (unread_q != '0 || waits_q)) assert (fetch != tail);
    end
  end

`ifdef FORMAL
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (count_q <= AddressWidth'(Depth));
      if (waits_q || ends_q) assert (unread_q != '0);
    end
  end
`endif

`ifdef VERILATOR
  mtc_stable #(.Width(2 * Width)) u_stable (
    .clk_i, .rst_ni, .flush_i, .valid_i(valid_o), .ready_i, .data_i(data_o)
  );
`endif
endmodule
