// Packs records into frames of 64 beats: a header and 63 records (docs/registers.md).
//
// Two frames are buffered and leave only when whole, so that what the host may read is always there.
// A failed batch still gives the records promised for it, as padding. drop_i forgets the frame being
// filled; finished ones stay. Throughput 63 records in 66 cycles, in order.
module mtc_emit (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             drop_i,
  input  logic             sync_i,  // owe a SYNC frame
  input  logic [31:0]      sync_nonce_i,
  input  logic             open_i,  // only while idle_o
  input  mtc_pkg::batch_t  batch_i,
  input  logic             failed_i,
  input  mtc_pkg::fault_t  fault_i,
  output logic             idle_o,
  output logic [31:0]      frames_o,  // finished since sync_i, the SYNC frame not counted
  input  logic             record_valid_i,
  output logic             record_ready_o,
  input  mtc_pkg::record_t record_i,
  output logic             beat_valid_o,
  input  logic             beat_ready_i,
  output mtc_pkg::beat_t   beat_o,
  output logic             beat_last_o  // of the frame
);
  typedef enum logic [2:0] {StIdle, StFrame, StRecords, StPad, StHeader} state_e;

  state_e state_d, state_q;
  logic sync_pending_d, sync_pending_q;
  logic is_sync_d, is_sync_q;           // the frame being filled
  mtc_pkg::batch_t batch_d, batch_q;    // num_records: as promised
  logic [31:0] left_d, left_q;          // records still to come
  logic [31:0] so_far_d, so_far_q;      // records that are not padding
  logic [31:0] number_d, number_q;      // of the frame in the batch
  logic [31:0] frames_d, frames_q;
  logic [5:0] slot_d, slot_q;           // beat of the frame to write
  logic [1:0] written_d, written_q;     // frames finished, modulo 4
  logic [7:0] read_q;                   // beats gone out, modulo 256

  mtc_pkg::beat_t buffer[128];
  logic write, last;
  mtc_pkg::beat_t header, record, data;

  assign record = {
    96'd0, record_i.cookie, batch_q.batch, 16'd0,
    record_i.level == '0 ? mtc_regs_pkg::RecordLeaf[7:0] : mtc_regs_pkg::RecordNode[7:0],
    2'd0, record_i.level, 15'd0, record_i.index, mtc_pkg::hash_from_bytes(record_i.hash)
  };
  assign last   = left_q == '0;
  assign header = {
    192'd0, last && !is_sync_q ? {fault_i.info, fault_i.code} : 64'd0, 31'd0, last, so_far_q,
    batch_q.num_records, number_q, batch_q.batch, batch_q.nonce,
    is_sync_q ? mtc_regs_pkg::FrameKindSync[15:0] : mtc_regs_pkg::FrameKindBatch[15:0],
    mtc_regs_pkg::StreamVersion[15:0], mtc_regs_pkg::MagicFrame
  };

  assign idle_o         = state_q == StIdle && !sync_pending_q;
  assign frames_o       = frames_q;
  assign record_ready_o = state_q == StRecords && !failed_i;

  always_comb begin
    state_d        = state_q;
    sync_pending_d = sync_pending_q || sync_i;
    is_sync_d      = is_sync_q;
    batch_d        = batch_q;
    left_d         = left_q;
    so_far_d       = so_far_q;
    number_d       = number_q;
    frames_d       = frames_q;
    slot_d         = slot_q;
    written_d      = written_q;
    write          = 1'b0;
    data           = '0;
    unique case (state_q)
      StIdle: begin
        slot_d   = 6'd1;
        number_d = '0;
        so_far_d = '0;
        if (sync_pending_q) begin
          state_d        = StFrame;
          sync_pending_d = sync_i;
          is_sync_d      = 1'b1;
          batch_d        = '0;
          batch_d.nonce  = sync_nonce_i;
          left_d         = '0;
        end else if (open_i) begin
          state_d   = StFrame;
          is_sync_d = 1'b0;
          batch_d   = batch_i;
          left_d    = batch_i.num_records;
        end
      end
      // Bits 7:6 of read_q count the frames gone out: at most two wait.
      StFrame: if (2'(written_q - read_q[7:6]) < 2'd2) state_d = last ? StPad : StRecords;
      StRecords: if (record_valid_i || failed_i) begin
        write    = 1'b1;
        data     = failed_i ? '0 : record;
        so_far_d = failed_i ? so_far_q : so_far_q + 1'b1;
        left_d   = left_q - 1'b1;
        slot_d   = slot_q + 1'b1;
        if (slot_q == 6'd63) state_d = StHeader;
        else if (left_d == '0) state_d = StPad;
      end
      StPad: begin
        write  = 1'b1;
        slot_d = slot_q + 1'b1;
        if (slot_q == 6'd63) state_d = StHeader;
      end
      // Slot 0 last, because it carries the status. slot_q is 0 here: it wrapped.
      StHeader: begin
        write     = 1'b1;
        data      = header;
        slot_d    = 6'd1;
        number_d  = number_q + 1'b1;
        written_d = written_q + 1'b1;
        frames_d  = is_sync_q ? frames_q : frames_q + 1'b1;
        state_d   = last ? StIdle : StFrame;
      end
      default: state_d = StIdle;
    endcase
    if (drop_i) begin
      state_d        = StIdle;
      sync_pending_d = 1'b0;
    end
    if (sync_i) frames_d = '0;
  end

  assign beat_valid_o = written_q != read_q[7:6];
  assign beat_o       = buffer[read_q[6:0]];
  assign beat_last_o  = read_q[5:0] == 6'd63;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q        <= StIdle;
      sync_pending_q <= 1'b0;
      frames_q       <= '0;
      written_q      <= '0;
      read_q         <= '0;
    end else begin
      state_q        <= state_d;
      sync_pending_q <= sync_pending_d;
      frames_q       <= frames_d;
      written_q      <= written_d;
      if (beat_valid_o && beat_ready_i) read_q <= read_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    is_sync_q <= is_sync_d;
    batch_q   <= batch_d;
    left_q    <= left_d;
    so_far_q  <= so_far_d;
    number_q  <= number_d;
    slot_q    <= slot_d;
    if (write) buffer[{written_q[0], slot_q}] <= data;
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && open_i) assert (idle_o);
    if (rst_ni && state_q == StHeader) assert (slot_q == '0);
  end
endmodule
