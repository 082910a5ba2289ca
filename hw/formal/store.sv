// mtc_store: a leaf's blocks come out whole, once, in order and unchanged, whatever is written and
// read meanwhile, as long as no more blocks come than there was room said for; jobs come in the order
// of the leaves; and no address is lost: an empty store has room.
//
// Eight blocks in all, leaves of up to two and one block under way (scripts/formal-hw.sh). The
// scheduler is any that works at two leaves at a time: it takes jobs and reads their next blocks
// whenever it likes. One block, whichever (pick_i), is followed. Its data are as good as their low
// bit, since the module does not look at them. That no address is given away while its block is
// inside follows: the block that is followed would be overwritten.
module formal_store (
  input logic clk_i,
  input logic flush_i,
  input logic valid_i,
  input logic last_i,
  input logic data_i,
  input logic cookie_i,
  input logic job_ready_i,
  input logic read_i,
  input logic which_i,  // of the leaves in work
  input logic pick_i
);
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic room, job_valid, job_ready, read, push, take;
  mtc_pkg::block_t block;
  mtc_pkg::leaf_job_t job;
  mtc_pkg::address_t address, next;
  logic [511:0] data;

  logic [1:0] at_q;  // blocks of the leaf that comes which are in
  always_comb begin
    block             = '0;
    block.last        = last_i || at_q == 2'(mtc_pkg::LeafBlocks - 1);
    block.leaf.cookie = {31'd0, cookie_i};
    block.data        = {511'd0, data_i};
  end

  // The leaves in work: blocks still to read, the address of the next; fresh_q: it is what the
  // store answers in this cycle.
  logic [1:0] left_q[2];
  mtc_pkg::address_t address_q[2];
  logic [1:0] fresh_q, free;
  assign free      = {left_q[1] == '0, left_q[0] == '0};
  assign job_ready = job_ready_i && free != '0;
  assign read      = read_i && !free[which_i];
  assign address   = fresh_q[which_i] ? next : address_q[which_i];
  assign push      = valid_i && (room || promised_q != '0);
  assign take      = job_valid && job_ready;

  mtc_store u_dut (
    .clk_i, .rst_ni, .flush_i, .block_valid_i(push), .block_i(block), .room_o(room),
    .job_valid_o(job_valid), .job_ready_i(job_ready), .job_o(job),
    .step_i(1'b1), .read_i(read), .address_i(address), .data_o(data), .next_o(next)
  );

  logic slot;  // of a job that is taken
  assign slot = !free[0];
  localparam int unsigned Promised = mtc_pkg::LeafBlocks + mtc_pkg::BlocksUnderWay;
  logic [4:0] promised_q;                   // blocks that may still come
  logic [4:0] inside_q, waiting_q, full_q;  // blocks; jobs not taken; cycles without room
  logic read_q, read_slot_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      at_q       <= '0;
      left_q[0]  <= '0;
      left_q[1]  <= '0;
      fresh_q    <= '0;
      inside_q   <= '0;
      waiting_q  <= '0;
      full_q     <= '0;
      promised_q <= '0;
    end else begin
      if (push) at_q <= block.last ? '0 : at_q + 1'b1;
      fresh_q <= '0;
      if (fresh_q[0]) address_q[0] <= next;
      if (fresh_q[1]) address_q[1] <= next;
      if (read) begin
        left_q[which_i]  <= left_q[which_i] - 1'b1;
        fresh_q[which_i] <= 1'b1;
      end
      if (take) begin
        assert (waiting_q != '0);
        assert (job.num_blocks >= 8'd1 && job.num_blocks <= 8'(mtc_pkg::LeafBlocks));
        left_q[slot]    <= job.num_blocks[1:0];
        address_q[slot] <= job.address;
        fresh_q[slot]   <= 1'b0;
      end
      inside_q  <= inside_q + {4'd0, push} - {4'd0, read};
      waiting_q <= waiting_q + {4'd0, push && block.last} - {4'd0, take};
      full_q    <= !room && inside_q == '0 ? full_q + 1'b1 : '0;
      if (room) promised_q <= 5'(Promised) - {4'd0, push};
      else if (push) promised_q <= promised_q - 1'b1;
      assert (inside_q < 5'(mtc_pkg::Blocks));
      assert (full_q <= 5'd8);
    end
  end

  // The block that is followed: where it stands in its leaf, the leaves before it, who reads it.
  typedef enum logic [1:0] {StNone, StInside, StWork, StDone} state_e;
  state_e state_q;
  logic data_q, cookie_q, whole_q, slot_q;  // whole_q: its leaf is
  logic [1:0] place_q, count_q;             // blocks of its leaf before it, in all
  logic [4:0] ahead_q;                      // leaves
  logic [1:0] before_q;                     // blocks of its leaf to be read before it
  logic due_q;                              // it is what the store answers
  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      state_q <= StNone;
      due_q   <= 1'b0;
    end else begin
      due_q <= 1'b0;
      if (due_q) assert (data[0] == data_q);
      case (state_q)
        StNone: if (push && pick_i) begin
          state_q  <= StInside;
          data_q   <= data_i;
          place_q  <= at_q;
          whole_q  <= block.last;
          count_q  <= at_q + 1'b1;
          cookie_q <= cookie_i;  // a job has that of its last block
          ahead_q  <= waiting_q - {4'd0, take};
        end
        StInside: begin
          if (push && !whole_q) begin
            whole_q  <= block.last;
            count_q  <= at_q + 1'b1;
            cookie_q <= cookie_i;
          end
          if (take) begin
            ahead_q <= ahead_q - 1'b1;
            if (ahead_q == '0) begin
              assert (whole_q);
              assert (job.num_blocks == {6'd0, count_q});
              assert (job.leaf.cookie == {31'd0, cookie_q});
              state_q  <= StWork;
              slot_q   <= slot;
              before_q <= place_q;
            end
          end
        end
        StWork: if (read && which_i == slot_q) begin
          before_q <= before_q - 1'b1;
          if (before_q == '0) begin
            state_q <= StDone;
            due_q   <= 1'b1;
          end
        end
        default: ;
      endcase
    end
  end
endmodule
