// Packs records into frames of 64 beats: a header and 63 records (docs/registers.md).
//
// Each open batch fills a frame of its own; a frame leaves only when whole, so that what the host
// may read is always there, and frames of several batches may alternate. A batch that failed still
// gives the records promised for it, as padding. drop_i forgets the frames being filled; finished
// ones stay. Throughput one record in two cycles into the buffers, one beat in two cycles out of
// them. What is asked of a batch's counts is kept in a bit each, cycles late: that only delays its
// next frame.
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
  // Of counts of records: an entry gives less than two, but for those of all levels at the right
  // edge.
  localparam int unsigned CountWidth = $clog2(2 * mtc_pkg::MaxBatch + 49);

  // What the header of a finished frame says.
  typedef struct packed {
    logic                   is_sync;
    logic                   has_buffer;
    logic [BufferWidth-1:0] buffer;
    logic [5:0]             records;   // in the buffer, if there is one; the others are padding
    logic                   last;
    logic [31:0]            nonce;     // what is behind it is of a batch, and shown for one only
    logic [31:0]            batch;
    logic [CountWidth-1:0]  number;    // of the frame in the batch
    logic [CountWidth-1:0]  promised;
    logic [CountWidth-1:0]  so_far;
    mtc_pkg::fault_t        fault;
  } frame_t;

  // Buffers: free ones, and the one that the next batch without any takes.
  // Only finished frames are read (no_rw_check: mtc_fifo).
  (* ram_style = "block", no_rw_check *)
  logic [511:0] buffers[mtc_pkg::Frames*64];
  logic [mtc_pkg::Frames-1:0] free_q;
  logic [BufferWidth-1:0] lowest, offered_q;
  logic any_free, offered_valid_q, fetch_buffer;
  always_comb begin
    lowest   = '0;
    any_free = 1'b0;
    for (int i = 0; i < int'(mtc_pkg::Frames); i++) begin
      if (free_q[i]) begin
        lowest   = BufferWidth'(i);
        any_free = 1'b1;
      end
    end
  end
  assign fetch_buffer = any_free && !offered_valid_q;

  // What opens and closes a batch comes from far and goes to every bit of it.
  logic open_valid_q, close_valid_q;
  mtc_pkg::open_t open_q;
  mtc_pkg::close_t close_q;
  always_ff @(posedge clk_i) begin
    open_valid_q  <= rst_ni && !drop_i && open_valid_i;
    close_valid_q <= rst_ni && !drop_i && close_valid_i;
    open_q        <= open_i;
    close_q       <= close_i;
  end

  // The open batches, field by field.
  logic [NumBatches-1:0] in_use_q, closed_q, has_buffer_q;
  logic [NumBatches-1:0] full_q;   // 63 records in the buffer
  logic [NumBatches-1:0] whole_q;  // all records that come have come
  logic [NumBatches-1:0] ends_q;   // its frame can be finished
  logic [NumBatches-1:0] last_q;   // what is left of the promise fits into a frame
  logic [31:0] batch_q[NumBatches];
  logic [CountWidth-1:0] promised_q[NumBatches];
  logic [CountWidth-1:0] expected_q[NumBatches];  // records that come; once closed
  logic [CountWidth-1:0] so_far_q[NumBatches];    // records that came
  logic [CountWidth-1:0] left_q[NumBatches];      // of the promise, finished frames taken off
  logic [CountWidth-1:0] number_q[NumBatches];
  logic [63:0] fault_q[NumBatches];  // a fault_t each
  logic [BufferWidth-1:0] buffer_q[NumBatches];
  logic [5:0] filled_q[NumBatches];     // records in the buffer

  // A record goes into its batch's buffer, which is taken when the first one comes: put says that
  // it can, and in the cycle after it is done, while the next record comes.
  logic record_valid_q, put, put_q, buffer_there, buffer_there_q;
  mtc_pkg::record_t record_q;
  mtc_pkg::slot_t slot, slot_q;
  assign record_ready_o = !record_valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop_i) record_valid_q <= 1'b0;
    else record_valid_q <= record_valid_q ? !put : record_valid_i;
  end
  always_ff @(posedge clk_i) if (record_ready_o) record_q <= record_i;
  assign slot         = record_q.node.slot;
  assign buffer_there = has_buffer_q[slot];
  assign put          = record_valid_q && !put_q &&
                        !full_q[slot] && (buffer_there || offered_valid_q);

  logic [BufferWidth-1:0] target, target_q;
  logic [5:0] position, position_q;
  mtc_pkg::beat_t image_q;
  assign target   = buffer_there ? buffer_q[slot] : offered_q;
  assign position = buffer_there ? filled_q[slot] : 6'd0;
  always_ff @(posedge clk_i) begin
    slot_q         <= slot;
    buffer_there_q <= buffer_there;
    target_q       <= target;
    position_q     <= position;
    image_q        <= {
      96'd0, record_q.node.level == '0 ? record_q.cookie : 32'd0, batch_q[slot], 16'd0,
      record_q.node.level == '0 ? mtc_regs_pkg::RecordLeaf[7:0] : mtc_regs_pkg::RecordNode[7:0],
      2'd0, record_q.node.level, 15'd0, record_q.node.index, mtc_pkg::hash_from_bytes(record_q.hash)
    };
    if (put_q) buffers[{target_q, position_q}] <= image_q;
  end

  // A frame is finished when it is full, or when all that comes has come. One batch a cycle is
  // looked at, and none right after another, so that the bits above are up to date. The last frame
  // waits until it is known how the batch was closed.
  mtc_pkg::slot_t turn_q, finished_q;
  logic finish_q, push_q, frame_room, sync_pending_q, send_sync;
  frame_t frame_d, frame_q, head;
  assign send_sync = sync_pending_q && frame_room && !finish_q && !push_q;

  always_comb begin
    frame_d.is_sync    = !finish_q;
    frame_d.has_buffer = finish_q && has_buffer_q[finished_q];
    frame_d.buffer     = buffer_q[finished_q];
    frame_d.records    = filled_q[finished_q];
    frame_d.last       = finish_q && last_q[finished_q];
    frame_d.nonce      = nonce_i;
    frame_d.batch      = batch_q[finished_q];
    frame_d.number     = number_q[finished_q];
    frame_d.promised   = promised_q[finished_q];
    frame_d.so_far     = so_far_q[finished_q];
    frame_d.fault      = fault_q[finished_q];
  end
  always_ff @(posedge clk_i) begin
    frame_q    <= frame_d;
    finished_q <= turn_q;
  end

  logic frame_valid, frame_done;
  mtc_queue #(.Width($bits(frame_q)), .Depth(16)) u_frames (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .valid_i(push_q), .ready_o(frame_room), .data_i(frame_q),
    .valid_o(frame_valid), .ready_i(frame_done), .data_o(head)
  );

  assign in_use_o = in_use_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      in_use_q        <= '0;
      closed_q        <= '0;
      has_buffer_q    <= '0;
      full_q          <= '0;
      whole_q         <= '0;
      ends_q          <= '0;
      free_q          <= '1;
      offered_valid_q <= 1'b0;
      put_q           <= 1'b0;
      turn_q          <= '0;
      finish_q        <= 1'b0;
      push_q          <= 1'b0;
      frames_o        <= '0;
      sync_pending_q  <= 1'b0;
    end else begin
      put_q    <= put && !drop_i;
      turn_q   <= turn_q + 1'b1;
      finish_q <= ends_q[turn_q] && frame_room && !finish_q && !push_q && !sync_pending_q &&
                  !drop_i;
      push_q   <= finish_q || send_sync;
      if (send_sync) sync_pending_q <= 1'b0;
      if (fetch_buffer) begin
        offered_valid_q <= 1'b1;
        free_q[lowest]  <= 1'b0;
      end
      for (int i = 0; i < int'(NumBatches); i++) begin
        whole_q[i] <= closed_q[i] && so_far_q[i] == expected_q[i];
        ends_q[i]  <= in_use_q[i] && ((full_q[i] && !last_q[i]) || whole_q[i]);
      end
      if (put_q) begin
        full_q[slot_q]       <= position_q == 6'd62;
        has_buffer_q[slot_q] <= 1'b1;
        if (!buffer_there_q) offered_valid_q <= 1'b0;
      end
      if (finish_q) begin
        has_buffer_q[finished_q] <= 1'b0;
        full_q[finished_q]       <= 1'b0;
        whole_q[finished_q]      <= 1'b0;
        frames_o                 <= frames_o + 1'b1;
        if (last_q[finished_q]) in_use_q[finished_q] <= 1'b0;
      end
      if (open_valid_q) begin
        in_use_q[open_q.slot] <= 1'b1;
        closed_q[open_q.slot] <= 1'b0;
        whole_q[open_q.slot]  <= 1'b0;
        ends_q[open_q.slot]   <= 1'b0;
      end
      if (close_valid_q) closed_q[close_q.slot] <= 1'b1;
      if (frame_done && head.has_buffer) free_q[head.buffer] <= 1'b1;
      if (drop_i) begin
        in_use_q     <= '0;
        has_buffer_q <= '0;
        full_q       <= '0;
        ends_q       <= '0;
        for (int i = 0; i < int'(NumBatches); i++) begin
          if (has_buffer_q[i] && !(finish_q && finished_q == mtc_pkg::slot_t'(i))) begin
            free_q[buffer_q[i]] <= 1'b1;
          end
        end
        offered_valid_q <= offered_valid_q || fetch_buffer;
        sync_pending_q <= 1'b0;
      end
      if (sync_i) begin
        sync_pending_q <= 1'b1;
        frames_o       <= '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (fetch_buffer) offered_q <= lowest;
    for (int i = 0; i < int'(NumBatches); i++) last_q[i] <= left_q[i] <= CountWidth'(63);
    if (put_q) begin
      buffer_q[slot_q] <= target_q;
      filled_q[slot_q] <= position_q + 1'b1;
    end
    // Each count has a sum of its own: choosing one before would be a long path.
    for (int i = 0; i < int'(NumBatches); i++) begin
      if (put_q && slot_q == mtc_pkg::slot_t'(i)) so_far_q[i] <= so_far_q[i] + 1'b1;
      if (finish_q && finished_q == mtc_pkg::slot_t'(i)) begin
        number_q[i] <= number_q[i] + 1'b1;
        left_q[i]   <= left_q[i] - CountWidth'(63);
      end
    end
    if (open_valid_q) begin
      batch_q[open_q.slot]    <= open_q.batch;
      promised_q[open_q.slot] <= open_q.promised[CountWidth-1:0];
      left_q[open_q.slot]     <= open_q.promised[CountWidth-1:0];
      so_far_q[open_q.slot]   <= '0;
      number_q[open_q.slot]   <= '0;
      fault_q[open_q.slot]    <= '0;
    end
    if (close_valid_q) begin
      expected_q[close_q.slot] <= close_q.records[CountWidth-1:0];
      fault_q[close_q.slot]    <= close_q.fault;
    end
  end

  // Output: the header, then the buffer, which is read in every cycle at the place of the next
  // beat. That beat moves into a register when it is empty, two cycles later or more.
  logic [5:0] beat_q;
  logic [5:0] place_q;  // record k is beat k + 1
  logic valid_q, load, settled_q, is_header_q, is_batch_q, is_last_q, is_record_q, last_beat_q;
  logic [511:0] read_q;
  mtc_pkg::beat_t header, shown, out_q;
  assign load       = !valid_q && settled_q;
  assign frame_done = load && beat_q == 6'd63;
  assign header     = {
    192'd0, head.fault.info, head.fault.code, 31'd0, head.last, 32'(head.so_far),
    32'(head.promised), 32'(head.number), head.batch, head.nonce,
    head.is_sync ? mtc_regs_pkg::FrameKindSync[15:0] : mtc_regs_pkg::FrameKindBatch[15:0],
    mtc_regs_pkg::StreamVersion[15:0], mtc_regs_pkg::MagicFrame
  };
  // Each bit of the header is shown in header beats: of any frame, of one of a batch, of its last.
  assign shown = {
    192'd0, {64{is_last_q}}, 31'd0, {129{is_batch_q}}, {96{is_header_q}}
  };
  assign beat_valid_o = valid_q;
  assign beat_o       = out_q;
  assign beat_last_o  = last_beat_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      beat_q    <= '0;
      place_q   <= '1;
      settled_q <= 1'b0;
      valid_q   <= 1'b0;
    end else begin
      if (load) beat_q <= beat_q + 1'b1;
      if (load) place_q <= beat_q;
      settled_q <= frame_valid && !load;
      if (load) valid_q <= 1'b1;
      else if (beat_ready_i) valid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    read_q      <= buffers[{head.buffer, place_q}];
    is_header_q <= beat_q == '0;
    is_batch_q  <= beat_q == '0 && !head.is_sync;
    is_last_q   <= beat_q == '0 && head.last;
    is_record_q <= beat_q != '0 && head.has_buffer && beat_q <= head.records;
    if (load) begin
      out_q       <= (header & shown) | (read_q & {512{is_record_q}});
      last_beat_q <= beat_q == 6'd63;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && !drop_i) begin
      if (open_valid_q) assert (!in_use_q[open_q.slot]);
      if (put_q) assert (in_use_q[slot_q]);
      if (push_q) assert (frame_room);
    end
  end

`ifdef VERILATOR
  mtc_stable #(.Width($bits(beat_o) + 1)) u_stable (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .valid_i(beat_valid_o), .ready_i(beat_ready_i), .data_i({beat_last_o, beat_o})
  );
`endif
endmodule
