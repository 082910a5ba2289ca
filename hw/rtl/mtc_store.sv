// Keeps the blocks of leaves until the engine takes them.
//
// Blocks lie in a block memory as linked lists: each word holds a block and the address of the
// block written after it, which is the next of its leaf unless it is the last. Addresses that were
// read are free again. Writing: one block a cycle. Reading: one block a cycle, 1 cycle later. A
// leaf becomes a job when its last block is in, so a job never waits for a block. A block that comes
// cannot be refused: while room_o is set, there is room for a leaf more and for what is under way
// (LeafBlocks + BlocksUnderWay from that cycle on). flush_i forgets everything.
module mtc_store (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 flush_i,
  input  logic                 block_valid_i,
  input  mtc_pkg::block_t      block_i,
  output logic                 room_o,
  output logic                 job_valid_o,
  input  logic                 job_ready_i,
  output mtc_pkg::leaf_job_t   job_o,
  input  logic                 step_i,         // what was asked for is kept until the next one
  input  logic                 read_i,         // with it: the block is wanted, its address free
  input  mtc_pkg::address_t    address_i,
  output logic [511:0]         data_o,
  output mtc_pkg::address_t    next_o
);
  localparam int unsigned Width = mtc_pkg::AddressWidth;

  // An address comes back long after it was read (no_rw_check: mtc_fifo).
  (* ram_style = "block", no_rw_check *)
  logic [511+Width:0] memory[mtc_pkg::Blocks];

  // Free addresses: those never used yet, counted up, then those that came back.
  logic [Width:0] fresh_q;
  logic fresh, returned_valid, take;
  mtc_pkg::address_t returned, offered;
  logic unused_ready;

  assign fresh   = !fresh_q[Width];
  assign offered = fresh ? fresh_q[Width-1:0] : returned;

  mtc_fifo #(.Width(Width), .Depth(mtc_pkg::Blocks)) u_free (
    .clk_i, .rst_ni, .flush_i,
    .valid_i(read_i), .ready_o(unused_ready), .data_i(address_i),
    .valid_o(returned_valid), .ready_i(take && !fresh), .data_o(returned)
  );

  // The address of the block that comes, and that of the one after it.
  logic here_valid_q, after_valid_q, write, first_q;
  mtc_pkg::address_t here_q, after_q, head_q;
  logic [7:0] count_q;
  logic job_room;

  logic more;
  assign write = block_valid_i;
  assign more  = fresh || returned_valid;
  assign take  = more && (!here_valid_q || !after_valid_q || write);

  // Addresses that are not free, counted until u_free has them at its end. A word of this cycle is
  // not yet among them, nor is the address that is kept as the next one's.
  localparam int unsigned FreeLatency = 6;
  localparam int unsigned MostUsed =
      mtc_pkg::Blocks - mtc_pkg::LeafBlocks - mtc_pkg::BlocksUnderWay - 2;
  logic [FreeLatency-1:0] freed_q;
  logic [Width:0] used_q;
  logic room_q;
  assign room_o = room_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      fresh_q       <= '0;
      here_valid_q  <= 1'b0;
      after_valid_q <= 1'b0;
      freed_q       <= '0;
      used_q        <= '0;
      room_q        <= 1'b0;
      first_q       <= 1'b1;
    end else begin
      freed_q <= {freed_q[FreeLatency-2:0], read_i};
      if (write != freed_q[FreeLatency-1]) used_q <= write ? used_q + 1'b1 : used_q - 1'b1;
      room_q <= after_valid_q && used_q <= (Width + 1)'(MostUsed);
      if (take && fresh) fresh_q <= fresh_q + 1'b1;
      if (write) begin
        here_valid_q  <= 1'b1;
        after_valid_q <= take;
        first_q       <= block_i.last;
      end else begin
        if (take && here_valid_q) after_valid_q <= 1'b1;
        if (take) here_valid_q <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (write) begin
      here_q  <= after_q;
      after_q <= offered;
      count_q <= block_i.last ? '0 : (first_q ? 8'd1 : count_q + 1'b1);
      if (first_q) head_q <= here_q;
    end else if (take && here_valid_q) begin
      after_q <= offered;
    end else if (take) begin
      here_q <= offered;
    end
  end

  // The register in front of the memory is also the one behind mtc_pad, which has none.
  logic write_q;
  mtc_pkg::address_t write_address_q;
  logic [511+Width:0] write_data_q;
  always_ff @(posedge clk_i) begin
    write_q         <= rst_ni && write;
    write_address_q <= here_q;
    write_data_q    <= {after_q, block_i.data};
    if (write_q) memory[write_address_q] <= write_data_q;
    if (step_i) {next_o, data_o} <= memory[address_i];
  end

  logic done_q;
  mtc_pkg::leaf_job_t job, job_q;
  assign job.leaf       = block_i.leaf;
  assign job.address    = first_q ? here_q : head_q;
  assign job.num_blocks = first_q ? 8'd1 : count_q + 8'd1;

  always_ff @(posedge clk_i) begin
    done_q <= rst_ni && !flush_i && write && block_i.last;
    job_q  <= job;
  end

  mtc_fifo #(.Width($bits(job)), .Depth(mtc_pkg::Blocks)) u_jobs (
    .clk_i, .rst_ni, .flush_i,
    .valid_i(done_q), .ready_o(job_room), .data_i(job_q),
    .valid_o(job_valid_o), .ready_i(job_ready_i), .data_o(job_o)
  );

  always_ff @(posedge clk_i) begin
    if (rst_ni && !flush_i) begin
      assert (!(read_i && !unused_ready));
      assert (!(write_q && read_i && write_address_q == address_i));
      assert (step_i || !read_i);
      assert (here_valid_q || !after_valid_q);
      assert (after_valid_q || !write);
      // A job holds a block at least, so there is always room for it.
      assert (job_room);
    end
  end
endmodule
