// Reads the host's stream: SYNC beats, batch headers, frontier seeds, entries (docs/registers.md).
//
// One batch at a time: the next header is taken when the last frame of the batch before it is in the
// output buffer. Throughput one beat a cycle, plus 49 cycles a batch to count its records and one
// for each level of the seeds. Any error raises failed_o until the next SYNC beat.
module mtc_ingest #(
  parameter int unsigned Depth = 256  // of the buffer in front, for the credit
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 beat_valid_i,
  output logic                 beat_ready_o,
  input  mtc_pkg::beat_t       beat_i,
  // registers
  input  logic                 resync_i,
  input  logic [31:0]          nonce_i,
  output logic [31:0]          credit_o,
  output logic [31:0]          sync_ack_o,
  output logic                 busy_o,
  output logic                 discarding_o,
  // the blocks behind
  output logic                 flush_o,  // drop what is in flight
  output logic                 sync_o,
  output logic                 open_o,
  output mtc_pkg::batch_t      batch_o,
  output logic                 failed_o,
  output mtc_pkg::fault_t      fault_o,
  input  logic                 emit_idle_i,
  output logic                 seed_valid_o,
  output mtc_pkg::seed_t       seed_o,
  output logic                 entry_valid_o,
  input  logic                 entry_ready_i,
  output mtc_pkg::entry_beat_t entry_o
);
  typedef enum logic [2:0] {
    StDiscard, StHeader, StCount, StOpen, StSeeds, StEntry, StBody, StDrain
  } state_e;

  state_e state_d, state_q;
  logic failed_d, failed_q;
  mtc_pkg::fault_t fault_d, fault_q;
  mtc_pkg::batch_t batch_d, batch_q;
  logic [31:0] session_d, session_q;  // nonce of the SYNC beat
  logic [31:0] taken_d, taken_q;      // beats since it
  logic [31:0] entries_d, entries_q;  // still to come
  logic [48:0] low_d, low_q;          // start, shifted to `level`
  logic [48:0] high_d, high_q;        // end, shifted likewise
  logic [5:0] level_d, level_q;
  logic [16:0] beats_d, beats_q;      // of the entry, still to come
  logic [15:0] len_d, len_q;
  logic [31:0] cookie_d, cookie_q;

  // The fields of a beat, by their byte offsets.
  logic [31:0] word0, word4, word8, word12, word24, word28;
  logic [63:0] start;
  logic take, fail, first;
  mtc_pkg::fault_t cause;

  assign word0  = beat_i[31:0];
  assign word4  = beat_i[63:32];
  assign word8  = beat_i[95:64];
  assign word12 = beat_i[127:96];
  assign start  = beat_i[191:128];
  assign word24 = beat_i[223:192];
  assign word28 = beat_i[255:224];
  assign take   = beat_valid_i && beat_ready_o;

  function automatic logic [31:0] count_ones(logic [63:0] value);
    count_ones = '0;
    for (int i = 0; i < 64; i++) count_ones = count_ones + {31'd0, value[i]};
  endfunction

  // What is wrong with a header, code 0 if nothing.
  mtc_pkg::fault_t refusal;
  always_comb begin
    refusal = '0;
    if (word0 != mtc_regs_pkg::MagicBatch) begin
      refusal = {mtc_regs_pkg::ErrMagic, word0};
    end else if (word4 != mtc_regs_pkg::StreamVersion) begin
      refusal = {mtc_regs_pkg::ErrVersion, word4};
    end else if (word8 != session_q) begin
      refusal = {mtc_regs_pkg::ErrNonce, word8};
    end else if (word24 == '0 || word24 > mtc_pkg::MaxBatch) begin
      refusal = {mtc_regs_pkg::ErrCount, word24};
    end else if (start > (64'd1 << mtc_pkg::LevelTop) - {32'd0, word24}) begin
      refusal = {mtc_regs_pkg::ErrStart, start[31:0]};
    end else if (word28 != count_ones(start)) begin
      refusal = {mtc_regs_pkg::ErrSeeds, word28};
    end
  end

  logic is_sync, len_good, level_good;
  assign is_sync    = word0 == mtc_regs_pkg::MagicSync && word4 == mtc_regs_pkg::StreamVersion &&
                      word8 == nonce_i;
  assign len_good   = word0 != '0 && word0 <= mtc_pkg::MaxEntry;
  assign level_good = beat_i[287:256] == {26'd0, level_q};

  assign credit_o      = taken_q + Depth;
  assign sync_ack_o    = session_q;
  assign busy_o        = state_q != StDiscard && state_q != StHeader;
  assign discarding_o  = state_q == StDiscard;
  assign failed_o      = failed_q;
  assign fault_o       = fault_q;
  assign batch_o       = batch_q;
  assign flush_o       = fail || resync_i;
  assign seed_o.level  = level_q;
  assign seed_o.hash   = mtc_pkg::hash_from_bytes(beat_i[255:0]);
  assign first          = state_q == StEntry;
  assign entry_o.first  = first;
  assign entry_o.cookie = first ? word4 : cookie_q;
  assign entry_o.len    = first ? word0[15:0] : len_q;
  assign entry_o.data   = beat_i;

  always_comb begin
    state_d       = state_q;
    batch_d       = batch_q;
    session_d     = session_q;
    taken_d       = take ? taken_q + 1'b1 : taken_q;
    entries_d     = entries_q;
    low_d         = low_q;
    high_d        = high_q;
    level_d       = level_q;
    beats_d       = beats_q;
    len_d         = len_q;
    cookie_d      = cookie_q;
    beat_ready_o  = 1'b0;
    entry_valid_o = 1'b0;
    seed_valid_o  = 1'b0;
    sync_o        = 1'b0;
    open_o        = 1'b0;
    fail          = 1'b0;
    cause         = '0;
    unique case (state_q)
      StDiscard: begin
        beat_ready_o = 1'b1;
        if (beat_valid_i && is_sync) begin
          sync_o    = 1'b1;
          session_d = word8;
          taken_d   = '0;
          state_d   = StHeader;
        end
      end
      StHeader: begin
        beat_ready_o = 1'b1;
        if (beat_valid_i) begin
          batch_d.nonce       = session_q;
          batch_d.batch       = word12;
          batch_d.start       = start[47:0];
          batch_d.num_records = '0;
          entries_d           = word24;
          low_d               = start[48:0];
          high_d              = start[48:0] + {17'd0, word24};
          level_d             = '0;
          fail                = refusal.code != mtc_regs_pkg::ErrNone;
          cause               = refusal;
          state_d             = fail ? StOpen : StCount;
        end
      end
      StCount: begin
        batch_d.num_records = batch_q.num_records + 32'(high_q - low_q);
        low_d               = low_q >> 1;
        high_d              = high_q >> 1;
        level_d             = level_q + 1'b1;
        if (level_q == 6'(mtc_pkg::LevelTop)) state_d = StOpen;
      end
      StOpen: if (emit_idle_i) begin
        open_o  = 1'b1;
        level_d = '0;
        low_d   = {1'b0, batch_q.start};
        state_d = failed_q ? StDrain : StSeeds;
      end
      StSeeds: begin
        beat_ready_o = low_q[0];
        if (low_q == '0) begin
          state_d = StEntry;
        end else if (!low_q[0] || beat_valid_i) begin
          seed_valid_o = low_q[0];
          fail         = low_q[0] && !level_good;
          cause        = {mtc_regs_pkg::ErrSeeds, beat_i[287:256]};
          low_d        = low_q >> 1;
          level_d      = level_q + 1'b1;
          if (fail) state_d = StDrain;
        end
      end
      StEntry: begin
        beat_ready_o  = entry_ready_i || !len_good;
        entry_valid_o = beat_valid_i && len_good;
        len_d         = word0[15:0];
        cookie_d      = word4;
        if (take) begin
          beats_d   = (word0[16:0] + 17'd7) >> 6;
          entries_d = entries_q - 1'b1;
          fail      = !len_good;
          cause     = {mtc_regs_pkg::ErrLength, word0};
          if (fail) state_d = StDrain;
          else if (beats_d != '0) state_d = StBody;
          else if (entries_d == '0) state_d = StDrain;
        end
      end
      StBody: begin
        beat_ready_o  = entry_ready_i;
        entry_valid_o = beat_valid_i;
        if (take) begin
          beats_d = beats_q - 1'b1;
          if (beats_d == '0) state_d = entries_q == '0 ? StDrain : StEntry;
        end
      end
      StDrain: if (emit_idle_i) state_d = failed_q ? StDiscard : StHeader;
      default: state_d = StDiscard;
    endcase
    if (resync_i) begin
      state_d = StDiscard;
      sync_o  = 1'b0;
      open_o  = 1'b0;
    end

    failed_d = failed_q;
    fault_d  = fault_q;
    if (fail) begin
      failed_d = 1'b1;
      fault_d  = cause;
    end
    if (sync_o) begin
      failed_d = 1'b0;
      fault_d  = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q   <= StDiscard;
      failed_q  <= 1'b0;
      fault_q   <= '0;
      session_q <= '0;
      taken_q   <= '0;
    end else begin
      state_q   <= state_d;
      failed_q  <= failed_d;
      fault_q   <= fault_d;
      session_q <= session_d;
      taken_q   <= taken_d;
    end
  end

  always_ff @(posedge clk_i) begin
    batch_q   <= batch_d;
    entries_q <= entries_d;
    low_q     <= low_d;
    high_q    <= high_d;
    level_q   <= level_d;
    beats_q   <= beats_d;
    len_q     <= len_d;
    cookie_q  <= cookie_d;
  end
endmodule
