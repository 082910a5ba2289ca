// A first-in first-out buffer of Depth words (a power of two) in block memory.
//
// A block memory is wide spread and slow to answer: its inputs come from registers, and the words
// that were asked for wait in a small memory behind it and a register, so that nothing has to stop on
// its way. What the taker's ready decides is little and near: counts hear of it a cycle later, so
// that a full buffer says a cycle late that there is room again.
// No word is read in the cycle in which it is written: no_rw_check says so to Yosys, which would
// make registers and a multiplexer for that case. Latency 6 cycles, one word a cycle, in order.
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

  (* ram_style = "block", no_rw_check *)
  logic [Width-1:0] memory[Depth];
  (* ram_style = "distributed" *)
  logic [Width-1:0] front[1 << FrontWidth];
  logic [Width-1:0] write_data_q, read_q, word_q;

  // Words in the buffer: there is room for exactly Depth. Of them, those not asked for. Those that
  // went are taken off a cycle late, here and from asked_q.
  logic [AddressWidth:0] count_q, unread_q;
  logic [AddressWidth-1:0] fetch_q, tail_q;
  logic [FrontWidth:0] asked_q;  // asked for and not gone
  logic [FrontWidth:0] ready_q;  // in the small memory
  logic valid_q;                 // there is one
  logic [FrontWidth-1:0] put_q, get_q;
  logic ask, ask1_q, ask2_q, ask3_q, push, write_q, pop, pop_q;
  logic [AddressWidth-1:0] address_q;

  assign ready_o = !count_q[AddressWidth];
  assign valid_o = valid_q;
  assign data_o  = front[get_q];
  assign push    = valid_i && ready_o;
  assign pop     = valid_o && ready_i;
  assign ask     = unread_q != '0 && !asked_q[FrontWidth];

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      count_q  <= '0;
      unread_q <= '0;
      fetch_q  <= '0;
      tail_q   <= '0;
      asked_q  <= '0;
      ready_q  <= '0;
      put_q    <= '0;
      get_q    <= '0;
      ask1_q   <= 1'b0;
      ask2_q   <= 1'b0;
      ask3_q   <= 1'b0;
      write_q  <= 1'b0;
      pop_q    <= 1'b0;
      valid_q  <= 1'b0;
    end else begin
      write_q <= push;
      pop_q   <= pop;
      if (write_q) tail_q <= tail_q + 1'b1;
      if (ask) fetch_q <= fetch_q + 1'b1;
      if (ask3_q) put_q <= put_q + 1'b1;
      if (pop) get_q <= get_q + 1'b1;
      if (push != pop_q) count_q <= push ? count_q + 1'b1 : count_q - 1'b1;
      if (push != ask) unread_q <= push ? unread_q + 1'b1 : unread_q - 1'b1;
      if (ask != pop_q) asked_q <= ask ? asked_q + 1'b1 : asked_q - 1'b1;
      if (ask3_q != pop) ready_q <= ask3_q ? ready_q + 1'b1 : ready_q - 1'b1;
      ask1_q  <= ask;
      ask2_q  <= ask1_q;
      ask3_q  <= ask2_q;
      valid_q <= ask3_q || ready_q > (FrontWidth + 1)'(1) || (valid_q && !pop);
    end
  end

  always_ff @(posedge clk_i) begin
    write_data_q <= data_i;
    if (write_q) memory[tail_q] <= write_data_q;
    address_q <= fetch_q;
    read_q    <= memory[address_q];
    word_q    <= read_q;
    if (ask3_q) front[put_q] <= word_q;
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i && write_q && ask1_q) assert (address_q != tail_q);
  end

`ifdef FORMAL
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (count_q <= (AddressWidth + 1)'(Depth));
      assert (count_q == unread_q + (AddressWidth + 1)'(asked_q));
      assert (asked_q == ready_q + (FrontWidth + 1)'(pop_q) +
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
