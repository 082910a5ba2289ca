// A first-in first-out buffer of Depth words (a power of two) in block memory.
//
// A block memory is wide spread and slow to answer: its inputs come from registers, and the words
// that were asked for wait in a small memory behind it and a register, so that nothing has to stop on
// its way. What the taker's ready decides is little and near: counts hear of it two cycles later, so
// that a full buffer says two cycles late that there is room again.
// No word is read in the cycle in which it is written: no_rw_check says so to Yosys, which would
// make registers and a multiplexer for that case. Latency 5 cycles, one word a cycle, in order.
// flush_i empties it.
module mtc_fifo #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 256
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             flush_i,
  input  logic             valid_i,
  output logic             ready_o,
  input  logic [Width-1:0] data_i,
  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o
);
  localparam int unsigned AddressWidth = $clog2(Depth);
  localparam int unsigned FrontWidth = 3;  // the small memory: more words than are on their way

  // Words in the buffer: there is room for exactly Depth. Of them, those not asked for. Those that
  // went are taken off two cycles late, here and from asked_q: both ends may be far apart.
  logic [AddressWidth:0] count_q, unread_q;
  logic [AddressWidth-1:0] fetch_q, tail_d, tail_q;
  logic [FrontWidth:0] asked_q;  // asked for and not gone
  logic [FrontWidth:0] ready_q;  // in the small memory
  logic valid_q;                 // there is one
  logic [FrontWidth-1:0] put_d, put_q, get_d, get_q;
  logic runs, ask, ask1_q, ask2_q, ask3_q, push, write_q, pop, pop_q, gone_q;

  assign ready_o = !count_q[AddressWidth];
  assign valid_o = valid_q;
  assign push    = valid_i && ready_o;
  assign pop     = valid_o && ready_i;
  assign ask     = unread_q != '0 && !asked_q[FrontWidth];
  assign runs    = rst_ni && !flush_i;
  assign tail_d  = runs ? tail_q + AddressWidth'(write_q) : '0;
  assign put_d   = runs ? put_q + FrontWidth'(ask3_q) : '0;
  assign get_d   = runs ? get_q + FrontWidth'(pop) : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      count_q  <= '0;
      unread_q <= '0;
      fetch_q  <= '0;
      asked_q  <= '0;
      ready_q  <= '0;
      ask1_q   <= 1'b0;
      ask2_q   <= 1'b0;
      ask3_q   <= 1'b0;
      write_q  <= 1'b0;
      pop_q    <= 1'b0;
      gone_q   <= 1'b0;
      valid_q  <= 1'b0;
    end else begin
      write_q <= push;
      pop_q   <= pop;
      gone_q  <= pop_q;
      if (ask) fetch_q <= fetch_q + 1'b1;
      if (push != gone_q) count_q <= push ? count_q + 1'b1 : count_q - 1'b1;
      if (push != ask) unread_q <= push ? unread_q + 1'b1 : unread_q - 1'b1;
      if (ask != gone_q) asked_q <= ask ? asked_q + 1'b1 : asked_q - 1'b1;
      if (ask3_q != pop) ready_q <= ask3_q ? ready_q + 1'b1 : ready_q - 1'b1;
      ask1_q  <= ask;
      ask2_q  <= ask1_q;
      ask3_q  <= ask2_q;
      valid_q <= ask3_q || ready_q > (FrontWidth + 1)'(1) || (valid_q && !pop);
    end
  end

  always_ff @(posedge clk_i) begin
    tail_q <= tail_d;
    put_q  <= put_d;
    get_q  <= get_d;
  end

  // A word is spread wide: each part of it, as much as four block memories hold side by side, has
  // its own copies of what moves it.
  localparam int unsigned PartWidth = 144;
  for (genvar i = 0; i < Width; i = i + PartWidth) begin : gen_part
    localparam int unsigned Bits = Width - i < PartWidth ? Width - i : PartWidth;
    (* ram_style = "block", no_rw_check *)
    logic [Bits-1:0] memory[Depth];
    (* ram_style = "distributed" *)
    logic [Bits-1:0] front[1 << FrontWidth];
    logic [Bits-1:0] write_data_q, read_q, word_q;
    logic write, keep;
    logic [AddressWidth-1:0] tail, address;
    logic [FrontWidth-1:0] put, get;
    mtc_far u_write (.clk_i, .bit_i(runs && push), .bit_o(write));
    mtc_far #(.Width(AddressWidth)) u_tail (.clk_i, .bit_i(tail_d), .bit_o(tail));
    mtc_far #(.Width(AddressWidth)) u_address (.clk_i, .bit_i(fetch_q), .bit_o(address));
    mtc_far u_keep (.clk_i, .bit_i(runs && ask2_q), .bit_o(keep));
    mtc_far #(.Width(FrontWidth)) u_put (.clk_i, .bit_i(put_d), .bit_o(put));
    mtc_far #(.Width(FrontWidth)) u_get (.clk_i, .bit_i(get_d), .bit_o(get));
    assign data_o[i+:Bits] = front[get];

    always_ff @(posedge clk_i) begin
      write_data_q <= data_i[i+:Bits];
      if (write) memory[tail] <= write_data_q;
      read_q <= memory[address];
      word_q <= read_q;
      if (keep) front[put] <= word_q;
    end

    always_ff @(posedge clk_i) begin
      if (runs && write && ask1_q) assert (address != tail);
    end
  end

`ifdef FORMAL
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (count_q <= (AddressWidth + 1)'(Depth));
      assert (count_q == unread_q + (AddressWidth + 1)'(asked_q));
      assert (asked_q == ready_q + (FrontWidth + 1)'(pop_q) + (FrontWidth + 1)'(gone_q) +
              (FrontWidth + 1)'(ask1_q) + (FrontWidth + 1)'(ask2_q) + (FrontWidth + 1)'(ask3_q));
      assert (valid_q == (ready_q != '0));
    end
  end
`endif

`ifdef VERILATOR
  mtc_stable #(.Width(Width)) u_stable (
    .clk_i, .rst_ni, .flush_i, .valid_i(valid_o), .ready_i, .data_i(data_o)
  );
`endif
endmodule
