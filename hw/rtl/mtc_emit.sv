// Packs records into frames of 64 beats: a header and 63 records (docs/registers.md).
//
// Each open batch fills a frame of its own; a frame leaves only when whole, so that what the host may
// read is always there, and frames of several batches may alternate. A batch that failed still gives
// the records promised for it, as padding. drop_i forgets the frames being filled; finished ones stay.
// Throughput one record a cycle into the buffers, 63 records in 64 cycles out of them.
module mtc_emit (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             drop_i,
  input  logic             sync_i,      // owe a SYNC frame
  input  logic [31:0]      nonce_i,     // of the session
  input  logic             open_valid_i,
  input  mtc_pkg::open_t   open_i,
  input  logic             close_valid_i,
  input  mtc_pkg::close_t  close_i,
  output logic [mtc_pkg::Batches-1:0] in_use_o,
  output logic [31:0]      frames_o,    // finished since sync_i, the SYNC frame not counted
  input  logic             record_valid_i,
  output logic             record_ready_o,
  input  mtc_pkg::record_t record_i,
  output logic             beat_valid_o,
  input  logic             beat_ready_i,
  output mtc_pkg::beat_t   beat_o,
  output logic             beat_last_o  // of the frame
);
  localparam int unsigned BufferWidth = $clog2(mtc_pkg::Frames);
  localparam int unsigned NumBatches = mtc_pkg::Batches;

  // What the header of a finished frame says.
  typedef struct packed {
    logic                   is_sync;
    logic                   has_buffer;
    logic [BufferWidth-1:0] buffer;
    logic [5:0]             records;   // in the buffer; the others are padding
    logic                   last;
    logic [31:0]            nonce;
    logic [31:0]            batch;
    logic [31:0]            number;    // of the frame in the batch
    logic [31:0]            promised;
    logic [31:0]            so_far;
    mtc_pkg::fault_t        fault;
  } frame_t;

  // Buffers: a free list, and records written to the one that the batch fills.
  logic [511:0] buffers[mtc_pkg::Frames*64];
  logic [mtc_pkg::Frames-1:0] free_q;
  logic [BufferWidth-1:0] offered;
  logic any_free;
  always_comb begin
    offered  = '0;
    any_free = 1'b0;
    for (int i = 0; i < int'(mtc_pkg::Frames); i++) begin
      if (free_q[i]) begin
        offered  = BufferWidth'(i);
        any_free = 1'b1;
      end
    end
  end

  // The open batches, field by field.
  logic [NumBatches-1:0] in_use_q, closed_q, has_buffer_q;
  logic [31:0] batch_q[NumBatches];
  logic [31:0] promised_q[NumBatches];
  logic [31:0] expected_q[NumBatches];  // records that come; once closed
  logic [31:0] so_far_q[NumBatches];    // records that came
  logic [31:0] left_q[NumBatches];      // of the promise, frames finished so far taken off
  logic [31:0] number_q[NumBatches];
  mtc_pkg::fault_t fault_q[NumBatches];
  logic [BufferWidth-1:0] buffer_q[NumBatches];
  logic [5:0] filled_q[NumBatches];     // records in the buffer

  // A record goes into its batch's buffer, which is taken when the first one comes.
  mtc_pkg::slot_t slot;
  logic put, buffer_there;
  assign slot           = record_i.node.slot;
  assign buffer_there   = has_buffer_q[slot];
  assign record_ready_o = (buffer_there || any_free) && !drop_i &&
                          !(buffer_there && filled_q[slot] == 6'd63);
  assign put            = record_valid_i && record_ready_o;

  logic [BufferWidth-1:0] target;
  logic [5:0] position;
  mtc_pkg::beat_t record;
  assign target   = buffer_there ? buffer_q[slot] : offered;
  assign position = buffer_there ? filled_q[slot] : 6'd0;
  assign record   = {
    96'd0, record_i.node.level == '0 ? record_i.cookie : 32'd0, batch_q[slot], 16'd0,
    record_i.node.level == '0 ? mtc_regs_pkg::RecordLeaf[7:0] : mtc_regs_pkg::RecordNode[7:0],
    2'd0, record_i.node.level, 15'd0, record_i.node.index, mtc_pkg::hash_from_bytes(record_i.hash)
  };

  // A frame is finished when it is full, or when all that comes has come. One batch a cycle is looked at.
  mtc_pkg::slot_t turn_q;
  logic ends, full, finish, frame_room, last, sync_pending_q;
  frame_t frame, head;
  assign full   = has_buffer_q[turn_q] && filled_q[turn_q] == 6'd63;
  assign ends   = closed_q[turn_q] && so_far_q[turn_q] == expected_q[turn_q];
  assign last   = left_q[turn_q] <= 32'd63;
  // The record that comes in this cycle is not in the counts yet: its batch waits a cycle. The last
  // frame waits until it is known how the batch was closed.
  assign finish = in_use_q[turn_q] && ((full && !last) || ends) && frame_room && !sync_pending_q &&
                  !drop_i && !(put && slot == turn_q);

  always_comb begin
    frame            = '0;
    frame.is_sync    = sync_pending_q;
    frame.nonce      = nonce_i;
    frame.last       = sync_pending_q;
    if (!sync_pending_q) begin
      frame.has_buffer = has_buffer_q[turn_q];
      frame.buffer     = buffer_q[turn_q];
      frame.records    = has_buffer_q[turn_q] ? filled_q[turn_q] : 6'd0;
      frame.last       = last;
      frame.batch      = batch_q[turn_q];
      frame.number     = number_q[turn_q];
      frame.promised   = promised_q[turn_q];
      frame.so_far     = so_far_q[turn_q];
      frame.fault      = last ? fault_q[turn_q] : '0;
    end
  end

  logic frame_valid, frame_done;
  mtc_fifo #(.Width($bits(frame)), .Depth(16)) u_frames (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .valid_i(finish || sync_pending_q), .ready_o(frame_room), .data_i(frame),
    .valid_o(frame_valid), .ready_i(frame_done), .data_o(head)
  );

  assign in_use_o = in_use_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      in_use_q       <= '0;
      closed_q       <= '0;
      has_buffer_q   <= '0;
      free_q         <= '1;
      turn_q         <= '0;
      frames_o       <= '0;
      sync_pending_q <= 1'b0;
    end else begin
      turn_q <= turn_q + 1'b1;
      if (sync_pending_q && frame_room) sync_pending_q <= 1'b0;
      if (put && !buffer_there) begin
        has_buffer_q[slot] <= 1'b1;
        free_q[offered]    <= 1'b0;
      end
      if (finish) begin
        has_buffer_q[turn_q] <= 1'b0;
        frames_o             <= frames_o + 1'b1;
        if (last) in_use_q[turn_q] <= 1'b0;
      end
      if (open_valid_i) begin
        in_use_q[open_i.slot] <= 1'b1;
        closed_q[open_i.slot] <= 1'b0;
      end
      if (close_valid_i) closed_q[close_i.slot] <= 1'b1;
      if (frame_done && head.has_buffer) free_q[head.buffer] <= 1'b1;
      if (drop_i) begin
        in_use_q     <= '0;
        has_buffer_q <= '0;
        for (int i = 0; i < int'(NumBatches); i++) begin
          if (has_buffer_q[i]) free_q[buffer_q[i]] <= 1'b1;
        end
        sync_pending_q <= 1'b0;
      end
      if (sync_i) begin
        sync_pending_q <= 1'b1;
        frames_o       <= '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (put) begin
      buffers[{target, position}] <= record;
      buffer_q[slot]              <= target;
      filled_q[slot]              <= position + 1'b1;
      so_far_q[slot]              <= so_far_q[slot] + 1'b1;
    end
    if (finish) begin
      number_q[turn_q] <= number_q[turn_q] + 1'b1;
      left_q[turn_q]   <= left_q[turn_q] - 32'd63;
    end
    if (open_valid_i) begin
      batch_q[open_i.slot]    <= open_i.batch;
      promised_q[open_i.slot] <= open_i.promised;
      left_q[open_i.slot]     <= open_i.promised;
      so_far_q[open_i.slot]   <= '0;
      number_q[open_i.slot]   <= '0;
      fault_q[open_i.slot]    <= '0;
    end
    if (close_valid_i) begin
      expected_q[close_i.slot] <= close_i.records;
      fault_q[close_i.slot]    <= close_i.fault;
    end
  end

  // Output: the header, then the buffer, which is read a cycle ahead.
  logic [5:0] beat_q, next_beat;
  logic moves;
  logic [511:0] fetched_q;
  mtc_pkg::beat_t header;
  assign header = {
    192'd0, head.fault.info, head.fault.code, 31'd0, head.last && !head.is_sync, head.so_far,
    head.promised, head.number, head.batch, head.nonce,
    head.is_sync ? mtc_regs_pkg::FrameKindSync[15:0] : mtc_regs_pkg::FrameKindBatch[15:0],
    mtc_regs_pkg::StreamVersion[15:0], mtc_regs_pkg::MagicFrame
  };
  assign beat_valid_o = frame_valid;
  assign moves        = frame_valid && beat_ready_i;
  assign next_beat    = moves ? beat_q + 1'b1 : beat_q;
  assign frame_done   = moves && beat_q == 6'd63;
  assign beat_last_o  = beat_q == 6'd63;
  assign beat_o       = beat_q == '0 ? header : beat_q <= head.records ? fetched_q : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) beat_q <= '0;
    else beat_q <= next_beat;
  end
  // Record k is beat k + 1.
  always_ff @(posedge clk_i) fetched_q <= buffers[{head.buffer, next_beat - 6'd1}];

  always_ff @(posedge clk_i) begin
    if (rst_ni && !drop_i) begin
      if (open_valid_i) assert (!in_use_q[open_i.slot]);
      if (put) assert (in_use_q[slot]);
    end
  end

`ifdef VERILATOR
  mtc_stable #(.Width($bits(beat_o))) u_stable (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .valid_i(beat_valid_o), .ready_i(beat_ready_i), .data_i(beat_o)
  );
`endif
endmodule
